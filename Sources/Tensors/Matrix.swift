/// A dense matrix of 32-bit floats in row-major order: what captures and probes hand around.
public struct Matrix: Sendable, Hashable, Codable {
  /// The number of rows, one for each token of a capture.
  public let rows: Int
  /// The number of values of a row.
  public let columns: Int
  /// `rows * columns` values, row after row.
  public var values: [Float]

  /// A matrix of zeros.
  /// - Precondition: neither is negative.
  public init(rows: Int, columns: Int) {
    self.init(rows: rows, columns: columns, values: Array(repeating: 0, count: rows * columns))
  }

  /// - Precondition: there are `rows * columns` values.
  public init(rows: Int, columns: Int, values: [Float]) {
    precondition(values.count == rows * columns, "\(values.count) values for \(rows) x \(columns)")
    (self.rows, self.columns, self.values) = (rows, columns, values)
  }

  /// One row, of `columns` values, counted from 0: a copy, so that inner loops read `values` instead.
  /// - Precondition: there is such a row, and a new one has `columns` values.
  public subscript(row: Int) -> [Float] {
    get { Array(values[place(of: row)]) }
    set {
      precondition(newValue.count == columns, "\(newValue.count) values for a row of \(columns)")
      values.replaceSubrange(place(of: row), with: newValue)
    }
  }

  /// Where a row lies in `values`.
  private func place(of row: Int) -> Range<Int> {
    precondition((0..<rows).contains(row), "row \(row) of \(rows)")
    return (row * columns)..<((row + 1) * columns)
  }

  /// One entry.
  /// - Precondition: there is such a row and column.
  public subscript(row: Int, column: Int) -> Float {
    get { values[row * columns + column] }
    set { values[row * columns + column] = newValue }
  }

  /// The rows at the given places, in that order.
  /// - Precondition: there are such rows.
  public func picking(_ rows: [Int]) -> Matrix {
    var picked: [Float] = []
    picked.reserveCapacity(rows.count * columns)
    for row in rows { picked.append(contentsOf: values[place(of: row)]) }
    return Matrix(rows: rows.count, columns: columns, values: picked)
  }

  /// The matrices one below the other; 0 rows of 0 columns where there are none.
  /// - Precondition: all have the same number of columns.
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

extension Matrix {
  private enum CodingKeys: CodingKey { case rows, columns, values }

  /// - Throws: `DecodingError` where there are not `rows * columns` values.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let rows = try container.decode(Int.self, forKey: .rows)
    let columns = try container.decode(Int.self, forKey: .columns)
    let values = try container.decode([Float].self, forKey: .values)
    let (count, isTooLarge) = rows.multipliedReportingOverflow(by: columns)
    guard rows >= 0, columns >= 0, !isTooLarge, count == values.count else {
      throw DecodingError.dataCorruptedError(
        forKey: .values, in: container,
        debugDescription: "\(values.count) values for \(rows) x \(columns)")
    }
    self.init(rows: rows, columns: columns, values: values)
  }
}
