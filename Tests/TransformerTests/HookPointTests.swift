import Files
import Foundation
import Prompts
import Tensors
import Testing

@testable import Transformer

/// One tiny model of each kind of block.
private let models = [
  "tiny-gemma3", "tiny-gpt-neox", "tiny-gpt2", "tiny-llama", "tiny-olmo2", "tiny-phi3",
  "tiny-qwen3", "tiny-qwen3-moe-mixed",
]

@Suite("Every hook point")
struct HookPointTests {
  private func changeable(_ model: Model) -> [HookPoint] {
    HookPoint.all(in: model.shape).filter { !$0.site.isReadOnly }
  }

  private func addition(_ model: Model, at hook: HookPoint, scale: Float) -> Intervention {
    Intervention(
      .add(vector: noise(model.shape.width(of: hook.site, tokens: 0), seed: 3), scale: scale),
      at: [hook], positions: .from(token: 4))
  }

  @Test(arguments: models)
  func anIdentityAtEachChangesNoBit(name: String) throws {
    let model = try Model.load(golden(name))
    let batch = InvarianceTests.batch(of: model, lengths: [9, 6])
    let captures = HookPoint.all(in: model.shape).map { Capture($0) }
    let clean = try model.run(batch, capturing: captures)
    let plain = try model.run(batch, capturing: [.logits(at: .all)])
    let run = try model.run(
      batch, capturing: [.logits(at: .all)],
      applying: changeable(model).map { addition(model, at: $0, scale: 0) })
    #expect(run.effects.allSatisfy { $0.fired == 7 && $0.norm == 0 })
    for (one, other) in zip(clean.sequences, plain.sequences) {
      // Reading everything changes nothing either.
      let same = one.values[.logits] == other.values[.logits]
      #expect(same, "\(name)")
    }
    for (one, other) in zip(run.sequences, plain.sequences) {
      let same = InvarianceTests.bits(one) == InvarianceTests.bits(other)
      #expect(same, "\(name)")
    }
  }

