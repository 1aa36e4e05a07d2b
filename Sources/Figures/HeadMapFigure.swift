/// A number for every head of every block, centred on zero, the chosen heads framed.
public struct HeadMapFigure: SVGFigure {
  /// One head and what is drawn of it.
  public struct Head: Sendable, Equatable {
    /// The block, from 0; the lowest one is drawn at the bottom.
    public var layer: Int
    /// Its index in the block, from 0, along x.
    public var head: Int
    /// What the colour shows; the largest absolute value has the full colour, 0 is neutral.
    public var value: Double
    /// Whether a black frame is drawn around its cell, as for a chosen head.
    public var isFramed: Bool

    /// A head without a frame, unless one is asked for.
    public init(layer: Int, head: Int, value: Double, isFramed: Bool = false) {
      self.layer = layer
      self.head = head
      self.value = value
      self.isFramed = isFramed
    }
  }

  /// What the two colours and the frame say, as the legend names them.
  public struct Legend: Sendable, Equatable {
    /// What a red cell says, such as "ablation raises the score".
    public var red: String
    /// What a blue cell says.
    public var blue: String
    /// What a black frame says; in the legend only where a head is framed.
    public var frame: String

    /// All three are drawn as they are given, so they name the effect, not the colour.
    public init(red: String, blue: String, frame: String) {
      self.red = red
      self.blue = blue
      self.frame = frame
    }
  }

  /// Printed in bold in front of the caption; its slug names the files.
  public var title: String
  /// What is shown, with n and the control; it is also the drawing's description.
  public var caption: String
  /// What the colours show.
  public var valueLabel: String
  /// In any order; a head that is missing or not finite leaves its cell empty.
  public var heads: [Head]
  /// The words for the two colours and the frame.
  public var legend: Legend
  /// 1 where values above 0 are red, -1 where those below 0 are: red can always mean the same.
  public var sign: Double
  /// The table given with the figure, for it can say more than what is drawn.
  public var data: DataTable

  /// Values above 0 are red, unless `sign` is -1.
  public init(
    title: String, caption: String, valueLabel: String, heads: [Head], legend: Legend,
    sign: Double = 1, data: DataTable
  ) {
    self.title = title
    self.caption = caption
    self.valueLabel = valueLabel
    self.heads = heads
    self.legend = legend
    self.sign = sign
    self.data = data
  }

  /// A grid of blocks by heads with the colour bar on its right.
  public func svg(id: String) -> String {
    var canvas = Canvas()
    let layers = (heads.map(\.layer).min() ?? 0)...(heads.map(\.layer).max() ?? 0)
    let columns = (heads.map(\.head).max() ?? 0) + 1
    let (left, right) = (52.0, Canvas.width - 100)
    var entries = [
      LegendEntry(name: legend.red, sample: .area(color: Palette.diverging[7], opacity: 1)),
      LegendEntry(name: legend.blue, sample: .area(color: Palette.diverging[1], opacity: 1)),
    ]
    if heads.contains(where: \.isFramed) {
      entries.append(LegendEntry(name: legend.frame, sample: .frame))
    }
    let top = 8 + canvas.legend(entries, x: left, y: 4)
    let row = min(max(360 / Double(layers.count), 9), 26)
    let cell = min((right - left) / Double(columns), 64)
    let bottom = top + row * Double(layers.count)
    let reach = heads.map { abs($0.value) }.filter(\.isFinite).max() ?? 0
    let scale = Scale(
      low: reach > 0 ? -reach : -1, high: reach > 0 ? reach : 1, start: 0, end: 1)
    var frames: [(x: Double, y: Double)] = []
    for head in heads where head.value.isFinite {
      let x = left + cell * Double(head.head)
      let y = bottom - row * Double(head.layer - layers.lowerBound + 1)
      let fill = Palette.color(scale(head.value * sign), in: Palette.diverging)
      canvas.rectangle(x, y, cell, row, "fill=\"\(fill)\" shape-rendering=\"crispEdges\"")
      if head.isFramed { frames.append((x, y)) }
    }
    for frame in frames {
      canvas.rectangle(
        frame.x + 1, frame.y + 1, cell - 2, row - 2,
        "fill=\"none\" stroke=\"#111\" stroke-width=\"2\"")
    }
    drawAxes(layers, columns, left, cell, row, bottom, on: &canvas)
    let barBottom = max(bottom, top + 90)
    canvas.colorBar(
      scale, anchors: sign < 0 ? Palette.diverging.reversed() : Palette.diverging,
      label: valueLabel, top: top, bottom: barBottom, x: left + cell * Double(columns) + 18)
    return canvas.svg(
      id: id, height: max(barBottom + 12, bottom + 44), title: title, description: caption)
  }

  private func drawAxes(
    _ layers: ClosedRange<Int>, _ columns: Int, _ left: Double, _ cell: Double, _ row: Double,
    _ bottom: Double, on canvas: inout Canvas
  ) {
    let step = row >= 12 ? 1 : layers.count <= 60 ? 2 : 5
    for layer in layers where (layer - layers.lowerBound) % step == 0 {
      canvas.text(
        "\(layer)", left - 6, bottom - row * (Double(layer - layers.lowerBound) + 0.5) + 4,
        anchor: "end", style: "soft")
    }
    canvas.text(
      "layer", 13, bottom - row * Double(layers.count) / 2, anchor: "middle", style: "soft",
      turned: true)
    let stride = cell >= 16 ? 1 : cell >= 8 ? 4 : 8
    for head in 0..<columns where head % stride == 0 {
      canvas.text(
        "\(head)", left + cell * (Double(head) + 0.5), bottom + 16, anchor: "middle",
        style: "soft")
    }
    canvas.text(
      "head", left + cell * Double(columns) / 2, bottom + 34, anchor: "middle", style: "soft")
  }
}
