import Foundation
import Probing
import Prompts
import Statistics
import Tensors
import Testing
import Transformer

@testable import Refusal

/// A whole trace and a whole selection against Oracles/record_trace.py: from activations to the last
/// figure that is printed.
@Suite struct TraceOracleTests {
  struct Golden: Decodable {
    struct Transcript: Decodable {
      var id: String
      var label: String
      var group: String
      var letters: String
      var values: [[Float]]
    }

    struct Group: Decodable {
      var transcripts: Int
      var measured: Int
      var prompts: Int
      var means: [String: [Double]]
      var relativeDrop: [Double]
      var share: Double?
      var starts: [Int]
      var medianOffset: Double
      var asLarge: Int
      var p: Double?

      enum CodingKeys: String, CodingKey {
        case transcripts, measured, prompts, means, share, starts, p
        case relativeDrop = "relative drop"
        case medianOffset = "median offset"
        case asLarge = "as large"
      }
    }

    struct Row: Decodable {
      var id: String
      var request: String
      var category: String
      var answer: String
      var vote: Bool?
    }

    struct Selected: Decodable {
      var rule: String
      var ranking: Selection.Ranking
      var failure: String
      var count: Int
      var byCategory: Bool
      var candidates: Int
      var ids: [String]
      var ranks: [Int]
      var duplicates: [[String]]
      var scores: [Double]

      enum CodingKeys: String, CodingKey {
        case rule, ranking, failure, count, candidates, ids, ranks, duplicates, scores
        case byCategory = "by_category"
      }
    }

    var weight: [Float]
    var bias: Float
    var controls: [[Float]]
    var controlBias: [Float]
    var transcripts: [Transcript]
    var groups: [String: Group]
    var pool: [Row]
    var selections: [Selected]

    enum CodingKeys: String, CodingKey {
      case weight, bias, controls, transcripts, groups, pool, selections
      case controlBias = "control_bias"
    }