  /// What is added arrives at the hook, reaches the logits, and reaches no token before.
  @Test(arguments: models)
  func aChangeAtEachReachesTheLogits(name: String) throws {
    let model = try Model.load(golden(name))
    let batch = InvarianceTests.batch(of: model, lengths: [9])
    for hook in changeable(model) {
      let captures = [Capture(hook), .logits(at: .all)]
      let clean = try model.run(batch, capturing: captures)
      let change = addition(model, at: hook, scale: 0.5)
      let run = try model.run(batch, capturing: captures, applying: [change])
      let (before, after) = (try #require(clean[hook]), try #require(run[hook]))
      guard case .add(let vector, let scale) = change.change else { continue }
      for row in 0..<9 {
        for column in 0..<before.columns {
          let expected = before[row, column] + (row >= 4 ? vector[column] * scale : 0)
          #expect(abs(after[row, column] - expected) <= 1e-5 * max(1, abs(expected)), "\(hook)")
        }
      }
      let (logits, changed) = (try #require(clean[.logits]), try #require(run[.logits]))
      let early = Array(0..<4)
      #expect(changed.picking(early) == logits.picking(early), "\(name) \(hook)")
      // A window of five that holds changed keys only would hide the same change of all of them.
      #expect(changed[4] != logits[4] && changed[7] != logits[7], "\(name) \(hook)")
      #expect(run.effects[0].fired == 5 && run.effects[0].norm > 0, "\(hook)")
    }
  }

  @Test func attentionAndMLPReadWhatTheStreamDoesNotKeep() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = InvarianceTests.batch(of: model, lengths: [6])
    for (hook, stream, written) in [
      (
        HookPoint.attentionInput(layer: 1), HookPoint.residual(before: 1),
        HookPoint.attentionOutput(layer: 1)
      ),
      (.mlpInput(layer: 1), .residual(mid: 1), .mlpOutput(layer: 1)),
    ] {
      let captures = [stream, written, .residual(after: 1)].map { Capture($0) }
      let clean = try model.run(batch, capturing: captures)
      let run = try model.run(
        batch, capturing: captures, applying: [addition(model, at: hook, scale: 1)])
      #expect(run[stream] == clean[stream], "\(hook)")
      #expect(run[written] != clean[written], "\(hook)")
    }
  }

  @Test func whatIsReadOnlyIsRefused() throws {
    let model = try Model.load(golden("tiny-gemma3"))
    let batch = InvarianceTests.batch(of: model, lengths: [4])
    let hooks = HookPoint.all(in: model.shape).filter(\.site.isReadOnly)
    #expect(Set(hooks.map(\.site)).count == 9)
    for hook in hooks {
      let error = expectProblem(.readOnlyHook) {
        _ = try model.run(
          batch, capturing: [.logits()],
          applying: [.replace(with: [1], at: hook)])
      }
      #expect(error?.place == hook.description && error?.problem == "is read-only")
    }
  }

  /// Architectures without rotary embedding, a gate or a norm have no such hooks, and say so.
  @Test func whatAnArchitectureDoesNotHaveIsAbsent() throws {
    func has(_ name: String, _ site: HookPoint.Site) throws -> Bool {
      try Model.load(golden(name)).shape.has(HookPoint(site, layer: 0))
    }
    #expect(try !has("tiny-gpt2", .rotatedQuery) && !has("tiny-gpt2", .mlpLinear))
    #expect(try has("tiny-gpt2", .mlpPreActivation) && has("tiny-llama", .mlpLinear))
    #expect(try !has("tiny-olmo2", .attentionNormScale) && has("tiny-olmo2", .mlpPostNormScale))
    #expect(try !has("tiny-llama", .attentionPostNormalized))
    #expect(try !has("tiny-qwen3-moe", .mlpPreActivation))
  }

  @Test func someRowsAreThoseOfAll() throws {
    for name in models {
      let model = try Model.load(golden(name))
      let batch = InvarianceTests.batch(of: model, lengths: [7, 5, 1])
      for hook in HookPoint.all(in: model.shape) where hook != .logits {
        let all = try model.run(batch, capturing: [Capture(hook)])
        let some = try model.run(batch, capturing: [Capture(hook, at: .range(1, 3))])
        for (one, other) in zip(some.sequences, all.sequences) {
          let whole = try #require(other.values[hook])
          let rows = [1, 2, 3].filter { $0 < whole.rows }
          #expect(one.values[hook] == whole.picking(rows), "\(name) \(hook)")
        }
      }
    }
  }

  @Test func headsHaveAView() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = InvarianceTests.batch(of: model, lengths: [5, 3])
    let hooks: [HookPoint] = [
      .query(layer: 1), .key(layer: 1), .headOutput(layer: 1), .headResult(layer: 1),
      .attentionScores(layer: 1), .residual(after: 1),
    ]
    let run = try model.run(batch, capturing: hooks.map { Capture($0) })
    let shape = model.shape
    let z = try #require(run.byHead(.headOutput(layer: 1), in: shape))
    #expect(z.tokens == 8 && z.heads == 6 && z.dHead == 6)
    let rows = try #require(run[.headOutput(layer: 1)])
    #expect(z[7, 2] == Array(rows[7][12..<18]) && z[7, 2, 5] == rows[7, 17])
    #expect(z.head(3).rows == 8 && z.head(3)[2] == z[2, 3])
    #expect(run.byHead(.key(layer: 1), in: shape)?.heads == 2)
    #expect(run.byHead(.residual(after: 1), in: shape) == nil)
    #expect(run.byHead(.value(layer: 0), in: shape) == nil)
    #expect(run.byHead(.attentionScores(layer: 1), in: shape) == nil)
    let scores = try #require(
      run.sequences[1].byHead(.attentionScores(layer: 1), in: shape))
    #expect(scores.tokens == 3 && scores.heads == 6 && scores.dHead == 3)
    #expect(scores[0, 4, 0].isFinite && scores[0, 4, 1] == -.infinity)
    let results = try #require(run.byHead(.headResult(layer: 1), in: shape))
    for (head, expected) in model.headResults(rows, layer: 1).enumerated() {
      let (difference, scale) = distance(results.head(head), expected)
      #expect(difference <= 1e-5 * scale)
    }
  }

  @Test func capturesThatNoMachineHoldsAreRefused() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = InvarianceTests.batch(of: model, lengths: [10, 4])
    let bytes = model.capturedBytes(
      batch,
      [
        Capture(.attentionScores(layer: 0), at: .last), Capture(.residual(after: 0)),
        Capture(.attentionPattern(layer: 0), at: .last),
      ])
    #expect(bytes == [4 * (60 + 360 + 600), 4 * (24 + 144 + 96)])
    let error = expectProblem(.notEnoughMemory) { try model.checkMemory(1 << 60) }
    #expect(error?.remedy.contains("fewer hooks") == true)
    try model.checkMemory(bytes.reduce(0, +))
  }

  /// Of experts whose logits are equal those with the smaller number are taken.
  @Test func equalRouterLogitsGoToTheFirstExperts() {
    let device = CPUBackend()
    for (logits, top, chosen) in [
      ([1, 2, 2, 2], 2, [1, 2]), ([0, 0, 0, 0], 3, [0, 1, 2]), ([-1, 3, -1, -1], 2, [0, 1]),
      ([2, 1, 2, 1], 3, [0, 1, 2]),
    ] as [([Float], Int, [Int])] {
      for normalized in [true, false] {
        let row = device.activations(Matrix(rows: 1, columns: 4, values: logits))
        let weights = device.read([0], of: device.route(row, top: top, normalized: normalized))[0]
        #expect(weights.indices.filter { weights[$0] > 0 } == chosen, "\(logits)")
        #expect(!normalized || abs(weights.reduce(0, +) - 1) < 1e-6)
      }
    }
  }
}
