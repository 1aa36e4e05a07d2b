import Files
import Foundation
import Probing
import Prompts
import Statistics
import Tensors
import Testing
import Transformer

@testable import Refusal

extension TokenCoverage {
  /// A probe that was trained at every place, with groups enough of both classes.
  static let both = TokenCoverage(
    places: TokenPlace.allCases.map { Place($0, rows: 50, positiveGroups: 5, negativeGroups: 5) })
}

struct CliffSummaryTests {
  // The values of Oracles/record_cliffs.py.
  private let plateaus = [
    0.62, 0.71, 0.55, 0.66, 0.48, 0.73, 0.59, 0.64, 0.81, 0.52, 0.60, 0.69,
  ]
  private let finals = [0.31, 0.22, 0.40, 0.18, 0.45, 0.12, 0.33, 0.27, 0.10, 0.51, 0.29, 0.20]
  private let rule = PlateauRule(.mean, withoutLast: 0)

  /// Flat thinking of different lengths, then a fall in the two template tokens.
  private func traces(
    _ plateaus: [Double], _ finals: [Double], label: String? = nil
  ) throws -> [TokenTrace] {
    try zip(plateaus, finals).enumerated().map { index, pair in
      let length = 8 + index % 3
      let scores =
        [0.5, 0.5] + Array(repeating: pair.0, count: length) + [pair.0, pair.1, 0.01]
      let letters = "tp" + String(repeating: "k", count: length) + "tta"
      return try TokenTrace(
        id: "\(label ?? "") \(index)", label: label,
        tokens: letters.map { "\($0)" }, segments: segments(letters),
        hooks: [.residual(after: 0), .residual(after: 1)],
        logits: [scores.map { _ in 0 }, scores.map(logit)], chosen: 1)
    }
  }

  @Test func intervalsAgreeWithScipy() throws {
    let summary = try CliffSummary(
      try traces(plateaus, finals), trainedAt: .both, rule: rule, seed: 42, resamples: 2000)
    let means = summary.groups[0].means
    // With 10,000 resamples scipy's own ends vary by 0.002 from seed to seed.
    for (interval, mean, low, high) in [
      (means.plateau, 0.6333333, 0.5839, 0.6855), (means.final, 0.2816667, 0.2180, 0.3558),
      (means.cliff, 0.3516667, 0.2304, 0.4662),
    ] {
      let interval = try #require(interval)
      #expect(abs(interval.estimate - mean) < 1e-6)
      #expect(abs(interval.low - low) < 0.008)
      #expect(abs(interval.high - high) < 0.008)
      #expect(interval.method.contains("BCa"))
      #expect(interval.n == 12)
    }
  }

  @Test func aFallIsACliffAndSaysSo() throws {
    let group = try CliffSummary(
      try traces(plateaus, finals), trainedAt: .both, rule: rule, seed: 42, resamples: 500
    ).groups[0]
    #expect(group.verdict.kind == .cliff)
    for part in ["n = 12 of 12", "seed 42", "0.352", "95 %", "mean over thinking"] {
      #expect(group.verdict.sentence.contains(part), "\(part)")
    }
    #expect(group.measured == 12)
    // The whole fall lies behind the last thinking token.
    #expect(abs(try #require(group.endOfThinkingShare) - 1) < 1e-6)
  }

  @Test func labelsAreKeptApart() throws {
    let flat = plateaus.enumerated().map { $1 + ($0 % 2 == 0 ? 0.05 : -0.05) }
    let all =
      try traces(plateaus, finals, label: "harmful") + traces(plateaus, flat, label: "benign")
    let summary = try CliffSummary(all, trainedAt: .both, rule: rule, seed: 1, resamples: 1000)
    #expect(summary.groups.map(\.label) == ["benign", "harmful"])
    #expect(summary.groups.map(\.verdict.kind) == [.noCliff, .cliff])
    #expect(summary.groups[0].verdict.sentence.contains("includes 0"))
    #expect(summary.hook == .residual(after: 1))
    let rising = try CliffSummary(
      try traces(finals, plateaus), trainedAt: .both, rule: rule, seed: 1, resamples: 1000)
    #expect(rising.groups[0].verdict.kind == .noCliff)
    #expect(rising.groups[0].verdict.sentence.contains("rises"))
  }

