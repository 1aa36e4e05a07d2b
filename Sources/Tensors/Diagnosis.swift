/// What this machine computes with, and whether it computes right.
public enum Diagnosis {
  /// The instruction set of the matrix kernel.
  public static var kernel: String { PackedMatrix.kernel }

  /// The system's BLAS with its version and kernel.
  public static var blas: String { OpenBLAS.description }

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
