import Foundation
import Prompts
import Statistics
import Testing

@testable import Refusal
@testable import Transformer

/// A whole selection of a direction against transformers, from prompts to the p values of the test part; see
/// Oracles/record_direction_selection.py.
@Suite struct DirectionOracleTests {
  private struct Recorded: Decodable {
    struct Prompt: Decodable {
      var tokens: [Int32]
      var group: String
    }
    struct Part: Decodable {
      var harmful: [Prompt]
      var harmless: [Prompt]
    }
    struct Estimate: Decodable {
      var mean: Double
      var n: Int
      var interval: [Double]?
    }
    struct Candidate: Decodable {
      var position: Int
      var layer: Int
      var norm: Double
      var bypass: Estimate
      var induce: Estimate
      var divergence: Estimate
    }
    struct Change: Decodable {
      var baseline: Estimate
      var changed: Estimate
      var difference: Estimate
      var randomAsFar: Int
      var p: Double
      var random: [Double]
    }
    struct Test: Decodable {
      var bypass: Change
      var induce: Change
      var divergence: Estimate
      var randomDivergence: [Double]
    }
    var seed: UInt64
    var resamples: Int
    var positions: [Int]
    var refusal: [Int32]
    var compliance: [Int32]
    var parts: [String: Part]
    var candidates: [Candidate]
    var allowed: [Int]
    var chosen: Int
    var test: Test
  }

  private let recorded: Recorded
  private let model: Model
  private let openers: OpenerTokens

  init() throws {
    let url = try #require(
      Bundle.module.url(forResource: "Golden/direction_selection", withExtension: "json"))
    recorded = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: url))
    model = try Self.lessSureModel()
    openers = try OpenerTokens(refusal: recorded.refusal, compliance: recorded.compliance)
  }

  /// The tiny model with half of its unembedding, as the oracle has it.
  private static func lessSureModel() throws -> Model {
    let source = URL(fileURLWithPath: tinyModelPath("tiny-llama"))
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(
      at: source.appendingPathComponent("config.json"),
      to: folder.appendingPathComponent("config.json"))
    var data = try Data(contentsOf: source.appendingPathComponent("model.safetensors"))
    let length = data.prefix(8).enumerated().reduce(0) { $0 + Int($1.element) << (8 * $1.offset) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: data[8..<(8 + length)]) as? [String: Any])
    let tensor = try #require(header["lm_head.weight"] as? [String: Any])
    let offsets = try #require(tensor["data_offsets"] as? [Int])
    data.withUnsafeMutableBytes { bytes in
      for place in stride(from: 8 + length + offsets[0], to: 8 + length + offsets[1], by: 4) {
        let value = bytes.loadUnaligned(fromByteOffset: place, as: Float.self)
        bytes.storeBytes(of: value / 2, toByteOffset: place, as: Float.self)
      }
    }
    try data.write(to: folder.appendingPathComponent("model.safetensors"))
    return try Model.load(folder.path)
  }

  private func batch(_ prompts: [Recorded.Prompt]) -> Batch {
    Batch(prompts.enumerated().map { TokenSequence(id: "\($0)", tokens: $1.tokens) })
  }

  private func part(_ name: String) throws -> DirectionSelection.Part {
    let part = try #require(recorded.parts[name])
    return .init(
      trial: try DirectionTrial(
        model, openers: openers, harmful: batch(part.harmful), harmless: batch(part.harmless)),
      harmfulGroups: part.harmful.map(\.group), harmlessGroups: part.harmless.map(\.group))
  }

  private func candidates() throws -> DirectionCandidates {
    let training = try #require(recorded.parts["training"])
    return try DirectionCandidates(
      model, harmful: batch(training.harmful), harmless: batch(training.harmless),
      positions: recorded.positions[0]...recorded.positions[1])
  }

  private func select(
    _ finished: [DirectionSelection.Job: DirectionOutcome] = [:]
  ) throws -> DirectionSelection {
    try DirectionSelection(
      try candidates(), openers: openers, validation: try part("validation"),
      test: { try part("test") }, seed: recorded.seed, resamples: recorded.resamples,
      finished: finished)
  }

  @Test func everyFigureIsTheOracles() throws {
    let selection = try select()
    #expect(selection.candidates.count == recorded.candidates.count)
    for (index, (candidate, expected)) in zip(selection.candidates, recorded.candidates)
      .enumerated()
    {
      #expect(candidate.position == expected.position && candidate.layer == expected.layer)
      #expect(abs(candidate.norm - expected.norm) < 1e-4)
      compare(candidate.bypass, expected.bypass)
      compare(candidate.induce, expected.induce)
      compare(candidate.divergence, expected.divergence)
      #expect((candidate.rejection == nil) == recorded.allowed.contains(index))
    }
    #expect(selection.chosen == recorded.chosen)
    let test = try #require(selection.test)
    compare(test.bypass, recorded.test.bypass)
    compare(test.induce, recorded.test.induce)
    compare(test.divergence, recorded.test.divergence)
    #expect(distance(test.randomDivergence, recorded.test.randomDivergence) < 1e-4)
    #expect(test.randomDirections == recorded.test.bypass.random.count)
    let best = recorded.candidates[recorded.chosen]
    #expect(
      selection.sentence.hasPrefix(
        "Position \(best.position), input of block \(best.layer), chosen of "
          + "\(recorded.candidates.count) candidates"))
  }

  /// Bounds belong to what may be chosen, and of equal candidates the first is.
  @Test func boundsAreAllowedAndTiesGoToTheFirst() throws {
    let part = try #require(recorded.parts["validation"])
    let jobs = DirectionSelection.jobs(of: try candidates())
    let rows = [(-5.0, 0.0, 0.2), (-4, -0.001, 0.1), (-3, 0, 0.1), (-3, 1, 0), (-2, 1, 0)]
    var finished: [DirectionSelection.Job: DirectionOutcome] = [:]
    for (job, row) in zip(jobs, rows + Array(repeating: (0, 1, 0), count: jobs.count)) {
      finished[job] = DirectionOutcome(
        bypass: part.harmful.map { _ in row.0 }, induce: part.harmless.map { _ in row.1 },
        divergence: part.harmless.map { _ in row.2 })
    }
    let selection = try select(finished)
    #expect(selection.chosen == 2)
    #expect(selection.candidates[0].rejection == "KL above 0.1")
    #expect(selection.candidates[1].rejection == "induces no refusal")
  }

  private func compare(_ change: DirectionSelection.Change, _ expected: Recorded.Change) {
    compare(change.baseline, expected.baseline)
    compare(change.changed, expected.changed)
    compare(change.difference, expected.difference)
    #expect(change.randomAsFar == expected.randomAsFar)
    #expect(abs(change.p - expected.p) < 1e-12)
    #expect(distance(change.random, expected.random) < 1e-4)
  }

  private func compare(_ estimate: DirectionSelection.Estimate, _ expected: Recorded.Estimate) {
    #expect(abs(estimate.mean - expected.mean) < 1e-4 && estimate.n == expected.n)
    let bounds = estimate.interval.map { [$0.estimate, $0.low, $0.high] }
    #expect((bounds == nil) == (expected.interval == nil))
    #expect(distance(bounds ?? [], expected.interval ?? []) < 1e-4)
  }

  private func distance(_ values: [Double], _ expected: [Double]) -> Double {
    guard values.count == expected.count else { return .infinity }
    return zip(values, expected).map { abs($0 - $1) }.max() ?? 0
  }
}
