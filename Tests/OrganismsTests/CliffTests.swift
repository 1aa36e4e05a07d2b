import Prompts
import Refusal
import Testing
import Transformer

@testable import Organisms

/// The planted cliff, by the forward pass alone.
@Suite struct CliffTests {
  @Test(arguments: seeds) func refusalRisesAlongTheThinkingAndFallsAtItsEnd(seed: UInt64) throws {
    let planted = try Planted.of(.refusalCliff, seed: seed)
    let truth = planted.truth
    let batch = try planted.batch(harmful: true)
    let traces = try planted.trace(batch)
    for (sequence, trace) in zip(batch.sequences, traces) {
      let landmarks = Landmarks(sequence.segments)
      let final = try #require(landmarks.final)
      let comma = try #require(planted.model.encoder.tokenizer.encode(",").first)
      let plateau = landmarks.thinking.filter { sequence.tokens[$0] != comma }.map { trace[$0] }
      let prompt = sequence.segments.indices
        .filter { sequence.segments[$0] == .prompt && sequence.tokens[$0] != comma }
        .map { trace[$0] }
      let strength = truth.refusalAlongThinking
      #expect(plateau.allSatisfy { abs($0 - strength) < 0.3 * strength }, "\(plateau) \(strength)")
      #expect(prompt.allSatisfy { abs($0) < 0.25 * strength }, "\(prompt)")
      #expect(abs(trace[final] - truth.refusalAtEnd) < 0.3 * strength, "\(trace[final])")
    }
    let benign = try planted.trace(try planted.batch(harmful: false))
    #expect(benign.allSatisfy { $0.allSatisfy { abs($0) < 0.25 * truth.refusalAlongThinking } })
  }

  @Test(arguments: seeds) func removingTheSuppressionHeadsRemovesTheBehaviour(
    seed: UInt64
  ) throws {
    let planted = try Planted.of(.refusalCliff, seed: seed)
    let behaviour = planted.truth.behaviour
    let (harmful, benign) = (
      try planted.batch(harmful: true), try planted.batch(harmful: false)
    )
    let suppression = planted.heads(.suppression)
    let ablation = Intervention.scaleHeads(suppression, by: 0)
    func only(_ token: OrganismTruth.Token, _ tokens: [Int]) -> Bool {
      tokens.allSatisfy { $0 == token.id }
    }
    #expect(only(behaviour.harmful, try planted.next(harmful)))
    #expect(only(behaviour.benign, try planted.next(benign)))
    #expect(only(behaviour.harmfulWithoutSuppression, try planted.next(harmful, [ablation])))
    #expect(only(behaviour.benign, try planted.next(benign, [ablation])))
    // As many others: decoys, and heads of noise.
    let decoys = planted.heads(.decoyAtAssistant, .decoyAtComma, .decoySideways)
    let noise = planted.noiseHeads
    for first in 0..<4 {
      let others = (0..<suppression.count).map { noise[($0 * 4 + first) % noise.count] }
      let tokens = try planted.next(harmful, [.scaleHeads(Array(Set(others)), by: 0)])
      #expect(only(behaviour.harmful, tokens))
    }
    #expect(only(behaviour.harmful, try planted.next(harmful, [.scaleHeads(decoys, by: 0)])))
    #expect(only(behaviour.harmful, try planted.next(harmful, [.scaleHeads(noise, by: 0)])))
  }

