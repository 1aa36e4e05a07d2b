import CKernels
import Foundation
import Tensors

// Which experts a token goes through is a constant: it does not change with small changes of the logits.

extension CPUBackend {
  func routeBackward(
    _ gradient: CPUActivations, at logits: CPUActivations, _ weights: CPUActivations,
    normalized: Bool
  ) -> CPUActivations {
    let masked = mask(gradient, weights)
    return normalized
      ? throughSoftmax(masked, weights) : throughSoftmax(masked, softmax(logits))
  }

  func routeTangent(
    _ tangent: CPUActivations, at logits: CPUActivations, _ weights: CPUActivations,
    normalized: Bool
  ) -> CPUActivations {
    normalized
      ? throughSoftmax(tangent, weights)
      : mask(throughSoftmax(tangent, softmax(logits)), weights)
  }

  /// The gradients with respect to the parts that were combined, and to their weights.
  func combineBackward(
    _ gradient: CPUActivations, at parts: [(rows: [Int], column: Int, values: CPUActivations)],
    weights: CPUActivations
  ) -> (parts: [CPUActivations], weights: CPUActivations) {
    let weightGradient = zeros(weights.rows, weights.columns)
    let partGradients = parts.map { part in
      let out = zeros(part.values.rows, part.values.columns)
      for (index, row) in part.rows.enumerated() {
        bathyscope_add_scaled(
          out.row(index), gradient.row(row), weights.row(row)[part.column], out.columns)
        weightGradient.row(row)[part.column] = bathyscope_dot(
          gradient.row(row), part.values.row(index), out.columns)
      }
      return out
    }
    return (partGradients, weightGradient)
  }

  /// p (v - p . v), the symmetric derivative of a softmax p, row by row.
  private func throughSoftmax(_ v: CPUActivations, _ p: CPUActivations) -> CPUActivations {
    let out = make(v.rows, v.columns)
    for row in 0..<v.rows {
      let (v, p) = (v.row(row), p.row(row))
      let mean = (0..<out.columns).reduce(0.0) { $0 + Double(p[$1]) * Double(v[$1]) }
      for index in 0..<out.columns {
        out.row(row)[index] = Float(Double(p[index]) * (Double(v[index]) - mean))
      }
    }
    return out
  }

  /// Zero but where an expert was chosen.
  private func mask(_ v: CPUActivations, _ weights: CPUActivations) -> CPUActivations {
    let out = make(v.rows, v.columns)
    for index in 0..<v.count { out.start[index] = weights.start[index] == 0 ? 0 : v.start[index] }
    return out
  }

  private func softmax(_ logits: CPUActivations) -> CPUActivations {
    let out = make(logits.rows, logits.columns)
    for row in 0..<logits.rows {
      let scores = UnsafeBufferPointer(start: logits.row(row), count: logits.columns)
      let largest = Double(scores.max() ?? 0)
      let powers = scores.map { exp(Double($0) - largest) }
      let sum = powers.reduce(0, +)
      for index in powers.indices { out.row(row)[index] = Float(powers[index] / sum) }
    }
    return out
  }
}
