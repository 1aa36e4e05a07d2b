import Foundation
import Tensors

/// One logistic regression: labels, weights of the rows and the inverse penalty C.
struct LogisticProblem: Sendable {
  var labels: [Bool]
  /// One weight per row.
  var rowWeights: [Double]
  /// The loss is multiplied by this, so a small number is a strong penalty.
  var inversePenalty: Double
}

/// A linear function of features, z = w.x + b, in logit units.
struct LinearFit: Sendable, Equatable {
  var weight: [Double]
  var bias: Double
  /// Whether the optimum was reached; a closed form always has.
  var isConverged = true
}

/// L2 logistic regressions on the same features, solved together.
///
/// Each minimises `C sum_i s_i log(1 + exp(-y_i z_i)) + |w|^2 / 2` with z = w.x + b, y = +-1 and a
/// free intercept, which is scikit-learn's objective. L-BFGS (Nocedal 1980) walks all of them in
/// step, so that one pass over the features serves every penalty and every shuffled label. Where
/// there are more rows than features, it walks in the coordinates of `CurvatureBound`.
enum LogisticRegression {
  static let iterationLimit = 1000

  /// - Parameter features: `[rows, width]`, standardised.
  static func fit(_ features: Matrix, _ problems: [LogisticProblem]) -> [LinearFit] {
    // X^T X costs as much as a few dozen passes over the features and saves hundreds.
    let gram = features.columns <= features.rows ? features.gram() : nil
    var searches = problems.map { problem in
      LogisticSearch(
        problem, width: features.columns, gram.flatMap { CurvatureBound(gram: $0, problem) })
    }
    var active = Array(searches.indices)
    updateGradients(of: active, &searches, features)
    for _ in 0..<iterationLimit {
      active.removeAll { searches[$0].isFinished }
      if active.isEmpty { break }
      var directions = Matrix(rows: active.count, columns: features.columns)
      for (row, index) in active.enumerated() {
        searches[index].chooseDirection()
        directions[row] = searches[index].roundedDirection
      }
      let slopes = directions.multiplied(byTransposeOf: features)
      for (row, index) in active.enumerated() { searches[index].walk(along: slopes[row]) }
      updateGradients(of: active, &searches, features)
    }
    return searches.map(\.fit)
  }

  private static func updateGradients(
    of active: [Int], _ searches: inout [LogisticSearch], _ features: Matrix
  ) {
    var residuals = Matrix(rows: active.count, columns: features.rows)
    for (row, index) in active.enumerated() {
      residuals[row] = searches[index].residuals()
    }
    let sums = residuals.multiplied(by: features)
    for (row, index) in active.enumerated() { searches[index].receive(sums[row]) }
  }
}

/// The state of one regression between two passes over the features.
///
/// Points and gradients are `[width + 1]`, the intercept last, in double precision; only the products
/// with the features are in single precision.
private struct LogisticSearch {
  private let problem: LogisticProblem
  private let signs: [Double]
  private let width: Int
  private var point: [Double]
  /// z of every row at `point`.
  private var scores: [Double]
  private var biasGradient = 0.0
  private var direction: [Double]
  private var memory = CurvatureMemory()
  private let bound: CurvatureBound?
  /// The gradient, the direction and the last step in the coordinates of the bound.
  private var gradient: [Double]
  private var scaledDirection: [Double]
  private var step: [Double]
  private(set) var isFinished = false
  private var isConverged = false

  init(_ problem: LogisticProblem, width: Int, _ bound: CurvatureBound?) {
    self.problem = problem
    self.bound = bound
    self.width = width
    signs = problem.labels.map { $0 ? 1 : -1 }
    point = Array(repeating: 0, count: width + 1)
    gradient = point
    direction = point
    scaledDirection = point
    step = point
    scores = Array(repeating: 0, count: problem.labels.count)
  }

  var fit: LinearFit {
    LinearFit(weight: Array(point[..<width]), bias: point[width], isConverged: isConverged)
  }

  var roundedDirection: [Float] { direction[..<width].map { Float($0) } }

