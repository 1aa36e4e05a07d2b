/// A value for every layer and position: the first layer at the bottom, the tokens along x.
///
/// A cell without a value is hatched, because absent is not zero.
public struct HeatMapFigure: SVGFigure {
  /// How a value becomes a colour.
  public enum Colors: Sendable, Equatable {
    /// From dark to bright, for values with an order.
    case sequential
    /// Blue below the centre, red above: for values with a sign, or a chance level.
    case diverging(centre: Double)
  }

  /// Printed in bold in front of the caption; its slug names the files.
  public var title: String
  /// What is shown, with n and the control; it is also the drawing's description.
  public var caption: String
  /// What the colours show.
  public var valueLabel: String
  /// Which scale of colours is used; sequential unless the values have a centre.
  public var colors: Colors
  /// The layer's numbers, one for each row of `values`; nil for one that is at no block, such as that of
  /// the embedding.
  public var layers: [Int?]
  /// The text of each token, one for each column of `values`.
  public var tokens: [String]
  /// One for each token, or empty.
  public var segments: [String]
  /// `[layer][position]`, nil where there is none.
  public var values: [[Double?]]
  /// The layer that the rest of the report is about.
  public var chosenLayer: Int?
  /// The position of the first token, where only a part of a transcript is drawn.
  public var firstPosition: Int

  /// - Precondition: one row for each layer, one value and one segment (or none at all) for each token.
  public init(
    title: String, caption: String, valueLabel: String, colors: Colors = .sequential,
    layers: [Int?], tokens: [String], segments: [String] = [], values: [[Double?]],
    chosenLayer: Int? = nil, firstPosition: Int = 0
  ) {
    precondition(values.count == layers.count, "one row for each layer")
    precondition(values.allSatisfy { $0.count == tokens.count }, "one value for each token")
    precondition(segments.isEmpty || segments.count == tokens.count, "one segment for each token")
    self.title = title
    self.caption = caption
    self.valueLabel = valueLabel
    self.colors = colors
    self.layers = layers
    self.tokens = tokens
    self.segments = segments
    self.values = values
    self.chosenLayer = chosenLayer
    self.firstPosition = firstPosition
  }

  /// One row for each layer and token, with the token's text as a JSON string.
  public var data: DataTable {
    DataTable(
      columns: ["layer", "position", "segment", "token_json", valueLabel],
      rows: layers.indices.flatMap { row in
        tokens.indices.map { column in
          [
            layers[row].map { .integer($0) } ?? .missing, .integer(firstPosition + column),
            segments.isEmpty ? .missing : .text(segments[column]),
            .text(JSONText.string(tokens[column])), .init(values[row][column]),
          ]
        }
      })
  }

  /// A grid of layers by tokens, segments in a strip above, the colour bar on its right.
  public func svg(id: String) -> String {
    var canvas = Canvas()
    let names = distinct(segments)
    let axis = TokenAxis(
      texts: tokens, segments: segments, range: tokens.indices, left: 52, right: Canvas.width - 100)
    let cells = finiteCells
    let hasGaps = cells.contains { $0.contains { $0 == nil } }
    canvas.add(
      "<defs><pattern id=\"\(id)-gap\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" "
        + "patternTransform=\"rotate(45)\"><path class=\"grid\" d=\"M0 0V5\"/></pattern></defs>")
    var legend = TokenAxis.legend(names)
    if hasGaps { legend.append(LegendEntry(name: "no value", sample: .hatch(id: "\(id)-gap"))) }
    let top = 8 + canvas.legend(legend, x: axis.left, y: 4) + (segments.isEmpty ? 0 : 20)
    let row = min(max(360 / Double(max(layers.count, 1)), 7), 24)
    let bottom = top + row * Double(layers.count)
    if !segments.isEmpty {
      axis.drawSegments(on: &canvas, top: top - 7, bottom: top, names: names)
    }
    canvas.rectangle(
      axis.left, top, axis.right - axis.left, bottom - top, "fill=\"url(#\(id)-gap)\"")
    let (low, high) = limits(of: cells)
    let scale = Scale(low: low, high: high, start: 0, end: 1)
    drawCells(cells, axis, scale, row: row, bottom: bottom, on: &canvas)
    drawLayers(axis, row: row, bottom: bottom, on: &canvas)
    canvas.colorBar(
      scale, anchors: anchors, label: valueLabel, top: top, bottom: max(bottom, top + 60),
      x: axis.right + 18)
    axis.drawLabels(on: &canvas, y: bottom)
    return canvas.svg(
      id: id, height: max(bottom, top + 60) + axis.labelHeight + 8, title: title,
      description: caption)
  }

