import Statistics

/// Series over a numeric axis with interval bands: AUROC by layer beside its controls, an average
/// curve with its bootstrap band.
public struct LineFigure: SVGFigure {
  public struct Point: Sendable, Equatable {
    public var x: Double
    /// Nil where the series has no value: the line is broken there.
    public var y: Double?
    public var low: Double?
    public var high: Double?

    public init(x: Double, y: Double?, low: Double? = nil, high: Double? = nil) {
      self.x = x
      self.y = y
      self.low = low
      self.high = high
    }

    public init(x: Double, _ interval: Interval) {
      self.init(x: x, y: interval.estimate, low: interval.low, high: interval.high)
    }
  }

  public struct Series: Sendable {
    public var name: String
    public var points: [Point]
    /// Controls are dashed: they are what the other lines are to be compared with.
    public var isControl: Bool

    public init(name: String, points: [Point], isControl: Bool = false) {
      self.name = name
      self.points = points
      self.isControl = isControl
    }
  }

  /// A line across the plot: chance level, or the chosen layer.
  public struct Reference: Sendable {
    public var name: String
    public var value: Double

    public init(name: String, value: Double) {
      self.name = name
      self.value = value
    }
  }

  public var title: String
  public var caption: String
  public var xLabel: String
  public var yLabel: String
  public var series: [Series]
  /// Horizontal, for example chance at 0.5.
  public var levels: [Reference]
  /// Vertical, for example the chosen layer.
  public var marks: [Reference]

  public init(
    title: String, caption: String, xLabel: String, yLabel: String, series: [Series],
    levels: [Reference] = [], marks: [Reference] = []
  ) {
    self.title = title
    self.caption = caption
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.series = series
    self.levels = levels
    self.marks = marks
  }

  public var data: DataTable {
    DataTable(
      columns: ["series", "control", xLabel, yLabel, "low", "high"],
      rows: series.flatMap { series in
        series.points.map { point in
          [
            .text(series.name), .text(series.isControl ? "yes" : "no"), .number(point.x),
            .init(point.y), .init(point.low), .init(point.high),
          ]
        }
      })
  }

  public func svg(id: String) -> String {
    var canvas = Canvas()
    let (left, right) = (58.0, Canvas.width - 16)
    let legend = LinePanel.legend(series.map { ($0.name, $0.isControl) }, levels)
    let top = 8 + canvas.legend(legend, x: left, y: 4) + (marks.isEmpty ? 0 : 14)
    let panel = LinePanel(series: series, levels: levels, marks: marks)
    let (x, y) = (panel.xRange, panel.yRange)
    panel.draw(
      on: &canvas,
      x: Scale(low: x.low, high: x.high, start: left + 8, end: right - 8),
      y: Scale(low: y.low, high: y.high, start: top + 270, end: top), xLabel: xLabel,
      yLabel: yLabel)
    return canvas.svg(id: id, height: top + 314, title: title, description: caption)
  }
}
