import COpenBLAS

extension Matrix {
  /// self `[n, k]` times other `[k, m]`: `[n, m]`, by OpenBLAS on one thread.
  package func multiplied(by other: Matrix) -> Matrix {
    precondition(columns == other.rows, "inner sizes \(columns) and \(other.rows) differ")
    if rows == 1 { return other.times(self, CblasTrans) }
    var product = Matrix(rows: rows, columns: other.columns)
    guard rows > 0, columns > 0, other.columns > 0 else { return product }
    OpenBLAS.prepare
    product.values.withUnsafeMutableBufferPointer { target in
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(other.columns),
        blasint(columns), 1, values, blasint(columns), other.values, blasint(other.columns), 0,
        target.baseAddress, blasint(other.columns))
    }
    return product
  }
}