    static func load() throws -> Golden {
      let url = try #require(
        Bundle.module.url(forResource: "Golden/trace", withExtension: "json"))
      return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
    }
  }

  let golden: Golden
  let traces: [TokenTrace]

  init() throws {
    let golden = try Golden.load()
    let hook = HookPoint.residual(after: 0)
    func probe(_ weight: [Float], _ bias: Float) -> Probe {
      Probe(
        kind: .logistic, hook: hook, weight: weight, bias: bias, mean: weight.map { _ in 0 },
        scale: weight.map { _ in 1 })
    }
    let controls = zip(golden.controls, golden.controlBias).map { probe($0, $1) }
    traces = try golden.transcripts.map { row in
      let values = Matrix(
        rows: row.values.count, columns: golden.weight.count, values: row.values.flatMap(\.self))
      let sequence = TokenSequence(
        id: row.id, tokens: row.letters.map { _ in 0 }, segments: segments(row.letters))
      var trace = try TokenTrace(
        of: sequence, texts: row.letters.map { "\($0)" },
        probes: [probe(golden.weight, golden.bias)], group: row.group, label: row.label
      ) { _ in values }
      trace.control = try TraceControl(
        controls, on: values, landmarks: trace.landmarks, rule: .robust)
      return trace
    }
    self.golden = golden
  }

  /// Estimates to rounding; ends to what resampling leaves open.
  private func agrees(_ interval: Interval?, _ expected: [Double], _ name: String) throws {
    let interval = try #require(interval, "\(name)")
    #expect(abs(interval.estimate - expected[0]) < 1e-6, "\(name): \(interval)")
    let width = expected[2] - expected[1]
    #expect(abs(interval.low - expected[1]) < 0.04 * width, "\(name): \(interval) \(expected)")
    #expect(abs(interval.high - expected[2]) < 0.04 * width, "\(name): \(interval) \(expected)")
  }

  @Test func everyFigureOfATraceIsTheOracles() throws {
    let summary = try CliffSummary(traces, trainedAt: .both, seed: 42)
    #expect(summary.groups.map(\.label) == golden.groups.keys.sorted())
    for group in summary.groups {
      let expected = try #require(golden.groups[group.label])
      #expect(group.transcripts == expected.transcripts && group.measured == expected.measured)
      #expect(group.prompts == expected.prompts, "\(group.label)")
      for rule in group.rules {
        let name =
          rule.rule == .paper ? "paper" : rule.rule == .robust ? "robust" : "90th percentile"
        for (key, interval) in [
          ("plateau", rule.means.plateau), ("final", rule.means.final),
          ("cliff", rule.means.cliff),
        ] {
          let values = try #require(expected.means["\(name) \(key)"])
          try agrees(interval, values, "\(group.label) \(name) \(key)")
        }
      }
      try agrees(group.means.relativeDrop, expected.relativeDrop, "\(group.label) drop")
      #expect((group.endOfThinkingShare == nil) == (expected.share == nil))
      if let share = expected.share {
        #expect(abs(try #require(group.endOfThinkingShare) - share) < 1e-6)
      }
      let starts = group.fallStarts
      #expect(
        [starts.thinking, starts.lastThinkingToken, starts.endOfThinking, starts.nowhere]
          == expected.starts, "\(group.label)")
      #expect(starts.medianOffset == expected.medianOffset)
      #expect(group.control?.asLarge == expected.asLarge, "\(group.label)")
      guard let p = expected.p else {
        #expect(group.verdict.kind == .notMeasurable)
        continue
      }
      #expect(abs(try #require(group.control?.p) - p) < 1e-12, "\(group.label)")
      func text(_ value: Double) -> String { String(format: "%.3f", value) }
      let fall = try #require(expected.means["robust cliff"])[0]
      let paper = try #require(expected.means["paper cliff"])[0]
      for part in [
        "fall = \(text(fall)) [", "], \(text(paper)) [", "by the paper's rule",
        "n = \(expected.measured) of \(expected.transcripts) transcripts",
        "\(expected.prompts) clusters",
      ] { #expect(group.verdict.sentence.contains(part), "\(part): \(group.verdict.sentence)") }
      if group.verdict.kind == .notDistinct {
        #expect(
          group.verdict.sentence.hasSuffix(
            "; \(expected.asLarge) of 39 random directions change as much, p = \(text(p)) (Holm over "
              + "groups)."))
      }
    }
    #expect(
      summary.groups.map(\.verdict.kind) == [.noCliff, .notDistinct, .notMeasurable])
  }

  @Test func everyChosenRowIsTheOracles() throws {
    for expected in golden.selections {
      let rule: PlateauRule = expected.rule == "paper" ? .paper : .robust
      let rows = try zip(golden.pool, traces).map { row, trace in
        let prompt = Prompt(
          conversation: Conversation(
            id: row.id, source: .messages([Message(role: "user", content: row.request)])), row: 1)
        var result = try PoolRow(
          prompt, Answer(id: row.id, thinking: "t", text: row.answer), source: "s",
          sourceDigest: "d")
        let cliff = trace.cliff(rule: rule)
        result.plateau = cliff.plateau
        result.final = cliff.final
        result.category = row.category
        if let vote = row.vote { result.votes["j"] = .success(vote) }
        return result
      }
      var settings = Selection.Settings(count: expected.count, seed: 1)
      settings.ranking = expected.ranking
      settings.keepsQuotas = expected.byCategory
      settings.judge = expected.failure == "judge" ? "j" : nil
      let result = try Selection(rows, settings).result()
      let cliff = try #require(result.methods.first { $0.name == "cliff" })
      let name = "\(expected.rule), \(expected.ranking), \(expected.failure), \(expected.count)"
      #expect(cliff.candidates == expected.candidates, "\(name)")
      #expect(cliff.chosen.map(\.id) == expected.ids, "\(name)")
      #expect(cliff.chosen.map(\.rank) == expected.ranks, "\(name)")
      #expect(cliff.duplicates == expected.duplicates, "\(name)")
      for (row, score) in zip(cliff.chosen, expected.scores) {
        #expect(abs((row.score ?? 9) - score) < 1e-6, "\(name)")
      }
    }
  }
}
