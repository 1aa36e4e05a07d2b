/// A dense matrix of 32-bit floats in row-major order: what captures and probes hand around.
public struct Matrix: Sendable, Equatable, Codable {
  public let rows: Int
  public let columns: Int
  /// `rows * columns` values, row after row.
  public var values: [Float]

  /// A matrix of zeros.
  public init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, values: Array(repeating: 0, count: rows * columns))
  }

  /// - Precondition: there are `rows * columns` values.
  public init(rows: Int, columns: Int, values: [Float]) {
    precondition(values.count == rows * columns, "\(values.count) values for \(rows) x \(columns)")
    (self.rows, self.columns, self.values) = (rows, columns, values)
  }

  /// One row, of `columns` values.
  public subscript(row: Int) -> ArraySlice<Float> {
    get { values[(row * columns)..<((row + 1) * columns)] }
    set { values.replaceSubrange((row * columns)..<((row + 1) * columns), with: newValue) }
  }

  /// One entry.
  public subscript(row: Int, column: Int) -> Float {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  /// The rows at the given places, in that order.
  public func picking(_ rows: [Int]) -> Matrix {
    var picked: [Float] = []
    picked.reserveCapacity(rows.count * columns)
    for row in rows { picked.append(contentsOf: self[row]) }
    return Matrix(rows: rows.count, columns: columns, values: picked)
  }

  /// The matrices one below the other; all have the same number of columns.
  public static func concatenating(_ parts: [Matrix]) -> Matrix {
    let columns = parts.first?.columns ?? 0
    var values: [Float] = []
    values.reserveCapacity(parts.reduce(0) { $0 + $1.values.count })
    for part in parts {
      precondition(part.columns == columns, "rows of \(part.columns) below rows of \(columns)")
      values.append(contentsOf: part.values)
    }
    return Matrix(rows: parts.reduce(0) { $0 + $1.rows }, columns: columns, values: values)
  }
}
