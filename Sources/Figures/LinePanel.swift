/// Series in one pair of axes: all of a figure, or one of several panels that share their scales.
struct LinePanel {
  var series: [LineFigure.Series]
  var levels: [LineFigure.Reference]
  var marks: [LineFigure.Reference]
  /// The colour of each series by its place; panels that lack a series keep the colours of the others.
  var colors: [Int]

  init(
    series: [LineFigure.Series], levels: [LineFigure.Reference], marks: [LineFigure.Reference],
    colors: [Int]? = nil
  ) {
    (self.series, self.levels, self.marks) = (series, levels, marks)
    self.colors = colors ?? Array(series.indices)
  }

  private var points: [LineFigure.Point] { series.flatMap(\.points) }

  /// Every finite height that is drawn.
  var heights: [Double] {
    points.flatMap { [$0.y, $0.low, $0.high].compactMap { $0 } } + levels.map(\.value)
  }

  var yRange: (low: Double, high: Double) { Scale.range(of: heights) }

  var xRange: (low: Double, high: Double) {
    let xs = (points.map(\.x) + marks.map(\.value)).filter(\.isFinite)
    return (xs.min() ?? 0, xs.max() ?? 1)
  }

  /// Draws between the scales' ends; numbers and name of the vertical axis stand where it has a name.
  func draw(
    on canvas: inout Canvas, x: Scale, y: Scale, xLabel: String?, yLabel: String?, ticks: Int = 10
  ) {
    let (left, right) = (x.start - 8, x.end + 8)
    canvas.verticalAxis(y, left: left, right: right, name: yLabel)
    drawHorizontalAxis(x, on: &canvas, left: left, right: right, bottom: y.start, xLabel, ticks)
    for level in levels where level.value.isFinite {
      canvas.line(left, y(level.value), right, y(level.value), style: "axis", dash: "1 3")
    }
    for mark in marks where mark.value.isFinite {
      canvas.line(x(mark.value), y.end, x(mark.value), y.start, style: "mark", dash: "4 3")
      // Near an edge the name would leave the picture.
      let half = Canvas.width(of: mark.name) / 2
      let place = min(max(x(mark.value), left + half), right - half)
      canvas.text(Markup.escape(mark.name), place, y.end - 5, anchor: "middle", style: "strong")
    }
    for (series, color) in zip(series, colors) { draw(series, color, x, y, on: &canvas) }
  }

  static func legend(
    _ series: [(name: String, isControl: Bool)], _ levels: [LineFigure.Reference]
  ) -> [LegendEntry] {
    let lines = series.enumerated().map { index, series in
      LegendEntry(
        name: series.name,
        sample: .line(color: Palette.series(index), dash: series.isControl ? "5 4" : ""))
    }
    return lines
      + levels.map {
        LegendEntry(name: $0.name, sample: .line(color: "var(--soft)", dash: "1 3"))
      }
  }

  private func drawHorizontalAxis(
    _ x: Scale, on canvas: inout Canvas, left: Double, right: Double, bottom: Double,
    _ name: String?, _ count: Int
  ) {
    canvas.line(left, bottom, right, bottom, style: "axis")
    // Between layers 3 and 4 there is nothing.
    let isWhole = x.high > 1 && points.allSatisfy { $0.x == $0.x.rounded() }
    let ticks = Numbers.ticks(from: x.low, to: x.high, about: count)
      .filter { !isWhole || abs($0 - $0.rounded()) < 1e-9 }
    let labels = isWhole ? ticks.map { Numbers.coordinate($0) } : Numbers.tickLabels(ticks)
    for (tick, label) in zip(ticks, labels) {
      canvas.line(x(tick), bottom, x(tick), bottom + 4, style: "axis")
      canvas.text(label, x(tick), bottom + 17, anchor: "middle", style: "soft")
    }
    guard let name else { return }
    canvas.text(
      Markup.escape(name), (left + right) / 2, bottom + 36, anchor: "middle", style: "soft")
  }

  private func draw(
    _ series: LineFigure.Series, _ index: Int, _ x: Scale, _ y: Scale, on canvas: inout Canvas
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
