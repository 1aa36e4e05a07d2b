import Tensors
import Testing
import Tokenization

@testable import Transformer

/// Every tiny model that this engine loads, by its name.
private let models: [(name: String, model: Model)] = [
  "tiny-gemma2", "tiny-gemma3", "tiny-gpt-neox", "tiny-gpt-neox-sequential", "tiny-gpt2",
  "tiny-llama", "tiny-llama-bias", "tiny-llama-yarn", "tiny-mistral", "tiny-mixtral", "tiny-olmo2",
  "tiny-phi3", "tiny-phi3-partial", "tiny-qwen2-tied", "tiny-qwen3", "tiny-qwen3-moe",
  "tiny-qwen3-moe-mixed",
].compactMap { name in (try? Model.load(golden(name))).map { (name, $0) } }

private func noise(_ count: Int, seed: Int) -> [Float] {
  var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    // The sum of four uniform numbers has a shape near enough to the normal one.
    (0..<4).reduce(Float(-2)) { sum, _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return sum + Float(state >> 40) / Float(1 << 24)
    }
  }
}

private func norm(_ values: [Float]) -> Double {
  values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

/// Something of everything: changes before, at and behind the hooks that are differentiated.
private func interventions(_ shape: ModelShape) -> [Intervention] {
  let (d, last) = (shape.dModel, shape.layers - 1)
  return [
    .add(noise(d, seed: 1), scale: 0.7, after: 0, at: .from(token: 2)),
    .projectOut(noise(d, seed: 2), at: [.attentionOutput(layer: last), .residual(after: 0)]),
    .scaleHeads([Head(layer: last, head: 1)], by: 0.3, at: .range(1, 7)),
    .replace(
      with: noise(d, seed: 3), at: .residual(before: last), positions: .index(3)),
    Intervention(
      .add(vector: noise(d, seed: 4), scale: -1.5),
      at: [.mlpOutput(layer: 0), .residual(before: last)], positions: .last),
  ]
}

private func objective(_ shape: ModelShape) -> Objective {
  .logProbability(of: 5, at: .range(2, -1)) + 0.5 * .logitDifference(7, 11)
    - 0.25
    * .projection(
      noise(shape.dModel, seed: 9), bias: 2, at: .residual(after: shape.layers - 1),
      positions: .range(1, 4))
}

private func hooks(_ shape: ModelShape) -> [HookPoint] {
  HookPoint.all(in: shape).filter { ![.attentionPattern, .logits].contains($0.site) }
}

@Suite("Derivatives are derivatives")
struct DerivativeTests {
  static let lengths = [6, 11, 9]

  /// The change of each sequence's objective by a step of 1, from steps of -2 to 2 times `step`.
  func slopes(
    _ step: Float, _ value: (Float) throws -> [Double]
  ) rethrows -> [Double] {
    let values = try [-2, -1, 1, 2].map { try value($0 * step) }
    return values[0].indices.map { index in
      (8 * (values[2][index] - values[1][index]) - (values[3][index] - values[0][index]))
        / Double(12 * step)
    }
  }

  /// The objectives of a batch; a direction behind all blocks costs nothing on the way.
  func value(
    _ model: Model, _ batch: Batch, _ objective: Objective, _ interventions: [Intervention]
  ) throws -> [Double] {
    let still = Direction([Float](repeating: 0, count: model.shape.dModel), at: .finalNorm)
    return try model.derivative(batch, of: objective, along: [still], applying: interventions)
      .sequences.map(\.value)
  }

  /// The objectives of a batch with vectors added behind all other interventions.
  func values(
    _ model: Model, _ batch: Batch, _ objective: Objective, _ interventions: [Intervention],
    _ directions: [Direction], _ step: Float
  ) throws -> [Double] {
    let steps = directions.map {
      Intervention(.add(vector: $0.vector, scale: step), at: [$0.hook], positions: $0.positions)
    }
    return try value(model, batch, objective, interventions + steps)
  }

  /// Forward mode, reverse mode and central differences, at every hook, in the thick of interventions.
  @Test(arguments: models.map(\.name))
  func threeWaysAgree(name: String) throws {
    let model = try #require(models.first { $0.name == name }).model
    let shape = model.shape
    let batch = InvarianceTests.batch(of: model, lengths: Self.lengths)
    let objective = objective(shape)
    for changes in [[], interventions(shape)] {
      let all = try model.gradients(batch, of: objective, at: hooks(shape), applying: changes)
      for (seed, hook) in hooks(shape).enumerated() {
        let direction = Direction(
          noise(shape.width(of: hook.site, tokens: 0), seed: 20 + seed), at: hook,
          positions: .range(1, -2))
        let forward = try model.derivative(
          batch, of: objective, along: [direction], applying: changes)
        let differences = try slopes(0.01) {
          try values(model, batch, objective, changes, [direction], $0)
        }
        for (index, sequence) in all.sequences.enumerated() {
          let gradient = try #require(sequence.gradients[hook])
          let rows = gradient.picking(Array(1..<(Self.lengths[index] - 1)))
          let along = rows.values.enumerated().reduce(0.0) {
            $0 + Double($1.element) * Double(direction.vector[$1.offset % gradient.columns])
          }
          let scale = norm(rows.values) * norm(direction.vector) + 1e-2
          let derivative = forward.sequences[index].derivative
          #expect(abs(derivative - along) < 1e-5 * scale, "\(hook): \(derivative), \(along)")
          #expect(
            abs(differences[index] - along) < 2e-3 * scale,
            "\(hook): difference \(differences[index]), gradient \(along)")
          #expect(abs(forward.sequences[index].value - sequence.value) < 1e-9)
        }
      }
    }
  }

  /// The gradient with respect to an added vector, which the forward mode and differences confirm.
  @Test(arguments: models.map(\.name))
  func addedVectors(name: String) throws {
    let model = try #require(models.first { $0.name == name }).model
    let shape = model.shape
    let batch = InvarianceTests.batch(of: model, lengths: Self.lengths)
    let (objective, changes) = (objective(shape), interventions(shape))
    let all = try model.gradients(batch, of: objective, applying: changes)
    #expect(
      all.sequences.allSatisfy { $0.gradients.isEmpty && $0.vectors.keys.sorted() == [0, 4] })
    for changed in [0, 4] {
      guard case .add(let vector, let scale) = changes[changed].change else { return }
      let step = noise(vector.count, seed: 77)
      let differences = try slopes(0.02) { size in
        var changes = changes
        changes[changed].change = .add(
          vector: zip(vector, step).map { $0 + size * $1 }, scale: scale)
        return try value(model, batch, objective, changes)
      }
      for (index, sequence) in all.sequences.enumerated() {
        let gradient = try #require(sequence.vectors[changed])
        let along = zip(gradient, step).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        #expect(
          abs(differences[index] - along) < 2e-3 * (norm(gradient) * norm(step) + 1e-2),
          "sequence \(index): difference \(differences[index]), gradient \(along)")
      }
    }
  }

  @Test func anAddedVectorGathersTheResidualGradients() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = InvarianceTests.batch(of: model, lengths: Self.lengths)
    // Also a vector of zero has a gradient.
    for vector in [noise(36, seed: 5), [Float](repeating: 0, count: 36)] {
      let gradients = try model.gradients(
        batch, of: objective(model.shape), at: [.residual(after: 1)], positions: .range(2, 4),
        applying: [.add(vector, scale: -3, after: 1, at: .range(2, 4))])
      for sequence in gradients.sequences {
        let rows = try #require(sequence.gradients[.residual(after: 1)])
        #expect(sequence.positions == [2, 3, 4] && rows.rows == 3)
        let expected = (0..<36).map { -3 * (rows[0, $0] + rows[1, $0] + rows[2, $0]) }
        let found = try #require(sequence.vectors[0])
        let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < 1e-5 * Float(norm(expected)) && norm(expected) > 0)
      }
      #expect(gradients.effects[0].fired == 9)
    }
  }

  /// The logits are linear in the final norm's output.
  @Test func atTheFinalNormTheLogitDifferenceIsTheDifferenceOfUnembeddings() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = InvarianceTests.batch(of: model, lengths: [7])
    let gradients = try model.gradients(
      batch, of: .logitDifference(8, 3, at: .index(4)), at: [.finalNorm])
    let rows = try #require(gradients[.finalNorm])
    let unembedding = model.unembedding(of: [8, 3])
    for row in 0..<7 {
      for column in 0..<36 {
        let expected = row == 4 ? unembedding[0, column] - unembedding[1, column] : 0
        #expect(abs(rows[row, column] - expected) < 1e-6)
      }
    }
  }

  /// What comes after a position cannot change it.
  @Test(arguments: models.map(\.name))
  func laterTokensHaveNoGradient(name: String) throws {
    let model = try #require(models.first { $0.name == name }).model
    let batch = InvarianceTests.batch(of: model, lengths: [10])
    let gradients = try model.gradients(
      batch, of: .logProbability(of: 4, at: .index(5)), at: hooks(model.shape))
    for (hook, rows) in try #require(gradients.sequences.first).gradients {
      let isZero = rows.picking(Array(6..<10)).values.allSatisfy { $0 == 0 }
      #expect(isZero && norm(Array(rows[5])) > 0, "\(hook)")
    }
  }

  @Test(arguments: models.map(\.name))
  func sameBytesInAnyBatchAndOnAnyNumberOfThreads(name: String) throws {
    let model = try #require(models.first { $0.name == name }).model
    let shape = model.shape
    let changes = interventions(shape)
    let batch = InvarianceTests.batch(of: model, lengths: [6, 33, 12, 25, 8])
    func bits(_ sequence: SequenceGradient) -> [HookPoint: [UInt32]] {
      sequence.gradients.mapValues { $0.values.map(\.bitPattern) }
    }
    func gradients(_ batch: Batch, _ threads: Int) throws -> [SequenceGradient] {
      try model.gradients(
        batch, of: objective(shape), at: hooks(shape), applying: changes, threads: threads
      ).sequences
    }
    let direction = Direction(noise(shape.dModel, seed: 8), at: .residual(after: 0))
    func derivatives(_ batch: Batch, _ threads: Int) throws -> [SequenceDerivative] {
      try model.derivative(
        batch, of: objective(shape), along: [direction], applying: changes, threads: threads
      ).sequences
    }
    let (whole, forward) = (try gradients(batch, 1), try derivatives(batch, 1))
    let threaded = try gradients(batch, 3)
    #expect(try derivatives(batch, 3) == forward)
    for (index, sequence) in batch.sequences.enumerated() {
      let alone = try gradients(Batch([sequence]), 1 + index % 2)[0]
      for other in [threaded[index], alone] {
        let same = bits(other) == bits(whole[index]) && other.vectors == whole[index].vectors
        #expect(same && other.value == whole[index].value, "sequence \(index)")
      }
      let single = try derivatives(Batch([sequence]), 2)[0]
      #expect(
        single.value == forward[index].value && single.derivative == forward[index].derivative)
    }
  }

  @Test func anObjectiveIsTheSumOfItsTerms() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = InvarianceTests.batch(of: model, lengths: [8])
    let hook = HookPoint.headOutput(layer: 0)
    let parts: [Objective] = [
      .logProbability(of: 3), .logitDifference(1, 2, at: .index(2)),
      .projection(noise(36, seed: 3), bias: 1, at: .residual(mid: 1), positions: .range(0, 3)),
    ]
    let found = try parts.map { try model.gradients(batch, of: $0, at: [hook]) }
    let sum = try model.gradients(batch, of: 2 * parts[0] - parts[1] + 0.5 * parts[2], at: [hook])
    let (a, b, c) = (
      try #require(found[0][hook]), try #require(found[1][hook]), try #require(found[2][hook])
    )
    var expected = a
    for index in expected.values.indices {
      expected.values[index] = 2 * a.values[index] - b.values[index] + 0.5 * c.values[index]
    }
    let (difference, scale) = distance(try #require(sum[hook]), expected)
    #expect(difference < 1e-5 * scale)
    let values = found.map { $0.sequences[0].value }
    #expect(abs(sum.sequences[0].value - (2 * values[0] - values[1] + 0.5 * values[2])) < 1e-9)
    let run = try model.run(batch, capturing: [Capture(.residual(mid: 1)), .logits()])
    let logits = try #require(run[.logits])
    let exact = logits.values.map { Double($0) }
    let other = try model.gradients(batch, of: .logitDifference(1, 2), at: [hook])
    #expect(other.sequences[0].value == exact[1] - exact[2])
  }
}
