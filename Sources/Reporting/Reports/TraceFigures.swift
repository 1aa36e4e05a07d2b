import Figures
import Probing
import Refusal
import Statistics
import Transformer

extension TokenTrace {
  /// The score of every token at the chosen hook.
  public func figure(rule: PlateauRule) -> TokenTraceFigure {
    let kind = label.map { " (\($0))" } ?? ""
    return TokenTraceFigure(
      title: "Score of every token: \(id)\(kind)",
      caption: "s = sigmoid(z) of the probe at \(hooks[chosen]). Plateau: \(rule.description); "
        + "final: the last template token before the answer.",
      yLabel: "s", traces: [figureTrace(rule: rule, name: id)])
  }

  /// One panel of a figure.
  func figureTrace(rule: PlateauRule, name: String) -> TokenTraceFigure.Trace {
    let cliff = cliff(rule: rule)
    let tokens = zip(zip(self.tokens, segments), probabilities()).map { token, score in
      TokenTraceFigure.Token(text: token.0, segment: token.1.name, score: score)
    }
    let control = control.map {
      TokenTraceFigure.Control(
        name: "\($0.directions) random directions, 5 to 95 %", low: $0.low, high: $0.high)
    }
    return TokenTraceFigure.Trace(
      name: name, tokens: tokens, plateau: cliff.plateau, final: cliff.final,
      fallStart: cliff.largestFallStart, control: control)
  }

  /// The score of every token at every layer; of a long transcript the whole and, with the texts of its
  /// tokens, the part around the largest fall, as in `figure(rule:)`.
  public var heatMaps: [HeatMapFigure] {
    let all = tokens.indices
    guard all.count > TokenAxis.labelled else { return [heatMap(all)] }
    let centre = cliff().largestFallStart ?? landmarks.thinking.last ?? all.count
    let start = min(max(centre - TokenAxis.labelled / 2, 0), all.count - TokenAxis.labelled)
    return [heatMap(all), heatMap(start..<(start + TokenAxis.labelled))]
  }

  private func heatMap(_ range: Range<Int>) -> HeatMapFigure {
    let site = hooks[chosen].site
    let places = hooks.indices.filter { hooks[$0].site == site }
    let part =
      range == tokens.indices ? "" : ", tokens \(range.lowerBound) to \(range.upperBound - 1)"
    return HeatMapFigure(
      title: "Layers and positions: \(id)\(part)",
      caption:
        "s of each layer's own probe at \(site.rawValue). The marked layer is the chosen one.",
      valueLabel: "s", colors: .diverging(centre: 0.5),
      layers: places.map { hooks[$0].layer }, tokens: Array(tokens[range]),
      segments: segments[range].map(\.name),
      values: places.map { place in probabilities(at: place)[range].map { $0 } },
      chosenLayer: hooks[chosen].layer, firstPosition: range.lowerBound)
  }
}

extension CliffSummary {
  /// The average curve of each group, with its band.
  public func averageCurves(_ title: String, _ curve: (Group) -> AverageCurve) -> LineFigure {
    let curves = groups.map { (label: $0.label, curve: curve($0)) }
    let first = curves.first?.curve
    return LineFigure(
      title: title,
      caption: "Mean of s at \(hook) over transcripts; positions that a transcript lacks do not "
        + "count. Band: 95 % bootstrap over prompts, \(first?.resamples ?? 0) resamples, seed "
        + "\(seed).",
      xLabel: first?.axis ?? "position", yLabel: "mean s",
      series: curves.map { label, curve in
        .init(
          name: label,
          points: curve.points.map {
            .init(x: $0.position, y: $0.mean, low: $0.low, high: $0.high)
          })
      })
  }

  /// Mean plateau and final score by layer, for each group; nil where the chosen probe is the only one
  /// at its site, as behind the final norm.
  public var layerStudy: LineFigure? {
    let layers = (groups.first?.layers ?? []).filter { $0.hook.site == hook.site }
    guard let chosen = hook.layer, layers.count > 1 else { return nil }
    func series(_ name: String, _ group: Group, _ value: (Means) -> Interval?)
      -> LineFigure.Series
    {
      .init(
        name: "\(group.label): \(name)",
        points: group.layers.filter { $0.hook.site == hook.site }.map { layer in
          let x = Double(layer.hook.layer ?? -1)
          return value(layer.means).map { .init(x: x, $0) } ?? .init(x: x, y: nil)
        })
    }
    return LineFigure(
      title: "Final score and plateau by layer",
      caption:
        "Each layer's own probe at \(hook.site.rawValue); means over transcripts with 95 % BCa intervals over "
        + "prompts, seed \(seed).",
      xLabel: "layer", yLabel: "mean s",
      series: groups.flatMap { group in
        [series("final", group, \.final)]
          + (group.measured > 0 ? [series("plateau", group, \.plateau)] : [])
      },
      marks: [.init(name: "chosen", value: Double(chosen))])
  }

  /// Means with intervals, one column per group.
  public var table: DataTable {
    func row(_ name: String, _ value: (Group) -> DataTable.Cell) -> [DataTable.Cell] {
      [.text(name)] + groups.map(value)
    }
    func interval(_ value: @escaping (Means) -> Interval?) -> (Group) -> DataTable.Cell {
      { value($0.means).map { .interval($0) } ?? .missing }
    }
    var rows = [
      row("transcripts") { .integer($0.transcripts) },
      row("plateau", interval(\.plateau)), row("final", interval(\.final)),
      row("cliff", interval(\.cliff)), row("relative drop", interval(\.relativeDrop)),
    ]
    for (index, rule) in (groups.first?.rules ?? []).map(\.rule).enumerated() {
      rows.append(
        row("cliff, plateau: \(rule.description)") {
          $0.rules[index].means.cliff.map { .interval($0) } ?? .missing
        })
    }
    rows += [
      row("share of the cliff in the end-of-thinking template") {
        $0.endOfThinkingInterval.map { .interval($0) }
          ?? $0.endOfThinkingShare.map { .number($0) } ?? .missing
      },
      row("largest fall begins at the last thinking token or behind it") {
        $0.fallStarts.atTheEnd.map { .interval($0) } ?? .missing
      },
      row("random directions with as large a cliff") {
        $0.control.map { .text("\($0.asLarge) of \($0.directions)") } ?? .missing
      },
    ]
    return DataTable(columns: ["mean over transcripts"] + groups.map(\.label), rows: rows)
  }
}

extension ThinkingCuts {
  /// The mean final score of each group against the share of the thinking that is left.
  public var figure: LineFigure {
    LineFigure(
      title: "Final score when the thinking is cut",
      caption:
        "Mean of s at \(hook) at the last template token, the thinking cut to its first tokens. "
        + "Transcripts: "
        + groups.map { "\($0.label) n = \($0.transcripts)" }.joined(separator: ", ")
        + ". Band: 95 % bootstrap over prompts, seed \(seed).",
      xLabel: "percent of the thinking that is left", yLabel: "mean final s",
      series: series)
  }

  /// One for each group.
  var series: [LineFigure.Series] {
    groups.map { group in
      .init(
        name: group.label,
        points: group.points.map {
          .init(x: 100 * $0.share, y: $0.mean, low: $0.low, high: $0.high)
        })
    }
  }
}
