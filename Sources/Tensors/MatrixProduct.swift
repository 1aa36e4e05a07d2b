extension Matrix {
  /// The columns of a range, `[rows, range.count]`.
  /// - Precondition: there are such columns.
  public func columns(_ range: Range<Int>) -> Matrix {
    var picked: [Float] = []
    picked.reserveCapacity(rows * range.count)
    for row in 0..<rows {
      let start = row * columns
      picked.append(
        contentsOf: values[(start + range.lowerBound)..<(start + range.upperBound)])
    }
    return Matrix(rows: rows, columns: range.count, values: picked)
  }

  /// self `[n, k]` times the transpose of other `[m, k]`: `[n, m]`, by OpenBLAS on one thread.
  package func multiplied(byTransposeOf other: Matrix) -> Matrix {
    precondition(columns == other.columns, "inner sizes \(columns) and \(other.columns) differ")
    if rows == 1 { return other.times(self, isTransposed: false) }
    var product = Matrix(rows: rows, columns: other.rows)
    guard rows > 0, columns > 0, other.rows > 0 else { return product }
    product.values.withUnsafeMutableBufferPointer { target in
      OpenBLAS.library.sgemm(
        OpenBLAS.rowMajor, OpenBLAS.plain, OpenBLAS.transposed, Int32(rows), Int32(other.rows),
        Int32(columns), 1, values, Int32(columns), other.values, Int32(columns), 0,
        target.baseAddress, Int32(other.rows))
    }
    return product
  }

  /// The transpose times itself, `[columns, columns]`, by OpenBLAS on one thread.
  package func gram() -> Matrix {
    var product = Matrix(rows: columns, columns: columns)
    guard rows > 0, columns > 0 else { return product }
    product.values.withUnsafeMutableBufferPointer { target in
      OpenBLAS.library.ssyrk(
        OpenBLAS.rowMajor, OpenBLAS.lower, OpenBLAS.transposed, Int32(columns), Int32(rows), 1,
        values, Int32(columns), 0, target.baseAddress, Int32(columns))
    }
    for row in 0..<columns {
      for column in 0..<row { product[column, row] = product[row, column] }
    }
    return product
  }

  /// This matrix times a vector `[1, columns]`, as one row `[1, rows]`; or its transpose times a vector
  /// `[1, rows]`, as `[1, columns]`.
  ///
  /// `sgemm` would copy the matrix first, which takes longer than the product.
  func times(_ vector: Matrix, isTransposed: Bool) -> Matrix {
    var product = Matrix(rows: 1, columns: isTransposed ? columns : rows)
    guard rows > 0, columns > 0 else { return product }
    product.values.withUnsafeMutableBufferPointer { target in
      OpenBLAS.library.sgemv(
        OpenBLAS.rowMajor, isTransposed ? OpenBLAS.transposed : OpenBLAS.plain, Int32(rows),
        Int32(columns), 1, values, Int32(columns), vector.values, 1, 0, target.baseAddress, 1)
    }
    return product
  }
}
