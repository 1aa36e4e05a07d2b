import Checkpoints
import Files
import Foundation
import Prompts
import Tensors
import Testing

@testable import Transformer

/// Every tiny model that this engine loads.
private let tiny: [(name: String, model: Model)] =
  ((try? FileManager.default.contentsOfDirectory(atPath: golden(""))) ?? []).sorted()
  .filter { FileManager.default.fileExists(atPath: golden($0) + "/reference.safetensors") }
  .compactMap { name in (try? Model.load(golden(name))).map { (name, $0) } }

private func settings(
  _ count: Int, _ change: (inout GenerationSettings) -> Void = { _ in }
) -> GenerationSettings {
  var settings = GenerationSettings()
  settings.maxNewTokens = count
  settings.ignoresEndTokens = true
  change(&settings)
  return settings
}

/// A vector of about the length that the residual stream has.
private func vector(_ model: Model, _ seed: Int = 1) -> [Float] {
  (0..<model.shape.dModel).map { Float((($0 + seed) * 7919) % 101) / 101 - 0.5 }
}

private func batch(_ reference: ParityReference) -> Batch {
  Batch(
    reference.sequences.enumerated().map { TokenSequence(id: "\($0)", tokens: $1.tokens) })
}

/// Every bit that a run gave.
private func bits(_ generation: Generation) -> [[UInt64]] {
  let capture = generation.capture.values.sorted { $0.key < $1.key }.flatMap { hook, matrix in
    [
      generation.capture.positions[hook, default: []].map { UInt64($0) },
      matrix.values.map { UInt64($0.bitPattern) },
    ]
  }
  let effects = generation.effects.map {
    [
      UInt64($0.firedInPrefill), UInt64($0.firedInSteps), UInt64($0.steps),
      $0.norm.bitPattern, $0.largestNorm.bitPattern,
    ]
  }
  return [generation.sequence.tokens.map { UInt64($0) }] + capture + effects
}

@Suite("Generation agrees with Hugging Face transformers")
struct GenerationAgreementTests {
  @Test func greedyContinuationsOfTinyModels() throws {
    #expect(tiny.count >= tinyFolders.count)
    for (name, model) in tiny {
      let reference = try ParityReference(golden(name) + "/reference.safetensors")
      let run = try model.generate(batch(reference), settings(12))
      for (generation, recorded) in zip(run.generations, reference.sequences) {
        let tokens = Array(generation.tokens)
        #expect(tokens == recorded.continuation, "\(name), sequence \(generation.prompt)")
        let isWhole = generation.finish == FinishReason.length && generation.text == nil
        #expect(isWhole)
      }
    }
  }

  /// A vector added from a position on, in the prompt and at generated tokens.
  @Test func steeredContinuationsOfTinyModels() throws {
    var count = 0
    for (name, model) in tiny {
      let path = golden(name) + "/gradients.safetensors"
      guard FileManager.default.fileExists(atPath: path) else { continue }
      let file = try Checkpoint.open(path)
      func number(_ key: String) throws -> Int { Int(try file.string(key)) ?? -1 }
      func integers(_ key: String) throws -> [Int32] {
        try file.tensor(key).floats().map { Int32($0) }
      }
      let prompt = TokenSequence(id: "steered", tokens: try integers("ids"))
      let from = try number("steering_from")
      let steering = Intervention.add(
        try file.tensor("steering").floats(), after: try number("steering_layer"),
        at: .from(token: from))
      let run = try model.generate(
        Batch([prompt]), settings(12), capturing: [.logits(at: .all)], applying: [steering])
      #expect(try Array(run.generations[0].tokens) == integers("steered/greedy"), "\(name)")
      #expect(run.effects[0].firedInPrefill == prompt.tokens.count - from)
      #expect(run.effects[0].firedInSteps == 12 && run.effects[0].steps == 12)
      let logits = try #require(run.generations[0].capture.values[.logits])
      let first = prompt.tokens.count - 1
      let tensor = try file.tensor("steered/logits")
      let expected = Matrix(
        rows: tensor.rowCount, columns: tensor.rowLength, values: tensor.floats())
      let (difference, scale) = distance(
        logits.picking(Array(first..<(first + expected.rows))), expected)
      #expect(difference < 5e-5 * scale, "\(name): \(difference) of \(scale)")
      count += 1
    }
    #expect(count >= 1)
  }

