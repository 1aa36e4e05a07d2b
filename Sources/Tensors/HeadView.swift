/// The rows of a matrix taken apart by heads: `[tokens, heads, dHead]`.
///
///     let z = run[.headOutput(layer: 7)]?.byHead(model.shape.heads)
///     z?[token, 3]     // head 3's output at a token, [dHead]
///     z?.head(3)       // at all tokens, [tokens, dHead]
public struct HeadView: Sendable, Equatable {
  /// The number of tokens, one for each row of the matrix.
  public let tokens: Int
  /// The number of heads that a row was taken apart into.
  public let heads: Int
  /// The number of values of one head at one token.
  public let dHead: Int
  private let values: [Float]

  fileprivate init(_ matrix: Matrix, heads: Int) {
    (tokens, self.heads, dHead) = (matrix.rows, heads, matrix.columns / heads)
    values = matrix.values
  }

  private func place(_ token: Int, _ head: Int) -> Int {
    precondition((0..<tokens).contains(token), "token \(token) of \(tokens)")
    precondition((0..<heads).contains(head), "head \(head) of \(heads)")
    return (token * heads + head) * dHead
  }

  /// One head's values at one token, `[dHead]`.
  /// - Precondition: there is such a token and head.
  public subscript(token: Int, head: Int) -> [Float] {
    let start = place(token, head)
    return Array(values[start..<(start + dHead)])
  }

  /// One value.
  /// - Precondition: there is such a token, head and coordinate.
  public subscript(token: Int, head: Int, coordinate: Int) -> Float {
    precondition((0..<dHead).contains(coordinate), "coordinate \(coordinate) of \(dHead)")
    return values[place(token, head) + coordinate]
  }

  /// One head's values at all tokens, `[tokens, dHead]`.
  /// - Precondition: there is such a head.
  public func head(_ head: Int) -> Matrix {
    precondition((0..<heads).contains(head), "head \(head) of \(heads)")
    return Matrix(
      rows: tokens, columns: dHead, values: (0..<tokens).flatMap { self[$0, head] })
  }
}

extension Matrix {
  /// The rows taken apart into as many heads, which stand one after another in each.
  /// - Precondition: `heads` is positive and divides `columns`.
  public func byHead(_ heads: Int) -> HeadView {
    precondition(
      heads > 0 && columns % heads == 0, "\(columns) columns are not those of \(heads) heads")
    return HeadView(self, heads: heads)
  }
}
