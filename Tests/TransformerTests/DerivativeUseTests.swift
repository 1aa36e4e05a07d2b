import Files
import Foundation
import Prompts
import Tensors
import Testing

@testable import Transformer

@Suite("Derivatives are the same everywhere, and refused where they mean nothing")
struct DerivativeUseTests {
  @Test(arguments: differentiatedModels)
  func sameBytesInAnyBatchAndOnAnyNumberOfThreads(name: String) throws {
    let model = try Model.load(golden(name))
    let shape = model.shape
    let changes = mixedInterventions(shape)
    let batch = InvarianceTests.batch(of: model, lengths: [6, 33, 12, 25, 8])
    func bits(_ sequence: SequenceGradient) -> [HookPoint: [UInt32]] {
      sequence.gradients.mapValues { $0.values.map(\.bitPattern) }
    }
    func gradients(_ batch: Batch, _ threads: Int) throws -> [SequenceGradient] {
      try model.gradients(
        batch, of: mixedObjective(shape), at: allHooks(shape), applying: changes, threads: threads
      ).sequences
    }
    let direction = Direction(noise(shape.dModel, seed: 8), at: .residual(after: 0))
    func derivatives(_ batch: Batch, _ threads: Int) throws -> [SequenceDerivative] {
      try model.derivative(
        batch, of: mixedObjective(shape), along: [direction], applying: changes, threads: threads
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

  /// Whatever reads the weights of experts, and also those of experts that were not chosen.
  @Test(arguments: [true, false])
  func routingBackwardsIsTheTransposeOfRoutingForwards(normalized: Bool) {
    let device = CPUBackend()
    func activations(_ seed: Int) -> CPUActivations {
      let out = device.make(5, 7)
      for (index, value) in noise(35, seed: seed).enumerated() { out.start[index] = value }
      return out
    }
    func product(_ a: CPUActivations, _ b: CPUActivations) -> Double {
      (0..<35).reduce(0) { $0 + Double(a.start[$1]) * Double(b.start[$1]) }
    }
    let (logits, gradient, tangent) = (activations(1), activations(2), activations(3))
    let weights = device.route(logits, top: 3, normalized: normalized)
    let back = device.routeBackward(gradient, at: logits, weights, normalized: normalized)
    let ahead = device.routeTangent(tangent, at: logits, weights, normalized: normalized)
    #expect(abs(product(back, tangent) - product(gradient, ahead)) < 1e-6)
    #expect(abs(product(back, tangent)) > 1e-3)
  }

  @Test func gradientsStandAtTheAskedPositions() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = InvarianceTests.batch(of: model, lengths: [6, 9])
    let hook = HookPoint.mlpHidden(layer: 1)
    let all = try model.gradients(batch, of: .logProbability(of: 5), at: [hook])
    let last = try model.gradients(
      batch, of: .logProbability(of: 5), at: [hook], positions: .range(-2, -1))
    let eighth = try model.gradients(
      batch, of: .logProbability(of: 5), at: [hook], positions: .index(8))
    for (index, length) in [6, 9].enumerated() {
      let sequence = last.sequences[index]
      #expect(sequence.positions == [length - 2, length - 1])
      let same =
        sequence.gradients[hook]
        == all.sequences[index].gradients[hook]?.picking([length - 2, length - 1])
      #expect(same)
    }
    #expect(eighth.sequences[0].positions == [] && eighth.sequences[1].positions == [8])
    #expect(eighth[hook] == all.sequences[1].gradients[hook]?.picking([8]))
  }

  @Test func objectivesAndDirectionsCanBeStored() throws {
    let objective =
      2 * .logProbability(of: 5, at: .segment(.answer)) - .logitDifference(1, 2)
      + .projection([1, 2], bias: 3, at: .headOutput(layer: 4), positions: .range(2, -1))
    let direction = Direction([0.5, 1], at: .residual(before: 2), positions: .last)
    let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
    #expect(
      try decoder.decode(Objective.self, from: encoder.encode(objective)) == objective)
    #expect(
      try decoder.decode(Direction.self, from: encoder.encode(direction)) == direction)
  }

