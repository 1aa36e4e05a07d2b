import Prompts
import Tensors

extension Examination {
  func identity() throws -> SelfCheck {
    let nothing: [Intervention] = [
      Intervention(
        .add(vector: vector, scale: 0),
        at: (0..<shape.layers).map { .residual(after: $0) }),
      .scaleHeads(Head.all(of: shape), by: 1),
    ]
    return same(
      "identity", "Interventions that change nothing change no bit.",
      Array(zip(try run(batch, applying: nothing).sequences, clean)))
  }

  func batches() throws -> SelfCheck {
    var pairs = Array(zip(try run(batch, threads: threads).sequences, clean))
    let reversed = Batch(batch.sequences.reversed())
    pairs += zip(try run(reversed, threads: threads).sequences, clean.reversed())
    for (index, sequence) in batch.sequences.enumerated() {
      let alone = try run(Batch([sequence]), threads: index % 2 == 0 ? threads : 1)
      pairs.append((alone.sequences[0], clean[index]))
    }
    return same(
      "batch",
      "A sequence gives the same bits alone, in a batch, in another order and on \(threads) threads.",
      pairs)
  }

  func memory() throws -> SelfCheck {
    var pairs = try batch.sequences.indices.map { index in
      (try inPieces(batch.sequences[index]), clean[index])
    }
    // The same with interventions, of which one touches what is in memory and what comes.
    let changes: [Intervention] = [
      .add(vector, scale: 2, after: 0, at: .from(token: 0)),
      .scaleHeads([Head(layer: shape.layers - 1, head: 0)], by: 0),
    ]
    for sequence in batch.sequences {
      let whole = try run(Batch([sequence]), applying: changes)
      pairs.append((try inPieces(sequence, applying: changes), whole.sequences[0]))
    }
    return same(
      "memory",
      "A sequence gives the same bits at once and token by token from memory, changed or not.",
      pairs)
  }

  /// A sequence's captures, its first half at once and then token by token from memory.
  private func inPieces(
    _ sequence: TokenSequence, applying interventions: [Intervention] = []
  ) throws -> SequenceCapture {
    let plan = try PreparedPlan(
      Plan(capturing: hooks.map { Capture($0) }, applying: interventions), shape: shape)
    let device = CPUBackend()
    let memory = SequenceMemory<CPUBackend>(
      layers: model.network.blocks.map {
        device.memory(capacity: sequence.tokens.count, $0.attention.shape)
      })
    var values: [HookPoint: [Matrix]] = [:]
    var start = 0
    while start < sequence.tokens.count {
      let end = start == 0 ? (sequence.tokens.count + 1) / 2 : start + 1
      let piece = Batch([TokenSequence(id: "", tokens: Array(sequence.tokens[..<end]))])
      let tile = Tile(piece, 0..<1, starts: [start])
      let taps = Taps(device: device, plan: plan, batch: piece, tile: tile)
      model.network.run(Pass(device: device, tile: tile, taps: taps) { [memory.layers[$0]] })
      for (hook, matrix) in taps.captures()[0].values { values[hook, default: []].append(matrix) }
      start = end
    }
    return SequenceCapture(
      sequence: 0, positions: [:], values: values.mapValues { Matrix.concatenating($0) })
  }

  func causality() throws -> SelfCheck {
    let index = batch.sequences.firstIndex { $0.tokens.count > 1 } ?? 0
    let changed = try run(
      Batch([batch.sequences[index]]),
      applying: [.add(vector, scale: 10, after: 0, at: .last)])
    let before = Array(0..<(batch.sequences[index].tokens.count - 1))
    func head(_ capture: SequenceCapture) -> SequenceCapture {
      SequenceCapture(
        sequence: 0, positions: [:], values: capture.values.mapValues { $0.picking(before) })
    }
    return same(
      "causality", "A change at the last token changes no bit before it.",
      [(head(changed.sequences[0]), head(clean[index]))])
  }

  func headSums() throws -> SelfCheck {
    let device = CPUBackend()
    var pairs: [(values: Matrix, expected: Matrix)] = []
    for capture in clean {
      for (layer, block) in model.network.blocks.enumerated() {
        guard let z = capture.values[.headOutput(layer: layer)],
          let expected = capture.values[.attentionOutput(layer: layer)]
        else { continue }
        var sum = Sum(rows: z.rows, columns: shape.dModel)
        for result in model.headResults(z, layer: layer) { sum.add(result) }
        if let bias = model.attentionBias(layer: layer) { sum.add(row: bias) }
        var values = sum.matrix
        if let norm = block.attentionPostNorm { values = device.normalized(values, by: norm) }
        pairs.append((values, expected))
      }
    }
    return close(
      "heads", "The heads' shares and the bias sum to what attention adds to the stream.", pairs)
  }

