import Statistics

/// An SVG drawing under construction, 760 units wide; the page scales it.
struct Canvas {
  static let width = 760.0
  private(set) var elements: [String] = []

  mutating func add(_ element: String) { elements.append(element) }

  /// Text that is already escaped.
  mutating func text(
    _ escaped: String, _ x: Double, _ y: Double, anchor: String = "start", style: String = "",
    turned: Bool = false
  ) {
    let place = "x=\"\(n(x))\" y=\"\(n(y))\""
    let turn = turned ? " transform=\"rotate(-90 \(n(x)) \(n(y)))\"" : ""
    let look = style.isEmpty ? "" : " class=\"\(style)\""
    let align = anchor == "start" ? "" : " text-anchor=\"\(anchor)\""
    add("<text \(place)\(look)\(align)\(turn)>\(escaped)</text>")
  }

  mutating func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String, dash: String = ""
  ) {
    let dashes = dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\""
    add("<path class=\"\(style)\"\(dashes) d=\"M\(n(x1)) \(n(y1))L\(n(x2)) \(n(y2))\"/>")
  }

  mutating func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ attributes: String
  ) {
    add(
      "<rect x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\" "
        + "\(attributes)/>")
  }

  /// A line through the points, broken where one is nil.
  mutating func polyline(_ points: [(x: Double, y: Double)?], _ attributes: String) {
    var (path, isDown) = ("", false)
    for point in points {
      if let point { path += "\(isDown ? "L" : "M")\(n(point.x)) \(n(point.y))" }
      isDown = point != nil
    }
    if !path.isEmpty { add("<path fill=\"none\" \(attributes) d=\"\(path)\"/>") }
  }

  /// The area between two lines, in one piece for each run of present points.
  mutating func band(_ points: [(x: Double, low: Double, high: Double)?], _ attributes: String) {
    for run in points.split(whereSeparator: { $0 == nil }) {
      let corners = run.compactMap { $0 }
      let there = corners.map { "\(n($0.x)) \(n($0.high))" }
      let back = corners.reversed().map { "\(n($0.x)) \(n($0.low))" }
      add("<path \(attributes) d=\"M\((there + back).joined(separator: "L"))Z\"/>")
    }
  }

  /// The finished element, with a name and a description for those who do not see it.
  func svg(id: String, height: Double, title: String, description: String) -> String {
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(n(Self.width)) \(n(height))\" "
      + "role=\"img\" aria-labelledby=\"\(id)-title \(id)-text\">\n"
      + "<title id=\"\(id)-title\">\(Markup.escape(title))</title>\n"
      + "<desc id=\"\(id)-text\">\(Markup.escape(description))</desc>\n"
      + elements.joined(separator: "\n") + "\n</svg>\n"
  }

  private func n(_ value: Double) -> String { Numbers.coordinate(value) }

  /// An estimate of a line of text's width; no font is at hand to measure with.
  static func width(of text: String, size: Double = 11) -> Double {
    text.unicodeScalars.reduce(0) { $0 + ($1.value < 0x1100 ? 0.56 : 1.05) * size }
  }
}

/// One entry of a legend: a sample of what is drawn and its name.
struct LegendEntry {
  enum Sample {
    case line(color: String, dash: String)
    case area(color: String, opacity: Double)
    case hatch(id: String)
    case dot(color: String)
    case frame
  }
  var name: String
  var sample: Sample
}

extension Canvas {
  /// Draws the entries in rows, never over data, and returns the height used.
  mutating func legend(_ entries: [LegendEntry], x left: Double, y top: Double) -> Double {
    var (x, y) = (left, top)
    for entry in entries {
      let width = 26 + Self.width(of: entry.name) + 18
      if x > left, x + width > Self.width {
        x = left
        y += 18
      }
      switch entry.sample {
      case .line(let color, let dash):
        polyline(
          [(x, y + 7), (x + 20, y + 7)],
          "stroke=\"\(color)\" stroke-width=\"2\" stroke-dasharray=\"\(dash)\"")
      case .area(let color, let opacity):
        rectangle(x, y + 1, 20, 12, "fill=\"\(color)\" fill-opacity=\"\(opacity)\"")
      case .hatch(let id):
        rectangle(x, y + 1, 20, 12, "fill=\"url(#\(id))\" stroke=\"var(--soft)\"")
      case .dot(let color):
        add(
          "<path fill=\"none\" stroke=\"\(color)\" stroke-width=\"5\" stroke-linecap=\"round\" "
            + "d=\"M\(Numbers.coordinate(x + 10)) \(Numbers.coordinate(y + 7))h0\"/>")
      case .frame:
        rectangle(x + 3, y + 1, 14, 12, "class=\"mark\"")
      }
      text(Markup.escape(entry.name), x + 26, y + 11)
      x += width
    }
    return entries.isEmpty ? 0 : y - top + 24
  }
}

