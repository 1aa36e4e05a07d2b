/// Several plots side by side on the same scales, so that heights can be compared by eye: one panel for
/// each model.
public struct PanelsFigure: SVGFigure {
  /// One of the plots, with a name of its own above it.
  public struct Panel: Sendable {
    /// Written above the plot, and in the data's first column.
    public var name: String
    /// Series of one name have one colour in all panels.
    public var series: [LineFigure.Series]
    /// Vertical, for example the end of thinking.
    public var marks: [LineFigure.Reference]

    /// Without vertical lines unless they are given.
    public init(
      name: String, series: [LineFigure.Series], marks: [LineFigure.Reference] = []
    ) {
      (self.name, self.series, self.marks) = (name, series, marks)
    }
  }

  /// Printed in bold in front of the caption; its slug names the files.
  public var title: String
  /// What is shown, with n and the interval's method; it is also the drawing's description.
  public var caption: String
  /// Names the horizontal axis of all panels, written once below them.
  public var xLabel: String
  /// Names the vertical axis of all panels, written at the left of each row.
  public var yLabel: String
  /// In reading order: up to three in a row, four as two by two.
  public var panels: [Panel]
  /// Horizontal, in every panel.
  public var levels: [LineFigure.Reference]

  /// Without horizontal lines unless they are given.
  public init(
    title: String, caption: String, xLabel: String, yLabel: String, panels: [Panel],
    levels: [LineFigure.Reference] = []
  ) {
    (self.title, self.caption, self.xLabel, self.yLabel) = (title, caption, xLabel, yLabel)
    (self.panels, self.levels) = (panels, levels)
  }

  /// One row for each point of each series of each panel, with its bounds.
  public var data: DataTable {
    DataTable(
      columns: ["panel", "series", "control", xLabel, yLabel, "low", "high"],
      rows: panels.flatMap { panel in
        panel.series.flatMap { series in
          series.points.map { point in
            [
              .text(panel.name), .text(series.name), .text(series.isControl ? "yes" : "no"),
              .number(point.x), .init(point.y), .init(point.low), .init(point.high),
            ]
          }
        }
      })
  }

  /// All plots over the same ranges, below one legend.
  public func svg(id: String) -> String {
    var canvas = Canvas()
    let (left, right, gap) = (50.0, Canvas.width - 8, 18.0)
    let names = distinct(panels.flatMap { $0.series.map(\.name) })
    let controls = Set(panels.flatMap(\.series).filter(\.isControl).map(\.name))
    let legend = LinePanel.legend(names.map { ($0, controls.contains($0)) }, levels)
    var top = 4 + canvas.legend(legend, x: left, y: 4)
    // Four stand in two rows of two.
    let columns = min(max(panels.count, 1), panels.count == 4 ? 2 : 3)
    let width = (right - left - gap * Double(columns - 1)) / Double(columns)
    let height = columns == 1 ? 250.0 : 200
    let lines = panels.map { panel in
      LinePanel(
        series: panel.series, levels: levels, marks: panel.marks,
        colors: panel.series.map { names.firstIndex(of: $0.name) ?? 0 })
    }
    let ranges = lines.map(\.xRange)
    let (low, high) = Scale.range(of: lines.flatMap(\.heights))
    for (index, panel) in panels.enumerated() {
      let column = index % columns
      if index > 0, column == 0 { top += height + 72 }
      let start = left + Double(column) * (width + gap)
      canvas.text(
        Markup.escape(Canvas.fitted(panel.name, width: width)), start, top + 12, style: "strong")
      let (plotTop, bottom) = (top + 38, top + 38 + height)
      lines[index].draw(
        on: &canvas,
        x: Scale(
          low: ranges.map(\.low).min() ?? 0, high: ranges.map(\.high).max() ?? 1,
          start: start + 8, end: start + width - 8),
        y: Scale(low: low, high: high, start: bottom, end: plotTop), xLabel: nil,
        yLabel: column == 0 ? yLabel : nil, ticks: columns == 1 ? 10 : 5)
    }
    // One name below all: in a panel it would have no room.
    canvas.text(
      Markup.escape(xLabel), (left + right) / 2, top + height + 74, anchor: "middle",
      style: "soft")
    return canvas.svg(
      id: id, height: top + height + 82, title: title,
      description: caption)
  }
}
