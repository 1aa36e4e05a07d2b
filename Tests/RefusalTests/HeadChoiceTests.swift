import Files
import Foundation
import Probing
import Prompts
import Statistics
import Tensors
import Testing

@testable import Refusal
@testable import Transformer

/// Claims, sets and searches, on effects whose truth is known.
@Suite struct HeadChoiceTests {
  static let heads = (0..<4).flatMap { layer in (0..<8).map { Head(layer: layer, head: $0) } }

  /// Effects of 32 heads in 12 prompts, and the cosines of their shifts in 64 dimensions: noise of
  /// different sizes, and for planted heads a constant along the direction.
  func world(seed: UInt64, planted: [Int]) -> (values: [[Double]], cosines: [Double?]) {
    var generator = SeededGenerator(seed: seed)
    let direction = (0..<64).map { _ in generator.normal() }
    var (values, cosines): ([[Double]], [Double?]) = ([], [])
    for head in Self.heads.indices {
      // A head that always writes the same vector has an effect of one sign in every prompt.
      let size = planted.contains(head) ? 1 : exp(generator.normal())
      let written = (0..<64).map { _ in size * generator.normal() }
      let shift = planted.contains(head) ? zip(written, direction).map { $0 + 2 * $1 } : written
      let along = zip(shift, direction).reduce(0) { $0 + $1.0 * $1.1 }
      values.append((0..<12).map { _ in along + generator.normal() })
      cosines.append(cosine(shift, direction))
    }
    return (values, cosines)
  }

  func judge(_ world: (values: [[Double]], cosines: [Double?]), seed: UInt64) throws
    -> [HeadFinding]
  {
    try HeadFinding.judge(
      Self.heads, world.values, groups: (0..<12).map { "\($0)" }, cosines: world.cosines,
      dimensions: 64, suppressingSign: 1, seed: seed, resamples: 100)
  }

  @Test func plantedHeadsAreClaimedAndOthersAreNot() throws {
    var falseClaims = 0
    for seed in 0..<20 as Range<UInt64> {
      let claimed = try judge(world(seed: seed, planted: [3, 17, 30]), seed: seed)
        .filter(\.isSuppressor).map(\.place)
      #expect(Set([3, 17, 30].map { Self.heads[$0] }).isSubset(of: claimed))
      if claimed.count > 3 { falseClaims += 1 }
    }
    #expect(falseClaims <= 1)
  }

  /// Every head moves the score a little in every prompt. That alone is no finding.
  @Test func nothingIsClaimedWhereNothingIsPlanted() throws {
    var (worlds, significant) = (0, 0)
    for seed in 100..<160 as Range<UInt64> {
      let findings = try judge(world(seed: seed, planted: []), seed: seed)
      if findings.contains(where: \.isSuppressor) { worlds += 1 }
      significant += findings.count { $0.signFlipP < 0.001 }
    }
    // By the sign-flip test alone most of the 1,920 heads would have been claimed.
    #expect(significant > 1000)
    #expect(worlds <= 3)
  }

  @Test func aHeadThatLowersTheScoreOrHasNoDirectionIsNotClaimed() throws {
    let world = world(seed: 1, planted: [3])
    let lowered = (values: world.values.map { $0.map { -$0 } }, cosines: world.cosines)
    let findings = try judge(lowered, seed: 1)
    #expect(findings[3].holmP < 0.05 && !findings[3].isSuppressor && findings[3].mean < 0)
    let unknown = (values: world.values, cosines: world.cosines.map { _ in nil as Double? })
    #expect(try judge(unknown, seed: 1).allSatisfy { !$0.isSuppressor && $0.holmP == 1 })
  }

  func prompts(_ count: Int) throws -> [HeadPrompt] {
    try (0..<count).map { index in
      try HeadPrompt(TokenSequence(id: "p\(index)", tokens: [1, 2]), group: "g\(index / 2)")
    }
  }

