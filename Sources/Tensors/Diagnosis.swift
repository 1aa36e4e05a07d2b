import CKernels
import Foundation

/// What this machine computes with, and whether it computes right.
public enum Diagnosis {
  /// The instruction set of the matrix kernel.
  public static var kernel: String { PackedMatrix.kernel }

  /// What is wrong with the environment variable `BATHYSCOPE_KERNEL`; nil when nothing is.
  ///
  /// It names the instruction set to compute with. A name that this machine has no kernels for leaves
  /// the best one in use, which is not what was asked for: refuse to run.
  public static var kernelProblem: String? {
    problem(wanting: ProcessInfo.processInfo.environment["BATHYSCOPE_KERNEL"])
  }

  static func problem(wanting wanted: String?) -> String? {
    guard let wanted, !supportedKernels.contains(wanted) else { return nil }
    let names = supportedKernels.joined(separator: ", ")
    return "is '\(wanted)', and this machine has kernels for \(names) only"
  }

  /// The instruction sets that this machine has kernels for, best first.
  public static var supportedKernels: [String] {
    var names: [String] = []
    while let kernels = bathyscope_supported_kernels(names.count) {
      names.append(String(cString: kernels.pointee.kernel_name))
    }
    return names
  }

  /// The system's BLAS with its version and kernel.
  public static var blas: String { OpenBLAS.description }

  /// Why the system's BLAS cannot be used; nil where it can.
  public static var blasProblem: String? { OpenBLAS.problem }

  /// The largest difference between a product by the packed kernel and one by the system's BLAS, over
  /// numbers of about 1 and sums of 96.
  public static func productDifference() -> Float {
    let (rows, inputs, outputs) = (13, 96, 67)
    func number(_ index: Int) -> Float { Float((index &* 7919) % 1009) / 504.5 - 1 }
    let x = Matrix(rows: rows, columns: inputs, values: (0..<(rows * inputs)).map(number))
    let w = Matrix(
      rows: outputs, columns: inputs, values: (0..<(outputs * inputs)).map { number($0 + 17) })
    let packed = PackedMatrix(outputs: outputs, inputs: inputs) { row, target in
      for index in 0..<inputs { target[index] = w[row, index] }
    }
    var y = [Float](repeating: 0, count: rows * outputs)
    packed.multiply(x.values, rows: rows, into: &y)
    let expected = x.multiplied(byTransposeOf: w)
    return zip(y, expected.values).map { abs($0 - $1) }.max() ?? .infinity
  }
}
