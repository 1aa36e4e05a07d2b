import Files
import Foundation
import Prompts
import Statistics
import Testing

@testable import Refusal
@testable import Transformer

/// A tiny random model of the forward pass's tests.
func tinyModelPath(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("TransformerTests/Golden/\(name)").path
}

/// What transformers computed with hooks; see Oracles/record_directions.py.
private struct Recorded: Decodable {
  struct Outcome: Decodable {
    var position: Int
    var layer: Int
    var bypass: [Double]
    var induce: [Double]
    var divergence: [Double]
  }
  var harmful: [[Int32]]
  var harmless: [[Int32]]
  var firstPosition: Int
  var lastPosition: Int
  var refusal: [Int32]
  var compliance: [Int32]
  var harmfulBaseline: [Double]
  var harmlessBaseline: [Double]
  var directions: [Float]
  var outcomes: [Outcome]

  static func read() throws -> Recorded {
    let url = try #require(
      Bundle.module.url(forResource: "Golden/directions", withExtension: "json"))
    return try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: url))
  }
}

private func batch(_ prompts: [[Int32]], _ name: String) -> Batch {
  Batch(prompts.enumerated().map { TokenSequence(id: "\(name) \($0)", tokens: $1) })
}

/// The largest difference.
private func distance(_ left: [Double], _ right: [Double]) -> Double {
  guard left.count == right.count else { return .infinity }
  return zip(left, right).map { abs($0 - $1) }.max() ?? 0
}

struct DirectionTests {
  private let recorded: Recorded
  private let model: Model
  private let candidates: DirectionCandidates
  private let trial: DirectionTrial

  init() throws {
    recorded = try Recorded.read()
    model = try Model.load(tinyModelPath("tiny-llama"))
    let (harmful, harmless) = (
      batch(recorded.harmful, "harmful"), batch(recorded.harmless, "harmless")
    )
    candidates = try DirectionCandidates(
      model, harmful: harmful, harmless: harmless,
      positions: recorded.firstPosition...recorded.lastPosition)
    trial = try DirectionTrial(
      model, openers: OpenerTokens(refusal: recorded.refusal, compliance: recorded.compliance),
      harmful: harmful, harmless: harmless)
  }

  @Test func candidatesAreThoseOfTransformers() {
    let largest = recorded.directions.map(abs).max() ?? 0
    let worst = zip(candidates.values, recorded.directions).map { abs($0 - $1) }.max() ?? .infinity
    #expect(candidates.values.count == recorded.directions.count)
    #expect(worst < 2e-6 * largest, "\(worst) of \(largest)")
  }

  @Test func outcomesAreThoseOfTransformers() throws {
    #expect(distance(trial.harmfulBaseline, recorded.harmfulBaseline) < 1e-4)
    #expect(distance(trial.harmlessBaseline, recorded.harmlessBaseline) < 1e-4)
    for expected in recorded.outcomes {
      let outcome = try trial.outcome(
        of: candidates[position: expected.position, layer: expected.layer],
        addedBefore: expected.layer)
      #expect(distance(outcome.bypass, expected.bypass) < 1e-4)
      #expect(distance(outcome.induce, expected.induce) < 1e-4)
      #expect(distance(outcome.divergence, expected.divergence) < 1e-5)
      // The change is there, and larger than what rounding could do.
      #expect(distance(outcome.bypass, trial.harmfulBaseline) > 0.01)
    }
  }

  private func part() -> DirectionSelection.Part {
    DirectionSelection.Part(
      trial: trial, harmfulGroups: recorded.harmful.indices.map { "h\($0)" },
      harmlessGroups: recorded.harmless.indices.map { "b\($0)" })
  }

