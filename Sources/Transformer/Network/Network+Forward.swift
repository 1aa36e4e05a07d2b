import Tensors

// The forward pass, written once: against any backend, with every hook where it is reached.

extension Network {
  /// Runs a tile from its tokens to its logits, or until nothing is left to read.
  func run<Device: Backend>(_ pass: Pass<Device>) where Device.Weight == Weight {
    guard let last = residual(pass), pass.reaches(.finalNormScale) else { return }
    let normed = finish(last, pass)
    guard pass.reaches(.logits) else { return }
    readLogits(of: normed, pass)
  }

  /// Runs a tile on from a place in the forward pass; in the last block that is needed, only rows that
  /// are read or changed later are finished.
  /// - Parameters:
  ///   - origin: the embedding, the residual stream before or after a block, or a block's heads.
  ///   - rows: what is there, and for heads the residual stream before their block too.
  func run<Device: Backend>(
    _ pass: Pass<Device>, from origin: HookPoint, _ rows: (HookPoint) -> Device.Activations
  ) where Device.Weight == Weight {
    var x: Device.Activations
    var z: Device.Activations?
    var layer = origin.layer ?? 0
    switch origin.site {
    case .embedding: x = embed(pass)
    case .residualAfter:
      x = pass.tap(origin, rows(origin))
      layer += 1
    case .headOutput:
      x = rows(.residual(before: layer))
      z = rows(origin)
    default: x = rows(origin)
    }
    while layer < blocks.count {
      let done = HookPoint.headOutput(layer: layer)
      if let heads = z {
        z = pass.tap(done, heads)
      } else {
        guard pass.reaches(.residual(before: layer)) else { return }
        x = pass.tap(.residual(before: layer), x)
        guard pass.reaches(.attentionInput(layer: layer)) else { return }
        z = heads(layer, x, pass)
      }
      guard var heads = z, pass.taps.last > done else { return }
      let isLast = layer + 1 == blocks.count || !pass.reaches(.attentionInput(layer: layer + 1))
      if isLast, let left = pass.taps.narrow(after: done) {
        guard !left.isEmpty else { return }
        x = pass.device.pick(left, of: x)
        heads = pass.device.pick(left, of: heads)
      }
      x = leave(layer, x, heads: heads, pass)
      z = nil
      layer += 1
    }
    guard pass.reaches(.finalNormScale) else { return }
    let normed = finish(x, pass)
    if pass.reaches(.logits) { readLogits(of: normed, pass) }
  }

  /// The residual stream behind the last block, `[T, d]`; nil when nothing there is read.
  func residual<Device: Backend>(_ pass: Pass<Device>) -> Device.Activations?
  where Device.Weight == Weight {
    var x = embed(pass)
    for layer in blocks.indices {
      guard pass.reaches(.residual(before: layer)) else { return nil }
      x = block(layer, x, pass)
    }
    return x
  }

  /// The final norm's output, `[T, d]`.
  func finish<Device: Backend>(
    _ x: Device.Activations, _ pass: Pass<Device>
  ) -> Device.Activations where Device.Weight == Weight {
    pass.tap(.finalNorm, pass.normalize(x, by: finalNorm, .final))
  }

  /// What enters the first block, `[T, d]`.
  func embed<Device: Backend>(_ pass: Pass<Device>) -> Device.Activations
  where Device.Weight == Weight {
    let device = pass.device
    var tokens = device.gather(pass.tile.tokens, from: embedding)
    if let embeddingScale { tokens = device.scale(tokens, by: embeddingScale) }
    tokens = pass.tap(.embedding, tokens)
    guard let positionEmbedding else { return tokens }
    let positions = device.gather(pass.tile.positions, from: positionEmbedding)
    return device.add(tokens, pass.tap(.positionEmbedding, positions))
  }

  /// One block, from the residual stream before it to the one behind it, `[T, d]` both.
  func block<Device: Backend>(
    _ layer: Int, _ entering: Device.Activations, _ pass: Pass<Device>
  ) -> Device.Activations where Device.Weight == Weight {
    let x = pass.tap(.residual(before: layer), entering)
    return leave(layer, x, heads: heads(layer, x, pass), pass)
  }

  /// The outputs of a block's query heads, `[T, H * dHead]`, from the residual stream before it.
  func heads<Device: Backend>(
    _ layer: Int, _ x: Device.Activations, _ pass: Pass<Device>
  ) -> Device.Activations where Device.Weight == Weight {
    let read = pass.tap(.attentionInput(layer: layer), x)
    let normed = pass.normalize(read, by: blocks[layer].attentionNorm, .beforeAttention(layer))
    return blocks[layer].attention.apply(normed, layer, pass)
  }

  /// The rest of a block, from its heads' outputs on; row by row, whichever rows they are.
  func leave<Device: Backend>(
    _ layer: Int, _ x: Device.Activations, heads: Device.Activations, _ pass: Pass<Device>
  ) -> Device.Activations where Device.Weight == Weight {
    let (block, device) = (blocks[layer], pass.device)
    block.attention.readResults(heads, layer, pass)
    let output = device.multiply(heads, by: block.attention.output)
    let attended = pass.tap(
      .attentionOutput(layer: layer),
      pass.normalize(output, by: block.attentionPostNorm, .afterAttention(layer)))
    var mid = device.add(x, attended)
    if !block.isParallel { mid = pass.tap(.residual(mid: layer), mid) }
    let read = pass.tap(.mlpInput(layer: layer), block.isParallel ? x : mid)
    let normed = pass.normalize(read, by: block.mlpNorm, .beforeMLP(layer))
    let written = pass.tap(
      .mlpOutput(layer: layer),
      pass.normalize(
        block.mlp.apply(normed, layer, pass), by: block.mlpPostNorm, .afterMLP(layer)))
    return pass.tap(.residual(after: layer), device.add(mid, written))
  }