  @Test func whatCannotBeMeasuredGetsNoVerdict() throws {
    let few = try CliffSummary(
      try traces(Array(plateaus.prefix(9)), finals), trainedAt: .both, rule: rule, seed: 1,
      resamples: 200)
    #expect(few.groups[0].verdict.kind == .notMeasurable)
    #expect(few.groups[0].verdict.sentence.contains("9 prompts"))
    let same = try CliffSummary(
      try traces(plateaus.map { _ in 0.5 }, finals.map { _ in 0.25 }), trainedAt: .both,
      rule: rule, seed: 1, resamples: 200)
    #expect(same.groups[0].verdict.kind == .notMeasurable)
    let withoutThinking = try (0..<20).map { index in
      try TokenTrace(
        id: "\(index)", tokens: ["a", "b", "c"], segments: segments("pta"), hooks: [.finalNorm],
        logits: [[0, Float(index), 1]])
    }
    let group = try CliffSummary(withoutThinking, trainedAt: .both, seed: 1, resamples: 200).groups[
      0]
    #expect(group.verdict.kind == .notMeasurable)
    #expect(group.means.plateau == nil)
    #expect(group.means.cliff == nil)
    #expect(group.means.final?.n == 20)
    #expect(group.aligned.points.allSatisfy { $0.n == 0 && $0.mean == nil })
    expectProblem(.noPrompts) { try CliffSummary([], trainedAt: .both, seed: 1) }
  }

  @Test func manyAnswersToOnePromptAreOnePrompt() throws {
    var copies = try traces(plateaus, finals)
    for index in copies.indices { copies[index].group = "prompt \(index / 2)" }
    let summary = try CliffSummary(copies, trainedAt: .both, rule: rule, seed: 1, resamples: 500)
    #expect(summary.groups[0].verdict.kind == .notMeasurable)
    #expect(summary.groups[0].verdict.sentence.contains("6 prompts"))
  }

  @Test func everyLayerIsStudied() throws {
    let layers = try CliffSummary(
      try traces(plateaus, finals), trainedAt: .both, rule: rule, seed: 1, resamples: 500
    ).groups[0].layers
    #expect(layers.map(\.hook) == [.residual(after: 0), .residual(after: 1)])
    // The first hook's scores are all one half, so that there is no interval to give.
    #expect(layers[0].means.cliff == nil)
    #expect(layers[1].means.cliff != nil)
  }

  @Test func theAlignedCurveMasksAbsentTokens() throws {
    let bootstrap = Bootstrap(seed: 1, resamples: 200)
    let curve = try AverageCurve.aligned(
      try traces(plateaus, finals), before: 10, after: 3, bootstrap: bootstrap)
    #expect(curve.points.map(\.position) == (-10...3).map(Double.init))
    let counts = curve.points.map(\.n)
    // Thinking of 8, 9 and 10 tokens, 4 transcripts each.
    #expect(counts == [0, 4, 8] + Array(repeating: 12, count: 11))
    let mean = plateaus.reduce(0, +) / 12
    #expect(abs(try #require(curve.points[10].mean) - mean) < 1e-6)
    #expect(abs(try #require(curve.points[12].mean) - finals.reduce(0, +) / 12) < 1e-6)
    let low = try #require(curve.points[10].low)
    #expect(low < mean && low > 0.55)
    let short = try traces([0.5, 0.9], [0.1, 0.1])
    let second = try AverageCurve.aligned(short, before: 8, after: 0, bootstrap: bootstrap)
    #expect(abs(try #require(second.points[0].mean) - 0.9) < 1e-6)
    #expect(second.points[0].low == nil)
  }

