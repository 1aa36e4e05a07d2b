import Statistics

/// Single values in rows along one axis, a dot for each, with the mean and its interval below: how many
/// transcripts fall, and how far, where a mean alone would hide two kinds.
public struct StripsFigure: SVGFigure {
  /// One row of dots.
  public struct Strip: Sendable {
    /// Written at the left of the row, above its n.
    public var name: String
    /// Each value with what it belongs to.
    public var values: [(name: String, value: Double)]
    /// Drawn below the dots with its bounds; nil where none is drawn.
    public var mean: Interval?
    /// The place of its colour; strips of one kind share it.
    public var color: Int

    /// Of the first colour, unless another place is given.
    public init(
      name: String, values: [(name: String, value: Double)], mean: Interval?, color: Int = 0
    ) {
      (self.name, self.values, self.mean, self.color) = (name, values, mean, color)
    }
  }

  /// Printed in bold in front of the caption; its slug names the files.
  public var title: String
  /// What is shown, with the interval's method; it is also the drawing's description.
  public var caption: String
  /// Names the axis that all rows share, and the column of the values in the data.
  public var xLabel: String
  /// What a dot is.
  public var itemName: String
  /// Drawn from top to bottom.
  public var strips: [Strip]

  /// The axis always includes 0, whatever the values.
  public init(
    title: String, caption: String, xLabel: String, itemName: String, strips: [Strip]
  ) {
    (self.title, self.caption, self.xLabel) = (title, caption, xLabel)
    (self.itemName, self.strips) = (itemName, strips)
  }

  /// One row for each value, with the mean and the bounds of its strip.
  public var data: DataTable {
    DataTable(
      columns: ["row", "item", xLabel, "mean", "mean_low", "mean_high", "n"],
      rows: strips.flatMap { strip in
        strip.values.map { item in
          [
            .text(strip.name), .text(item.name), .number(item.value), .init(strip.mean?.estimate),
            .init(strip.mean?.low), .init(strip.mean?.high), .integer(strip.values.count),
          ]
        }
      })
  }

  private static let row = 58.0

  /// All rows over one axis; the height of a dot within its row means nothing.
  public func svg(id: String) -> String {
    var canvas = Canvas()
    let longest = strips.map { Canvas.width(of: $0.name) }.max() ?? 0
    let (left, right) = (min(max(longest, 60), 220) + 18, Canvas.width - 16)
    let top = 4 + canvas.legend(legend, x: left, y: 4)
    let bottom = top + Self.row * Double(strips.count) + 4
    let all = strips.flatMap { strip in
      strip.values.map(\.value) + [strip.mean?.low, strip.mean?.high].compactMap { $0 }
    }
    let range = Scale.range(of: all, includingZero: true)
    let x = Scale(low: range.low, high: range.high, start: left + 8, end: right - 8)
    let ticks = Numbers.ticks(from: x.low, to: x.high, about: 10)
    for (tick, label) in zip(ticks, Numbers.tickLabels(ticks)) {
      canvas.line(x(tick), top, x(tick), bottom, style: "grid")
      canvas.text(label, x(tick), bottom + 17, anchor: "middle", style: "soft")
    }
    canvas.line(x(0), top, x(0), bottom, style: "mark")
    canvas.line(left, bottom, right, bottom, style: "axis")
    for (index, strip) in strips.enumerated() {
      draw(strip, left, x, top: top + Self.row * Double(index), on: &canvas)
    }
    canvas.text(
      Markup.escape(xLabel), (left + right) / 2, bottom + 36, anchor: "middle", style: "soft")
    return canvas.svg(id: id, height: bottom + 44, title: title, description: caption)
  }

  private var legend: [LegendEntry] {
    [
      LegendEntry(name: itemName, sample: .dot(color: "var(--soft)")),
      LegendEntry(
        name: "mean with its interval", sample: .line(color: "var(--ink)", dash: "")),
    ]
  }

  private func draw(
    _ strip: Strip, _ left: Double, _ x: Scale, top: Double, on canvas: inout Canvas
  ) {
    canvas.text(
      Markup.escape(Canvas.fitted(strip.name, width: left - 16)), left - 10, top + 26,
      anchor: "end", style: "strong")
    canvas.text(
      "n = \(strip.values.count)", left - 10, top + 41, anchor: "end", style: "soft")
    let color = Palette.series(strip.color)
    // The golden ratio spreads neighbours; the place along the row means nothing.
    var dots = ""
    for (index, item) in strip.values.enumerated() where item.value.isFinite {
      let share = (Double(index) * 0.618_033_988_75).truncatingRemainder(dividingBy: 1)
      let (cx, cy) = (Numbers.coordinate(x(item.value)), Numbers.coordinate(top + 8 + 26 * share))
      dots += "M\(cx) \(cy)h0"
    }
    if !dots.isEmpty {
      canvas.add(
        "<path fill=\"none\" stroke=\"\(color)\" stroke-width=\"5\" stroke-linecap=\"round\" "
          + "stroke-opacity=\"0.5\" d=\"\(dots)\"/>")
    }
    guard let mean = strip.mean, mean.low.isFinite, mean.high.isFinite, mean.estimate.isFinite
    else { return }
    let y = top + 46
    canvas.polyline(
      [(x(mean.low), y), (x(mean.high), y)], "stroke=\"var(--ink)\" stroke-width=\"2\"")
    for end in [mean.low, mean.high] { canvas.line(x(end), y - 4, x(end), y + 4, style: "mark") }
    let (cx, cy) = (Numbers.coordinate(x(mean.estimate)), Numbers.coordinate(y))
    canvas.add("<circle cx=\"\(cx)\" cy=\"\(cy)\" r=\"4\" fill=\"var(--ink)\"/>")
  }
}