  private func select(
    _ finished: [DirectionSelection.Job: DirectionOutcome] = [:],
    receive: (DirectionSelection.Job, DirectionOutcome) throws -> Void = { _, _ in }
  ) throws -> DirectionSelection {
    try DirectionSelection(
      candidates,
      openers: OpenerTokens(refusal: recorded.refusal, compliance: recorded.compliance),
      validation: part(), test: part, seed: 3, resamples: 200, finished: finished,
      receive: receive)
  }

  @Test func theChosenOneObeysTheRulesAndNoOtherIsBetter() throws {
    let selection = try select()
    // All three layers lie below 80 % of the depth (2.4); the last token is the same in all prompts,
    // so that its embedding has no direction.
    #expect(selection.candidates.count == 5)
    for candidate in selection.candidates {
      let passes = candidate.divergence.mean <= 0.1 && candidate.induce.mean >= 0
      #expect((candidate.rejection == nil) == passes)
    }
    let eligible = selection.candidates.filter { $0.rejection == nil }
    if let chosen = selection.chosen {
      let best = selection.candidates[chosen]
      #expect(eligible.allSatisfy { $0.bypass.mean >= best.bypass.mean })
      #expect(selection.test?.randomDirections == 40)
      #expect(selection.test?.bypass.random.count == 40)
    } else {
      #expect(eligible.isEmpty && selection.test == nil)
      #expect(selection.sentence.hasPrefix("No direction found"))
    }
  }

  @Test func aResumedSelectionIsTheSameAndComputesOnlyWhatIsMissing() throws {
    var outcomes: [(DirectionSelection.Job, DirectionOutcome)] = []
    let whole = try select { outcomes.append(($0, $1)) }
    for kept in [0, 3, outcomes.count] {
      var computed = 0
      let known = Dictionary(uniqueKeysWithValues: outcomes.prefix(kept).map { ($0.0, $0.1) })
      #expect(try select(known) { _, _ in computed += 1 } == whole)
      #expect(computed == outcomes.count - kept)
    }
    let encoder = JSONEncoder()
    for (job, outcome) in outcomes {
      let copy = try JSONDecoder().decode(
        DirectionOutcome.self, from: try encoder.encode(outcome))
      #expect(copy == outcome, "\(job)")
    }
  }

  @Test func changesAreHeldAgainstRandomDirections() throws {
    let groups = (0..<4).map { "\($0)" }
    let controls = [[0.0, 0, 0, 0], [-2, -2, -2, -2], [1, 1, 1, 1]]
    let change = try DirectionSelection.Change(
      [1, 2, 3, 4], [-1, -1, -1, -1], controls, sign: -1, groups: groups,
      Bootstrap(seed: 1, resamples: 200))
    #expect(change.randomAsFar == 1 && change.p == 0.5)
    #expect(change.difference.mean == -3.5 && change.difference.interval != nil)
    #expect(change.changed.interval == nil && change.changed.mean == -1)
    expectProblem(.journalDamaged) {
      try DirectionSelection.Change(
        [1, 2], [1], [], sign: 1, groups: ["a", "b"], Bootstrap(seed: 1))
    }
  }

