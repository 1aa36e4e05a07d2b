import Files
import Prompts
import Tensors
import Testing

@testable import Transformer

@Suite("Interventions")
struct InterventionTests {
  let model: Model
  let batch: Batch
  let all: [Capture]

  init() throws {
    model = try Model.load(golden("tiny-llama"))
    var sequences = InvarianceTests.batch(of: model, lengths: [6, 1, 14]).sequences
    sequences[2].segments =
      Array(repeating: .prompt, count: 9) + Array(repeating: .thinking, count: 5)
    batch = Batch(sequences)
    all = InvarianceTests.captures(model)
  }

  func bits(_ run: Run) -> [[HookPoint: [UInt32]]] { run.sequences.map(InvarianceTests.bits) }

  var vector: [Float] { (0..<model.shape.dModel).map { Float($0 % 5) - 2 } }

  @Test func identitiesChangeNoBit() throws {
    let clean = try model.run(batch, capturing: all)
    let heads = (0..<model.shape.heads).map { Head(layer: 1, head: $0) }
    let identities: [Intervention] = [
      .add(vector, scale: 0, after: 0), .add(vector.map { _ in -0.0 }, scale: 3, after: 1),
      .scaleHeads(heads, by: 1),
    ]
    for identity in identities {
      let run = try model.run(batch, capturing: all, applying: [identity])
      let same = bits(run) == bits(clean)
      #expect(same, "\(identity.summary)")
      #expect(run.effects[0].fired == 21 && run.effects[0].norm == 0)
    }
  }

  /// -0 + 0 is +0: adding nothing must not be an addition.
  @Test func addingNothingKeepsNegativeZeros() throws {
    let zeros = Intervention.replace(
      with: vector.map { _ in -0.0 }, at: .residual(after: 1))
    let clean = try model.run(batch, capturing: [.residual(after: 1)], applying: [zeros])
    let run = try model.run(
      batch, capturing: [.residual(after: 1)],
      applying: [zeros, .add(vector, scale: 0, after: 1)])
    let signs = clean[.residual(after: 1)]?.values.allSatisfy { $0.sign == .minus }
    #expect(signs == true)
    #expect(bits(run) == bits(clean))
  }

