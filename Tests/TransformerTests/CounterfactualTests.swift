import Files
import Prompts
import Statistics
import Tensors
import Testing

@testable import Transformer

/// The counterfactual engine against whole forward passes, bit for bit.
@Suite("Counterfactuals are whole passes")
struct CounterfactualTests {
  /// Sequences with a common beginning, but for the last one.
  static func batch(_ lengths: [Int] = [9, 14, 7, 30, 11]) -> Batch {
    Batch(
      lengths.enumerated().map { index, length in
        let tokens = (0..<length).map { place -> Int32 in
          place < 6 && index < lengths.count - 1
            ? Int32(20 + place) : Int32((7 * place + 13 * index + 3) % 57)
        }
        let segments = tokens.indices.map { place -> Segment in
          place < 4 ? .template : place < 8 ? .prompt : .answer
        }
        return TokenSequence(
          id: "p\(index)", tokens: tokens, segments: segments, generated: max(0, length - 8))
      })
  }

  static func isSame(_ trial: SequenceCapture, _ run: SequenceCapture) -> Bool {
    trial.positions == run.positions && InvarianceTests.bits(trial) == InvarianceTests.bits(run)
  }

  /// Compares trials with runs; variants that a run refuses have to be left out.
  private func compare(
    _ model: Model, _ batch: Batch, _ variants: [Variant], _ captures: [Capture],
    base: [Intervention] = [], threads: Int = 1, memoryLimit: Int = .max, _ name: String
  ) throws {
    var seen: Set<Int> = []
    try model.counterfactuals(
      of: batch, variants, capturing: captures, applying: base, threads: threads,
      memoryLimit: memoryLimit
    ) { trial in
      let new = seen.insert(trial.variant).inserted
      let variant = variants[trial.variant]
      let sequence = variant.sequence
      let run = try model.run(
        Batch([batch.sequences[sequence]]), capturing: captures,
        applying: base + variant.interventions, threads: 1)
      let same = Self.isSame(trial.capture, run.sequences[0])
      #expect(new && same, "\(name): \(variant.interventions.map(\.summary)) of \(sequence)")
      #expect(trial.capture.sequence == sequence)
      let effects = run.effects.dropFirst(base.count).map { effect in
        var effect = effect
        effect.intervention -= base.count
        return effect
      }
      // A run goes on to the end of the last block that is read, where nothing can have an effect.
      let isWhole = captures.contains { $0.hook.site == .residualAfter || $0.hook.layer == nil }
      let sameEffects = trial.effects == effects
      #expect(!isWhole || sameEffects, "\(name): \(variant.interventions.map(\.summary))")
    }
    #expect(seen.count == variants.count)
  }

  /// Random hooks, positions and kinds in every architecture and precision.
  @Test(arguments: [Precision.float32, .bfloat16, .bfloat16x2])
  func randomVariants(precision: Precision) throws {
    for name in tinyFolders {
      let model = try Model.load(golden(name), precision: precision)
      var random = RandomVariants(model, seed: UInt64(name.utf8.reduce(0) { $0 + Int($1) }))
      let batch = Self.batch()
      let readings: [[Capture]] = [
        [.logits()], [Capture(.finalNorm, at: .last), .logits()],
        [.residual(after: model.shape.layers - 2, at: .from(token: -3))],
        [.residual(before: 1), .headOutput(layer: 0, at: .last)],
        HookPoint.all(in: model.shape).filter { !$0.site.isRagged }.map { Capture($0) },
        [Capture(.attentionPattern(layer: 1)), Capture(.attentionScores(layer: 1), at: .last)],
      ]
      for captures in readings {
        let variants = try random.variants(30, batch, captures)
        #expect(variants.count == 30)
        try compare(model, batch, variants, captures, threads: 2, "\(name) \(captures[0].hook)")
      }
    }
  }

