import Files
import Foundation
import Prompts
import Statistics
import Testing

@testable import Refusal
@testable import Transformer

/// Arms, controls, comparisons and losses.
@Suite struct AttackTests {
  static let shape = ModelShape(
    layers: 4, dModel: 8, heads: 6, keyValueHeads: 2, dHead: 2, dMLP: 8, dVocabulary: 16,
    contextLength: 64)

  static let card = JudgeCard(
    name: "j", measures: .refusal, success: "not refused", version: 1, source: "", definition: [])

  static let other = JudgeCard(
    name: "k", measures: .refusal, success: "not refused", version: 1, source: "", definition: [])

  func yield(
    _ arm: AttackArm, _ outcomes: [Bool?], groups: [String]? = nil
  ) -> AttackYield {
    var yield = AttackYield(arm)
    yield.answers = outcomes.indices.map {
      Answer(id: "\($0)", group: groups?[$0], request: "r", text: "t")
    }
    yield.verdicts = outcomes.map { [$0.map { .success($0) } ?? .invalid("?")] }
    return yield
  }

  func result(_ yields: [AttackYield]) throws -> AttackResult {
    try AttackAnalysis(yields, judges: [Self.card], shape: Self.shape, seed: 1, resamples: 1000)
      .result(settings: GenerationSettings(), provenance: [:])
  }

  @Test func comparisonsAgreeWithOtherImplementations() throws {
    let golden = try AttackGolden.load().paired
    let arms = golden.arms.enumerated().map { index, outcomes in
      yield(AttackArm("arm\(index)", .tested), outcomes)
    }
    let result = try result([yield(.baseline, golden.baseline)] + arms)
    for (index, arm) in result.arms.dropFirst().enumerated() {
      let comparison = arm.comparisons[0]
      #expect(abs(comparison.p - golden.p[index]) < 1e-12)
      #expect(abs((comparison.pHolm ?? 9) - golden.holm[index]) < 1e-12)
      #expect(comparison.test == "exact McNemar" && comparison.pairs == 40)
      let successes = golden.arms[index].count { $0 }
      #expect(arm.rates[0].success == .wilson(successes: successes, trials: 40))
      #expect(arm.rates[0].refusal == .wilson(successes: 40 - successes, trials: 40))
      let change = Double(successes - golden.baseline.count { $0 }) / 40
      #expect(abs((comparison.difference?.estimate ?? 9) - change) < 1e-12)
      #expect(comparison.difference?.method.contains("40 clusters") == true)
    }
    #expect(result.arms[0].comparisons.isEmpty)
    #expect(result.rows.count == 160)
  }

  @Test func signFlipsAgreeWithScipy() throws {
    for test in try AttackGolden.load().signFlips {
      #expect(abs(signFlipTest(test.differences) - test.p) < 1e-12, "\(test.differences)")
    }
    // With one answer to a behaviour it is McNemar's test.
    for (first, second) in [(0, 0), (3, 0), (10, 2), (60, 41)] {
      let flips = Array(repeating: 1, count: first) + Array(repeating: -1, count: second) + [0, 0]
      let other = mcNemarTest(onlyFirst: first, onlySecond: second)
      #expect(abs(signFlipTest(flips) - other) < 1e-9)
    }
  }

  /// Ten samples that all change are one behaviour that changes.
  @Test func samplesOfOneBehaviourAreNoProof() throws {
    let groups = (0..<20).map { "\($0 / 10)" }
    let result = try result([
      yield(.baseline, Array(repeating: false, count: 20), groups: groups),
      yield(AttackArm("a", .tested), Array(repeating: true, count: 20), groups: groups),
    ])
    let comparison = result.arms[1].comparisons[0]
    #expect(comparison.p == 0.5, "two behaviours can say no more")
    #expect(comparison.behaviours == 2 && comparison.test.contains("sign flips over 2"))
    #expect(comparison.difference == nil, "no interval of zero width")
  }

  @Test func invalidVerdictsLeaveTheirPairs() throws {
    let result = try result([
      yield(.baseline, [true, nil, false, true]),
      yield(AttackArm("a", .tested), [false, true, nil, true]),
    ])
    let arm = result.arms[1]
    #expect(arm.comparisons[0].pairs == 2 && arm.comparisons[0].onlyBaseline == 1)
    #expect(arm.rates[0].invalid == 1 && arm.rates[0].answers == 4)
    #expect(arm.rates[0].bounds?.ifAll == .wilson(successes: 3, trials: 4))
  }