  /// Hands the logits of the rows that are wanted over, at most 96 rows and 16 MiB at a time: a row of
  /// them is as wide as the vocabulary.
  func readLogits<Device: Backend>(of normed: Device.Activations, _ pass: Pass<Device>)
  where Device.Weight == Weight {
    let rows = pass.taps.logitRows
    pass.taps.expectLogits(columns: shape.dVocabulary)
    let most = min(96, max(1, (16 << 20) / (4 * shape.dVocabulary)))
    for start in stride(from: 0, to: rows.count, by: most) {
      let part = Array(rows[start..<min(start + most, rows.count)])
      pass.taps.keepLogits(logits(pass.device.pick(part, of: normed), pass), of: part)
    }
  }

  /// The logits of the final norm's output.
  func logits<Device: Backend>(
    _ normed: Device.Activations, _ pass: Pass<Device>
  ) -> Device.Activations where Device.Weight == Weight {
    let logits = pass.device.multiply(normed, by: unembedding)
    return logitSoftCap.map { pass.device.softCap(logits, $0) } ?? logits
  }
}

extension Attention {
  /// From the normed residual stream, `[T, d]`, to the heads' outputs, `[T, H * dHead]`.
  func apply<Device: Backend>(
    _ x: Device.Activations, _ layer: Int, _ pass: Pass<Device>
  ) -> Device.Activations where Device.Weight == Weight {
    let device = pass.device
    func project(_ linear: Linear<Weight>, _ hook: HookPoint, _ norm: Norm?) -> Device.Activations {
      let projected = pass.tap(hook, device.multiply(x, by: linear))
      return norm.map { device.normalize(projected, by: $0) } ?? projected
    }
    var query = project(self.query, .query(layer: layer), queryNorm)  // [T, H * dHead]
    var key = project(self.key, .key(layer: layer), keyNorm)  // [T, G * dHead]
    let value = project(self.value, .value(layer: layer), nil)  // [T, G * dHead]
    if let rotary {
      let table = pass.table(of: rotary)
      query = pass.tap(
        .rotatedQuery(layer: layer), device.rotate(query, dHead: shape.dHead, by: table))
      key = pass.tap(.rotatedKey(layer: layer), device.rotate(key, dHead: shape.dHead, by: table))
    }
    readScores(query, key, layer, pass)
    let hook = HookPoint.attentionPattern(layer: layer)
    let memories = pass.memories(of: layer)
    let z = device.attend(  // [T, H * dHead]
      query, key, value, shape, tile: pass.tile, memories: memories,
      pattern: pass.taps.reads(hook) ? { pass.taps.readPattern(hook, $0, $1) } : nil)
    return pass.tap(.headOutput(layer: layer), z) {
      device.attendUniformly(value, shape, tile: pass.tile, memories: memories)
    }
  }
}

extension MLP {
  /// From the normed residual stream to what the MLP adds to it, `[T, d]` both.
  func apply<Device: Backend>(
    _ x: Device.Activations, _ layer: Int, _ pass: Pass<Device>
  ) -> Device.Activations where Device.Weight == Weight {
    let device = pass.device
    switch self {
    case .gated(let gate, let up, let down, let activation):
      let gated = pass.tap(.mlpPreActivation(layer: layer), device.multiply(x, by: gate))
      let linear = pass.tap(.mlpLinear(layer: layer), device.multiply(x, by: up))
      let hidden = device.gate(gated, linear, by: activation)  // [T, dMLP]
      return device.multiply(pass.tap(.mlpHidden(layer: layer), hidden), by: down)
    case .plain(let up, let down, let activation):
      let linear = pass.tap(.mlpPreActivation(layer: layer), device.multiply(x, by: up))
      let hidden = device.activate(linear, by: activation)  // [T, dMLP]
      return device.multiply(pass.tap(.mlpHidden(layer: layer), hidden), by: down)
    case .mixture(let mixture):
      return mixture.apply(x, device)
    }
  }
}

extension Mixture {
  /// The experts' outputs, weighted; every expert takes the rows that were routed to it.
  func apply<Device: Backend>(_ x: Device.Activations, _ device: Device) -> Device.Activations
  where Device.Weight == Weight {
    let logits = device.multiply(x, by: router)  // [T, experts]
    let weights = device.route(logits, top: top, normalized: isNormalized)  // [T, experts]
    let chosen = device.read(Array(0..<x.rows), of: weights)
    var parts: [(rows: [Int], column: Int, values: Device.Activations)] = []
    for (index, expert) in experts.enumerated() {
      let rows = (0..<x.rows).filter { chosen[$0, index] != 0 }
      guard !rows.isEmpty else { continue }
      let picked = device.pick(rows, of: x)
      let hidden = device.gate(  // [rows, dExpert]
        device.multiply(picked, by: expert.gate), device.multiply(picked, by: expert.up),
        by: activation)
      parts.append((rows, index, device.multiply(hidden, by: expert.down)))
    }
    return device.combine(parts, weights: weights, columns: x.columns)
  }
}
