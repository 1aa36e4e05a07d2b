import CKernels

/// A weight matrix `[outputs, inputs]` laid out for fast products with few or many rows.
///
/// A row of a product is the same bits alone, in any batch and on any number of threads: each value is
/// a sum of spans of 64 inputs, each one chain of multiply-adds in order. OpenBLAS does not promise
/// that; its AVX2 kernels compute the first and the last six rows of each twelve differently.
package struct PackedMatrix: Sendable {
  package let outputs: Int
  package let inputs: Int
  /// How many of the weights are NaN or infinite.
  package let nonFinite: Int
  /// The largest relative change of a weight by rounding to bfloat16; 0 when all were bfloat16 before.
  ///
  /// Weights below the smallest normal float do not count.
  package let roundingChange: Float
  let storage: Storage

  /// Where products find the weights.
  enum Storage: Sendable {
    /// Panels of floats.
    case floats(Buffer)
    /// Panels of bfloat16; are activations rounded, too?
    case halves(Buffer, roundsActivations: Bool)
    /// Writes rows as floats; a panel of them lives as long as it is used.
    case expanded(@Sendable (Range<Int>, UnsafeMutablePointer<Float>) -> Void)
  }

  /// Outputs of a panel.
  static let panel = 16
  var panels: Int { (outputs + Self.panel - 1) / Self.panel }

  /// Packs rows one by one.
  /// - Parameter fill: writes the given row, `inputs` floats.
  package init(
    outputs: Int, inputs: Int, precision: Precision = .float32,
    fill: (_ row: Int, _ target: UnsafeMutablePointer<Float>) -> Void
  ) {
    (self.outputs, self.inputs) = (outputs, inputs)
    let terms = precision == .float32 ? inputs : (inputs + 1) / 2
    let packed = Buffer(count: (outputs + Self.panel - 1) / Self.panel * Self.panel * terms)
    storage =
      precision == .float32
      ? .floats(packed) : .halves(packed, roundsActivations: precision == .bfloat16)
    let rows = Buffer(count: Self.panel * inputs)
    var (nonFinite, change) = (0, Float(0))
    for first in stride(from: 0, to: outputs, by: Self.panel) {
      let count = min(Self.panel, outputs - first)
      for row in 0..<count { fill(first + row, rows.start + row * inputs) }
      nonFinite += bathyscope_count_nonfinite(rows.start, count * inputs)
      let target = packed.start + first * terms
      if precision == .float32 {
        bathyscope_pack_panel(target, rows.start, count, inputs)
      } else {
        change = max(change, bathyscope_pack_panel_bf16(words(target), rows.start, count, inputs))
      }
    }
    (self.nonFinite, roundingChange) = (nonFinite, change)
  }

  /// Leaves quantised weights as they are stored, and expands them whenever they are used: the bits of
  /// `float32` from the memory of the checkpoint.
  /// - Parameter rows: writes the given rows, `inputs` floats each, one after another.
  package init(
    outputs: Int, inputs: Int,
    expanding rows: @escaping @Sendable (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) {
    (self.outputs, self.inputs, roundingChange) = (outputs, inputs, 0)
    storage = .expanded(rows)
    let scratch = Buffer(count: Self.panel * inputs)
    nonFinite = stride(from: 0, to: outputs, by: Self.panel).reduce(0) { found, first in
      let range = first..<min(first + Self.panel, outputs)
      rows(range, scratch.start)
      return found + bathyscope_count_nonfinite(scratch.start, range.count * inputs)
    }
  }

  /// Writes a row of the matrix, `inputs` floats.
  package func copyRow(_ row: Int, to target: UnsafeMutablePointer<Float>) {
    precondition(row >= 0 && row < outputs, "row \(row) of \(outputs)")
    copyRows(row..<(row + 1), to: target)
  }

  /// The instruction set that products use on this machine.
  package static var kernel: String { String(cString: bathyscope_kernel_name()) }
}

/// The same memory as words of two bfloat16.
func words(_ floats: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<UInt32> {
  UnsafeMutableRawPointer(floats).assumingMemoryBound(to: UInt32.self)
}
