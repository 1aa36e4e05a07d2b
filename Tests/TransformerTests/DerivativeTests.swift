import Prompts
import Tensors
import Testing

@testable import Transformer

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

  /// A direction at each hook that is as large as the activations there.
  func directions(
    _ model: Model, _ batch: Batch, at hooks: [HookPoint]? = nil, seed: Int
  ) throws -> [Direction] {
    let hooks = hooks ?? allHooks(model.shape)
    let run = try model.run(batch, capturing: hooks.map { Capture($0) })
    return try hooks.enumerated().map { index, hook in
      let values = try #require(run[hook]).values
      let size = Float(norm(values) / Double(values.count).squareRoot())
      let vector = noise(model.shape.width(of: hook.site, tokens: 0), seed: seed + index)
      return Direction(vector.map { $0 * size }, at: hook, positions: .range(1, -2))
    }
  }

  /// The gradients' share in a direction, by sequence.
  func products(_ gradients: Gradients, _ direction: Direction) throws -> [Double] {
    try gradients.sequences.enumerated().map { index, sequence in
      let gradient = try #require(sequence.gradients[direction.hook])
      return gradient.picking(Array(1..<(gradient.rows - 1))).values.enumerated().reduce(0) {
        $0 + Double($1.element) * Double(direction.vector[$1.offset % gradient.columns])
      }
    }
  }

  /// At every hook by itself, in the thick of interventions.
  @Test(arguments: differentiatedModels)
  func forwardModeIsTheGradientTimesTheDirection(name: String) throws {
    let model = try Model.load(golden(name))
    let batch = InvarianceTests.batch(of: model, lengths: Self.lengths)
    let (objective, changes) = (mixedObjective(model.shape), mixedInterventions(model.shape))
    let gradients = try model.gradients(
      batch, of: objective, at: allHooks(model.shape), applying: changes)
    for direction in try directions(model, batch, seed: 20) {
      let forward = try model.derivative(
        batch, of: objective, along: [direction], applying: changes)
      for (index, product) in try products(gradients, direction).enumerated() {
        let sequence = gradients.sequences[index]
        let size = try norm(#require(sequence.gradients[direction.hook]).values)
        let off = abs(forward.sequences[index].derivative - product)
        #expect(off < 1e-5 * size * norm(direction.vector), "\(direction.hook): \(product)")
        #expect(abs(forward.sequences[index].value - sequence.value) < 1e-9)
      }
    }
  }

  /// Along random vectors at all hooks at once, without interventions and with them.
  @Test(arguments: differentiatedModels)
  func differencesAreTheGradientTimesTheDirection(name: String) throws {
    let model = try Model.load(golden(name))
    let batch = InvarianceTests.batch(of: model, lengths: Self.lengths)
    let objective = mixedObjective(model.shape)
    let isMixture = !model.shape.mixtureLayers.isEmpty
    var (worst, jumps) = (0.0, 0)
    for changes in [[], mixedInterventions(model.shape)] {
      let gradients = try model.gradients(
        batch, of: objective, at: allHooks(model.shape), applying: changes)
      for seed in [100, 200] {
        let directions = try directions(model, batch, seed: seed)
        let differences = try slopes(0.003) { step in
          let steps = directions.map {
            Intervention(
              .add(vector: $0.vector, scale: step), at: [$0.hook], positions: $0.positions)
          }
          return try value(model, batch, objective, changes + steps)
        }
        var products = [Double](repeating: 0, count: Self.lengths.count)
        for direction in directions {
          let along = try self.products(gradients, direction)
          for index in along.indices { products[index] += along[index] }
        }
        for (difference, product) in zip(differences, products) {
          let off = abs(difference - product) / max(abs(product), 1)
          // Where a step changes the choice of experts, the objective jumps.
          if isMixture, off > 2e-3 {
            jumps += 1
          } else {
            #expect(off < 2e-3, "difference \(difference), gradient \(product)")
            worst = max(worst, off)
          }
        }
      }
    }
    #expect(jumps <= 1)
    print("\(name): central differences are off by at most \(worst)")
  }

  /// The gradient with respect to an added vector, which the forward mode and differences confirm.
  @Test(arguments: differentiatedModels)
  func addedVectors(name: String) throws {
    let model = try Model.load(golden(name))
    let shape = model.shape
    let batch = InvarianceTests.batch(of: model, lengths: Self.lengths)
    let (objective, changes) = (mixedObjective(shape), mixedInterventions(shape))
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
          abs(differences[index] - along) < 2e-3 * max(abs(along), 1),
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
        batch, of: mixedObjective(model.shape), at: [.residual(after: 1)], positions: .range(2, 4),
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
  @Test(arguments: differentiatedModels)
  func laterTokensHaveNoGradient(name: String) throws {
    let model = try Model.load(golden(name))
    let batch = InvarianceTests.batch(of: model, lengths: [10])
    let gradients = try model.gradients(
      batch, of: .logProbability(of: 4, at: .index(5)), at: allHooks(model.shape))
    for (hook, rows) in try #require(gradients.sequences.first).gradients {
      let isZero = rows.picking(Array(6..<10)).values.allSatisfy { $0 == 0 }
      #expect(isZero && norm(Array(rows[5])) > 0, "\(hook)")
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

  /// The real model, with vectors at three depths, a change between them and two kinds of objective.
  @Test(.enabled(if: demoModel != nil, "run: bathyscope models get smollm2-135m"))
  func ofTheDemoModel() throws {
    let model = try #require(demoModel)
    let batch = InvarianceTests.batch(of: model, lengths: [12])
    let hooks: [HookPoint] = [
      .residual(after: 3), .headOutput(layer: 14), .mlpHidden(layer: 22), .residual(before: 29),
    ]
    let changes: [Intervention] = [
      .projectOut(noise(576, seed: 1), at: [.residual(after: 10)]),
      .scaleHeads([Head(layer: 16, head: 2)], by: 0.5),
    ]
    let objective =
      Objective.logProbability(of: 42)
      + 0.1 * .projection(noise(576, seed: 2), at: .residual(after: 20))
    let gradients = try model.gradients(batch, of: objective, at: hooks, applying: changes)
    let directions = try directions(model, batch, at: hooks, seed: 50)
    let along = try directions.map { try products(gradients, $0)[0] }
    let product = along.reduce(0, +)
    let forward = try model.derivative(
      batch, of: objective, along: directions, applying: changes)
    let difference = try slopes(0.01) { step in
      let steps = directions.map {
        Intervention(
          .add(vector: $0.vector, scale: step), at: [$0.hook], positions: $0.positions)
      }
      return try value(model, batch, objective, changes + steps)
    }[0]
    let size = zip(hooks, directions).reduce(0) {
      $0 + norm(gradients[$1.0]?.values ?? []) * norm($1.1.vector)
    }
    #expect(abs(forward.sequences[0].derivative - product) < 1e-5 * size)
    #expect(abs(difference - product) < 5e-3 * max(abs(product), 1), "\(difference), \(product)")
    print("smollm2-135m: gradient \(product) (\(along)), difference \(difference)")
  }
}