  @Test(.enabled(if: demoModel != nil, "run: bathyscope models get smollm2-135m"))
  func greedyContinuationsOfTheDemoModel() throws {
    let model = try #require(demoModel)
    let reference = try ParityReference(golden("smollm2-reference.safetensors"))
    let count = try #require(reference.sequences.first).continuation.count
    let run = try model.generate(batch(reference), settings(count))
    for (generation, recorded) in zip(run.generations, reference.sequences) {
      let tokens = Array(generation.tokens)
      #expect(count > 0 && tokens == recorded.continuation, "sequence \(generation.prompt)")
    }
  }
}

@Suite("Generation gives the same bytes with and without memory, in any batch")
struct GenerationInvarianceTests {
  private func batch(_ model: Model, _ lengths: [Int]) -> Batch {
    InvarianceTests.batch(of: model, lengths: lengths)
  }

  private func interventions(_ model: Model) -> [Intervention] {
    let layer = model.shape.layers / 2
    return [
      .add(vector(model), scale: 0.5, after: layer),
      .scaleHeads([Head(layer: layer, head: 1), Head(layer: 0, head: 0)], by: 0),
      .add(vector(model, 2), scale: 0.2, after: 0, at: .segment(.answer)),
    ]
  }

  private func captures(_ model: Model) -> [Capture] {
    let layer = model.shape.layers - 1
    return [
      Capture(.embedding), .residual(after: layer), .headOutput(layer: layer),
      Capture(.finalNorm, at: .from(token: 2)), .logits(at: .segment(.answer)),
    ]
  }

  /// All continuations, by prompt and sample.
  private func run(
    _ model: Model, _ batch: Batch, _ settings: GenerationSettings, slots: Int, threads: Int,
    usesMemory: Bool = true
  ) throws -> [GenerationJob: [[UInt64]]] {
    var results: [GenerationJob: [[UInt64]]] = [:]
    let jobs = batch.sequences.indices.flatMap { prompt in
      (0..<settings.samples).map { GenerationJob(prompt: prompt, sample: $0) }
    }
    try model.generate(
      jobs, of: batch, settings,
      Plan(capturing: captures(model), applying: interventions(model)), slots: slots,
      threads: threads, usesMemory: usesMemory
    ) { results[GenerationJob(prompt: $0.prompt, sample: $0.sample)] = bits($0) }
    return results
  }

  @Test func tinyModels() throws {
    for (name, model) in tiny {
      let batch = batch(model, [5, 1, 9])
      let settings = settings(4) { ($0.temperature, $0.topK, $0.topP) = (1.5, 20, 0.9) }
      let expected = try run(model, batch, settings, slots: 1, threads: 1)
      #expect(expected.count == 3)
      for (slots, threads, memory) in [(16, 2, true), (2, 2, false)] {
        let same =
          try run(model, batch, settings, slots: slots, threads: threads, usesMemory: memory)
          == expected
        #expect(same, "\(name), \(slots) slots, \(threads) threads, memory \(memory)")
      }
      let last = Batch([batch.sequences[2]])
      let alone = try run(model, last, settings, slots: 2, threads: 2)
      let same =
        alone[GenerationJob(prompt: 0, sample: 0)]
        == expected[GenerationJob(prompt: 2, sample: 0)]
      #expect(same, "\(name), alone")
    }
  }