  @Test(arguments: seeds) func contributionsAndAblationsPointAtTheSameHeads(seed: UInt64) throws {
    let planted = try Planted.of(.refusalCliff, seed: seed)
    let harmful = try planted.batch(harmful: true, every: 33)
    let suppression = Set(planted.heads(.suppression))
    let writes = try HeadWrites(planted, harmful)
    let strongest = writes.along.sorted { $0.value < $1.value }.prefix(suppression.count)
    #expect(Set(strongest.map(\.key)) == suppression)
    // By a wide margin, but not by size: heads of noise write as much.
    let others = writes.along.filter { !suppression.contains($0.key) }.values.min() ?? 0
    #expect((strongest.last?.value ?? 0) < 3 * others)
    let largest = writes.norms.sorted { $0.value > $1.value }.prefix(suppression.count)
    #expect(Set(largest.map(\.key)).intersection(suppression).count * 2 <= suppression.count + 1)
    let clean = try planted.gap(harmful)
    var effects: [Head: Double] = [:]
    for head in planted.allHeads {
      effects[head] = try planted.gap(harmful, without: [head]) - clean
    }
    let raising = effects.sorted { $0.value > $1.value }.prefix(suppression.count)
    #expect(Set(raising.map(\.key)) == suppression)
    let next = effects.filter { !suppression.contains($0.key) }.values.max() ?? 0
    #expect((raising.last?.value ?? 0) > 2 * next, "\(raising) \(next)")
  }

  @Test(arguments: seeds) func withoutTheMechanismNothingFalls(seed: UInt64) throws {
    let planted = try Planted.of(.none, seed: seed)
    let harmful = try planted.batch(harmful: true)
    #expect(planted.heads(.suppression).isEmpty)
    #expect(planted.truth.neurons.isEmpty)
    #expect(
      try planted.next(harmful).allSatisfy { $0 == planted.truth.behaviour.harmful.id })
    #expect(
      try planted.next(try planted.batch(harmful: false))
        .allSatisfy { $0 == planted.truth.behaviour.benign.id })
    let traces = try planted.trace(harmful)
    for (sequence, trace) in zip(harmful.sequences, traces) {
      let final = try #require(Landmarks(sequence.segments).final)
      #expect(trace[final] > 0.7 * planted.truth.refusalAlongThinking, "\(trace[final])")
    }
    // No head writes against refusal more than one of the other kind's suppression heads does.
    let writes = try HeadWrites(planted, harmful)
    let least = writes.along.values.min() ?? 0
    #expect(least > -0.06 * planted.truth.refusalAlongThinking, "\(least)")
  }
}

/// Every reading is scaled by how large the stream was planned to be.
@Suite struct ScaleTests {
  @Test(arguments: seeds) func theStreamIsAsLargeAsPlanned(seed: UInt64) throws {
    let planted = try Planted.of(.refusalCliff, seed: seed)
    let batch = try planted.batch(harmful: true)
    let scales = Blueprint(.refusalCliff, seed: seed).scales
    let words = batch.sequences.flatMap(\.segments).enumerated()
      .filter { $0.element == .prompt }.map(\.offset)
    let layers = 0...planted.last
    let run = try planted.model.run(
      batch,
      capturing: layers.flatMap { [.residual(before: $0), .residual(mid: $0)] })
    func ratio(_ hook: HookPoint, _ planned: Float) throws -> Float {
      let values = try #require(run[hook])
      let squares = words.map { dot(values[$0], values[$0]) / Float(values.columns) }
      return mean(squares).squareRoot() / planned
    }
    let ratios = try layers.flatMap { layer in
      [
        try ratio(.residual(before: layer), scales.attention[layer]),
        try ratio(.residual(mid: layer), scales.mlp[layer]),
      ]
    }
    #expect(ratios.allSatisfy { abs($0 - 1) < 0.15 }, "\(ratios)")
  }
}

/// What each head writes at the last token, mean over sequences.
struct HeadWrites {
  var along: [Head: Float] = [:]
  var norms: [Head: Float] = [:]

  init(_ planted: Planted, _ batch: Batch) throws {
    let refusal = try #require(planted.organism.directions["refusal"])
    let captures = (0...planted.last).map { Capture.headOutput(layer: $0, at: .last) }
    let run = try planted.model.run(batch, capturing: captures)
    for layer in 0...planted.last {
      let z = try #require(run[.headOutput(layer: layer)])
      for (index, result) in planted.model.headResults(z, layer: layer).enumerated() {
        let rows = (0..<result.rows).map { result[$0] }
        let head = Head(layer: layer, head: index)
        along[head] = mean(rows.map { dot($0, refusal) })
        norms[head] = mean(rows.map { dot($0, $0).squareRoot() })
      }
    }
  }
}
