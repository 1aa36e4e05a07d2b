/// Tokens side by side: their labels while they are few, their positions when they are many, and the
/// segments that they belong to.
package struct TokenAxis {
  /// More tokens than this have no room for their texts.
  package static let labelled = 64

  var texts: [String]
  /// One for each token, or empty.
  var segments: [String]
  /// The tokens shown.
  var range: Range<Int>
  var left: Double
  var right: Double

  var cell: Double { (right - left) / Double(max(range.count, 1)) }
  var showsTexts: Bool { range.count <= Self.labelled }

  /// The middle of a token's cell.
  func x(_ token: Int) -> Double { left + (Double(token - range.lowerBound) + 0.5) * cell }

  /// The height of labels below the axis.
  var labelHeight: Double {
    guard showsTexts else { return 22 }
    let longest =
      texts[range].map { Canvas.width(of: Markup.shortened($0), size: 10.2) }.max() ?? 0
    return min(longest, 100) + 12
  }

  func drawLabels(on canvas: inout Canvas, y: Double) {
    if showsTexts {
      for token in range {
        canvas.text(
          Markup.tokenLabel(texts[token]), x(token) + 3.3, y + 6, anchor: "end", style: "token",
          turned: true)
      }
    } else {
      let ticks = Numbers.ticks(
        from: Double(range.lowerBound), to: Double(range.upperBound - 1), about: 10)
      for tick in ticks {
        let place = x(Int(tick))
        canvas.line(place, y, place, y + 4, style: "axis")
        canvas.text("\(Int(tick))", place, y + 17, anchor: "middle", style: "soft")
      }
    }
  }

  /// Runs of tokens in the same segment.
  var runs: [(segment: String, tokens: Range<Int>)] {
    guard !segments.isEmpty else { return [] }
    var runs: [(segment: String, tokens: Range<Int>)] = []
    for token in range {
      if let last = runs.last, last.segment == segments[token] {
        runs[runs.count - 1].tokens = last.tokens.lowerBound..<(token + 1)
      } else {
        runs.append((segments[token], token..<(token + 1)))
      }
    }
    return runs
  }

  /// A strip with the segments' names, and a tint from there down to `bottom`.
  func drawSegments(on canvas: inout Canvas, top: Double, bottom: Double, names: [String]) {
    for run in runs {
      let start = left + Double(run.tokens.lowerBound - range.lowerBound) * cell
      let width = Double(run.tokens.count) * cell
      let color = Palette.segment(run.segment, among: names)
      canvas.rectangle(
        start, top, width, bottom - top, "fill=\"\(color)\" fill-opacity=\"0.13\"")
      canvas.rectangle(start + 0.5, top, max(width - 1, 0.5), 4, "fill=\"\(color)\"")
      if Canvas.width(of: run.segment) + 6 < width {
        canvas.text(
          Markup.escape(run.segment), start + width / 2, top - 5, anchor: "middle", style: "soft")
      }
    }
  }

  static func legend(_ names: [String]) -> [LegendEntry] {
    names.map { name in
      LegendEntry(
        name: name, sample: .area(color: Palette.segment(name, among: names), opacity: 0.6))
    }
  }
}

/// The values in the order of their first appearance.
func distinct(_ values: [String]) -> [String] {
  var seen: Set<String> = []
  return values.filter { seen.insert($0).inserted }
}
