import Files
import Prompts

extension Model {
  /// Writes behind each sequence of a batch and keeps everything.
  ///
  /// The same bytes come out whatever the batch, the order, `slots` and `threads`. What is captured is
  /// what one run over a prompt and its continuation captures.
  ///
  ///     let run = try model.generate(
  ///       try model.encode(conversations), settings, capturing: [.residual(after: 20)],
  ///       applying: [.add(direction, scale: 4, after: 15)])
  ///     run.generations[0].text
  ///     run.effects[0].firings   // "fired 12 times in the prompts, 63 in 63 steps"
  ///
  /// - Parameters:
  ///   - captures: what to read, at the prompts' tokens and at the generated ones.
  ///   - settings: without rules of their own, those that the checkpoint asks for are followed.
  ///   - interventions: what to change, in the prompts and in every step; one that touches nothing is an
  ///     error.
  ///   - slots: how many sequences run side by side; their keys and values are in memory.
  /// - Throws: `Problem`, before anything is computed, for settings that make no sense, a prompt
  ///   that with its continuation is longer than the model's context, and a plan that does not fit.
  public func generate(
    _ batch: Batch, _ settings: GenerationSettings = GenerationSettings(),
    capturing captures: [Capture] = [], applying interventions: [Intervention] = [],
    slots: Int = 16, threads: Int = defaultThreads
  ) throws -> GenerationRun {
    var generations: [Generation] = []
    let effects = try generate(
      batch, settings, capturing: captures, applying: interventions, slots: slots,
      threads: threads
    ) { generations.append($0) }
    generations.sort { ($0.prompt, $0.sample) < ($1.prompt, $1.sample) }
    return GenerationRun(generations: generations, effects: effects)
  }

  /// Writes behind each sequence of a batch and hands over each continuation when it is done.
  ///
  /// - Parameter receive: called in the order in which they are done, which depends on `slots`; never twice
  ///   at a time.
  /// - Returns: one effect per intervention.
  public func generate(
    _ batch: Batch, _ settings: GenerationSettings, capturing captures: [Capture] = [],
    applying interventions: [Intervention] = [], slots: Int = 16, threads: Int = defaultThreads,
    receive: (Generation) throws -> Void
  ) throws -> [GenerationEffect] {
    let plan = Plan(capturing: captures, applying: interventions)
    try checkGeneration(batch, settings, plan)
    let jobs = batch.sequences.indices.flatMap { prompt in
      (0..<settings.samples).map { GenerationJob(prompt: prompt, sample: $0) }
    }
    var effects: [(job: GenerationJob, effects: [GenerationEffect])] = []
    var read: Set<HookPoint> = []
    try generate(jobs, of: batch, settings, plan, slots: slots, threads: threads) { generation in
      let job = GenerationJob(prompt: generation.prompt, sample: generation.sample)
      effects.append((job, generation.effects))
      read.formUnion(generation.capture.values.keys)
      try receive(generation)
    }
    if let capture = captures.first(where: { !read.contains($0.hook) }) {
      throw Problem(
        .readsNothing, "capture of \(capture.hook)",
        problem: "read nothing: no sequence has positions '\(capture.positions)'",
        remedy: "check the positions against the segments and lengths of what was generated")
    }
    effects.sort { ($0.job.prompt, $0.job.sample) < ($1.job.prompt, $1.job.sample) }
    return try GenerationEffect.summing(effects.map(\.effects), of: interventions)
  }

  /// Makes some of a batch's continuations; whoever asks for a part sums the effects.
  /// - Parameter usesMemory: whether keys and values are kept; without, every step runs the whole
  ///   sequence again, and gives the same bytes.
  package func generate(
    _ jobs: [GenerationJob], of batch: Batch, _ settings: GenerationSettings, _ plan: Plan,
    slots: Int, threads: Int, usesMemory: Bool = true, receive: (Generation) throws -> Void
  ) throws {
    let setup = try prepare(batch, settings, plan)
    guard threads >= 1, slots >= 1 else {
      throw Problem(
        .invalidArgument, threads < 1 ? "threads" : "slots", problem: "is \(min(threads, slots))",
        remedy: "use 1 or more")
    }
    try Generator(
      self, jobs, of: batch, setup, slots: slots, threads: threads, usesMemory: usesMemory
    ).run(receive: receive)
  }

  /// Refuses what can be refused before anything is computed.
  package func checkGeneration(
    _ batch: Batch, _ settings: GenerationSettings, _ plan: Plan
  ) throws {
    _ = try prepare(batch, settings, plan)
  }

  private func prepare(
    _ batch: Batch, _ settings: GenerationSettings, _ plan: Plan
  ) throws -> GenerationSetup {
    let settings = try following(settings)
    try settings.check()
    try settings.rules?.check(vocabulary: shape.dVocabulary)
    try check(batch)
    for sequence in batch.sequences {
      let (count, room) = (sequence.tokens.count, shape.contextLength)
      guard settings.maxNewTokens <= room - count else {
        throw Problem(
          .promptLength, "prompt '\(sequence.id)'",
          problem:
            "has \(count) tokens, and with \(settings.maxNewTokens) new ones it is longer than "
            + "the model's context of \(room)",
          remedy: "shorten it or generate fewer tokens")
      }
    }
    if let capture = plan.captures.first(where: { $0.hook.site.isRagged }) {
      throw Problem(
        .hookNotOffered, "capture of \(capture.hook)",
        problem: "is not offered while generating: its rows are as wide as the sequence is long, "
          + "and so differs from step to step",
        remedy: "run the model over the generated sequences and capture it there")
    }
    let prepared = try PreparedPlan(plan, shape: shape, predicting: true)
    try prepared.check(
      against: batch.sequences.lazy.map { Self.longest($0, settings) })
    let encoder = try settings.needsTokenizer ? self.encoder : try? self.encoder
    return GenerationSetup(
      settings: settings, plan: prepared, encoder: encoder,
      ends: settings.ignoresEndTokens ? [] : try endTokens.get(),
      closing: settings.thinkingBudget == nil ? [] : try closing(encoder))
  }

  /// A sequence with all the tokens that may come, of every segment that they may have.
  private static func longest(
    _ sequence: TokenSequence, _ settings: GenerationSettings
  ) -> TokenSequence {
    let segments: [Segment] = [.thinking, .template, .answer]
    // Three are enough to have every segment; a rule for later tokens may come to nothing even so.
    let new = max(settings.maxNewTokens, segments.count)
    return TokenSequence(
      id: sequence.id, tokens: sequence.tokens + Array(repeating: 0, count: new),
      segments: sequence.segments + (0..<new).map { segments[$0 % segments.count] },
      generated: new)
  }

  /// The tokens that end thinking.
  private func closing(_ encoder: PromptEncoder?) throws(Problem) -> [Int32] {
    let tokens = encoder?.closing ?? []
    guard !tokens.isEmpty else {
      throw Problem(
        .missingToken, "settings", place: "thinkingBudget",
        problem: "the model's closing marker has no tokens",
        remedy: "leave the budget out")
    }
    return tokens
  }
}

extension GenerationSettings {
  /// Whether something depends on the text, so that a model without a tokenizer will not do.
  fileprivate var needsTokenizer: Bool { !stop.isEmpty || thinkingBudget != nil }
}
