import Tensors

/// What adapters add to one parameter `[rows, columns]`: a product of two thin matrices.
///
/// Rows and columns are those of the Hugging Face parameter in the orientation of a linear layer,
/// `[outputs, inputs]`, and of an embedding, `[tokens, dModel]`. GPT-2 stores its `Conv1D` weights as
/// `[inputs, outputs]`: they too are adapted by rows of `[outputs, inputs]`, after being transposed.
///
/// Each value of the product is one chain of multiply-adds in 32-bit floats over the ranks of the
/// first adapter, then of the second, so it is off by at most about `rank * 2^-24` of the sum of its
/// terms' sizes, and the same bits whatever rows are asked for, in any order, on any thread.
package struct AdapterUpdate: Sendable {
  package let rows: Int
  package let columns: Int
  /// The sum of the adapters' ranks.
  package var rank: Int { left.columns }
  /// `[rows, rank]`, with scales and weights multiplied in.
  private let left: Matrix
  /// The right factor transposed, `[columns, rank]`.
  private let right: PackedMatrix
  /// The length of each row of the adapted parameter; nil without DoRA.
  private let magnitude: [Float]?

  init(left: Matrix, right: Matrix, magnitude: [Float]?) {
    (rows, columns) = (left.rows, right.columns)
    self.left = left
    self.right = PackedMatrix(outputs: right.columns, inputs: right.rows) { column, target in
      for rank in 0..<right.rows { target[rank] = right[rank, column] }
    }
    self.magnitude = magnitude
  }

  /// Turns a row of the base weight, `columns` floats, into the row of the adapted weight.
  package func apply(toRow row: Int, _ target: UnsafeMutablePointer<Float>) {
    precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
    if rank > 0 {
      withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { scratch in
        guard let product = scratch.baseAddress else { return }
        left.values.withUnsafeBufferPointer { left in
          guard let start = left.baseAddress else { return }
          right.multiply(start + row * rank, rows: 1, into: product)
        }
        for column in 0..<columns { target[column] += product[column] }
      }
    }
    guard let magnitude else { return }
    var square = 0.0
    for column in 0..<columns { square += Double(target[column]) * Double(target[column]) }
    let factor = Float(Double(magnitude[row]) / square.squareRoot())
    for column in 0..<columns { target[column] *= factor }
  }
}