  @Test func randomDirectionsHaveTheNorm() {
    let direction: [Float] = (0..<64).map { Float($0) / 7 - 3 }
    let drawn = (0..<5).map { randomDirection(like: direction, seed: 9, number: $0) }
    #expect(Set(drawn).count == 5)
    for random in drawn { #expect(abs(norm(random) / norm(direction) - 1) < 1e-6) }
    #expect(drawn[2] == randomDirection(like: direction, seed: 9, number: 2))
  }

  @Test func divergenceIsThatOfTheDistributions() {
    let (p, q): ([Float], [Float]) = ([1, 2, 3], [3, 2, 1])
    // scipy.stats.entropy(softmax([1, 2, 3]), softmax([3, 2, 1]))
    #expect(abs(divergence(p, q) - 1.1504207652) < 1e-9)
    #expect(divergence(p, p) == 0)
    #expect(divergence(p, p.map { $0 + 5 }) < 1e-9)
  }
}

struct DirectionSplitTests {
  @Test func partsAreDisjointByGroupAndNotLargerThanAsked() throws {
    let harmful = (0..<200).map { $0 % 2 == 0 }
    let groups = (0..<200).map { "\($0 % 2) \($0 / 4)" }
    let split = try DirectionSplit(
      harmful: harmful, groups: groups, seed: 5, most: (validation: 8, test: 10))
    let parts = [split.training, split.validation, split.test]
    let names = parts.map { Set(($0.harmful + $0.harmless).map { groups[$0] }) }
    #expect(names[0].isDisjoint(with: names[1]) && names[0].isDisjoint(with: names[2]))
    #expect(names[1].isDisjoint(with: names[2]))
    #expect(parts.map(\.harmful.count) == [50, 8, 10])
    #expect(parts.map(\.harmless.count) == [50, 8, 10])
    #expect(parts.allSatisfy { $0.harmful.allSatisfy { harmful[$0] } })
    expectProblem(.oneClass) {
      try DirectionSplit(harmful: [true, false, true], groups: ["a", "b", "c"], seed: 1)
    }
  }

  @Test func positionsAreTheTemplateBehindTheInstruction() throws {
    func sequence(_ letters: String) -> TokenSequence {
      TokenSequence(
        id: letters, tokens: letters.map { _ in 1 }, segments: segments(letters))
    }
    let range = try DirectionCandidates.positionsBehindInstruction(
      of: Batch([sequence("tppttt"), sequence("tpptt")]))
    #expect(range == -2 ... -1)
    expectProblem(.noSuchPosition) {
      try DirectionCandidates.positionsBehindInstruction(of: Batch([sequence("tpp")]))
    }
  }

  @Test func promptsThatAreTooShortAreRefused() throws {
    let model = try Model.load(tinyModelPath("tiny-llama"))
    let short = batch([[1, 2]], "short")
    expectProblem(.promptLength) {
      try DirectionCandidates(model, harmful: short, harmless: short, positions: -3 ... -1)
    }
    expectProblem(.outOfRange) {
      try DirectionCandidates(model, harmful: short, harmless: short, positions: 0...1)
    }
    expectProblem(.oneClass) {
      try DirectionCandidates(model, harmful: short, harmless: Batch([]), positions: -1 ... -1)
    }
  }

  @Test func storedDirectionsComeBack() throws {
    let folder = NSTemporaryDirectory() + "bathyscope-directions-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try Model.load(tinyModelPath("tiny-llama"))
    let prompts = batch((0..<24).map { [Int32($0 + 3), 5, 6] }, "p")
    let harmful = (0..<24).map { $0 < 12 }
    let groups = (0..<24).map { "\($0)" }
    let split = try DirectionSplit(harmful: harmful, groups: groups, seed: 1)
    let candidates = try DirectionCandidates(
      model, harmful: Batch(split.training.harmful.map { prompts.sequences[$0] }),
      harmless: Batch(split.training.harmless.map { prompts.sequences[$0] }),
      positions: -2 ... -1)
    let card = StoredDirections.Card(
      candidates, of: model, split: split, groups: groups, prompts: [],
      promptTokensSHA256: "abc", label: "harmful", seed: 1, arguments: "", toolVersion: "1")
    try StoredDirections(card: card, candidates: candidates).write(to: folder)
    let read = try StoredDirections(folder)
    #expect(read.candidates == candidates && read.card.split == split)
    // A torn pair is refused.
    let path = folder + "/directions.safetensors"
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[bytes.count - 1] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    expectProblem(.digestDiffers) { try StoredDirections(folder) }
    // A chosen one.
    let chosen = StoredDirection(
      vector: [1, 2, 3], layer: 4, position: -2, modelSHA256: "abc")
    try chosen.write(to: folder + "/direction.safetensors")
    #expect(try StoredDirection(folder + "/direction.safetensors") == chosen)
    #expect(try StoredDirection(path) == nil)
  }
}
