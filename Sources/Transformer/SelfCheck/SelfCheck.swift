import Files
import Prompts
import Tensors

/// One property that must hold in every model, checked on the user's own checkpoint.
public struct SelfCheck: Sendable, Codable, Equatable {
  /// A short name, such as `identity`.
  public var name: String
  /// What must hold, as a sentence.
  public var claim: String
  /// How many values were compared.
  public var compared: Int
  /// What was found: the number of values whose bits differ, or the worst relative difference.
  public var measured: Double
  /// What it may be at most; 0 means that every bit must be the same.
  public var bound: Double

  /// Whether anything was compared and stayed within the bound.
  public var isGood: Bool { compared > 0 && measured <= bound }
}

extension Model {
  /// Checks on a few sequences that the engine does with this checkpoint what it promises.
  ///
  /// Identical bits are asked for where nothing may differ: interventions that change nothing, batches,
  /// orders, threads, memory against none, tokens before an intervention. Sums are compared relative to
  /// their largest value: heads to attention's output, contributions to the residual stream and logits.
  /// - Parameters:
  ///   - batch: at least one sequence of two tokens or more.
  ///   - threads: the number that is held against one.
  public func selfCheck(_ batch: Batch, threads: Int = defaultThreads) throws -> [SelfCheck] {
    guard batch.sequences.contains(where: { $0.tokens.count > 1 }) else {
      throw Problem(
        .promptLength, "self-check", problem: "no sequence has two tokens",
        remedy: "give longer prompts")
    }
    let examination = try Examination(model: self, batch: batch, threads: max(threads, 2))
    return [
      try examination.identity(), try examination.batches(), try examination.memory(),
      try examination.causality(), try examination.headSums(), try examination.residualSums(),
      try examination.logitSums(), try examination.ablation(), try examination.effects(),
    ]
  }

  /// A few neutral sequences for a self-check, of 1 to about 30 tokens.
  public func selfCheckBatch() throws -> Batch {
    let text =
      "A glass-bottomed tube shows what lies beneath the surface: weeds, stones, fish and sand."
    let conversation = Conversation(id: "text", source: .text(text))
    // Without a tokenizer, or with one that does not know the letters, any tokens will do.
    let encoded = (try? encoder.encode(conversation).tokens) ?? []
    let isKnown = encoded.count > 1 && encoded.allSatisfy { $0 < shape.dVocabulary }
    let long =
      isKnown ? encoded : (0..<24).map { Int32(($0 * 7919 + 13) % shape.dVocabulary) }
    let tokens = Array(long.prefix(shape.contextLength))
    return Batch([
      TokenSequence(id: "long", tokens: tokens),
      TokenSequence(id: "one", tokens: [tokens[tokens.count / 2]]),
      TokenSequence(id: "short", tokens: Array(tokens.prefix(7).reversed())),
    ])
  }
}

/// The clean run of a batch, and what is held against it.
struct Examination {
  let model: Model
  let batch: Batch
  let threads: Int
  /// Everything but attention's scores and patterns, whose width depends on the pieces of a sequence.
  let hooks: [HookPoint]
  let clean: [SequenceCapture]

  init(model: Model, batch: Batch, threads: Int) throws {
    (self.model, self.batch, self.threads) = (model, batch, threads)
    hooks = HookPoint.all(in: model.shape).filter { !$0.site.isRagged }
    clean = try model.run(batch, capturing: hooks.map { Capture($0) }, threads: 1).sequences
  }

  var shape: ModelShape { model.shape }

  /// What sums may differ by, relative to their largest value.
  var tolerance: Double { model.precision == .bfloat16 ? 2e-2 : 5e-5 }

  func run(_ batch: Batch, applying interventions: [Intervention] = [], threads: Int = 1) throws
    -> Run
  {
    try model.run(
      batch, capturing: hooks.map { Capture($0) }, applying: interventions, threads: threads)
  }

  /// A direction without meaning, of a length that matters.
  var vector: [Float] { (0..<shape.dModel).map { Float(($0 * 7919) % 31) / 15 - 1 } }

  func same(_ name: String, _ claim: String, _ pairs: [(SequenceCapture, SequenceCapture)])
    -> SelfCheck
  {
    var (compared, differing) = (0, 0)
    for (one, other) in pairs {
      for (hook, values) in one.values {
        let others = other.values[hook]?.values ?? []
        compared += values.values.count
        guard others.count == values.values.count else {
          differing += values.values.count
          continue
        }
        for (a, b) in zip(values.values, others) where a.bitPattern != b.bitPattern {
          differing += 1
        }
      }
    }
    return SelfCheck(
      name: name, claim: claim, compared: compared, measured: Double(differing), bound: 0)
  }

  /// The worst difference relative to the largest expected value of its token.
  func close(
    _ name: String, _ claim: String, _ pairs: [(values: Matrix, expected: Matrix)]
  ) -> SelfCheck {
    var (compared, worst) = (0, 0.0)
    for (values, expected) in pairs {
      compared += expected.values.count
      for row in 0..<expected.rows {
        let scale = Double(expected[row].reduce(0) { max($0, abs($1)) })
        for (value, expected) in zip(values[row], expected[row]) {
          let difference = abs(Double(value) - Double(expected)) / max(scale, 1e-30)
          worst = max(worst, difference.isNaN ? .infinity : difference)
        }
      }
    }
    return SelfCheck(
      name: name, claim: claim, compared: compared, measured: worst, bound: tolerance)
  }
}