  @Test func setsAreReportedOnPromptsThatDidNotChooseThem() throws {
    let prompts = try prompts(24)
    let plan = HeadSetPlan(shares: [0.03, 0.1], randomSets: 39, seed: 4, resamples: 200)
    let split = try plan.split(prompts)
    let (one, other) = (
      Set(split.train.map { prompts[$0].group }), Set(split.test.map { prompts[$0].group })
    )
    #expect(one.isDisjoint(with: other) && split.train.count + split.test.count == 24)
    // Noise: what is best on the prompts that choose is nothing special on the others.
    var generator = SeededGenerator(seed: 9)
    let noise = Self.heads.map { _ in (0..<24).map { _ in generator.normal() } }
    let places = Dictionary(uniqueKeysWithValues: zip(Self.heads, 0...))
    func report(_ values: [[Double]]) throws -> HeadSetReport {
      try plan.report(
        prompts, ranking: Self.heads.ranked(by: values, on: split.train, sign: 1), total: 32,
        sign: 1
      ) { set, reported in
        reported.map { prompt in set.reduce(0) { $0 + values[places[$1] ?? 0][prompt] } }
      }
    }
    let chance = try report(noise)
    #expect(chance.sets.map(\.heads.count) == [1, 3])
    #expect(
      chance.reportPrompts == split.test.count && chance.sets[1].effect?.n == split.test.count)
    for set in chance.sets {
      #expect(set.selectionMean > 0.4 && abs(set.mean) < 1.2)
      #expect((set.control?.p ?? 0) > 0.05)
    }
    var planted = noise
    for head in [2, 12, 20] { planted[head] = planted[head].map { $0 + 2 } }
    let found = try report(planted)
    #expect(Set(found.sets[1].heads) == Set([2, 12, 20].map { Self.heads[$0] }))
    #expect(found.sets[1].control.map { $0.p < 0.06 && $0.asLarge == 0 && $0.sets == 39 } == true)
    #expect(plan.randomSets(of: 3, from: Self.heads) == plan.randomSets(of: 3, from: Self.heads))
    #expect(Set(plan.randomSets(of: 3, from: Self.heads)).count > 30)
    #expect(plan.count(0.015, of: 270) == 4 && plan.count(0.03, of: 270) == 8)
    #expect(plan.count(0.1, of: 270) == 27 && plan.count(0.001, of: 32) == 1)
    expectProblem(.tooFew) { _ = try plan.split(Array(prompts.prefix(2))) }
  }

  /// Two heads that do nothing alone: greedy search takes the bait, a wider beam finds the pair.
  @Test func aBeamFindsWhatGreedSteps() throws {
    let heads = Array(Self.heads.prefix(5))
    func value(_ set: [Head]) -> Double {
      let places = Set(set.map(\.head))
      if places.isSuperset(of: [3, 4]) { return 10 }
      return (places.contains(0) ? 2 : 0) + (places.contains(3) ? 1.5 : 0)
        + (places.contains(1) ? 1 : 0)
    }
    func scorer(_ base: [Head], _ candidates: [Head]) -> [[Double]] {
      candidates.map { [value(base + [$0]), value(base + [$0])] }
    }
    let greedy = try HeadSearch(size: 2).run(heads, effects: scorer)
    #expect(greedy[0].heads == [heads[0]] && greedy[1].selectionMean == 3.5)
    #expect(greedy[0].tried == 5 && greedy[1].tried == 4)
    let beam = try HeadSearch(size: 2, beam: 2).run(heads, effects: scorer)
    #expect(beam[1].heads == [heads[3], heads[4]] && beam[1].selectionMean == 10)
    let lowest = try HeadSearch(size: 1, raises: false).run(heads, effects: scorer)
    #expect(
      lowest[0].heads == [heads[2]] || lowest[0].heads == [heads[4]] || lowest[0].selectionMean == 0
    )
    expectProblem(.outOfRange) { _ = try HeadSearch(size: 6).run(heads, effects: scorer) }
    expectProblem(.notFinite) {
      _ = try HeadSearch(size: 1).run(heads) { _, candidates in candidates.map { _ in [.nan] } }
    }
  }

  @Test(arguments: [
    "tiny-llama", "tiny-llama-bias", "tiny-gpt2", "tiny-gpt-neox", "tiny-gemma2", "tiny-olmo2",
  ])
  func attributionIsComplete(name: String) throws {
    let model = try tinyModel(name)
    let prompts = try tinyPrompts(6)
    let probe = tinyProbe(model, at: .finalNorm)
    let direction = try HeadAttribution.Direction(of: probe, name: "probe")
    let attribution = try HeadAttribution(model, prompts, along: direction, threads: 2)
    #expect(attribution.heads.count == model.shape.layers * model.shape.heads)
    for check in attribution.completeness {
      #expect(check.largestError < 1e-5 * max(check.largestOutput, 1), "\(check)")
      #expect(check.largestOutput > 0)
    }
    // Through the frozen norm, a head's contribution is the score's change when its share is taken out
    // of the residual stream and the norm's scale stays.
    let frozen = try #require(attribution.frozenContributions)
    let z = try model.run(
      Batch([prompts[0].sequence]),
      capturing: [
        .headOutput(layer: 1, at: .last), .residual(after: model.shape.layers - 1, at: .last),
      ], threads: 1)
    let stream = try #require(z[.residual(after: model.shape.layers - 1)]).values.map { Double($0) }
    let norm = model.network.finalNorm
    let w = probe.direction.map { Double($0) }
    let length = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let (shares, _) = HeadWriter(model, layer: 1).shares(
      of: try #require(z[.headOutput(layer: 1)]).values)
    let scale = norm.scale(of: stream)
    func score(_ x: [Double]) -> Double {
      let mean = norm.isCentred ? x.reduce(0, +) / Double(x.count) : 0
      return x.indices.reduce(0) { $0 + (x[$1] - mean) / scale * Double(norm.gain[$1]) * w[$1] }
        / length
    }
    for head in 0..<model.shape.heads {
      let without = zip(stream, shares[head]).map { $0 - $1 }
      let value = frozen[model.shape.heads + head][0]
      #expect(abs(value - (score(stream) - score(without))) < 1e-9 * max(1, abs(value)))
    }
  }

  @Test func attributionsOfProbesBelowTheLastBlockEndThere() throws {
    let model = try tinyModel("tiny-llama")
    let prompts = try tinyPrompts(4)
    let probe = tinyProbe(model, at: .residual(before: 2))
    let direction = try HeadAttribution.Direction(of: probe, name: "probe")
    let attribution = try HeadAttribution(model, prompts, along: direction, threads: 1)
    #expect(attribution.heads.count == 2 * model.shape.heads)
    #expect(attribution.frozenContributions == nil)
    // Raw contributions against the engine's own head results.
    let run = try model.run(
      Batch(prompts.map(\.sequence)), capturing: [.headOutput(layer: 1, at: .last)], threads: 1)
    let results = model.headResults(try #require(run[.headOutput(layer: 1)]), layer: 1)
    let w = probe.direction.map { Double($0) }
    let length = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
    for head in 0..<model.shape.heads {
      for prompt in prompts.indices {
        let expected = zip(results[head][prompt], w).reduce(0) { $0 + Double($1.0) * $1.1 } / length
        let value = attribution.contributions[model.shape.heads + head][prompt]
        #expect(abs(value - expected) < 1e-5)
      }
    }
    expectProblem(.wrongHook) {
      _ = try HeadAttribution.Direction(of: tinyProbe(model, at: .residual(before: 0)), name: "x")
    }
    let zero = [Float](repeating: 0, count: model.shape.dModel)
    for vector in [zero, [1, 2]] {
      expectProblem(.unfitVector) {
        _ = try HeadAttribution(
          model, prompts, along: .init(vector, isBehindFinalNorm: false, name: "v"))
      }
    }
  }
}