  @Test func replacingByTheCleanActivationChangesNoBit() throws {
    let hook = HookPoint.residual(mid: 1)
    let single = Batch([batch.sequences[0]])
    let clean = try model.run(single, capturing: all + [Capture(hook)])
    let row = Array(try #require(clean[hook])[3])
    let run = try model.run(
      single, capturing: all,
      applying: [.replace(with: row, at: hook, positions: .index(3))])
    for capture in all {
      let same = run.sequences[0].values[capture.hook] == clean.sequences[0].values[capture.hook]
      #expect(same, "\(capture.hook)")
    }
    #expect(run.effects[0].fired == 1 && run.effects[0].norm == 0)
  }

  @Test func addReachesItsPositionsAndNothingBefore() throws {
    let hook = HookPoint.residual(after: 1)
    let clean = try model.run(batch, capturing: [Capture(hook), .residual(after: 2)])
    let run = try model.run(
      batch, capturing: [Capture(hook), .residual(after: 2)],
      applying: [.add(vector, scale: 2, after: 1, at: .segment(.thinking))])
    let untouched = run.sequences[0] == clean.sequences[0] && run.sequences[1] == clean.sequences[1]
    #expect(untouched)
    let (before, after) = (
      try #require(clean.sequences[2].values[hook]), try #require(run.sequences[2].values[hook])
    )
    for row in 0..<14 {
      for column in 0..<model.shape.dModel {
        let expected = before[row, column] + (row >= 9 ? 2 * vector[column] : 0)
        #expect(abs(after[row, column] - expected) < 1e-5)
      }
    }
    let later = HookPoint.residual(after: 2)
    let rows = Array(0..<9)
    let sameBefore =
      run.sequences[2].values[later]?.picking(rows)
      == clean.sequences[2].values[later]?.picking(rows)
    #expect(sameBefore)
    let effect = run.effects[0]
    let norm = vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot() * 2
    #expect(effect.fired == 5 && effect.sequences == 1 && effect.hooks == [hook])
    #expect(abs(effect.largestNorm - norm) < 1e-4)
    #expect(abs(effect.norm - norm * 5.0.squareRoot()) < 1e-3)
  }

  @Test func projectOutLeavesNothingOfTheDirection() throws {
    let hooks = [HookPoint.residual(before: 1), .attentionOutput(layer: 1), .mlpOutput(layer: 1)]
    let run = try model.run(
      batch, capturing: hooks.map { Capture($0) } + [.residual(after: 1)],
      applying: [.projectOut(vector, at: hooks)])
    let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    for hook in hooks + [.residual(after: 1)] {
      let rows = try #require(run[hook])
      for row in 0..<rows.rows {
        let left = zip(rows[row], vector).reduce(0) { $0 + $1.0 * $1.1 } / norm
        #expect(abs(left) < 1e-4)
      }
    }
    #expect(run.effects[0].hooks == hooks && run.effects[0].fired == 63)
  }

  @Test func headsSumToTheAttentionOutput() throws {
    for name in tinyModels + ["smollm2-135m"] {
      let model = name.hasPrefix("tiny") ? try Model.load(golden(name)) : demoModel
      // What a norm behind attention makes of the sum is not a sum.
      guard let model, model.network.blocks[0].attentionPostNorm == nil else { continue }
      let batch = InvarianceTests.batch(of: model, lengths: [9, 3])
      for layer in [0, model.shape.layers - 1] {
        let run = try model.run(
          batch,
          capturing: [
            Capture(.headOutput(layer: layer)), Capture(.attentionOutput(layer: layer)),
          ])
        let results = model.headResults(
          try #require(run[.headOutput(layer: layer)]), layer: layer)
        var sum = results[0]
        for result in results.dropFirst() {
          for index in sum.values.indices { sum.values[index] += result.values[index] }
        }
        if let bias = model.attentionBias(layer: layer) {
          for index in sum.values.indices { sum.values[index] += bias[index % bias.count] }
        }
        let (difference, scale) = distance(
          sum, try #require(run[.attentionOutput(layer: layer)]))
        #expect(results.count == model.shape.heads && difference < 1e-5 * max(scale, 1))
      }
    }
  }

  @Test func scalingAHeadScalesItsResultOnly() throws {
    let hooks = [Capture(.headOutput(layer: 1)), Capture(.attentionOutput(layer: 1))]
    let clean = try model.run(batch, capturing: hooks)
    let run = try model.run(
      batch, capturing: hooks, applying: [.scaleHeads([Head(layer: 1, head: 4)], by: 0.25)])
    let results = model.headResults(try #require(clean[.headOutput(layer: 1)]), layer: 1)
    var expected = try #require(clean[.attentionOutput(layer: 1)])
    for index in expected.values.indices {
      expected.values[index] -= 0.75 * results[4].values[index]
    }
    #expect(distance(try #require(run[.attentionOutput(layer: 1)]), expected).difference < 1e-5)
  }

  /// All heads of a token are scaled by one factor afterwards, so that their norm is what it was
  /// (arXiv 2510.06036).
  @Test func headsKeepTheNormOfTheirToken() throws {
    let hook = HookPoint.headOutput(layer: 1)
    let clean = try #require(try model.run(batch, capturing: [Capture(hook)])[hook])
    for factor: Float in [0, 0.25, 3] {
      let head = Head(layer: 1, head: 4)
      let run = try model.run(
        batch, capturing: [Capture(hook)],
        applying: [.scaleHeads([head], by: factor, keepingNorm: .token)])
      let kept = try #require(run[hook])
      let width = clean.columns / model.shape.heads
      for row in 0..<clean.rows {
        var scaled = Array(clean[row])
        for column in (4 * width)..<(5 * width) { scaled[column] *= factor }
        func norm(_ values: [Float]) -> Float {
          Float(values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot())
        }
        let back = norm(Array(clean[row])) / norm(scaled)
        for (column, value) in kept[row].enumerated() {
          #expect(abs(value - scaled[column] * back) <= 1e-5 * norm(scaled))
        }
      }
    }
  }

  @Test func whatTouchesNothingIsAnErrorThatSaysWhich() throws {
    let good = Intervention.add(vector, after: 0)
    for (bad, code) in [
      (Intervention.add(vector, after: 0, at: .segment(.answer)), .noEffect),
      (.add(vector, after: 0, at: .index(14)), .noEffect),
      (.add(vector, after: 2), .noEffect),
      (.add(vector, after: 3), .noSuchLayer),
      (.add([1, 2], after: 0), .unfitVector),
      (.add(vector.map { _ in .nan }, after: 0), .unfitVector),
      (.projectOut(vector.map { _ in 0 }, at: [.embedding]), .unfitVector),
      (.replace(with: [0], at: .logits), .readOnlyHook),
      (.scaleHeads([Head(layer: 0, head: 6)], by: 0), .noSuchHead),
      (.add(vector, after: -1), .noSuchLayer),
      (.add(vector, scale: .nan, after: 0), .unfitVector),
      (.add(vector, scale: .greatestFiniteMagnitude, after: 0), .unfitVector),
      (
        Intervention(
          .scaleHeads([Head(layer: 1, head: 0)], factor: 0), at: [.headOutput(layer: 0)]),
        .incompleteHooks
      ),
      (
        Intervention(
          .scaleHeads([Head(layer: 0, head: 0), Head(layer: 9, head: 0)], factor: 0),
          at: [.headOutput(layer: 0)]),
        .incompleteHooks
      ),
      (
        Intervention(
          .replaceHeads([HeadVector(Head(layer: 1, head: 0), vector: [])]),
          at: [.headOutput(layer: 0)]),
        .incompleteHooks
      ),
      (
        Intervention(
          .scaleHeads([Head(layer: 0, head: 0)], factor: 0),
          at: [.headOutput(layer: 0), .headOutput(layer: 1)]),
        .noSuchHead
      ),
      (
        Intervention(
          .add(vector: vector, scale: 1), at: [.residual(after: 0), .residual(after: 0)]),
        .duplicateHook
      ),
    ] as [(Intervention, Problem.Code)] {
      let error = expectProblem(code) {
        _ = try model.run(batch, capturing: [.residual(after: 1)], applying: [good, bad])
      }
      #expect(error?.subject.hasPrefix("intervention 1") == true)
    }
  }

  @Test func aCaptureThatReadsNothingIsAnError() throws {
    expectProblem(.readsNothing) {
      _ = try model.run(batch, capturing: [.residual(after: 1, at: .segment(.answer))])
    }
    expectProblem(.invalidArgument) { _ = try model.run(batch, capturing: []) }
  }

  @Test func sequencesThatContradictThemselvesAreErrors() throws {
    var sequence = TokenSequence(id: "odd", tokens: [1, 2, 3])
    sequence.segments.append(.answer)
    expectProblem(.differentCounts) {
      _ = try model.run(Batch([sequence]), capturing: [.residual(after: 0)])
    }
    expectProblem(.invalidArgument) {
      _ = try model.run(batch, capturing: [.residual(after: 0)], threads: 0)
    }
    expectProblem(.noSuchLayer) {
      _ = try model.run(batch, capturing: [.residual(after: -1)])
    }
  }

  @Test func tokensThatDoNotFitAreErrors() throws {
    for (tokens, code) in [
      ([], .promptLength), ([97], .unknownToken), ([-1], .unknownToken),
      (Array(repeating: 1, count: 129), .promptLength),
    ] as [([Int32], Problem.Code)] {
      let error = expectProblem(code) {
        _ = try model.run(
          Batch([TokenSequence(id: "odd", tokens: tokens)]), capturing: [.residual(after: 0)])
      }
      #expect(error.map { "\($0)".contains("odd") } == true)
    }
  }
}
