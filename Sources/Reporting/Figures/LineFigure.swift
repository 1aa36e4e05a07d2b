import Statistics

/// Series over a numeric axis with interval bands: AUROC by layer beside its controls, an average
/// curve with its bootstrap band.
public struct LineFigure: Figure {
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

  public var data: Table {
    Table(
      columns: ["series", "control", xLabel, yLabel, "low", "high"],
      rows: series.flatMap { series in
        series.points.map { point in
          [
            .text(series.name), .text(series.isControl ? "yes" : "no"), .number(point.x),
            Cell(point.y), Cell(point.low), Cell(point.high),
          ]
        }
      })
  }

  public func svg(id: String) -> String {
    var canvas = Canvas()
    let (left, right) = (58.0, Canvas.width - 16)
    let top = 8 + canvas.legend(legend, x: left, y: 4) + (marks.isEmpty ? 0 : 14)
    let bottom = top + 270
    let points = series.flatMap(\.points)
    let values = points.flatMap { [$0.y, $0.low, $0.high].compactMap { $0 } }
    let y = Scale.vertical(values + levels.map(\.value), top: top, bottom: bottom)
    let xs = (points.map(\.x) + marks.map(\.value)).filter(\.isFinite)
    let x = Scale(low: xs.min() ?? 0, high: xs.max() ?? 1, start: left + 8, end: right - 8)
    canvas.verticalAxis(y, left: left, right: right, name: yLabel)
    drawHorizontalAxis(x, on: &canvas, left: left, right: right, bottom: bottom)
    for level in levels where level.value.isFinite {
      canvas.line(left, y(level.value), right, y(level.value), style: "axis", dash: "1 3")
    }
    for mark in marks where mark.value.isFinite {
      canvas.line(x(mark.value), top, x(mark.value), bottom, style: "mark", dash: "4 3")
      // Near an edge the name would leave the picture.
      let half = Canvas.width(of: mark.name) / 2
      let place = min(max(x(mark.value), left + half), right - half)
      canvas.text(Markup.escape(mark.name), place, top - 5, anchor: "middle", style: "strong")
    }
    for index in series.indices { draw(series[index], index, x, y, on: &canvas) }
    return canvas.svg(id: id, height: bottom + 44, title: title, description: caption)
  }

  private var legend: [LegendEntry] {
    let lines = series.indices.map {
      LegendEntry(
        name: series[$0].name,
        sample: .line(color: Palette.series($0), dash: series[$0].isControl ? "5 4" : ""))
    }
    return lines
      + levels.map {
        LegendEntry(name: $0.name, sample: .line(color: "var(--soft)", dash: "1 3"))
      }
  }

  private func drawHorizontalAxis(
    _ x: Scale, on canvas: inout Canvas, left: Double, right: Double, bottom: Double
  ) {
    canvas.line(left, bottom, right, bottom, style: "axis")
    let ticks = Numbers.ticks(from: x.low, to: x.high, about: 10)
    for (tick, label) in zip(ticks, Numbers.tickLabels(ticks)) {
      canvas.line(x(tick), bottom, x(tick), bottom + 4, style: "axis")
      canvas.text(label, x(tick), bottom + 17, anchor: "middle", style: "soft")
    }
    canvas.text(
      Markup.escape(xLabel), (left + right) / 2, bottom + 36, anchor: "middle", style: "soft")
  }

  private func draw(
    _ series: Series, _ index: Int, _ x: Scale, _ y: Scale, on canvas: inout Canvas
  ) {
    let color = Palette.series(index)
    let points = series.points.filter(\.x.isFinite).sorted { $0.x < $1.x }
    canvas.band(
      points.map { point in
        guard let low = point.low, let high = point.high, low.isFinite, high.isFinite else {
          return nil
        }
        return (x(point.x), y(low), y(high))
      }, "fill=\"\(color)\" fill-opacity=\"\(series.isControl ? 0.1 : 0.18)\"")
    let places = points.map { point -> (x: Double, y: Double)? in
      point.y.flatMap { $0.isFinite ? (x(point.x), y($0)) : nil }
    }
    let dash = series.isControl ? " stroke-dasharray=\"5 4\"" : ""
    canvas.polyline(
      places, "stroke=\"\(color)\" stroke-width=\"2\" stroke-linejoin=\"round\"" + dash)
    guard points.count <= 60, !series.isControl else { return }
    for case .some(let place) in places {
      let (cx, cy) = (Numbers.coordinate(place.x), Numbers.coordinate(place.y))
      canvas.add("<circle cx=\"\(cx)\" cy=\"\(cy)\" r=\"2.6\" fill=\"\(color)\"/>")
    }
  }
}

extension Cell {
  /// A number that may be absent.
  public init(_ value: Double?) { self = value.map(Cell.number) ?? .missing }
}
