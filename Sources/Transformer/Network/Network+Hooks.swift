import CKernels
import Foundation
import Tensors

// Hooks that a forward pass does not come by: what is computed only where somebody asks for it.

/// The two hooks of a norm.
struct NormHooks {
  let scale: HookPoint
  let normalized: HookPoint

  private init(_ scale: HookPoint.Site, _ normalized: HookPoint.Site, _ layer: Int? = nil) {
    self.scale = HookPoint(scale, layer: layer)
    self.normalized = HookPoint(normalized, layer: layer)
  }

  static let final = NormHooks(.finalNormScale, .finalNormalized)
  static func beforeAttention(_ layer: Int) -> Self {
    Self(.attentionNormScale, .attentionNormalized, layer)
  }
  static func afterAttention(_ layer: Int) -> Self {
    Self(.attentionPostNormScale, .attentionPostNormalized, layer)
  }
  static func beforeMLP(_ layer: Int) -> Self { Self(.mlpNormScale, .mlpNormalized, layer) }
  static func afterMLP(_ layer: Int) -> Self { Self(.mlpPostNormScale, .mlpPostNormalized, layer) }
}

extension Pass {
  /// A norm of the residual stream or of what is added to it; x itself where there is none.
  func normalize(
    _ x: Device.Activations, by norm: Norm?, _ hooks: NormHooks
  ) -> Device.Activations {
    guard let norm else { return x }
    taps.read(hooks.scale) { rows, _ in
      let values = device.read(rows, of: x)
      return Matrix(
        rows: rows.count, columns: 1,
        values: rows.indices.map { row in Float(norm.scale(of: values[row].map { Double($0) })) })
    }
    guard taps.asks(hooks.normalized) else { return device.normalize(x, by: norm) }
    // Two steps to the same bits.
    let normalized = tap(hooks.normalized, device.normalize(x, by: norm.withoutGain))
    return device.stretch(normalized, by: norm)
  }
}

extension Norm {
  /// The same with a gain of 1 and no bias.
  var withoutGain: Norm {
    let kind: Kind = isCentred ? .layer(bias: gain.map { _ in 0 }) : .rms
    return Norm(kind: kind, gain: gain.map { _ in 1 }, epsilon: epsilon)
  }

  /// The same without a bias, to be stretched by.
  var gainAlone: Norm { Norm(kind: .rms, gain: gain, epsilon: epsilon) }
}

extension Attention {
  /// Reads each head's share of the output projection, from z, `[T, H * dHead]`.
  func readResults<Device: Backend>(
    _ heads: Device.Activations, _ layer: Int, _ pass: Pass<Device>
  ) where Device.Weight == Weight {
    let (device, weight) = (pass.device, Linear(weight: output.weight))
    pass.taps.read(.headResult(layer: layer)) { rows, _ in
      let z = device.pick(rows, of: heads)
      let places = Array(rows.indices)
      var results = Matrix(rows: 0, columns: 0)
      for head in 0..<shape.heads {
        let start = head * shape.dHead
        let rest = z.columns - start - shape.dHead
        let others: PreparedChange = .overwrite([
          (0, Array(repeating: 0, count: start)),
          (start + shape.dHead, Array(repeating: 0, count: rest)),
        ])
        let alone = device.change(
          [Edit(change: others, rows: places)], of: z, uniform: nil
        ).changed
        let share = device.read(places, of: device.multiply(alone, by: weight))
        if head == 0 {
          results = Matrix(rows: rows.count, columns: shape.heads * share.columns)
        }
        for row in places {
          let first = (row * shape.heads + head) * share.columns
          results.values.replaceSubrange(first..<(first + share.columns), with: share[row])
        }
      }
      return results
    }
  }

  /// Reads scores before the softmax, from queries and keys as attention takes them.
  func readScores<Device: Backend>(
    _ query: Device.Activations, _ key: Device.Activations, _ layer: Int, _ pass: Pass<Device>
  ) where Device.Weight == Weight {
    pass.taps.read(.attentionScores(layer: layer)) { rows, sequence in
      scores(
        of: pass.device.read(rows, of: query), at: rows.map { $0 - sequence.lowerBound },
        with: pass.device.read(Array(sequence), of: key))
    }
  }

  /// - Parameters:
  ///   - places: the token of each query.
  ///   - key: of all tokens.
  private func scores(of query: Matrix, at places: [Int], with key: Matrix) -> Matrix {
    let (tokens, width, group) = (key.rows, shape.dHead, shape.heads / shape.keyValueHeads)
    let count = places.count * shape.heads * tokens
    var values = [Float](repeating: -.infinity, count: count)
    values.withUnsafeMutableBufferPointer { values in
      query.values.withUnsafeBufferPointer { queries in
        key.values.withUnsafeBufferPointer { keys in
          guard let queries = queries.baseAddress, let keys = keys.baseAddress else { return }
          for (row, place) in places.enumerated() {
            let first = shape.window.map { max(0, place + 1 - $0) } ?? 0
            for head in 0..<shape.heads {
              let vector = queries + row * query.columns + head * width
              let start = (row * shape.heads + head) * tokens
              for token in first...place {
                let score =
                  shape.scale
                  * bathyscope_dot(
                    vector, keys + token * key.columns + head / group * width, width)
                values[start + token] = shape.softCap.map { $0 * tanhf(score / $0) } ?? score
              }
            }
          }
        }
      }
    }
    return Matrix(rows: places.count, columns: shape.heads * tokens, values: values)
  }
}

extension Network {
  /// Places of the forward pass that this network does not have.
  var absentSites: [HookPoint.Site] {
    func isMissing(_ norm: KeyPath<Block<Weight>, Norm?>) -> Bool {
      blocks.contains { $0[keyPath: norm] == nil }
    }
    return HookPoint.Site.allCases.filter { site in
      switch site {
      case .positionEmbedding: positionEmbedding == nil
      case .residualMid: blocks.contains(where: \.isParallel)
      case .rotatedQuery, .rotatedKey: blocks.contains { $0.attention.rotary == nil }
      case .mlpLinear: blocks.contains { if case .plain = $0.mlp { true } else { false } }
      case .attentionNormScale, .attentionNormalized: isMissing(\.attentionNorm)
      case .attentionPostNormScale, .attentionPostNormalized: isMissing(\.attentionPostNorm)
      case .mlpNormScale, .mlpNormalized: isMissing(\.mlpNorm)
      case .mlpPostNormScale, .mlpPostNormalized: isMissing(\.mlpPostNorm)
      default: false
      }
    }
  }
}
