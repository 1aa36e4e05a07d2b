import CKernels
import Foundation
import Tensors

extension CPUBackend {
  func route(_ logits: CPUActivations, top: Int, normalized: Bool) -> CPUActivations {
    let out = make(logits.rows, logits.columns)
    for row in 0..<logits.rows {
      let scores = UnsafeBufferPointer(start: logits.row(row), count: logits.columns)
      let weights = out.row(row)
      weights.update(repeating: 0, count: logits.columns)
      let largest = scores.max() ?? 0
      let powers = scores.map { expf($0 - largest) }
      let sum = powers.reduce(0, +)
      // Of equal logits the first wins, so that the choice is one on every machine.
      let chosen = scores.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(top)
      let share = normalized ? chosen.reduce(0) { $0 + powers[$1] } : sum
      for index in chosen { weights[index] = powers[index] / share }
    }
    return out
  }

  func combine(
    _ parts: [(rows: [Int], column: Int, values: CPUActivations)], weights: CPUActivations,
    columns: Int
  ) -> CPUActivations {
    let out = make(weights.rows, columns)
    out.start.update(repeating: 0, count: out.count)
    for part in parts {
      for (index, row) in part.rows.enumerated() {
        bathyscope_add_scaled(
          out.row(row), part.values.row(index), weights.row(row)[part.column], columns)
      }
    }
    return out
  }
}