  /// What all sequences share is computed once for each kind, whatever changes it.
  @Test func beginningsThatAreChangedAlike() throws {
    for name in ["tiny-llama", "tiny-gemma3", "tiny-gpt2", "tiny-qwen3-moe", "tiny-mistral"] {
      let model = try Model.load(golden(name))
      let batch = Self.batch([12, 20, 9, 17, 11])
      let vector = (0..<model.shape.dModel).map { Float($0 % 5) / 4 - 0.5 }
      var kinds = Head.all(of: model.shape).map { [Intervention.scaleHeads([$0], by: 0.25)] }
      kinds.append([.add(vector, after: 0, at: .segment(.template))])
      kinds.append(
        [.projectOut(vector, at: [.residual(before: 0), .attentionOutput(layer: 1)])])
      let head = Intervention.scaleHeads([Head(layer: 1, head: 0)], by: 2)
      kinds.append([.add(vector, after: 1, at: .range(0, 3)), head])
      kinds.append([])
      let variants = kinds.flatMap { kind in
        batch.sequences.indices.map { Variant(of: $0, kind) }
      }
      let captures = [Capture(.finalNorm, at: .last), .logits()]
      let engine = try Counterfactuals(model, batch, capturing: captures, threads: 3)
      let groups = try engine.groups(try engine.jobs(variants))
      #expect(groups.contains { $0.sharedTokens >= 4 && $0.sequences.count > 1 })
      try compare(model, batch, variants, captures, threads: 3, name)
      let need = try engine.estimate(variants).bytes
      try compare(
        model, batch, variants.reversed(), captures, threads: 3, memoryLimit: need - 1, name)
    }
  }

  /// Rows of another run at every layer and token, also where they are the same.
  @Test func residualPatchingOfAllLayersAndTokens() throws {
    for name in ["tiny-llama", "tiny-olmo2", "tiny-gpt-neox", "tiny-gemma2"] {
      let model = try Model.load(golden(name))
      let batch = Self.batch([12, 20, 12])
      let hooks = (0..<model.shape.layers).map { HookPoint.residual(after: $0) }
      let donor = try model.run(batch, capturing: hooks.map { Capture($0) }, threads: 1)
      let variants = try hooks.flatMap { hook in
        try (0..<12).flatMap { token in
          try [(0, 2), (2, 0), (1, 1)].map { target, source in
            Variant(
              of: target,
              [try .patch(hook, from: donor.sequences[source], tokens: [token], onto: [token])])
          }
        }
      }
      try compare(model, batch, variants, [.logits()], threads: 2, name)
      let early = variants.filter { $0.interventions[0].hooks[0] <= .residual(after: 1) }
      try compare(model, batch, early, [.residual(after: 1)], threads: 1, name)
    }
  }

