/// One transcript's scores, whole or in part.
struct TracePanel {
  var trace: TokenTraceFigure.Trace
  /// All segments of the figure, so that colours agree between panels.
  var names: [String]
  var range: Range<Int>
  /// The part that the next panel shows from near.
  var window: Range<Int>?
  var scale: Scale
  var yLabel: String

  /// Draws the panel from `top` on and returns where it ends.
  func draw(on canvas: inout Canvas, top: Double, height: Double) -> Double {
    let axis = TokenAxis(
      texts: trace.tokens.map(\.text), segments: trace.tokens.map(\.segment), range: range,
      left: 52, right: Canvas.width - 100)
    var y = scale
    (y.start, y.end) = (top + height, top + 10)
    axis.drawSegments(on: &canvas, top: top, bottom: top + height, names: names)
    canvas.verticalAxis(y, left: axis.left, right: axis.right, name: yLabel)
    if let window {
      let start = axis.x(window.lowerBound) - axis.cell / 2
      canvas.rectangle(
        start, top, Double(window.count) * axis.cell, height, "class=\"axis\" rx=\"2\"")
    }
    drawControl(axis, y, on: &canvas)
    drawScores(axis, y, on: &canvas)
    drawMarks(axis, y, on: &canvas)
    canvas.line(axis.left, y.start, axis.right, y.start, style: "axis")
    axis.drawLabels(on: &canvas, y: y.start)
    return top + height + axis.labelHeight + 14
  }

  private func drawControl(_ axis: TokenAxis, _ y: Scale, on canvas: inout Canvas) {
    guard let control = trace.control else { return }
    let places = zip(bins(control.low, axis), bins(control.high, axis)).map { low, high in
      low.values.min().flatMap { low in high.values.max().map { (low, $0) } }
        .map { (low.x, y($0.0), y($0.1)) }
    }
    canvas.band(places, "fill=\"var(--series3)\" fill-opacity=\"0.25\"")
  }

  private func drawScores(_ axis: TokenAxis, _ y: Scale, on canvas: inout Canvas) {
    let bins = bins(trace.tokens.map(\.score), axis)
    if bins.count < range.count {
      let places = bins.map { bin in
        bin.values.min().flatMap { low in bin.values.max().map { (bin.x, y(low), y($0)) } }
      }
      canvas.band(places, "fill=\"var(--series0)\" fill-opacity=\"0.3\"")
    }
    let places = bins.map { bin -> (x: Double, y: Double)? in
      guard !bin.values.isEmpty else { return nil }
      return (bin.x, y(bin.values.reduce(0, +) / Double(bin.values.count)))
    }
    canvas.polyline(
      places, "stroke=\"var(--series0)\" stroke-width=\"1.8\" stroke-linejoin=\"round\"")
    guard axis.showsTexts else { return }
    for case .some(let place) in places {
      let (cx, cy) = (Numbers.coordinate(place.x), Numbers.coordinate(place.y))
      canvas.add("<circle cx=\"\(cx)\" cy=\"\(cy)\" r=\"2.4\" fill=\"var(--series0)\"/>")
    }
  }

  /// The finite values of the tokens shown; tokens that share a pixel stand together, their range to be
  /// drawn as a band and their mean as the line.
  private func bins(_ values: [Double?], _ axis: TokenAxis) -> [(x: Double, values: [Double])] {
    let share = max(Int((Double(range.count) / (axis.right - axis.left)).rounded(.up)), 1)
    return stride(from: range.lowerBound, to: range.upperBound, by: share).map { start in
      let end = min(start + share, range.upperBound)
      let finite = values[start..<end].compactMap { $0 }.filter(\.isFinite)
      return ((axis.x(start) + axis.x(end - 1)) / 2, finite)
    }
  }

  /// Plateau and final run on into the right margin, where nothing can lie under their names.
  private func drawMarks(_ axis: TokenAxis, _ y: Scale, on canvas: inout Canvas) {
    if let start = trace.fallStart, range.contains(start) {
      canvas.add(
        "<path stroke=\"var(--series1)\" stroke-width=\"1.4\" stroke-dasharray=\"2 3\" "
          + "d=\"M\(Numbers.coordinate(axis.x(start))) \(Numbers.coordinate(y.end - 6))"
          + "V\(Numbers.coordinate(y.start))\"/>")
    }
    var names: [(name: String, y: Double)] = []
    let margin = axis.right + 10
    for (name, value) in [("plateau", trace.plateau), ("final", trace.final)] {
      guard let value, value.isFinite else { continue }
      canvas.line(axis.left, y(value), margin, y(value), style: "mark", dash: "6 4")
      names.append(("\(name) \(Numbers.significant(value))", y(value)))
    }
    if let plateau = trace.plateau, let final = trace.final, (plateau - final).isFinite {
      canvas.line(margin, y(plateau), margin, y(final), style: "mark")
      names.append(
        ("cliff \(Numbers.significant(plateau - final))", (y(plateau) + y(final)) / 2))
    }
    names.sort { $0.y < $1.y }
    var lowest = -Double.infinity
    for name in names {
      lowest = max(name.y + 4, lowest + 13)
      let style = name.name.hasPrefix("cliff") ? "strong" : ""
      canvas.text(name.name, margin + 6, lowest, style: style)
    }
  }
}
