import Tensors

/// What each head of a block writes into the residual stream, in double precision.
package struct HeadWriter: Sendable {
  private let dHead: Int
  private let heads: Int
  /// The output projection, `[dModel, H * dHead]`.
  private let weight: Matrix
  private let bias: [Float]?
  /// Of the whole output, where there is one.
  private let postNorm: Norm?

  package init(_ model: Model, layer: Int) {
    let block = model.network.blocks[layer]
    let attention = block.attention
    (dHead, heads) = (attention.shape.dHead, attention.shape.heads)
    (bias, postNorm) = (attention.output.bias, block.attentionPostNorm)
    let device = CPUBackend()
    let rows = Array(0..<Int32(model.shape.dModel))
    weight = device.read(
      rows.indices.map { $0 }, of: device.gather(rows, from: attention.output.weight))
  }

  /// The heads' shares of attention's output at one token, `[heads][dModel]`, and that of the bias.
  ///
  /// A norm behind attention is held at its scale for the whole output, so that shares still add up.
  /// - Parameter z: `[H * dHead]`.
  package func shares(of z: [Float]) -> (heads: [[Double]], bias: [Double]) {
    var shares = (0..<heads).map { share(of: $0, z) }
    var rest = bias?.map { Double($0) } ?? [Double](repeating: 0, count: weight.rows)
    guard let postNorm else { return (shares, rest) }
    let total = rest.indices.map { column in shares.reduce(rest[column]) { $0 + $1[column] } }
    let scale = postNorm.scale(of: total)
    func held(_ share: [Double]) -> [Double] {
      let mean = postNorm.isCentred ? share.reduce(0, +) / Double(share.count) : 0
      return zip(share, postNorm.gain).map { ($0 - mean) * Double($1) / scale }
    }
    shares = shares.map(held)
    rest = held(rest)
    if case .layer(let bias) = postNorm.kind {
      for column in rest.indices { rest[column] += Double(bias[column]) }
    }
    return (shares, rest)
  }
}

extension HeadWriter {
  private func share(of head: Int, _ z: [Float]) -> [Double] {
    var share = [Double](repeating: 0, count: weight.rows)
    let columns = weight.columns
    weight.values.withUnsafeBufferPointer { weight in
      z.withUnsafeBufferPointer { z in
        for row in share.indices {
          var sum = 0.0
          var column = head * dHead
          while column < (head + 1) * dHead {
            sum += Double(weight[row * columns + column]) * Double(z[column])
            column += 1
          }
          share[row] = sum
        }
      }
    }
    return share
  }
}

extension Norm {
  var isCentred: Bool { if case .layer = kind { true } else { false } }

  /// What the norm divides by.
  func scale(of x: [Double]) -> Double {
    let mean = isCentred ? x.reduce(0, +) / Double(x.count) : 0
    let squares = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(x.count) + Double(epsilon)).squareRoot()
  }
}

extension Model {
  /// A direction behind the final norm as one before it, with the norm's scale held: g w, less its mean
  /// where the norm takes the mean out; and that scale, from the residual stream before the norm.
  package func finalNormPullback(
    _ direction: [Double]
  ) -> (direction: [Double], scale: @Sendable ([Float]) -> Double) {
    let norm = network.finalNorm
    var gained = zip(direction, norm.gain).map { $0 * Double($1) }
    if norm.isCentred {
      let mean = gained.reduce(0, +) / Double(max(gained.count, 1))
      gained = gained.map { $0 - mean }
    }
    return (gained, { norm.scale(of: $0.map { Double($0) }) })
  }
}
