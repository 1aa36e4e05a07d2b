import CKernels
import Foundation
import Tensors

// Attention's weights are computed again, query by query: keeping them would take memory that grows with
// the square of the length.

extension CPUBackend {
  /// The gradients with respect to attention's arguments.
  func attendBackward(
    _ gradient: CPUActivations, _ query: CPUActivations, _ key: CPUActivations,
    _ value: CPUActivations, _ shape: AttentionShape, tile: Tile
  ) -> (query: CPUActivations, key: CPUActivations, value: CPUActivations) {
    let queries = zeros(query.rows, query.columns)
    let (keys, values) = (zeros(key.rows, key.columns), zeros(value.rows, value.columns))
    let work = Unchecked((gradient, query, key, value, queries, keys, values))
    forEachGroup(shape, tile) { group in
      let (gradient, query, key, value, queries, keys, values) = work.value
      let width = shape.dHead
      var changes = [Float](repeating: 0, count: group.rows.count)
      group.forEachQuery(query, key) { seen in
        let from = gradient.row(seen.row) + seen.column
        var mean = 0.0
        for (index, row) in seen.keys.enumerated() {
          changes[index] = bathyscope_dot(from, value.row(row) + group.column, width)
          mean += Double(seen.weights[index]) * Double(changes[index])
        }
        let (target, source) = (queries.row(seen.row), query.row(seen.row))
        for (index, row) in seen.keys.enumerated() {
          let weight = seen.weights[index]
          let change = Float(Double(weight) * (Double(changes[index]) - mean)) * seen.slopes[index]
          bathyscope_add_scaled(values.row(row) + group.column, from, weight, width)
          bathyscope_add_scaled(
            target + seen.column, key.row(row) + group.column, change, width)
          bathyscope_add_scaled(
            keys.row(row) + group.column, source + seen.column, change, width)
        }
      }
    }
    return (queries, keys, values)
  }

  /// The change of attention's result when its arguments change.
  func attendTangent(
    _ query: (value: CPUActivations, tangent: CPUActivations),
    _ key: (value: CPUActivations, tangent: CPUActivations),
    _ value: (value: CPUActivations, tangent: CPUActivations), _ shape: AttentionShape, tile: Tile
  ) -> CPUActivations {
    let out = zeros(query.value.rows, query.value.columns)
    let work = Unchecked((query, key, value, out))
    forEachGroup(shape, tile) { group in
      let (query, key, value, out) = work.value
      let width = shape.dHead
      var changes = [Float](repeating: 0, count: group.rows.count)
      group.forEachQuery(query.value, key.value) { seen in
        let (at, moved) = (query.value.row(seen.row), query.tangent.row(seen.row))
        var mean = 0.0
        for (index, row) in seen.keys.enumerated() {
          let change =
            bathyscope_dot(moved + seen.column, key.value.row(row) + group.column, width)
            + bathyscope_dot(at + seen.column, key.tangent.row(row) + group.column, width)
          changes[index] = change * seen.slopes[index]
          mean += Double(seen.weights[index]) * Double(changes[index])
        }
        let target = out.row(seen.row) + seen.column
        for (index, row) in seen.keys.enumerated() {
          let weight = seen.weights[index]
          let change = Float(Double(weight) * (Double(changes[index]) - mean))
          bathyscope_add_scaled(target, value.value.row(row) + group.column, change, width)
          bathyscope_add_scaled(target, value.tangent.row(row) + group.column, weight, width)
        }
      }
    }
    return out
  }

  /// Runs over the key/value heads of each sequence, each of which writes only what is its own.
  private func forEachGroup(
    _ shape: AttentionShape, _ tile: Tile, _ body: @Sendable (HeadGroup) -> Void
  ) {
    let sequences = (0..<tile.sequences.count).map { tile.rows(of: $0) }
    parallelFor(sequences.count * shape.keyValueHeads, threads: threads) {
      let (sequence, head) = $0.quotientAndRemainder(dividingBy: shape.keyValueHeads)
      body(HeadGroup(shape: shape, rows: sequences[sequence], head: head))
    }
  }
}

/// The query heads that share one key/value head, in one sequence.
private struct HeadGroup {
  let shape: AttentionShape
  /// The sequence's rows of the tile.
  let rows: Range<Int>
  let head: Int

  /// Where the key/value head's values begin in a row.
  var column: Int { head * shape.dHead }

  /// What one query of one head sees.
  struct Query {
    let row: Int
    /// Where the query head's values begin in a row.
    let column: Int
    let keys: Range<Int>
    /// Softmax weight of each key.
    let weights: UnsafeMutablePointer<Float>
    /// Derivative of each score with respect to query . key.
    let slopes: UnsafeMutablePointer<Float>
  }

  func forEachQuery(
    _ query: CPUActivations, _ key: CPUActivations, _ body: (Query) -> Void
  ) {
    let scratch = Buffer(count: 2 * rows.count)
    let (weights, slopes) = (scratch.start, scratch.start + rows.count)
    let heads = shape.heads / shape.keyValueHeads
    for head in (head * heads)..<((head + 1) * heads) {
      for row in rows {
        let first = shape.window.map { max(rows.lowerBound, row + 1 - $0) } ?? rows.lowerBound
        let seen = Query(
          row: row, column: head * shape.dHead, keys: first..<(row + 1), weights: weights,
          slopes: slopes)
        score(seen, query.row(row) + seen.column, key)
        body(seen)
      }
    }
  }

  /// Fills in weights and slopes.
  private func score(_ seen: Query, _ query: UnsafePointer<Float>, _ key: CPUActivations) {
    var largest = -Float.infinity
    for (index, row) in seen.keys.enumerated() {
      var score = bathyscope_dot(query, key.row(row) + column, shape.dHead) * shape.scale
      seen.slopes[index] = shape.scale
      if let cap = shape.softCap {
        let capped = tanhf(score / cap)
        seen.slopes[index] *= (1 - capped) * (1 + capped)
        score = capped * cap
      }
      seen.weights[index] = score
      largest = max(largest, score)
    }
    var sum = 0.0
    for index in 0..<seen.keys.count {
      seen.weights[index] = expf(seen.weights[index] - largest)
      sum += Double(seen.weights[index])
    }
    for index in 0..<seen.keys.count {
      seen.weights[index] = Float(Double(seen.weights[index]) / sum)
    }
  }
}
