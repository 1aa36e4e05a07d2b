import COpenBLAS

/// Products of a few vectors with a tall feature matrix, which is what fitting probes consists of.
///
/// All vectors go through the features together: fitting twenty label vectors at once reads the
/// features as often as fitting one. OpenBLAS runs on the calling thread only, so that a result does
/// not depend on how many threads work beside it.
extension Matrix {
  private static let prepare: Void = openblas_set_num_threads(1)

  /// The inner products of all rows with all rows of `other`: self [m, d] other^T [d, n] = [m, n].
  package func timesTranspose(of other: Matrix) -> Matrix {
    precondition(columns == other.columns, "rows of \(columns) and rows of \(other.columns)")
    var result = Matrix(rows: rows, columns: other.rows)
    guard !values.isEmpty, !other.values.isEmpty else { return result }
    Self.prepare
    if rows == 1 {
      cblas_sgemv(
        CblasRowMajor, CblasNoTrans, blasint(other.rows), blasint(columns), 1, other.values,
        blasint(columns), values, 1, 0, &result.values, 1)
    } else {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(other.rows),
        blasint(columns), 1, values, blasint(columns), other.values, blasint(columns), 0,
        &result.values, blasint(other.rows))
    }
    return result
  }

  /// Sums of the rows of `other` weighted by each row: self [m, n] other [n, d] = [m, d].
  package func times(_ other: Matrix) -> Matrix {
    precondition(columns == other.rows, "rows of \(columns) and \(other.rows) rows")
    var result = Matrix(rows: rows, columns: other.columns)
    guard !values.isEmpty, !other.values.isEmpty else { return result }
    Self.prepare
    if rows == 1 {
      cblas_sgemv(
        CblasRowMajor, CblasTrans, blasint(other.rows), blasint(other.columns), 1, other.values,
        blasint(other.columns), values, 1, 0, &result.values, 1)
    } else {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(other.columns),
        blasint(columns), 1, values, blasint(columns), other.values, blasint(other.columns), 0,
        &result.values, blasint(other.columns))
    }
    return result
  }
}
