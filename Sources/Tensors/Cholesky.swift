/// The factor L of a symmetric positive definite matrix, A = L L^T.
package struct Cholesky: Sendable {
  /// Row by row, of which the lower triangle counts: `[order, order]`.
  private let factor: Matrix

  /// - Parameter matrix: `[order, order]`, of which the lower triangle is read.
  /// - Returns: nil when it is not positive definite in single precision.
  package init?(_ matrix: Matrix) {
    precondition(matrix.rows == matrix.columns, "a square matrix")
    var factor = matrix
    var (order, info) = (Int32(matrix.rows), Int32(0))
    // The lower triangle by rows is the upper one by columns, which is how LAPACK reads.
    factor.values.withUnsafeMutableBufferPointer { values in
      OpenBLAS.library.spotrf("U", &order, values.baseAddress, &order, &info)
    }
    guard info == 0 else { return nil }
    self.factor = factor
  }

  /// Replaces a vector b, `[order]`, by L^-1 b, or by L^-T b.
  package func solve(_ vector: inout [Float], transposed: Bool) {
    precondition(vector.count == factor.rows, "\(vector.count) numbers for order \(factor.rows)")
    factor.values.withUnsafeBufferPointer { values in
      vector.withUnsafeMutableBufferPointer { vector in
        OpenBLAS.library.strsv(
          OpenBLAS.rowMajor, OpenBLAS.lower, transposed ? OpenBLAS.transposed : OpenBLAS.plain,
          OpenBLAS.nonUnit, Int32(factor.rows), values.baseAddress, Int32(factor.rows),
          vector.baseAddress, 1)
      }
    }
  }
}
