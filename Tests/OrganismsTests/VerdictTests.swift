import Foundation
import Organisms
import Probing
import Prompts
import Tensors
import Testing
import Transformer

@testable import Refusal

/// The verdict about the cliff, where the truth is known.
///
/// One probe is the truth: the planted direction. The other is learned, from six words of each class at
/// the thinking and the template at its end, in the model of the same seed without the mechanism; it is
/// traced on ten other harmful words, in that model and in the one with the mechanism.
@Suite struct VerdictTests {
  @Test func cliffsAreFoundAndNoneIsClaimedWhereNoneIs() throws {
    var truth: [Organism.Kind: [Verdict.Kind]] = [:]
    var learned: [Organism.Kind: [Verdict.Kind]] = [:]
    for seed in seeds {
      let probe = try probe(of: try Planted.of(.none, seed: seed))
      for kind in [Organism.Kind.none, .refusalCliff] {
        let planted = try Planted.of(kind, seed: seed)
        let verdicts = try verdicts(of: planted, by: [try trueProbe(of: planted), probe])
        truth[kind, default: []].append(verdicts[0])
        learned[kind, default: []].append(verdicts[1])
      }
    }
    func cliffs(_ verdicts: [Verdict.Kind]?) -> Int { verdicts?.count { $0 == .cliff } ?? 0 }
    print(
      "planted direction: cliffs in \(cliffs(truth[.refusalCliff])) of \(seeds.count), claimed in "
        + "\(cliffs(truth[.none])); learned probe: \(cliffs(learned[.refusalCliff])), claimed in "
        + "\(cliffs(learned[.none]))")
    #expect(seeds.count >= 20)
    #expect(cliffs(truth[.refusalCliff]) == seeds.count)
    let most = Double(seeds.count) / 20
    #expect(Double(cliffs(truth[.none])) <= most && Double(cliffs(learned[.none])) <= most)
    // A probe of 48 examples also reads harm, which does not fall: it may not stand out among random
    // directions, but the score falls in every one.
    #expect(learned[.refusalCliff]?.allSatisfy { $0 == .cliff || $0 == .notDistinct } == true)
    #expect(cliffs(learned[.refusalCliff]) * 2 > seeds.count)
  }

  /// What a probe of the thinking and of the template at its end says of itself.
  private var everywhere: TokenCoverage {
    TokenCoverage(
      places: TokenPlace.allCases.map {
        .init($0, rows: 48, positiveGroups: 6, negativeGroups: 6)
      })
  }

  /// s is near 1 where refusal is as high as planted along the thinking, and near 0 without it.
  private func trueProbe(of planted: Planted) throws -> Probe {
    let direction = try #require(planted.organism.directions["refusal"])
    let factor = 8 / planted.truth.refusalAlongThinking
    return Probe(
      kind: .differenceInMeans, hook: .residual(after: planted.last),
      weight: direction.map { $0 * factor }, bias: -4, mean: direction.map { _ in 0 },
      scale: direction.map { _ in 1 })
  }

  private func isTraining(_ prompt: Prompt, _ words: [String]) -> Bool {
    words.prefix(6).contains(prompt.labels["group"]?.description ?? "")
  }

  private func prompts(
    _ planted: Planted, harmful: Bool, training: Bool, each: Int
  ) throws -> [Prompt] {
    let mine = try planted.prompts().filter { $0.labels["harmful"] == .bool(harmful) }
    var words: [String] = []
    for prompt in mine {
      let word = prompt.labels["group"]?.description ?? ""
      if !words.contains(word) { words.append(word) }
    }
    var taken: [String: Int] = [:]
    return mine.filter { prompt in
      let word = prompt.labels["group"]?.description ?? ""
      taken[word, default: 0] += 1
      return isTraining(prompt, words) == training && taken[word, default: 0] <= each
    }
  }

  private func probe(of planted: Planted) throws -> Probe {
    let rows =
      try prompts(planted, harmful: true, training: true, each: 4)
      + prompts(planted, harmful: false, training: true, each: 4)
    let hook = HookPoint.residual(after: planted.last)
    let run = try planted.model.run(
      try planted.encode(rows.map(\.conversation)),
      capturing: [Capture(hook, at: .union([.segment(.thinking), .endOfThinking]))])
    let features = try FeatureSet(
      run, hooks: [hook],
      examples: rows.map { Example(id: $0.id, label: $0.labels["harmful"] == .bool(true)) })
    return try #require(try Probe.logistic(features, inversePenalty: 0.01).first)
  }

  private func verdicts(of planted: Planted, by probes: [Probe]) throws -> [Verdict.Kind] {
    let rows = try prompts(planted, harmful: true, training: false, each: 1)
    let batch = try planted.encode(rows.map(\.conversation))
    let controls = probes.map {
      $0.randomControls(39, seed: planted.truth.seed, spread: nil)
    }
    var traces: [[TokenTrace]] = probes.map { _ in [] }
    _ = try planted.model.run(batch, Plan(capturing: [Capture(probes[0].hook)])) { capture in
      let sequence = batch.sequences[capture.sequence]
      let values = try #require(capture.values[probes[0].hook])
      for (index, probe) in probes.enumerated() {
        var trace = try TokenTrace(
          capture, of: sequence, texts: sequence.tokens.map { "\($0)" }, probes: [probe],
          group: rows[capture.sequence].labels["group"]?.description, label: "harmful")
        trace.control = try TraceControl(
          controls[index], on: values, landmarks: trace.landmarks, rule: .robust)
        traces[index].append(trace)
      }
    }
    return try traces.map { traces in
      let summary = try CliffSummary(
        traces, trainedAt: everywhere, seed: planted.truth.seed, resamples: 1000)
      return try #require(summary.groups.first).verdict.kind
    }
  }
}
