import Tensors

/// Means and standard deviations of features, measured on training rows and applied to any.
struct Standardisation: Sendable, Equatable {
  /// `[width]`.
  var mean: [Double]
  /// `[width]`; 1 where a feature is constant.
  var scale: [Double]

  /// Leaves features as they are.
  static func identity(width: Int) -> Standardisation {
    Standardisation(
      mean: Array(repeating: 0, count: width), scale: Array(repeating: 1, count: width))
  }

  /// The statistics of some rows, summed in double precision: some features of language models are
  /// a thousand times larger than the others.
  init(of matrix: Matrix, rows: [Int]) {
    let width = matrix.columns
    let count = Double(max(rows.count, 1))
    mean = Array(repeating: 0, count: width)
    scale = Array(repeating: 0, count: width)
    matrix.values.withUnsafeBufferPointer { values in
      for row in rows {
        for column in 0..<width { mean[column] += Double(values[row * width + column]) }
      }
      for column in 0..<width { mean[column] /= count }
      for row in rows {
        for column in 0..<width {
          let difference = Double(values[row * width + column]) - mean[column]
          scale[column] += difference * difference
        }
      }
    }
    for column in 0..<width {
      let deviation = (scale[column] / count).squareRoot()
      // Less spread than the spacing of 32-bit floats is a constant, not a feature.
      scale[column] = deviation > 1e-7 * abs(mean[column]) ? deviation : 1
    }
  }

  /// A fit to raw features as one to standardised features.
  func applied(to fit: LinearFit) -> LinearFit {
    var fit = fit
    fit.bias += dot(fit.weight, mean)
    fit.weight = zip(fit.weight, scale).map { $0 * $1 }
    return fit
  }

  init(mean: [Double], scale: [Double]) { (self.mean, self.scale) = (mean, scale) }

  /// Some rows, standardised: `[rows.count, width]`.
  func apply(to matrix: Matrix, rows: [Int]) -> Matrix {
    let width = matrix.columns
    var result = Matrix(rows: rows.count, columns: width)
    matrix.values.withUnsafeBufferPointer { source in
      result.values.withUnsafeMutableBufferPointer { target in
        for (place, row) in rows.enumerated() {
          for column in 0..<width {
            let value = Double(source[row * width + column])
            target[place * width + column] = Float((value - mean[column]) / scale[column])
          }
        }
      }
    }
    return result
  }
}
