import CKernels

/// A weight matrix `[outputs, inputs]` laid out for fast products with few or many rows.
///
/// A row of a product is the same bits alone and in any batch: each value is one chain of
/// multiply-adds over the inputs in order. OpenBLAS does not promise that; its AVX2 kernels compute
/// the first and the last six rows of each twelve differently.
package struct PackedMatrix: Sendable {
  package let outputs: Int
  package let inputs: Int
  /// How many of the weights are NaN or infinite.
  package let nonFinite: Int
  private let packed: Buffer

  /// Packs rows one by one.
  /// - Parameter fill: writes the given row, `inputs` floats.
  package init(
    outputs: Int, inputs: Int, fill: (_ row: Int, _ target: UnsafeMutablePointer<Float>) -> Void
  ) {
    (self.outputs, self.inputs) = (outputs, inputs)
    packed = Buffer(count: bathyscope_packed_count(outputs, inputs))
    let row = Buffer(count: inputs)
    var nonFinite = 0
    for index in 0..<outputs {
      fill(index, row.start)
      nonFinite += bathyscope_count_nonfinite(row.start, inputs)
      bathyscope_pack_row(packed.start, row.start, index, inputs)
    }
    self.nonFinite = nonFinite
  }

  /// Writes a row of the matrix, `inputs` floats.
  package func copyRow(_ row: Int, to target: UnsafeMutablePointer<Float>) {
    precondition(row >= 0 && row < outputs, "row \(row) of \(outputs)")
    bathyscope_unpack_row(target, packed.start, row, inputs)
  }

  /// y `[rows, outputs]` = x `[rows, inputs]` times the transpose of this matrix.
  package func multiply(
    _ x: UnsafePointer<Float>, rows: Int, into y: UnsafeMutablePointer<Float>
  ) {
    bathyscope_multiply(y, x, packed.start, rows, inputs, outputs)
  }

  /// The instruction set that products use on this machine.
  package static var kernel: String { String(cString: bathyscope_kernel_name()) }
}