  /// An objective with the hook that is asked for, and the problem that it is.
  static let refused: [(Objective, HookPoint, Problem.Code)] = [
    (.logProbability(of: 97), .embedding, .unknownToken),
    (.logitDifference(1, -1), .embedding, .unknownToken),
    (.logProbability(of: 1, at: .segment(.answer)), .embedding, .noSuchPosition),
    (.logProbability(of: 1, at: .index(7)), .embedding, .noSuchPosition),
    (.infinity * .logProbability(of: 1), .embedding, .notFinite),
    (Objective([]), .embedding, .invalidArgument),
    (.projection([1, 2], at: .finalNorm), .embedding, .unfitVector),
    (.projection(noise(36, seed: 1), bias: .nan, at: .finalNorm), .embedding, .unfitVector),
    (.projection([1], at: .attentionPattern(layer: 1)), .embedding, .noSuchHook),
    (.projection([1], at: .residual(after: 3)), .embedding, .noSuchHook),
    (.logProbability(of: 1), .logits, .hookNotOffered),
    (.logProbability(of: 1), .attentionPattern(layer: 0), .hookNotOffered),
    (.logProbability(of: 1), .residual(before: 3), .noSuchLayer),
    (.logProbability(of: 1), .positionEmbedding, .noSuchHook),
    (
      .projection(noise(36, seed: 1), at: .residual(mid: 1)), .mlpHidden(layer: 1),
      .noEffect
    ),
  ]

  @Test(arguments: refused.indices)
  func whatMeansNothingIsAnError(index: Int) throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = InvarianceTests.batch(of: model, lengths: [6, 9])
    let (objective, hook, code) = Self.refused[index]
    expectProblem(code) { _ = try model.gradients(batch, of: objective, at: [hook]) }
    let width = model.shape.width(of: hook.site, tokens: 0)
    expectProblem(code) {
      _ = try model.derivative(
        batch, of: objective, along: [Direction(noise(width, seed: 2), at: hook)])
    }
  }

  @Test func requestsThatMeanNothingAreErrors() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = InvarianceTests.batch(of: model, lengths: [6, 9])
    let (objective, vector) = (Objective.logProbability(of: 1), noise(36, seed: 1))
    let projection = Objective.projection(vector, at: .residual(after: 0))
    for (code, request) in [
      (.invalidArgument, { try model.gradients(batch, of: objective) }),
      (
        .readsNothing,
        { try model.gradients(batch, of: objective, at: [.finalNorm], positions: .index(9)) }
      ),
      (
        .noEffect,
        {
          try model.gradients(
            batch, of: projection, at: [.embedding], applying: [.add(vector, after: 1)])
        }
      ),
      (
        .noEffect,
        {
          try model.gradients(
            batch, of: objective, applying: [.add(vector, after: 1, at: .index(9))])
        }
      ),
      (
        .invalidArgument,
        { try model.gradients(batch, of: objective, at: [.finalNorm], threads: 0) }
      ),
      (.noPrompts, { try model.gradients(Batch([]), of: objective, at: [.finalNorm]) }),
    ] as [(Problem.Code, () throws -> Gradients)] {
      expectProblem(code) { _ = try request() }
    }
    for (directions, code) in [
      ([], .invalidArgument), ([Direction([1], at: .finalNorm)], .unfitVector),
      ([Direction(vector.map { $0 / 0 }, at: .finalNorm)], .unfitVector),
      ([Direction(vector, at: .finalNorm, positions: .index(9))], .readsNothing),
    ] as [([Direction], Problem.Code)] {
      expectProblem(code) {
        _ = try model.derivative(batch, of: objective, along: directions)
      }
    }
  }
}
