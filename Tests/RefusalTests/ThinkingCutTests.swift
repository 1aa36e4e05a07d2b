import Foundation
import Probing
import Prompts
import Statistics
import Testing
import Transformer

@testable import Refusal

struct ThinkingCutTests {
  // The values of Oracles/record_shares.py.
  private let plateaus = [
    0.62, 0.71, 0.55, 0.66, 0.48, 0.73, 0.59, 0.64, 0.81, 0.52, 0.60, 0.69,
  ]
  private let lasts = [0.52, 0.66, 0.50, 0.40, 0.44, 0.61, 0.58, 0.45, 0.70, 0.50, 0.41, 0.60]
  private let finals = [0.31, 0.22, 0.40, 0.18, 0.45, 0.12, 0.33, 0.27, 0.10, 0.51, 0.29, 0.20]

  @Test func tokensOfTheThinkingAreCutAndNoOthers() throws {
    let letters = "tpptkkkkkttaat"
    let sequence = TokenSequence(
      id: "a", tokens: (0..<14).map { Int32($0) }, segments: segments(letters))
    let expected: [(Double, [Int32])] = [
      (1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), (0.8, [0, 1, 2, 3, 4, 5, 6, 7, 9, 10]),
      (0.4, [0, 1, 2, 3, 4, 5, 9, 10]), (0, [0, 1, 2, 3, 9, 10]),
    ]
    for (share, tokens) in expected {
      let cut = try #require(ThinkingCuts.cut(sequence, to: share))
      #expect(cut.tokens == tokens, "\(share)")
      #expect(Landmarks(cut.segments).final == tokens.count - 1)
    }
    for letters in ["tpptkkk", "tpptta", "tppaa"] {
      let sequence = TokenSequence(
        id: "a", tokens: letters.map { _ in 1 }, segments: segments(letters))
      #expect(ThinkingCuts.cut(sequence, to: 0.5) == nil)
    }
  }

  /// The nearest number of tokens, halves upwards.
  @Test func sharesAreRounded() throws {
    for (length, share, kept) in [
      (11, 0.2, 2), (13, 0.2, 3), (11, 0.4, 4), (9, 0.6, 5), (11, 0.8, 9), (3, 0.4, 1), (5, 0.5, 3),
    ] {
      let letters = "tp" + String(repeating: "k", count: length) + "tta"
      let sequence = TokenSequence(
        id: "a", tokens: letters.map { _ in 1 }, segments: segments(letters))
      let cut = try #require(ThinkingCuts.cut(sequence, to: share))
      #expect(cut.segments.count { $0 == .thinking } == kept, "\(share) of \(length)")
    }
  }

  @Test func theRiseAndTheBandAgreeWithScipy() throws {
    let scores = zip(plateaus, finals).enumerated().map { index, pair in
      // From the final score with all the thinking to the plateau without any.
      ThinkingCuts.Scores(
        id: "\(index)", group: "\(index)", label: "harmful",
        finals: (0..<6).map { pair.1 + (pair.0 - pair.1) * Double($0) / 5 })
    }
    let cuts = try ThinkingCuts(scores, at: .residual(after: 1), seed: 42)
    let group = try #require(cuts.groups.first)
    #expect(group.points.map(\.share) == [1, 0.8, 0.6, 0.4, 0.2, 0])
    let rise = try #require(group.rise)
    #expect(abs(rise.estimate - 0.3516666667) < 1e-9)
    #expect(abs(rise.low - 0.2304) < 0.006 && abs(rise.high - 0.4662) < 0.006)
    let full = group.points[0]
    #expect(full.n == 12 && abs(full.mean - 0.2816666667) < 1e-9)
    #expect(abs(try #require(full.low) - 0.2146) < 0.005)
    #expect(abs(try #require(full.high) - 0.3518) < 0.005)
  }

  private func traces(samples: Int = 1) throws -> [TokenTrace] {
    try plateaus.indices.map { index in
      let scores =
        [0.5, 0.5] + Array(repeating: plateaus[index], count: 8)
        + [lasts[index], 0.6 * lasts[index] + 0.4 * finals[index], finals[index], 0.01]
      let letters = "tp" + String(repeating: "k", count: 9) + "tta"
      var trace = try TokenTrace(
        id: "\(index)", tokens: letters.map { "\($0)" }, segments: segments(letters),
        hooks: [.residual(after: 0)], logits: [scores.map(logit)])
      trace.group = "\(index / samples)"
      return trace
    }
  }

  /// Samples of one prompt are not so many prompts.
  @Test func whereTheFallBeginsCountsPrompts() throws {
    func interval(_ samples: Int) throws -> Interval {
      let group = try CliffSummary(
        try traces(samples: samples), trainedAt: .both, seed: 1, resamples: 500
      ).groups[0]
      return try #require(group.fallStarts.atTheEnd)
    }
    let (one, three) = (try interval(1), try interval(3))
    #expect(one.method == "Wilson" && one.n == 12 && three.n == 12)
    #expect(three.estimate == one.estimate && three.method != "Wilson")
  }

  @Test func theShareInsideTheTemplateAgreesWithScipy() throws {
    let group = try CliffSummary(try traces(), trainedAt: .both, seed: 42, resamples: 2000)
      .groups[0]
    // Robust plateau: the mean without the last five tokens is the plateau of every transcript.
    #expect(abs(try #require(group.endOfThinkingShare) - 0.7085308) < 1e-5)
    let interval = try #require(group.endOfThinkingInterval)
    #expect(abs(interval.low - 0.5686) < 0.015 && abs(interval.high - 0.8058) < 0.01)
    #expect(interval.n == 12)
  }

  @Test func theSummaryHasEveryRuleAndWhereTheFallBegins() throws {
    let group = try CliffSummary(try traces(), trainedAt: .both, seed: 1, resamples: 500)
      .groups[0]
    #expect(group.rules.map(\.rule) == [.robust, .percentile, .paper])
    #expect(group.rules[0].means.cliff == group.means.cliff)
    let starts = group.fallStarts
    #expect(
      starts.thinking + starts.lastThinkingToken + starts.endOfThinking + starts.nowhere == 12)
    // The fall has its largest step where the difference of two neighbours is largest.
    var expected = (thinking: 0, last: 0, end: 0)
    for index in plateaus.indices {
      let middle = 0.6 * lasts[index] + 0.4 * finals[index]
      let steps = [
        plateaus[index] - lasts[index], lasts[index] - middle, middle - finals[index],
      ]
      let largest = steps.indices.max { steps[$0] < steps[$1] } ?? 0
      if largest == 0 { expected.thinking += 1 }
      if largest == 1 { expected.last += 1 }
      if largest == 2 { expected.end += 1 }
    }
    #expect(starts.thinking == expected.thinking)
    #expect(starts.lastThinkingToken == expected.last && starts.endOfThinking == expected.end)
    #expect(starts.atTheEnd?.n == 12)
    #expect(starts.medianOffset == 1)
  }

  @Test func thePositionFinalIsTheLandmark() {
    for letters in ["tpptkkkttaat", "tpptkkktt", "tpptkkk", "tppttaat", "tptkktattptkttaa", ""] {
      let sequence = TokenSequence(
        id: letters, tokens: letters.map { _ in 1 }, segments: segments(letters))
      let final = Landmarks(sequence.segments).final
      #expect(Positions.final.indices(in: sequence) == (final.map { [$0] } ?? []), "\(letters)")
      #expect(Positions("final") == .final && "\(Positions.final)" == "final")
    }
  }
}