  /// A beginning that all prompts share is computed once; without memory, it is not.
  @Test func aCommonBeginningChangesNoBit() throws {
    for (name, model) in tiny {
      let parts = batch(model, [24, 3, 1]).sequences.map(\.tokens)
      let batch = Batch(
        parts.dropFirst().enumerated().map {
          TokenSequence(id: "\($0)", tokens: parts[0] + $1, generated: $0)
        })
      let settings = settings(3) { ($0.temperature, $0.samples) = (1.5, 2) }
      for positions in [Positions.last, .range(-2, -1), .segment(.answer), .from(token: 22)] {
        let change = Intervention.add(vector(model), after: 0, at: positions)
        func run(usesMemory: Bool) throws -> [[[UInt64]]] {
          var results: [GenerationJob: [[UInt64]]] = [:]
          let jobs = (0..<4).map { GenerationJob(prompt: $0 / 2, sample: $0 % 2) }
          try model.generate(
            jobs, of: batch, settings, Plan(capturing: captures(model), applying: [change]),
            slots: 3, threads: 2, usesMemory: usesMemory
          ) { results[GenerationJob(prompt: $0.prompt, sample: $0.sample)] = bits($0) }
          return jobs.compactMap { results[$0] }
        }
        let (shared, apart) = (try run(usesMemory: true), try run(usesMemory: false))
        let same = shared == apart && shared.count == 4
        #expect(same, "\(name), \(positions)")
      }
    }
  }

  /// What is read while generating is what one run over the finished sequence reads.
  @Test func oneRunOverTheTranscript() throws {
    for (name, model) in tiny {
      let batch = batch(model, [5, 1, 9])
      let generated = try model.generate(
        batch, settings(6), capturing: captures(model), applying: interventions(model))
      let whole = try model.run(
        Batch(generated.generations.map(\.sequence)), capturing: captures(model),
        applying: interventions(model))
      for (one, other) in zip(generated.generations, whole.sequences) {
        let same = one.capture == other
        #expect(same, "\(name)")
      }
      for (one, other) in zip(generated.effects, whole.effects) {
        #expect(one.firedInPrefill + one.firedInSteps == other.fired)
        #expect(one.hooks == other.hooks && one.largestNorm == other.largestNorm)
        #expect(abs(one.norm - other.norm) <= 1e-12 * other.norm)
      }
    }
  }

  @Test(.enabled(if: demoModel != nil, "run: bathyscope models get smollm2-135m"))
  func demoModelSteeredAtLayer15() throws {
    let model = try #require(demoModel)
    let batch = batch(model, [7, 3])
    let settings = settings(3)
    let expected = try run(model, batch, settings, slots: 1, threads: 1)
    for (slots, threads, memory) in [(16, 2, true), (2, 2, false)] {
      let same =
        try run(model, batch, settings, slots: slots, threads: threads, usesMemory: memory)
        == expected
      #expect(same, "\(slots) slots, \(threads) threads, memory \(memory)")
    }
  }

  @Test func seedsAndSamplesDiffer() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = batch(model, [4, 4])
    let one = settings(8) { ($0.temperature, $0.samples) = (2, 3) }
    var other = one
    other.seed = 43
    let (first, second) = (try model.generate(batch, one), try model.generate(batch, other))
    let texts = Set(first.generations.map { Array($0.tokens) })
    #expect(texts.count == 6)
    #expect(first.generations.map(\.prompt) == [0, 0, 0, 1, 1, 1])
    #expect(first.generations.map(\.sample) == [0, 1, 2, 0, 1, 2])
    let differ = zip(first.generations, second.generations).allSatisfy { $0.tokens != $1.tokens }
    #expect(differ)
  }

  @Test func anErrorInTheReceiverStopsTheRun() throws {
    struct Stop: Error {}
    let model = try Model.load(golden("tiny-llama"))
    var count = 0
    #expect(throws: Stop.self) {
      _ = try model.generate(batch(model, [4, 4, 4, 4]), settings(3), slots: 1) { _ in
        count += 1
        if count == 2 { throw Stop() }
      }
    }
    #expect(count == 2)
  }
}

