import COpenBLAS

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
    if rows == 1 { return other.times(self, CblasNoTrans) }
    var product = Matrix(rows: rows, columns: other.rows)
    guard rows > 0, columns > 0, other.rows > 0 else { return product }
    OpenBLAS.prepare
    product.values.withUnsafeMutableBufferPointer { target in
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(other.rows),
        blasint(columns), 1, values, blasint(columns), other.values, blasint(columns), 0,
        target.baseAddress, blasint(other.rows))
    }
    return product
  }

  /// The transpose times itself, `[columns, columns]`, by OpenBLAS on one thread.
  package func gram() -> Matrix {
    var product = Matrix(rows: columns, columns: columns)
    guard rows > 0, columns > 0 else { return product }
    OpenBLAS.prepare
    product.values.withUnsafeMutableBufferPointer { target in
      cblas_ssyrk(
        CblasRowMajor, CblasLower, CblasTrans, blasint(columns), blasint(rows), 1, values,
        blasint(columns), 0, target.baseAddress, blasint(columns))
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
  func times(_ vector: Matrix, _ transposition: CBLAS_TRANSPOSE) -> Matrix {
    let isTransposed = transposition == CblasTrans
    var product = Matrix(rows: 1, columns: isTransposed ? columns : rows)
    guard rows > 0, columns > 0 else { return product }
    OpenBLAS.prepare
    product.values.withUnsafeMutableBufferPointer { target in
      cblas_sgemv(
        CblasRowMajor, transposition, blasint(rows), blasint(columns), 1, values, blasint(columns),
        vector.values, 1, 0, target.baseAddress, 1)
    }
    return product
  }
}

/// The system's BLAS: what probes are fitted with, and the oracle for our own products.
package enum OpenBLAS {
  /// It must not start threads of its own: parallel work is ours.
  package static let prepare: Void = openblas_set_num_threads(1)

  /// Its version, build options and the kernel that it chose.
  package static let description: String = {
    prepare
    return "\(String(cString: openblas_get_config())) \(String(cString: openblas_get_corename()))"
  }()
}