  @Test func theResampledCurveRunsFromTheFirstThoughtToTheFinalToken() throws {
    let curve = try AverageCurve.resampled(
      try traces(plateaus, finals), bootstrap: Bootstrap(seed: 1, resamples: 200))
    #expect(curve.points.count == 100)
    #expect(curve.points.allSatisfy { $0.n == 12 })
    #expect(abs(try #require(curve.points[0].mean) - plateaus.reduce(0, +) / 12) < 1e-6)
    #expect(abs(try #require(curve.points[99].mean) - finals.reduce(0, +) / 12) < 1e-6)
    #expect(stretched([1, 3], to: 5) == [1, 1.5, 2, 2.5, 3])
    #expect(stretched([7], to: 3) == [7, 7, 7])
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let summaries = try [3, 3, 4].map { seed in
      try encoder.encode(
        CliffSummary(
          try traces(plateaus, finals), trainedAt: .both, rule: rule, seed: seed, resamples: 500))
    }
    #expect(summaries[0] == summaries[1])
    #expect(summaries[0] != summaries[2])
    let text = String(decoding: summaries[0], as: UTF8.self)
    #expect(text.contains("\"schema\":\"bathyscope-cliff-1\""))
    #expect(
      try JSONDecoder().decode(CliffSummary.self, from: summaries[0]).groups[0].measured == 12)
  }

  /// Random directions that fall as far as the probe make its cliff no finding.
  @Test(arguments: [(0.0, 0, Verdict.Kind.cliff), (0.9, 99, .notDistinct)])
  func randomDirectionsDecide(fall: Double, asLarge: Int, kind: Verdict.Kind) throws {
    var traces = try traces(plateaus, finals)
    for index in traces.indices {
      let tokens = traces[index].tokens.count
      // Scores of a direction that falls by `fall` between thinking and the final token.
      let control = Probe(
        kind: .logistic, hook: .residual(after: 1), weight: [1], bias: 0, mean: [0], scale: [1])
      var activations = Matrix(rows: tokens, columns: 1)
      for row in 0..<tokens {
        activations[row, 0] = Float(logit(row < tokens - 2 ? 0.95 : 0.95 - fall))
      }
      traces[index].control = try TraceControl(
        Array(repeating: control, count: 99), on: activations,
        landmarks: traces[index].landmarks, rule: rule)
    }
    let group = try CliffSummary(
      traces, trainedAt: .both, rule: rule, seed: 42, resamples: 500
    ).groups[0]
    #expect(group.control?.asLarge == asLarge)
    #expect(abs((group.control?.p ?? 0) - Double(asLarge + 1) / 100) < 1e-12)
    #expect(group.verdict.kind == kind)
    #expect(group.verdict.sentence.contains("\(asLarge) of 99 random directions"))
  }

  /// What a probe of other tokens reads at the final one says nothing, however far it falls.
  @Test func aProbeOfOtherTokensTellsNothing() throws {
    func place(_ place: TokenPlace, _ positive: Int = 9, _ negative: Int = 9) -> TokenCoverage.Place
    {
      .init(place, rows: 100, positiveGroups: positive, negativeGroups: negative)
    }
    let (thinking, final) = ("the thinking", "the last template token before the answer")
    for (coverage, missing) in [
      (nil, ["does not say at which tokens"]), (TokenCoverage(places: []), [thinking, final]),
      (TokenCoverage(places: [place(.thinking)]), [final]),
      (TokenCoverage(places: [place(.thinking), place(.endOfThinking)]), [final]),
      (TokenCoverage(places: [place(.final), place(.template), place(.answer)]), [thinking]),
      (TokenCoverage(places: [place(.prompt), place(.template)]), [thinking, final]),
      // One class alone, or hardly a row, is no training.
      (TokenCoverage(places: [place(.thinking), place(.final, 0, 40)]), [final]),
      (TokenCoverage(places: [place(.thinking, 40, 4), place(.final)]), [thinking]),
    ] as [(TokenCoverage?, [String])] {
      let group = try CliffSummary(
        try traces(plateaus, finals), trainedAt: coverage, rule: rule, seed: 42, resamples: 500
      ).groups[0]
      #expect(group.verdict.kind == .cannotBeTold)
      #expect(group.verdict.sentence.hasPrefix("Cannot be told, because "))
      #expect(group.verdict.sentence.contains("fall = 0.352 ["))
      for (words, isMissing) in [thinking, final].map({ ($0, missing.contains($0)) }) {
        #expect(group.verdict.sentence.contains(words) == isMissing, "\(group.verdict.sentence)")
      }
      for words in missing { #expect(group.verdict.sentence.contains(words)) }
    }
    let read = TokenCoverage(places: [place(.thinking, 5, 5), place(.final, 5, 5)])
    let group = try CliffSummary(
      try traces(plateaus, finals), trainedAt: read, rule: rule, seed: 42, resamples: 500
    ).groups[0]
    #expect(group.verdict.kind == .cliff)
  }

  /// What the probe does in the transcripts that trained it is no finding in others.
  @Test func aNaturalFallIsNoCliff() throws {
    for (natural, kind) in [(-0.3, Verdict.Kind.cliff), (0.1, .cliff), (0.3, .noCliff)] {
      let verdict = try CliffSummary(
        try traces(plateaus, finals), trainedAt: .both, naturalFall: natural, rule: rule, seed: 42,
        resamples: 500
      ).groups[0].verdict
      #expect(verdict.kind == kind, "\(natural): \(verdict.sentence)")
    }
  }

  /// A fall is printed as one number with its sign.
  @Test func fallsAndRisesAreWrittenAlike() throws {
    let near = plateaus.enumerated().map { $1 - ($0 % 2 == 0 ? 0.05 : 0.01) }
    for (plateaus, finals, start) in [
      (plateaus, finals, "Cliff: fall = 0.352 ["),
      (finals, plateaus, "No cliff, the refusal score rises: fall = -0.352 ["),
      (plateaus, near, "No cliff, the interval does not lie above 0.05 more than 0.000, by which"),
    ] {
      let sentence = try CliffSummary(
        try traces(plateaus, finals), trainedAt: .both, rule: rule, seed: 1, resamples: 500
      ).groups[0].verdict.sentence
      #expect(sentence.hasPrefix(start), "\(sentence)")
      #expect(sentence.components(separatedBy: "fall = ").count == 2)
    }
  }
}
