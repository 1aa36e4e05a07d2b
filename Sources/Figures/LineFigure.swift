import Statistics

/// Series over a numeric axis with interval bands: AUROC by layer beside its controls, an average
/// curve with its bootstrap band.
public struct LineFigure: SVGFigure {
  /// One place of a series, with its interval if there is one.
  public struct Point: Sendable, Equatable {
    /// The place on the horizontal axis, such as a layer or a share.
    public var x: Double
    /// Nil where the series has no value: the line is broken there.
    public var y: Double?
    /// The lower bound of the interval; nil where no band is drawn.
    public var low: Double?
    /// The upper bound of the interval; nil where no band is drawn.
    public var high: Double?

    /// A point without a band, unless both bounds are given.
    public init(x: Double, y: Double?, low: Double? = nil, high: Double? = nil) {
      self.x = x
      self.y = y
      self.low = low
      self.high = high
    }

    /// The interval's estimate with its bounds as the band.
    public init(x: Double, _ interval: Interval) {
      self.init(x: x, y: interval.estimate, low: interval.low, high: interval.high)
    }
  }

  /// A line with its points and bands.
  public struct Series: Sendable {
    /// Named in the legend and in the data.
    public var name: String
    /// In any order: they are drawn from the lowest x to the highest.
    public var points: [Point]
    /// Controls are dashed: they are what the other lines are to be compared with.
    public var isControl: Bool

    /// A series that is no control, unless it is said to be one.
    public init(name: String, points: [Point], isControl: Bool = false) {
      self.name = name
      self.points = points
      self.isControl = isControl
    }
  }

  /// A line across the plot: chance level, or the chosen layer.
  public struct Reference: Sendable {
    /// Written beside the line or into the legend.
    public var name: String
    /// Where the line crosses its axis, in that axis's unit.
    public var value: Double

    /// A level at a height, or a mark at a place on the horizontal axis.
    public init(name: String, value: Double) {
      self.name = name
      self.value = value
    }
  }

  /// Printed in bold in front of the caption; its slug names the files.
  public var title: String
  /// What is shown, with n and the interval's method; it is also the drawing's description.
  public var caption: String
  /// Names the horizontal axis, and the column of x in the data.
  public var xLabel: String
  /// Names the vertical axis, and the column of y in the data.
  public var yLabel: String
  /// Coloured in this order.
  public var series: [Series]
  /// Horizontal, for example chance at 0.5.
  public var levels: [Reference]
  /// Vertical, for example the chosen layer.
  public var marks: [Reference]

  /// Without reference lines unless they are given.
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

  /// One row for each point of each series, with its bounds and whether it is a control.
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

  /// One plot with its legend; a series of at most 60 points has dots, a control has none.
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