  private var anchors: [String] {
    colors == .sequential ? Palette.sequential : Palette.diverging
  }

  private var finiteCells: [[Double?]] {
    values.map { $0.map { value in value.flatMap { $0.isFinite ? $0 : nil } } }
  }

  /// The values at either end of the colours, the centre halfway when they diverge.
  private func limits(of cells: [[Double?]]) -> (low: Double, high: Double) {
    let present = cells.flatMap { $0.compactMap { $0 } }
    guard case .diverging(let centre) = colors else { return Scale.range(of: present) }
    let reach = present.map { abs($0 - centre) }.max() ?? 0
    return (centre - (reach > 0 ? reach : 1), centre + (reach > 0 ? reach : 1))
  }

  /// One path for each of 64 colours, runs of one colour in one piece: a long transcript stays small.
  private func drawCells(
    _ cells: [[Double?]], _ axis: TokenAxis, _ scale: Scale, row: Double, bottom: Double,
    on canvas: inout Canvas
  ) {
    var paths = [String](repeating: "", count: 64)
    for (index, line) in cells.enumerated() {
      let y = Numbers.coordinate(bottom - row * Double(index + 1))
      var start = 0
      while start < line.count {
        guard let value = line[start] else {
          start += 1
          continue
        }
        let color = level(value, scale)
        var end = start + 1
        while end < line.count, let next = line[end], level(next, scale) == color { end += 1 }
        let x = Numbers.coordinate(axis.left + Double(start) * axis.cell)
        let width = Numbers.coordinate(Double(end - start) * axis.cell)
        paths[color] += "M\(x) \(y)h\(width)v\(Numbers.coordinate(row))h-\(width)z"
        start = end
      }
    }
    for (color, path) in paths.enumerated() where !path.isEmpty {
      let fill = Palette.color(Double(color) / 63, in: anchors)
      canvas.add("<path fill=\"\(fill)\" shape-rendering=\"crispEdges\" d=\"\(path)\"/>")
    }
  }

  private func level(_ value: Double, _ scale: Scale) -> Int {
    min(max(Int((scale(value) * 63).rounded()), 0), 63)
  }

  private func drawLayers(
    _ axis: TokenAxis, row: Double, bottom: Double, on canvas: inout Canvas
  ) {
    let step = row >= 11 ? 1 : row >= 7 && layers.count <= 48 ? 2 : 5
    for (index, layer) in layers.enumerated() {
      let middle = bottom - row * (Double(index) + 0.5)
      let isChosen = layer != nil && layer == chosenLayer
      if isChosen {
        canvas.rectangle(
          axis.left - 1, middle - row / 2 - 1, axis.right - axis.left + 2, row + 2,
          "fill=\"none\" stroke=\"var(--series1)\" stroke-width=\"2\"")
      }
      // A file may name any block.
      guard let layer else { continue }
      let isNearChosen = chosenLayer.map { abs($0 &- layer) < step } ?? false
      if isChosen || index % step == 0 && !isNearChosen {
        canvas.text(
          isChosen ? "▸ \(layer)" : "\(layer)", axis.left - 6, middle + 4, anchor: "end",
          style: isChosen ? "strong" : "soft")
      }
    }
    canvas.text(
      "layer", 13, bottom - row * Double(layers.count) / 2, anchor: "middle", style: "soft",
      turned: true)
  }
}
