/// A value from 0 to 1 for each pair of names, written into its cell.
public struct MatrixFigure: SVGFigure {
  /// What one cell shows.
  public struct Value: Sendable, Equatable {
    /// Nil where there is none.
    public var value: Double?
    /// A second line in the cell.
    public var note: String

    /// The value is from 0 to 1; the note may be empty.
    public init(value: Double?, note: String) { (self.value, self.note) = (value, note) }
  }

  /// Printed in bold in front of the caption; its slug names the files.
  public var title: String
  /// What is shown, with n; it is also the drawing's description.
  public var caption: String
  /// Names the colour bar, and the column of the values in the data.
  public var valueLabel: String
  /// What is compared with what: the same names head the rows and the columns.
  public var names: [String]
  /// `[row][column]`.
  public var cells: [[Value]]

  /// - Precondition: one row and one column for each name.
  public init(
    title: String, caption: String, valueLabel: String, names: [String], cells: [[Value]]
  ) {
    precondition(
      cells.count == names.count && cells.allSatisfy { $0.count == names.count },
      "one row and one column for each name")
    (self.title, self.caption, self.valueLabel) = (title, caption, valueLabel)
    (self.names, self.cells) = (names, cells)
  }

  /// One row for each pair of names, in the order of the cells.
  public var data: DataTable {
    DataTable(
      columns: ["row", "column", valueLabel, "note"],
      rows: names.indices.flatMap { row in
        names.indices.map { column in
          [
            .text(names[row]), .text(names[column]), .init(cells[row][column].value),
            .text(cells[row][column].note),
          ]
        }
      })
  }

  /// A square of cells with the colour bar, from 0 to 1, on its right.
  public func svg(id: String) -> String {
    var canvas = Canvas()
    let longest = names.map { Canvas.width(of: $0) }.max() ?? 0
    let left = min(max(longest, 40), 200) + 20
    let cell = min((Canvas.width - left - 100) / Double(max(names.count, 1)), 96)
    let (top, row) = (26.0, 44.0)
    for (index, name) in names.enumerated() {
      canvas.text(
        Markup.escape(Canvas.fitted(name, width: cell - 6)), left + cell * (Double(index) + 0.5),
        top - 9,
        anchor: "middle", style: "strong")
      let y = top + row * Double(index)
      canvas.text(
        Markup.escape(Canvas.fitted(name, width: left - 16)), left - 8, y + row / 2 + 4,
        anchor: "end", style: "strong")
      for column in names.indices {
        draw(cells[index][column], left + cell * Double(column), y, cell, row, on: &canvas)
      }
    }
    let bottom = top + max(row * Double(names.count), 100)
    canvas.colorBar(
      Scale(low: 0, high: 1, start: 0, end: 1), anchors: Self.anchors, label: valueLabel, top: top,
      bottom: bottom, x: left + cell * Double(names.count) + 18)
    return canvas.svg(id: id, height: bottom + 14, title: title, description: caption)
  }

  /// White to blue, with room for dark and light letters.
  private static let anchors = ["#f4f2ee", "#bfd6e8", "#7fb0d8", "#3f7db8", "#1f4e8c"]

  private func draw(
    _ value: Value, _ x: Double, _ y: Double, _ width: Double, _ height: Double,
    on canvas: inout Canvas
  ) {
    let share = value.value.flatMap { $0.isFinite ? $0 : nil }
    let fill = share.map { Palette.color($0, in: Self.anchors) } ?? "none"
    canvas.rectangle(
      x + 1, y + 1, width - 2, height - 2, "fill=\"\(fill)\" stroke=\"var(--line)\"")
    let color = share == nil ? "var(--soft)" : (share ?? 0) > 0.6 ? "#fff" : "#111"
    let (middle, line) = (Numbers.coordinate(x + width / 2), Numbers.coordinate(y + 19))
    canvas.add(
      "<text x=\"\(middle)\" y=\"\(line)\" text-anchor=\"middle\" style=\"fill:\(color)\">"
        + "\(share.map(Numbers.significant) ?? "–")</text>")
    canvas.add(
      "<text x=\"\(middle)\" y=\"\(Numbers.coordinate(y + 35))\" text-anchor=\"middle\" "
        + "style=\"fill:\(color);font-size:10px\">\(Markup.escape(value.note))</text>")
  }
}