  @Test func standsAmongItsOwnControls() throws {
    func control(_ name: String, _ of: String, _ successes: Int) -> AttackYield {
      yield(AttackArm(name, .control(of: of)), (0..<10).map { $0 < successes })
    }
    let result = try result([
      yield(.baseline, (0..<10).map { $0 < 5 }),
      yield(AttackArm("a", .tested), (0..<10).map { $0 < 8 }),
      control("a1", "a", 5), control("a2", "a", 2), control("a3", "a", 7),
      yield(AttackArm("b", .tested), (0..<10).map { $0 < 6 }), control("b1", "b", 10),
    ])
    let standing = try #require(result.arms[1].comparisons[0].standing)
    #expect(standing.controls == 3 && standing.asFar == 1, "a change the other way counts")
    #expect(standing.p == 0.5 && standing.rank == 2)
    #expect(standing.pHolm == 1 && standing.leastHolm == 0.5, "Holm over two arms")
    #expect(standing.changes.map { ($0 * 10).rounded() } == [-3, 0, 2])
    #expect(result.arms[5].comparisons[0].standing?.p == 1)
    #expect(result.arms[5].comparisons[0].standing?.leastHolm == 1)
    #expect(
      result.arms[2].comparisons[0].pHolm == nil && result.arms[2].comparisons[0].standing == nil)
    // Holm over two tested arms, not over the controls.
    let tested = [result.arms[1], result.arms[5]].map { $0.comparisons[0] }
    #expect(tested[0].pHolm == min(1, 2 * tested[0].p))
  }

  /// What is written can be read again, under the names that documents use.
  @Test func resultsSurviveTheirFiles() throws {
    func again<Value: Codable>(_ value: Value) throws -> Value {
      let (encoder, decoder) = (JSONEncoder(), JSONDecoder())
      encoder.keyEncodingStrategy = .convertToSnakeCase
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      return try decoder.decode(Value.self, from: try encoder.encode(value))
    }
    var arm = yield(
      AttackArm("a", .tested, [.scaleHeads([Head(layer: 1, head: 2)], by: 0)]),
      [true, false, nil, true])
    arm.losses = (1..<5).map { TextLoss(nats: Double($0 * $0), tokens: 3) }
    (arm.benignAnswers, arm.benignVerdicts) = (arm.answers, arm.verdicts)
    var baseline = yield(.baseline, [false, false, true, true])
    baseline.losses = (1..<5).map { TextLoss(nats: Double($0), tokens: 3) }
    (baseline.benignAnswers, baseline.benignVerdicts) = (baseline.answers, baseline.verdicts)
    var control = arm
    control.arm = AttackArm("a.random-01", .control(of: "a"))
    (control.benignAnswers, control.benignVerdicts) = ([], [])
    let attack = try AttackAnalysis(
      [baseline, arm, control], judges: [Self.card], shape: Self.shape, seed: 1, resamples: 500
    ).result(settings: GenerationSettings(), provenance: ["weights SHA-256": "x"])
    #expect(
      attack.arms[1].overRefusal.count == 1 && attack.arms[1].overRefusalComparisons.count == 1)
    let same = try again(attack) == attack
    #expect(same)
    let judged = try JudgeResult(
      arm.answers, judges: [Self.card], verdicts: arm.verdicts, seed: 1, resamples: 500,
      provenance: ["a b": "c"])
    let sameJudged = try again(judged) == judged
    #expect(sameJudged && judged.verdicts(of: "j")?["0"]?.success == true)
  }

  @Test func armsMustHaveAnsweredTheSame() throws {
    expectProblem(.differentRows) { try result([yield(AttackArm("a", .tested), [true])]) }
    expectProblem(.differentRows) {
      try result([yield(.baseline, [true]), yield(AttackArm("a", .tested), [true, false])])
    }
    expectProblem(.differentRows) { try result([]) }
  }

  @Test func allChangedHeadsCount() {
    let heads = (0..<3).map { Head(layer: $0, head: $0) }
    let arm = AttackArm(
      "a", .tested,
      [
        .scaleHeads([heads[0]], by: 0, keepingNorm: .token),
        .scaleHeads(Array(heads[0...1]), by: 0.5),
        .replaceHeads([HeadVector(heads[2], vector: [1, 2])]),
      ])
    #expect(arm.heads == heads)
  }

  @Test func controlsKeepLayersAndNorms() throws {
    let heads = [Head(layer: 2, head: 1), Head(layer: 0, head: 3), Head(layer: 2, head: 5)]
    let arm = AttackArm(
      "a", .tested,
      [
        .scaleHeads(heads, by: 0), .add([3, 0, 0, 0, 4, 0, 0, 0], scale: 2, after: 1),
        .projectOut([1, 1, 1, 1, 0, 0, 0, 0], at: [.embedding]),
      ])
    let controls = arm.controls(20, shape: Self.shape, seed: 3)
    #expect(controls.count == 20 && Set(controls.map(\.name)).count == 20)
    #expect(controls == arm.controls(20, shape: Self.shape, seed: 3))
    #expect(controls != arm.controls(20, shape: Self.shape, seed: 4))
    // More of them begin with the same ones.
    #expect(controls == Array(arm.controls(25, shape: Self.shape, seed: 3).prefix(20)))
    for control in controls {
      #expect(control.role == .control(of: "a"))
      #expect(control.heads.map(\.layer) == [0, 2, 2] && Set(control.heads).count == 3)
      #expect(control.heads.allSatisfy { $0.head < 6 })
      #expect(control.interventions.map(\.hooks) == arm.interventions.map(\.hooks))
      guard case .add(let vector, let scale) = control.interventions[1].change else {
        Issue.record("not an addition")
        continue
      }
      #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 25) < 1e-3 && scale == 2)
    }
  }

  /// One of six heads leaves five others, and none is drawn twice.
  @Test func thereMayBeFewerControls() throws {
    let arm = AttackArm("a", .tested, [.scaleHeads([Head(layer: 1, head: 2)], by: 0)])
    let controls = arm.controls(10, shape: Self.shape, seed: 1)
    #expect(Set(controls.map { $0.heads[0].head }) == [0, 1, 3, 4, 5])
    #expect(controls.count == 5)
    let layer = (0..<6).map { Head(layer: 1, head: $0) }
    let whole = AttackArm("a", .tested, [.scaleHeads(layer.reversed(), by: 0)])
    #expect(whole.controls(3, shape: Self.shape, seed: 1).isEmpty)
  }

  /// Every head of a layer is drawn as often as another.
  @Test func controlsAreUniform() throws {
    var counts: [Head: Int] = [:]
    for seed in 0..<600 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let set = HeadSet([Head(layer: 0, head: 0), Head(layer: 0, head: 1)])
      for head in set.random(heads: 6, using: &generator).heads { counts[head, default: 0] += 1 }
    }
    #expect(counts.count == 6 && counts.values.allSatisfy { abs($0 - 200) < 50 })
  }

  @Test func headsFromTextAndFile() throws {
    #expect(HeadSet("7.3,8.1")?.heads == [Head(layer: 7, head: 3), Head(layer: 8, head: 1)])
    for text in ["", "7", "7.3,", "7.3,7.3", "-1.2", "7.3.1", "a.b", "99999999999999999999.1"] {
      #expect(HeadSet(text) == nil, "\(text)")
    }
    let folder = try TestFolder()
    let path = try folder.write(
      "h.json",
      #"{"heads": [{"layer": 7, "head": 3, "score": -1}, {"layer": 8, "head": 1}], "#
        + #""top": {"heads": [{"layer": 1, "head": 0}]}}"#)
    #expect(try HeadSet.read(path).heads.count == 2)
    #expect(try HeadSet.read(path, first: 1).heads == [Head(layer: 7, head: 3)])
    #expect(try HeadSet.read(path, named: "top").heads == [Head(layer: 1, head: 0)])
    // What 'heads sweep' found, by its share.
    let sweep = try folder.write(
      "s.json",
      #"{"heads": [{"finding": {"layer": 0, "head": 0}}], "sets": {"sets": ["#
        + #"{"share": 0.015, "heads": [{"layer": 4, "head": 1}]}, "#
        + #"{"share": 0.03, "heads": [{"layer": 4, "head": 1}, {"layer": 2, "head": 0}]}]}}"#)
    #expect(try HeadSet.read(sweep, named: "1.5").heads == [Head(layer: 4, head: 1)])
    #expect(try HeadSet.read(sweep, named: "3").heads.count == 2)
    expectProblem(.missingField) { try HeadSet.read(sweep, named: "10") }
    expectProblem(.missingField) { try HeadSet.read(sweep) }
    let only = try folder.write("o.json", #"{"top": {"heads": [{"layer": 1, "head": 0}]}}"#)
    #expect(try HeadSet.read(only).heads == [Head(layer: 1, head: 0)])
    expectProblem(.missingField) { try HeadSet.read(path, named: "none") }
    expectProblem(.tooFew) { try HeadSet.read(path, first: 3) }
    for (text, code) in [
      ("", .notJSON), ("[]", .wrongType), ("{}", .missingField), (#"{"heads": []}"#, .missingField),
      (#"{"heads": [1]}"#, .missingField),
      (#"{"heads": [{"layer": -1, "head": 0}]}"#, .missingField),
      (#"{"heads": [{"layer": 1.5, "head": 0}]}"#, .missingField),
      (#"{"heads": [{"layer": 1}]}"#, .missingField),
      (#"{"heads": [{"layer": 1, "head": 0}, {"layer": 1, "head": 0}]}"#, .duplicateHead),
      (#"{"heads": [{"layer": 99999999999999999999, "head": 0}]}"#, .missingField),
      (#"{"heads": {"layer": 1}}"#, .missingField),
    ] as [(String, Problem.Code)] {
      let broken = try folder.write("b.json", text)
      expectProblem(code, "\(text)") { try HeadSet.read(broken) }
    }
  }

  @Test func lossAgreesWithTransformers() throws {
    let golden = try AttackGolden.load().loss
    let talker = try TinyTalker()
    let texts = try NeutralTexts(
      golden.texts.enumerated().map { TokenSequence(id: "\($0)", tokens: $1) })
    var found: [Int: TextLoss] = [:]
    try texts.losses(of: [0, 1, 2], talker.model, applying: [], threads: 2) { found[$0] = $1 }
    for (index, nats) in golden.nats.enumerated() {
      #expect(abs((found[index]?.nats ?? 0) - nats) < 2e-5 * max(1, nats))
      #expect(found[index]?.tokens == golden.texts[index].count - 1)
    }
    // An arm that acts on answers acts on the text, one that acts on thinking does not.
    let heads = (0..<6).map { Head(layer: 1, head: $0) }
    for (positions, isTouched) in [
      (Positions.segment(.answer), true), (.all, true), (.from(token: -1), true),
      (.segment(.thinking), false),
    ] {
      let change = Intervention.scaleHeads(heads, by: 0, at: positions)
      #expect(texts.areTouched(by: [change]) == isTouched, "\(positions)")
      var changed: [Int: TextLoss] = [:]
      try texts.losses(of: [2], talker.model, applying: [change], threads: 1) { changed[$0] = $1 }
      #expect((changed[2] != found[2]) == isTouched, "\(positions)")
    }
    expectProblem(.promptLength) {
      try NeutralTexts([TokenSequence(id: "a", tokens: [3])])
    }
  }

  @Test func capabilityIsPaired() throws {
    let bootstrap = Bootstrap(seed: 1, resamples: 1000)
    let base = (0..<12).map { TextLoss(nats: Double(20 + 3 * $0), tokens: 10) }
    let worse = base.map { TextLoss(nats: $0.nats + 1 + 0.01 * $0.nats, tokens: 10) }
    let loss = NeutralLoss(worse, baseline: base, isTouched: true, bootstrap: bootstrap)
    let difference = try #require(loss.difference)
    let width = try #require(loss.loss).high - (try #require(loss.loss).low)
    #expect(difference.low > 0.1 && difference.high - difference.low < width / 5)
    let same = NeutralLoss(base, baseline: base, isTouched: false, bootstrap: bootstrap)
    #expect(same.difference == nil && same.loss != nil)
    #expect(
      NeutralLoss([base[0]], baseline: nil, isTouched: true, bootstrap: bootstrap).loss == nil)
  }
}
