import Figures
import Probing
import Refusal
import Statistics
import Transformer

extension TraceComparison {
  /// Curves, distributions and tables of all models.
  var section: Report.Section {
    var blocks: [Report.Block] = explanation.map { .prose($0) }
    blocks += [
      .table(title: "The traces and their probes", origins),
      .table(
        title:
          "The fall of s from plateau to final token, by each rule of the plateau, with 95 % bootstrap "
          + "intervals over prompts; n: transcripts", falls),
      .table(
        title:
          "Plateau and final score, the share of the fall that lies inside the end-of-thinking "
          + "template, and the share of transcripts whose largest fall begins there; 95 % "
          + "intervals, n as above",
        places),
    ]
    if !differences.isEmpty {
      blocks.append(
        .table(
          title: "How much farther s falls than in \(entries[0].name), on the same prompts",
          differenceTable))
    }
    guard entries.contains(where: { $0.trace.summary.groups.contains { $0.measured > 0 } }) else {
      return Report.Section(title: "Traces side by side", blocks: blocks)
    }
    blocks += [
      .figure(
        curves(
          "Average score around the end of thinking", mark: .init(name: "last thought", value: 0),
          \.aligned)),
      .figure(curves("Average score from thinking to answer", mark: nil, \.resampled)),
      .figure(distribution),
    ]
    if let transcripts { blocks.append(.figure(transcripts)) }
    if let layers { blocks.append(.figure(layers)) }
    if entries.contains(where: { $0.trace.cuts != nil }) { blocks.append(.figure(cuts)) }
    return Report.Section(title: "Traces side by side", blocks: blocks)
  }

  /// What s is, whose probe it is, and what the plateau and the bands are.
  private var explanation: [String] {
    let cards = entries.map(\.trace.card)
    let card = cards[0]
    let isOne = cards.allSatisfy { $0.probeSHA256 == card.probeSHA256 }
    let probe =
      isOne
      ? "One probe reads all models: '\(card.name)', trained on activations of \(card.modelID) "
        + "(\(card.trainingData.map(\.name).joined(separator: ", "))). With z = logit s, "
        + "\(card.signConvention). On its own test rows: \(card.report.sentence). Known limits: "
        + "\(card.knownFailures)"
      : "The models are read by different probes; the table says by which."
    return [
      "The score s of a token is the probability, from 0 to 1, that a linear probe gives its "
        + "class from the residual stream at this token alone: s = sigmoid(w · h + b).",
      probe,
      "The plateau is the height of s while the model thinks, the final score is s at the last "
        + "template token before the answer, and the cliff is plateau minus final. Two rules of the "
        + "plateau are given: the robust one is the \(PlateauRule.robust.description); the paper's "
        + "is the \(PlateauRule.paper.description), which stands above most tokens wherever s is "
        + "noisy and so sees a small fall where there is none. Whether there is a cliff goes by "
        + "the \(entries[0].trace.summary.rule == .paper ? "paper's" : "robust") rule: the 95 % "
        + "interval of the mean fall, of each kind of prompts for itself, lies above "
        + "\(Verdict.smallestFall) more than the probe falls in the transcripts that trained it, and random directions with the same spread of z seldom see as "
        + "large a fall (p at most 0.05, by Holm over the kinds of prompts within each model). It "
        + "cannot be told by a probe that was not trained both at the thinking and at that last "
        + "template token: its score falls there by itself.",
    ]
  }

  private var origins: DataTable {
    DataTable(
      columns: [
        "trace", "model", "transcripts", "read at", "by the probe", "trained on", "at positions",
      ],
      rows: entries.map { entry in
        [
          .text(entry.name), .text(entry.trace.provenance.model?.id ?? "unknown"),
          .integer(entry.trace.traces.count), .text("\(entry.trace.summary.hook)"),
          .text(entry.trace.card.name), .text(entry.trace.card.modelID),
          .text("\(entry.trace.card.positions)"),
        ]
      })
  }

  private func cell(_ interval: Interval?, decimals: Int = 3) -> DataTable.Cell {
    interval.map { .text($0.bounds(decimals: decimals)) } ?? .missing
  }

  /// A row for each model and kind of prompts.
  private func rows(_ cells: (CliffSummary.Group) -> [DataTable.Cell]) -> [[DataTable.Cell]] {
    entries.flatMap { entry in
      entry.trace.summary.groups.map { [.text(entry.name), .text($0.label)] + cells($0) }
    }
  }

  private var falls: DataTable {
    let rules = entries.first?.trace.summary.groups.first?.rules.map(\.rule) ?? []
    return DataTable(
      columns: ["trace", "prompts", "n"] + rules.map(\.shortName),
      rows: rows { group in
        [.text("\(group.measured)")]
          + rules.map { rule in
            cell(group.rules.first { $0.rule == rule }?.means.cliff, decimals: 4)
          }
      })
  }

  private var places: DataTable {
    DataTable(
      columns: [
        "trace", "prompts", "plateau", "final", "share of the fall", "largest fall",
      ],
      rows: rows { group in
        [
          cell(group.means.plateau), cell(group.means.final), cell(group.endOfThinkingInterval),
          cell(group.fallStarts.atTheEnd),
        ]
      })
  }

