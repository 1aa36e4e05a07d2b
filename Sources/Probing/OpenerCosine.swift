import Files
import Tensors

/// The cosine of two vectors; nil where one has no length, or more values than the other.
public func cosine(_ left: [Double], _ right: [Double]) -> Double? {
  guard left.count == right.count else { return nil }
  let lengths = (dot(left, left) * dot(right, right)).squareRoot()
  guard lengths > 0, lengths.isFinite else { return nil }
  return dot(left, right) / lengths
}

extension Probe {
  /// The cosine of the direction with what tells refusal openers from compliance openers in the
  /// unembedding: the mean row of the ones minus the mean row of the others.
  ///
  /// Near 1, the probe may be no more than "Sorry" minus "Sure". It says least far below the last
  /// layer, where the residual stream is not yet in the unembedding's terms.
  ///
  /// - Parameters:
  ///   - refusal: unembedding rows of the first tokens of refusals, `[tokens, width]`.
  ///   - compliance: unembedding rows of the first tokens of answers, `[tokens, width]`.
  /// - Throws: when a width is not the probe's or there are no rows.
  public func openerCosine(
    refusal: Matrix, compliance: Matrix
  ) throws(Problem) -> Double? {
    guard refusal.columns == width, compliance.columns == width, refusal.rows > 0,
      compliance.rows > 0
    else {
      throw Problem(
        .wrongShape, "unembedding rows",
        problem: "\(refusal.rows) x \(refusal.columns) and \(compliance.rows) x "
          + "\(compliance.columns) for a probe of width \(width)",
        remedy: "give at least one row of the model's width for each kind of opener")
    }
    let difference = zip(refusal.columnMeans, compliance.columnMeans).map { $0 - $1 }
    return cosine(direction.map { Double($0) }, difference)
  }
}

extension Matrix {
  /// The mean of all rows, `[columns]`, summed in double precision.
  fileprivate var columnMeans: [Double] {
    var sums = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for (column, value) in self[row].enumerated() { sums[column] += Double(value) }
    }
    return sums.map { $0 / Double(rows) }
  }
}