  /// The derivative of the loss by each row's z, `[rows]`.
  mutating func residuals() -> [Float] {
    biasGradient = 0
    return scores.indices.map { row in
      let pull = problem.inversePenalty * problem.rowWeights[row]
      let value = -pull * signs[row] * sigmoid(-signs[row] * scores[row])
      biasGradient += value
      return Float(value)
    }
  }

  /// Takes the features' sums weighted by the residuals, which complete the gradient.
  mutating func receive(_ sums: [Float]) {
    var plain = point
    for (column, sum) in sums.enumerated() { plain[column] += Double(sum) }
    plain[width] = biasGradient
    let next = bound?.transformed(plain, back: false) ?? plain
    if step.contains(where: { $0 != 0 }) {
      memory.add(step: step, change: zip(next, gradient).map { $0 - $1 })
    }
    gradient = next
    let size = dot(plain, plain).squareRoot()
    let weight = dot(point[..<width], point[..<width]).squareRoot()
    // |w|^2 / 2 makes the objective 1-strongly convex: the distance to the optimum is at most |g|.
    if size <= 1e-5 * max(weight, 1e-3) { isFinished = true }
    // Where steps have become too small, single precision can carry the gradient no further.
    isConverged = size <= (isFinished ? 1e-3 : 1e-5) * max(weight, 1e-3)
  }

  /// Chooses where to go next.
  mutating func chooseDirection() {
    scaledDirection = memory.descent(from: gradient)
    direction = bound?.transformed(scaledDirection, back: true) ?? scaledDirection
    // The features are multiplied by single precision: z must move by what the point moves by.
    for column in 0..<width { direction[column] = Double(Float(direction[column])) }
  }

  /// Walks to the minimum along the direction, where `slopes` is its product with every row.
  mutating func walk(along slopes: [Float]) {
    let bias = direction[width]
    let changes = slopes.map { Double($0) + bias }
    let weight = point[..<width]
    let line = Line(
      scores: scores, changes: changes, signs: signs,
      pulls: problem.rowWeights.map { $0 * problem.inversePenalty },
      linear: dot(weight, direction[..<width]),
      quadratic: dot(direction[..<width], direction[..<width]))
    let length = line.minimum(startingAtOne: !memory.isEmpty)
    for index in point.indices {
      step[index] = length * scaledDirection[index]
      point[index] += length * direction[index]
    }
    for row in scores.indices { scores[row] += length * changes[row] }
    let moved = length * length * dot(direction, direction)
    if moved <= 1e-14 * dot(point, point) { isFinished = true }
  }
}

/// The objective along a line: convex, so its minimum is the root of its rising derivative.
private struct Line {
  let scores: [Double]
  let changes: [Double]
  let signs: [Double]
  let pulls: [Double]
  /// w.p and p.p of the penalty |w + a p|^2 / 2.
  let linear: Double
  let quadratic: Double

  /// The first and second derivative at a step length.
  private func derivatives(_ length: Double) -> (first: Double, second: Double) {
    var first = linear + length * quadratic
    var second = quadratic
    for row in scores.indices {
      let probability = sigmoid(-signs[row] * (scores[row] + length * changes[row]))
      let pulled = pulls[row] * probability * changes[row]
      first -= signs[row] * pulled
      second += pulled * (1 - probability) * changes[row]
    }
    return (first, second)
  }

  /// Newton's method, kept inside the bracket, until a tenth of the first slope is left.
  func minimum(startingAtOne: Bool) -> Double {
    let start = derivatives(0)
    guard start.first < 0, start.second > 0 else { return 0 }
    var (low, high) = (0.0, Double.infinity)
    var length = startingAtOne ? 1 : -start.first / start.second
    for _ in 0..<50 {
      let here = derivatives(length)
      if abs(here.first) <= -0.1 * start.first { return length }
      if here.first < 0 { low = length } else { high = length }
      let next = length - here.first / here.second
      if next > low, next < min(high, 10 * length) {
        length = next
      } else {
        length = high.isFinite ? (low + high) / 2 : 2 * length
      }
    }
    return low
  }
}

/// 1 / (1 + exp(-z)), exact at both ends.
package func sigmoid(_ z: Double) -> Double {
  let tail = exp(-abs(z))
  return z >= 0 ? 1 / (1 + tail) : tail / (1 + tail)
}