  func residualSums() throws -> SelfCheck {
    close(
      "residual", "Embeddings, attention and MLPs sum to the stream behind the last block.",
      clean.compactMap { capture in
        capture.values[.residual(after: shape.layers - 1)].map { (contributions(capture), $0) }
      })
  }

  func logitSums() throws -> SelfCheck {
    let device = CPUBackend()
    return close(
      "logits", "That sum, through the final norm and the unembedding, gives the logits.",
      clean.compactMap { capture in
        let normed = device.activations(contributions(capture))
        let rows = Batch([TokenSequence(id: "", tokens: Array(repeating: 0, count: normed.rows))])
        let tile = Tile(rows, 0..<1)
        guard let expected = capture.values[.logits],
          let plan = try? PreparedPlan(Plan(capturing: [.logits(at: .all)]), shape: shape)
        else { return nil }
        let taps = Taps(device: device, plan: plan, batch: rows, tile: tile)
        model.network.readLogits(
          of: device.normalize(normed, by: model.network.finalNorm),
          Pass(device: device, tile: tile, taps: taps))
        return taps.captures()[0].values[.logits].map { ($0, expected) }
      })
  }

  /// All that was added to the residual stream, in doubles.
  private func contributions(_ capture: SequenceCapture) -> Matrix {
    let rows = capture.values[.embedding]?.rows ?? 0
    var sum = Sum(rows: rows, columns: shape.dModel)
    var hooks: [HookPoint] = [.embedding, .positionEmbedding]
    for layer in 0..<shape.layers {
      hooks += [.attentionOutput(layer: layer), .mlpOutput(layer: layer)]
    }
    for case let values? in hooks.map({ capture.values[$0] }) { sum.add(values) }
    return sum.matrix
  }

  func ablation() throws -> SelfCheck {
    let layer = shape.layers / 2
    let heads = (0..<shape.heads).map { Head(layer: layer, head: $0) }
    let run = try run(batch, applying: [.scaleHeads(heads, by: 0)])
    let bias = model.attentionBias(layer: layer) ?? Array(repeating: 0, count: shape.dModel)
    let norm = model.network.blocks[layer].attentionPostNorm
    return close(
      "ablation", "Without its heads, attention adds its bias alone.",
      run.sequences.compactMap { capture in
        guard let values = capture.values[.attentionOutput(layer: layer)] else { return nil }
        var expected = Sum(rows: values.rows, columns: values.columns)
        expected.add(row: bias)
        return (
          values, norm.map { CPUBackend().normalized(expected.matrix, by: $0) } ?? expected.matrix
        )
      })
  }

  func effects() throws -> SelfCheck {
    let layer = shape.layers / 2
    let run = try run(batch, applying: [.add(vector, scale: 3, after: layer)])
    let length = vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() * 3
    let expected = length * Double(batch.tokenCount).squareRoot()
    let effect = run.effects[0]
    let fired = effect.fired == batch.tokenCount && effect.sequences == batch.sequences.count
    return SelfCheck(
      name: "effects",
      claim: "An added vector reports every token that it touched, and its length.",
      compared: effect.fired, measured: fired ? abs(effect.norm - expected) / expected : .infinity,
      bound: 1e-3)
  }
}

/// A sum of matrices in doubles.
private struct Sum {
  let rows: Int
  let columns: Int
  private var values: [Double]

  init(rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    values = Array(repeating: 0, count: rows * columns)
  }

  mutating func add(_ matrix: Matrix) {
    for (index, value) in matrix.values.enumerated() { values[index] += Double(value) }
  }

  mutating func add(row: [Float]) {
    for index in values.indices { values[index] += Double(row[index % columns]) }
  }

  var matrix: Matrix { Matrix(rows: rows, columns: columns, values: values.map { Float($0) }) }
}

extension CPUBackend {
  /// Activations with a matrix's values.
  func activations(_ matrix: Matrix) -> CPUActivations {
    let out = make(matrix.rows, matrix.columns)
    for (index, value) in matrix.values.enumerated() { out.start[index] = value }
    return out
  }

  fileprivate func normalized(_ matrix: Matrix, by norm: Norm) -> Matrix {
    read(Array(0..<matrix.rows), of: normalize(activations(matrix), by: norm))
  }
}
