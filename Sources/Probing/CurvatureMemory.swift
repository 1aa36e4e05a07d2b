/// The last steps of a descent and how they changed the gradient: what L-BFGS knows of the curvature.
struct CurvatureMemory {
  private static let capacity = 10
  private var pairs: [(step: [Double], change: [Double], inverse: Double)] = []

  var isEmpty: Bool { pairs.isEmpty }

  mutating func add(step: [Double], change: [Double]) {
    let product = dot(step, change)
    guard product > 0 else { return }
    pairs.append((step, change, 1 / product))
    if pairs.count > Self.capacity { pairs.removeFirst() }
  }

  /// Minus the approximate inverse Hessian times the gradient: the two-loop recursion.
  func descent(from gradient: [Double]) -> [Double] {
    var result = gradient.map { -$0 }
    var shares: [Double] = []
    for pair in pairs.reversed() {
      let share = pair.inverse * dot(pair.step, result)
      shares.append(share)
      add(-share, pair.change, to: &result)
    }
    if let last = pairs.last {
      let scale = 1 / (last.inverse * dot(last.change, last.change))
      for index in result.indices { result[index] *= scale }
    }
    for (pair, share) in zip(pairs, shares.reversed()) {
      add(share - pair.inverse * dot(pair.change, result), pair.step, to: &result)
    }
    return result
  }

  private func add(_ factor: Double, _ vector: [Double], to result: inout [Double]) {
    for index in result.indices { result[index] += factor * vector[index] }
  }
}

/// The inner product.
package func dot(
  _ left: some RandomAccessCollection<Double>, _ right: some RandomAccessCollection<Double>
) -> Double {
  precondition(left.count == right.count, "\(left.count) numbers against \(right.count)")
  return zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
}
