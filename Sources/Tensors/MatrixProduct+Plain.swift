extension Matrix {
  /// self `[n, k]` times other `[k, m]`: `[n, m]`, by OpenBLAS on one thread.
  package func multiplied(by other: Matrix) -> Matrix {
    precondition(columns == other.rows, "inner sizes \(columns) and \(other.rows) differ")
    if rows == 1 { return other.times(self, isTransposed: true) }
    var product = Matrix(rows: rows, columns: other.columns)
    guard rows > 0, columns > 0, other.columns > 0 else { return product }
    product.values.withUnsafeMutableBufferPointer { target in
      OpenBLAS.library.sgemm(
        OpenBLAS.rowMajor, OpenBLAS.plain, OpenBLAS.plain, Int32(rows), Int32(other.columns),
        Int32(columns), 1, values, Int32(columns), other.values, Int32(other.columns), 0,
        target.baseAddress, Int32(other.columns))
    }
    return product
  }
}