  /// What the clean run has changed already is changed in every variant, before its own changes.
  @Test func aBaseIsInEveryVariant() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = Self.batch()
    let vector = (0..<model.shape.dModel).map { Float($0 % 3) - 1 }
    let base: [Intervention] = [
      .scaleHeads([Head(layer: 0, head: 1), Head(layer: 2, head: 0)], by: 0.5),
      .add(vector, after: 0, at: .from(token: 4)),
    ]
    let kinds: [[Intervention]] = [
      [], [.scaleHeads([Head(layer: 0, head: 1)], by: 0, at: .from(token: -3))],
      [.scaleHeads([Head(layer: 1, head: 2)], by: 0)],
      [.add(vector, scale: -1, after: 0, at: .from(token: 4))],
      [.projectOut(vector, at: [.residual(after: 0), .residual(before: 1)], positions: .last)],
      [.replace(with: vector, at: .embedding, positions: .index(2))],
    ]
    let variants = kinds.flatMap { kind in
      batch.sequences.indices.map { Variant(of: $0, kind) }
    }
    try compare(model, batch, variants, [.logits()], base: base, threads: 2, "base")
    let limited = base.map { $0.only(in: [1, 3]) }
    var places: [Int: [Float]] = [:]
    try model.counterfactuals(
      of: batch, batch.sequences.indices.map { Variant(of: $0, []) }, applying: limited
    ) { places[$0.variant] = $0[.logits]?.values }
    let run = try model.run(batch, capturing: [.logits()], applying: limited)
    for (index, sequence) in run.sequences.enumerated() {
      let same = places[index] == sequence.values[.logits]?.values
      #expect(same)
    }
  }

  /// Rows of logits are columns of all of them.
  @Test func someLogitsOnly() throws {
    for name in ["tiny-llama", "tiny-gemma2"] {
      let model = try Model.load(golden(name))
      let batch = Self.batch()
      let tokens: [Int32] = [3, 50, 7]
      let variants = batch.sequences.indices.flatMap { sequence in
        [
          Variant(of: sequence, []),
          Variant(of: sequence, [.scaleHeads([Head(layer: 1, head: 1)], by: 0)]),
        ]
      }
      var all: [Int: [Float]] = [:]
      try model.counterfactuals(of: batch, variants) { all[$0.variant] = $0[.logits]?.values }
      try model.counterfactuals(of: batch, variants, logitsOf: tokens) { trial in
        let expected = tokens.map { all[trial.variant]?[Int($0)] }
        let same = trial[.logits]?.values.map(Optional.some) == expected
        #expect(same)
      }
    }
  }

  /// A change of nothing leaves every bit, and says so.
  @Test func identitiesAreTheCleanRun() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = Self.batch()
    let clean = try model.run(batch, capturing: [.logits()])
    let vector = [Float](repeating: 1, count: model.shape.dModel)
    let kinds: [[Intervention]] = [
      [.add(vector, scale: 0, after: 1)], [.scaleHeads([Head(layer: 2, head: 0)], by: 1)], [],
    ]
    let variants = kinds.flatMap { kind in
      batch.sequences.indices.map { Variant(of: $0, kind) }
    }
    try model.counterfactuals(of: batch, variants) { trial in
      let expected = clean.sequences[variants[trial.variant].sequence]
      let same = Self.isSame(trial.capture, expected)
      #expect(same && trial.effects.allSatisfy { $0.norm == 0 && $0.fired > 0 })
    }
  }

  @Test func trialsComeOneByOne() async throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = Self.batch()
    let variants = (0..<400).map { index in
      Variant(
        of: index % 5, [.scaleHeads([Head(layer: index % 3, head: index % 6)], by: Float(index))])
    }
    var seen: Set<Int> = []
    for try await trial in model.counterfactuals(of: batch, variants, threads: 2) {
      seen.insert(trial.variant)
    }
    #expect(seen.count == variants.count)
    var count = 0
    for try await _ in model.counterfactuals(of: batch, variants) {
      count += 1
      if count == 3 { break }
    }
    #expect(count == 3)
    let task = Task {
      var count = 0
      for try await _ in model.counterfactuals(of: batch, variants, threads: 1) {
        count += 1
        if count == 2 { withUnsafeCurrentTask { $0?.cancel() } }
      }
      return count
    }
    await #expect(throws: CancellationError.self) { _ = try await task.value }
    let wrong = [Variant(of: 7, [])]
    let error = await #expect(throws: Problem.self) {
      for try await _ in model.counterfactuals(of: batch, wrong) {}
    }
    #expect(error?.code == .noSuchSequence)
  }

  @Test func whatCannotBeRunIsRefused() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = Self.batch()
    let vector = [Float](repeating: 1, count: model.shape.dModel)
    let head = Intervention.scaleHeads([Head(layer: 2, head: 0)], by: 0)
    for (variant, captures, code) in [
      (Variant(of: 5, [head]), [Capture.logits()], Problem.Code.noSuchSequence),
      (Variant(of: -1, [head]), [.logits()], .noSuchSequence),
      (Variant(of: 0, [head.only(in: [0])]), [.logits()], .invalidArgument),
      (Variant(of: 0, [.add(vector, after: 0, at: .index(9))]), [.logits()], .noEffect),
      (Variant(of: 0, [head]), [.residual(after: 1)], .noEffect),
      (Variant(of: 0, [.add([1], after: 0)]), [.logits()], .unfitVector),
    ] {
      expectProblem(code) {
        try model.counterfactuals(of: batch, [variant], capturing: captures) { _ in }
      }
    }
    expectProblem(.notEnoughMemory) {
      try model.counterfactuals(of: batch, [Variant(of: 0, [head])], memoryLimit: 1000) { _ in }
    }
    expectProblem(.unknownToken) {
      try model.counterfactuals(of: batch, [], logitsOf: [97]) { _ in }
    }
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try model.counterfactuals(of: batch, [Variant(of: 0, [head])]) { _ in throw Stop() }
    }
  }
}

