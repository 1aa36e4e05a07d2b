import Files
import Prompts
import Statistics
import Tensors

/// One continuation on its way: what was written, what the model remembers, and what was read.
///
/// Used by one thread at a time.
final class Decoding: @unchecked Sendable {
  let prompt: Int
  let sample: Int
  private(set) var sequence: TokenSequence
  /// Keys and values of the tokens that went through the model; nil to run all of them every time.
  let memory: SequenceMemory<CPUBackend>?
  /// How many tokens went through the model.
  private(set) var done: Int
  private(set) var finish: FinishReason?

  private let settings: GenerationSettings
  private let rules: TokenRules
  private let plan: PreparedPlan
  private let ends: Set<Int32>
  /// The closing marker, which a spent thinking budget puts in.
  private let closing: [Int32]
  private let promptCount: Int
  private var random: SeededGenerator
  private var progress: TextProgress?
  private var forced = 0..<0
  private var effects: [EffectCounter]
  private var parts: [HookPoint: [Matrix]] = [:]
  private var positions: [HookPoint: [Int]] = [:]

  init(
    _ job: GenerationJob, _ sequence: TokenSequence, _ setup: GenerationSetup,
    memory: SequenceMemory<CPUBackend>?, done: Int = 0
  ) {
    (prompt, sample, self.memory, self.done) = (job.prompt, job.sample, memory, done)
    self.sequence = sequence
    self.sequence.generated = 0
    (settings, plan, ends, closing) = (setup.settings, setup.plan, setup.ends, setup.closing)
    rules = setup.settings.rules ?? TokenRules()
    promptCount = sequence.tokens.count
    // The id, not the place in the batch: a row's numbers do not depend on the rows before it.
    random = SeededGenerator(seed: settings.seed, item: "\(sequence.id) sample \(sample)")
    progress = setup.encoder.map {
      TextProgress($0, behind: sequence, stops: setup.settings.stop)
    }
    effects = plan.interventions.enumerated().map { EffectCounter($0, $1.summary) }
  }

  /// Whether the next token is still to be chosen.
  var isOpen: Bool { finish == nil }

  /// Whether tokens are to go through the model: for a next one, or because they are to be read.
  var isUnderWay: Bool {
    isOpen
      || plan.captures.values.joined().contains { !$0.captured(in: sequence, from: done).isEmpty }
  }

  /// Takes what was read and changed at the tokens behind `done`.
  func take(_ capture: SequenceCapture, _ marks: [EffectMark]) {
    for (hook, matrix) in capture.values where matrix.rows > 0 {
      parts[hook, default: []].append(matrix)
      positions[hook, default: []] += capture.positions[hook] ?? []
    }
    for mark in marks { effects[mark.intervention].count(mark, isPrefill: done < promptCount) }
    done = sequence.tokens.count
  }

  /// Chooses the next token from the logits at the last one.
  func advance(_ logits: UnsafeBufferPointer<Float>, _ sampler: Sampler) throws(Problem) {
    if let budget = settings.thinkingBudget, let progress, progress.isThinking, forced.isEmpty,
      progress.thinkingTokens >= budget
    {
      let start = sequence.tokens.count
      for token in closing where isOpen { append(token, isForced: true) }
      forced = start..<sequence.tokens.count
      return
    }
    let token = try choose(logits, sampler)
    if ends.contains(token) {
      add(token, .template)
      finish = .endToken
    } else {
      append(token)
    }
  }

  private func choose(
    _ logits: UnsafeBufferPointer<Float>, _ sampler: Sampler
  ) throws(Problem) -> Int32 {
    func refuse(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
      Problem(
        code, "prompt '\(sequence.id)'", place: "token \(sequence.tokens.count)", problem: problem,
        remedy: remedy)
    }
    guard Sampler.areFinite(logits) else {
      throw refuse(
        .notFinite, "has logits that are NaN or infinite, so that no token can be chosen",
        "check the weights and the interventions' scales")
    }
    let token: Int32?
    if rules.isEmpty {
      token = sampler.draw(from: logits, &random)
    } else {
      var ruled = Array(logits)
      rules.apply(
        to: &ruled,
        after: .init(
          tokens: sequence.tokens, promptCount: promptCount,
          limit: promptCount + settings.maxNewTokens, ends: ends))
      token = ruled.withUnsafeBufferPointer { sampler.draw(from: $0, &random) }
    }
    guard let token else {
      throw refuse(
        .noTokenLeft, "is ruled out whatever it is (\(rules.summary))",
        "leave one of these rules out")
    }
    return token
  }

  private func append(_ token: Int32, isForced: Bool = false) {
    let segment = progress?.take(token) ?? .answer
    add(token, isForced ? .template : segment)
    if progress?.stopStart != nil {
      finish = .stopText
    } else if sequence.generated == settings.maxNewTokens {
      finish = .length
    }
  }

  private func add(_ token: Int32, _ segment: Segment) {
    sequence.tokens.append(token)
    sequence.segments.append(segment)
    sequence.generated += 1
  }

  /// What came of it, when nothing is under way any more.
  func result() -> Generation {
    let texts = progress?.texts
    var values: [HookPoint: Matrix] = [:]
    for (hook, parts) in parts { values[hook] = Matrix.concatenating(parts) }
    return Generation(
      prompt: prompt, sample: sample, sequence: sequence, text: texts?.text,
      thinking: texts?.thinking, answer: texts?.answer, finish: finish ?? .length, forced: forced,
      capture: SequenceCapture(sequence: prompt, positions: positions, values: values),
      effects: effects.map { $0.total(steps: done - promptCount) })
  }
}

/// A continuation to be made.
package struct GenerationJob: Hashable, Sendable, Codable {
  /// The prompt's place in the batch.
  package var prompt: Int
  package var sample: Int

  package init(prompt: Int, sample: Int) { (self.prompt, self.sample) = (prompt, sample) }
}

/// What all continuations of a run share.
struct GenerationSetup: Sendable {
  let settings: GenerationSettings
  let plan: PreparedPlan
  /// Nil where the model has no tokenizer.
  let encoder: PromptEncoder?
  let ends: Set<Int32>
  /// The marker that ends thinking.
  let closing: [Int32]
}