/// A range of values laid out along a range of coordinates.
struct Scale {
  var low: Double
  var high: Double
  var start: Double
  var end: Double

  func callAsFunction(_ value: Double) -> Double {
    high > low ? start + (value - low) / (high - low) * (end - start) : (start + end) / 2
  }

  /// The range that holds all finite values: 0 to 1 for probabilities, else round numbers around them.
  static func range(of values: [Double], includingZero: Bool = false) -> (low: Double, high: Double)
  {
    let finite = values.filter(\.isFinite) + (includingZero ? [0] : [])
    guard let low = finite.min(), let high = finite.max() else { return (0, 1) }
    if low >= 0, high <= 1 { return (0, 1) }
    guard high > low else { return (low - 1, high + 1) }
    let ticks = Numbers.ticks(from: low, to: high, about: 5)
    guard ticks.count > 1 else { return (low, high) }
    let step = ticks[1] - ticks[0]
    return ((low / step).rounded(.down) * step, (high / step).rounded(.up) * step)
  }

  /// A scale for a series of values up the page, from `bottom` to `top`.
  static func vertical(_ values: [Double], top: Double, bottom: Double) -> Scale {
    let (low, high) = range(of: values)
    return Scale(low: low, high: high, start: bottom, end: top)
  }
}

extension Canvas {
  /// Grid lines of a vertical axis, with its numbers and name; without a name only the lines, beside
  /// another panel with the same axis.
  mutating func verticalAxis(_ scale: Scale, left: Double, right: Double, name: String?) {
    let ticks = Numbers.ticks(from: scale.low, to: scale.high, about: 4)
    for (tick, label) in zip(ticks, Numbers.tickLabels(ticks)) {
      line(left, scale(tick), right, scale(tick), style: "grid")
      if name != nil { text(label, left - 7, scale(tick) + 4, anchor: "end", style: "soft") }
    }
    guard let name else { return }
    text(
      Markup.escape(name), 13, (scale.start + scale.end) / 2, anchor: "middle", style: "soft",
      turned: true)
  }

  /// Text that may be too long for its place, cut at its end.
  static func fitted(_ text: String, width: Double, size: Double = 11) -> String {
    guard Self.width(of: text, size: size) > width else { return text }
    var fitted = text.unicodeScalars.prefix(200)
    while !fitted.isEmpty, Self.width(of: String(fitted) + "…", size: size) > width {
      fitted.removeLast()
    }
    return String(fitted) + "…"
  }
}

extension Canvas {
  /// The colours of a map with their values, and what they show.
  mutating func colorBar(
    _ scale: Scale, anchors: [String], label: String, top: Double, bottom: Double, x: Double
  ) {
    let step = (bottom - top) / 64
    for color in 0..<64 {
      rectangle(
        x, bottom - step * Double(color + 1), 12, step + 0.4,
        "fill=\"\(Palette.color(Double(color) / 63, in: anchors))\"")
    }
    let ticks = Numbers.ticks(from: scale.low, to: scale.high, about: 5)
    for (tick, label) in zip(ticks, Numbers.tickLabels(ticks)) {
      let y = bottom - scale(tick) * (bottom - top)
      line(x + 12, y, x + 16, y, style: "axis")
      text(label, x + 20, y + 4, style: "soft")
    }
    text(
      Markup.escape(label), x + 66, (top + bottom) / 2, anchor: "middle", style: "soft",
      turned: true)
  }
}