/// Draws interventions of all kinds.
private struct RandomVariants {
  let model: Model
  var generator: SeededGenerator

  init(_ model: Model, seed: UInt64) {
    self.model = model
    generator = SeededGenerator(seed: seed)
  }

  /// Variants that a run accepts.
  mutating func variants(
    _ count: Int, _ batch: Batch, _ captures: [Capture]
  ) throws -> [Variant] {
    var variants: [Variant] = []
    for _ in 0..<(50 * count) where variants.count < count {
      let sequence = generator.index(below: batch.sequences.count)
      let changes = (0..<(1 + generator.index(below: 3))).map { _ in
        intervention(batch.sequences[sequence])
      }
      let single = Batch([batch.sequences[sequence]])
      let plan = Plan(capturing: captures, applying: changes)
      guard let prepared = try? PreparedPlan(plan, shape: model.shape),
        (try? prepared.check(against: single.sequences)) != nil
      else { continue }
      variants.append(Variant(of: sequence, changes))
      // The same in another sequence, where it fits too.
      let other = generator.index(below: batch.sequences.count)
      let others = [batch.sequences[other]]
      if variants.count < count, (try? prepared.check(against: others)) != nil {
        variants.append(Variant(of: other, changes))
      }
    }
    return variants
  }

  private mutating func vector(_ width: Int) -> [Float] {
    (0..<width).map { _ in Float(generator.normal()) }
  }

  private mutating func heads() -> [Head] {
    let all = Head.all(of: model.shape)
    return Array(generator.shuffled(all).prefix(1 + generator.index(below: 3)))
  }

  private mutating func positions(_ count: Int) -> Positions {
    let place = generator.index(below: count)
    let choices: [Positions] = [
      .all, .last, .index(place), .index(-1 - place), .range(0, place), .from(token: place),
      .from(token: -2), .segment(.template), .segment(.answer), .union([.index(place), .last]),
      .all,
    ]
    return choices[generator.index(below: choices.count)]
  }

  private mutating func intervention(_ sequence: TokenSequence) -> Intervention {
    let shape = model.shape
    let positions = positions(sequence.tokens.count)
    let count = positions.indices(in: sequence).count
    let hooks = HookPoint.all(in: shape).filter { !$0.site.isReadOnly }
    let hook = hooks[generator.index(below: hooks.count)]
    let width = shape.width(of: hook.site, tokens: 0)
    let norms = NormKeeping.allCases
    let norm = norms[generator.index(below: norms.count)]
    switch generator.index(below: 9) {
    case 0:
      return Intervention(
        .add(vector: vector(width), scale: Float(generator.index(below: 3))), at: [hook],
        positions: positions)
    case 1: return .replace(with: vector(width), at: hook, positions: positions)
    case 2:
      let several = generator.shuffled(
        hooks.filter { shape.width(of: $0.site, tokens: 0) == width }
      ).prefix(3)
      return .projectOut(vector(width), at: Array(several), positions: positions)
    case 3:
      let rows = Matrix(rows: count, columns: width, values: vector(count * width))
      return .patch(hook, with: rows, at: positions)
    case 4: return .scaleHeads(heads(), by: 0, keepingNorm: norm, at: positions)
    case 5: return .scaleHeads(heads(), by: 0.5, at: positions)
    case 6:
      let vectors = heads().map { HeadVector($0, vector: vector(shape.dHead)) }
      return .replaceHeads(vectors, keepingNorm: norm, at: positions)
    case 7:
      let rows = heads().map {
        HeadRows(
          $0,
          rows: Matrix(rows: count, columns: shape.dHead, values: vector(count * shape.dHead)))
      }
      return .patch(heads: rows, keepingNorm: norm, at: positions)
    default: return .attendUniformly(heads(), keepingNorm: norm, at: positions)
    }
  }
}
