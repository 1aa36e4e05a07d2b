import Tensors

/// (1 - a) S + a m I, where S is the covariance of centred rows and m the mean of its diagonal.
///
/// It is applied and never inverted: with more features than rows S has no inverse, and with
/// thousands of features an inverse would take longer than all probes together.
struct ShrunkCovariance {
  /// a, between 0 and 1.
  let shrinkage: Double
  private let meanVariance: Double
  private let count: Double
  private let rows: Matrix
  /// S times the number of rows, kept where it is smaller than the rows themselves.
  private let gram: Matrix?

  /// - Parameter rows: `[rows, width]`, with mean 0.
  /// - Parameter shrinkage: estimated after Ledoit and Wolf (2004) when nil.
  init(ofCentred rows: Matrix, shrinkage: Double?) {
    self.rows = rows
    count = Double(rows.rows)
    let width = Double(rows.columns)
    // Squared lengths of the rows; their sum is the trace of S times the number of rows.
    let lengths = (0..<rows.rows).map { row in
      rows[row].reduce(0.0) { $0 + Double($1) * Double($1) }
    }
    let trace = lengths.reduce(0, +) / count
    meanVariance = trace / width
    gram = rows.columns < rows.rows ? rows.gram() : nil
    let square = gram ?? rows.multiplied(byTransposeOf: rows)
    // The sums of squares of X^T X and of X X^T are the same, so the smaller one is taken.
    let squares = square.values.reduce(0.0) { $0 + Double($1) * Double($1) } / (count * count)
    let fourth = lengths.reduce(0.0) { $0 + $1 * $1 } / count
    let distance = squares - 2 * meanVariance * trace + width * meanVariance * meanVariance
    let noise = min((fourth - squares) / count, distance)
    let estimate = distance > 0 ? min(max(noise / distance, 0), 1) : 1
    self.shrinkage = shrinkage ?? estimate
  }

  private func times(_ vector: [Double]) -> [Double] {
    let single = Matrix(rows: 1, columns: vector.count, values: vector.map { Float($0) })
    let product =
      gram.map { single.multiplied(byTransposeOf: $0) }
      ?? single.multiplied(byTransposeOf: rows).multiplied(by: rows)
    return zip(product.values, vector).map {
      (1 - shrinkage) * Double($0) / count + shrinkage * meanVariance * $1
    }
  }

  /// The vector that the matrix takes to `target`, by conjugate gradients.
  func solve(_ target: [Double]) -> (vector: [Double], isConverged: Bool) {
    var solution = [Double](repeating: 0, count: target.count)
    var residual = target
    var direction = residual
    var size = dot(residual, residual)
    let goal = 1e-12 * size
    for _ in 0..<1000 where size > goal {
      let image = times(direction)
      let curvature = dot(direction, image)
      guard curvature > 0 else { break }
      let length = size / curvature
      for index in solution.indices {
        solution[index] += length * direction[index]
        residual[index] -= length * image[index]
      }
      let next = dot(residual, residual)
      for index in direction.indices {
        direction[index] = residual[index] + next / size * direction[index]
      }
      size = next
    }
    return (solution, size <= goal)
  }
}