@Suite("What a generation refuses")
struct GenerationRefusalTests {
  let model: Model
  let batch: Batch

  init() throws {
    model = try Model.load(golden("tiny-llama"))
    batch = InvarianceTests.batch(of: model, lengths: [5, 3])
  }

  private func expectError(
    _ code: Problem.Code, _ place: String, _ settings: GenerationSettings,
    capturing captures: [Capture] = [],
    applying interventions: [Intervention] = [], slots: Int = 2, threads: Int = 1
  ) {
    let error = expectProblem(code) {
      _ = try model.generate(
        batch, settings, capturing: captures, applying: interventions, slots: slots,
        threads: threads)
    }
    #expect(error.map { "\($0)".contains(place) } == true, "\(error as Problem?) \(place)")
  }

  @Test func settingsThatMeanNothing() {
    expectError(.invalidArgument, "maxNewTokens", settings(0))
    expectError(.invalidArgument, "maxNewTokens", settings(-3))
    for temperature in [-1, .nan, .infinity] {
      expectError(.invalidArgument, "temperature", settings(3) { $0.temperature = temperature })
    }
    expectError(.invalidArgument, "temperature", settings(3) { $0.topK = 3 })
    expectError(.invalidArgument, "temperature", settings(3) { $0.topP = 0.3 })
    expectError(.invalidArgument, "temperature", settings(3) { $0.samples = 2 })
    expectError(.invalidArgument, "topK", settings(3) { ($0.temperature, $0.topK) = (1, 0) })
    expectError(.invalidArgument, "topP", settings(3) { ($0.temperature, $0.topP) = (1, 0) })
    expectError(.invalidArgument, "topP", settings(3) { ($0.temperature, $0.topP) = (1, .nan) })
    expectError(.invalidArgument, "topP", settings(3) { ($0.temperature, $0.topP) = (1, 1.5) })
    expectError(
      .invalidArgument, "samples", settings(3) { ($0.temperature, $0.samples) = (1, .max) })
    expectError(.invalidArgument, "stop", settings(3) { $0.stop = [""] })
    expectError(.invalidArgument, "thinkingBudget", settings(3) { $0.thinkingBudget = -1 })
    expectError(.invalidArgument, "threads", settings(3), threads: 0)
    expectError(.invalidArgument, "slots", settings(3), slots: 0)
    expectProblem(.noTokenizer) {
      _ = try model.generate(batch, settings(3) { $0.stop = ["a"] })
    }
  }

  @Test func promptsThatDoNotFit() throws {
    #expect(model.shape.contextLength == 128)
    expectError(.promptLength, "128", settings(124))
    expectError(.promptLength, "128", settings(.max))
    #expect(try model.generate(batch, settings(123)).generations[0].tokens.count == 123)
  }

  @Test func plansThatDoNothing() {
    let captures: [Capture] = [.residual(after: 1)]
    expectError(
      .hookNotOffered, "hook_pattern", settings(3),
      capturing: [Capture(.attentionPattern(layer: 0))])
    expectError(
      .noEffect, "positions 20", settings(3),
      applying: [.add(vector(model), after: 0, at: .index(20))])
    // What only the generated tokens could tell is told behind them.
    expectError(
      .noEffect, "positions thinking", settings(3), capturing: captures,
      applying: [.add(vector(model), after: 0, at: .segment(.thinking))])
    expectError(
      .readsNothing, "blocks.1", settings(3),
      capturing: [.residual(after: 1, at: .segment(.thinking))])
    expectError(
      .readOnlyHook, "unembed.hook_out", settings(3), applying: [.replace(with: [0], at: .logits)])
  }

  @Test func logitsThatAreNoNumbers() {
    expectError(
      .notFinite, "token 5", settings(3),
      applying: [
        .replace(with: Array(repeating: 3e38, count: model.shape.dModel), at: .finalNorm)
      ])
  }
}