  private var differenceTable: DataTable {
    let confidence = differences.lazy.flatMap(\.differences).compactMap(\.mean?.confidence).first
    let level = Numbers.percent(confidence ?? 0.95)
    return DataTable(
      columns: [
        "trace", "prompts", "both measured", "difference [\(level) % intervals, Bonferroni]",
      ],
      rows: differences.flatMap { name, differences in
        differences.map { difference in
          [
            .text(name), .text(difference.label), .integer(difference.prompts),
            difference.mean.map { .interval($0) } ?? .missing,
          ]
        }
      })
  }

  // MARK: Figures

  func curves(
    _ title: String, mark: LineFigure.Reference?,
    _ curve: (CliffSummary.Group) -> AverageCurve
  ) -> PanelsFigure {
    let first = entries.lazy.flatMap(\.trace.summary.groups).first.map(curve)
    return PanelsFigure(
      title: title,
      caption: "Mean of s over the transcripts of each model, one scale for all panels. A position "
        + "that a transcript lacks does not count. Band: pointwise 95 % bootstrap over prompts, "
        + "\(first?.resamples ?? 0) resamples.",
      xLabel: first?.axis ?? "position", yLabel: "mean s",
      panels: entries.map { entry in
        .init(
          name: entry.name,
          series: entry.trace.summary.groups.map { group in
            .init(
              name: group.label,
              points: curve(group).points.filter { $0.mean != nil }.map {
                .init(x: $0.position, y: $0.mean, low: $0.low, high: $0.high)
              })
          }, marks: [mark].compactMap(\.self))
      })
  }

  var distribution: StripsFigure {
    let rule = entries[0].trace.summary.rule
    return StripsFigure(
      title: "Distribution of the cliff",
      caption: "Plateau minus final score of each transcript (plateau: \(rule.description)); the "
        + "height of a dot within its row means nothing. Below the dots the mean with its 95 % "
        + "bootstrap interval over prompts. Right of 0, s falls.",
      xLabel: "cliff (plateau - final)", itemName: "one transcript",
      strips: entries.flatMap { entry in
        labels.enumerated().compactMap { color, label -> StripsFigure.Strip? in
          guard let group = group(label, of: entry) else { return nil }
          let traces = entry.trace.traces.filter { ($0.label ?? "unlabelled") == label }
          return StripsFigure.Strip(
            name: "\(entry.name), \(label)",
            values: traces.compactMap { trace in
              trace.cliff(rule: rule).cliff.map { (trace.id, $0) }
            }, mean: group.rules.first { $0.rule == rule }?.means.cliff, color: color)
        }
      })
  }

  /// The first transcript that all models have.
  private var transcripts: TokenTraceFigure? {
    let ids = entries.map { entry in
      Set(entry.trace.traces.filter { $0.cliff().cliff != nil }.map(\.id))
    }
    guard
      let first = entries[0].trace.traces.first(where: { trace in
        ids.allSatisfy { $0.contains(trace.id) }
      })
    else { return nil }
    let traces = entries.compactMap { entry in
      entry.trace.traces.first { $0.id == first.id }.map { trace in
        trace.figureTrace(rule: entry.trace.summary.rule, name: "\(entry.name): \(trace.id)")
      }
    }
    return TokenTraceFigure(
      title: "One transcript, token by token",
      caption: "s of every token of what each model wrote to the prompt \(first.id)"
        + "\(first.label.map { " (\($0))" } ?? ""), the first of the file that all models have: an "
        + "example, not evidence. Plateau: \(entries[0].trace.summary.rule.description); final: the "
        + "last template token before the answer.",
      yLabel: "s", traces: traces)
  }

  /// Nil where no trace was read by probes of several layers.
  private var layers: PanelsFigure? {
    let studies = entries.compactMap { entry in
      entry.trace.summary.layerStudy.map { (name: entry.name, figure: $0) }
    }
    guard !studies.isEmpty else { return nil }
    return PanelsFigure(
      title: "Final score and plateau by layer",
      caption: "Each layer's own probe; means over transcripts with 95 % BCa intervals over "
        + "prompts. The marked layer is the one that the other figures read.",
      xLabel: "layer", yLabel: "mean s",
      panels: studies.map { .init(name: $0.name, series: $0.figure.series, marks: $0.figure.marks) }
    )
  }

  private var cuts: PanelsFigure {
    PanelsFigure(
      title: "Final score when the thinking is cut",
      caption: "Mean of s at the last template token, the thinking cut to its first tokens. "
        + "Band: 95 % bootstrap over prompts.",
      xLabel: "percent of the thinking that is left", yLabel: "mean final s",
      panels: entries.map { entry in
        .init(name: entry.name, series: entry.trace.cuts?.series ?? [])
      })
  }
}

extension PlateauRule {
  /// For the head of a column.
  fileprivate var shortName: String {
    switch self {
    case .paper: "paper's rule"
    case .robust: "robust rule"
    case .percentile: "90th percentile"
    default: description
    }
  }
}
