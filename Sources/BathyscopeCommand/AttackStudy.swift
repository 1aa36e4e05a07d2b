import Bathyscope
import Foundation

/// One attack on its way: what is answered, what is there already, and what is still to be done.
///
/// Every arm's answers are a file of their own with its own journal, so that a killed run goes on in the
/// middle of an arm. Losses and verdicts are remembered one by one.
struct AttackStudy {
  let model: Model
  let harmful: [Prompt]
  let benign: [Prompt]
  let settings: GenerationSettings
  let folder: String
  let batch: Int
  let options: RunOptions
  let provenance: [String]
  let overwrites: Bool
  private let harmfulBatch: Batch
  private let benignBatch: Batch
  private let neutral: NeutralTexts

  init(
    model: Model, harmful: [Prompt], benign: [Prompt], neutral: [String],
    settings: GenerationSettings, folder: String, batch: Int, options: RunOptions,
    provenance: [String], overwrites: Bool
  ) throws {
    self.overwrites = overwrites
    (self.model, self.harmful, self.benign) = (model, harmful, benign)
    (self.settings, self.folder, self.batch) = (settings, folder, batch)
    (self.options, self.provenance) = (options, provenance)
    harmfulBatch = try model.encode(harmful.map(\.conversation))
    benignBatch = try model.encode(benign.map(\.conversation))
    self.neutral = try NeutralTexts(neutral, model)
  }

  /// Refuses what can be refused before anything is computed.
  func check(_ arms: [AttackArm]) throws {
    for arm in arms {
      for batch in [harmfulBatch, benignBatch] {
        try model.checkGeneration(
          batch, settings, Plan(capturing: [], applying: arm.interventions))
      }
    }
  }

  /// One file of answers: an arm's to the attack's prompts or to the benign ones.
  private struct Part {
    var arm: AttackArm
    var isBenign: Bool
    var record: GenerationRecord
  }

  func run(
    _ arms: [AttackArm], _ jury: Jury, provenance: [String: String]
  ) throws -> AttackResult {
    for path in [folder, folder + "/answers"] { try MadeFolders.make(path) }
    // First of all, so that two runs cannot write into one folder.
    let verdicts = try RunJournal<String, Judgement>.open(
      folder + "/verdicts.jsonl", of: .memory(of: "verdicts"))
    let losses = try RunJournal<String, TextLoss>.open(
      folder + "/losses.jsonl", of: .memory(of: "losses"))
    let parts = try arms.flatMap { arm -> [Part] in
      var parts = [try part(arm, isBenign: false)]
      if !isControl(arm) { parts.append(try part(arm, isBenign: true)) }
      return parts
    }
    try generate(parts)
    var yields: [AttackYield] = []
    for arm in arms {
      var yield = AttackYield(arm)
      try measureLoss(&yield, losses)
      yields.append(yield)
    }
    for part in parts {
      guard let index = arms.firstIndex(where: { $0.name == part.arm.name }) else { continue }
      try read(part, into: &yields[index])
    }
    let cards = try judge(&yields, jury, verdicts)
    return try AttackAnalysis(
      yields, judges: cards, shape: model.shape, seed: options.seed
    ).result(settings: settings, provenance: provenance)
  }

  private func isControl(_ arm: AttackArm) -> Bool {
    if case .control = arm.role { true } else { false }
  }

  // MARK: Answers

  private func part(_ arm: AttackArm, isBenign: Bool) throws -> Part {
    let batch = isBenign ? benignBatch : harmfulBatch
    let path = "\(folder)/answers/\(arm.name)\(isBenign ? ".benign" : "").jsonl"
    let record = try GenerationRecord(
      try GenerationConfiguration(
        model: model, prompts: provenance, batch: batch, settings: settings,
        interventions: arm.interventions), batch: batch, samples: settings.samples, path: path,
      overwrites: overwrites)
    return Part(arm: arm, isBenign: isBenign, record: record)
  }

  private func generate(_ parts: [Part]) throws {
    // Every file is compared with its configuration before any answer is written.
    let open = try parts.filter { try !$0.record.isComplete() }
    let total = open.reduce(0) { $0 + $1.record.jobs.count }
    guard total > 0 else { return }
    announce(open, arms: Set(parts.map(\.arm.name)).count)
    var progress = Progress(of: total, "answers")
    for part in open {
      let journal = try GenerationJournal(part.record)
      progress.advance(by: journal.finished)
      try model.generate(
        journal.missing, of: part.record.batch, settings,
        Plan(capturing: [], applying: part.arm.interventions), slots: batch,
        threads: options.threads
      ) { generation in
        try journal.append(generation, seed: settings.seed)
        progress.advance(by: 1)
      }
      try journal.finish(part.arm.interventions)
    }
    progress.finish()
  }

  private func announce(_ open: [Part], arms: Int) {
    guard let first = open.first else { return }
    let jobs = first.record.jobs
    let estimate = model.estimatedGeneration(
      first.record.batch, settings, jobs, slots: batch, threads: options.threads)
    let answers = open.reduce(0) { $0 + $1.record.jobs.count }
    let seconds = estimate.seconds * Double(answers) / Double(max(jobs.count, 1))
    writeError(
      "\(arms) arms, up to \(answers) answers of up to \(settings.maxNewTokens) tokens to write: at "
        + "most about \(duration(seconds)), \(bytes(peakMemory() + estimate.bytes)) of memory; judging "
        + "comes on top")
  }

  private func read(_ part: Part, into yield: inout AttackYield) throws {
    let rows = part.isBenign ? benign : harmful
    var answers: [Answer] = []
    try part.record.forEachRow { answer in
      guard let job = part.record.job(of: answer) else { return }
      var answer = answer
      answer.join(rows[job.prompt])
      try answer.place(behind: part.record.batch.sequences[job.prompt])
      answers.append(answer)
    }
    if part.isBenign {
      yield.benignAnswers = answers
    } else {
      yield.answers = answers
      yield.effects = try part.record.summary(part.arm.interventions).effects
    }
  }

  // MARK: Losses and verdicts

  private func measureLoss(_ yield: inout AttackYield, _ known: RunJournal<String, TextLoss>) throws
  {
    let interventions = yield.arm.interventions
    yield.isNeutralTouched =
      yield.arm.role == .baseline || neutral.areTouched(by: interventions)
    let changes = try lineOfJSON(interventions)
    let keys = neutral.sequences.map { sequence in
      digest([
        model.identity.weightsSHA256, model.precision.rawValue, model.kernel, changes,
        "\(sequence.tokens)",
      ])
    }
    let missing = keys.indices.filter { !known.contains(keys[$0]) }
    try neutral.losses(
      of: missing, model, applying: interventions, threads: options.threads
    ) { index, loss in try known.append(loss, for: keys[index]) }
    yield.losses = try keys.compactMap { try known.row($0) }
  }

  private func judge(
    _ yields: inout [AttackYield], _ jury: Jury, _ known: RunJournal<String, Judgement>
  ) throws -> [JudgeCard] {
    let panels = try yields.map { yield -> JudgePanel in
      var judges = try jury.judges(
        Reader(model, applying: yield.arm.interventions, threads: options.threads))
      // Over-refusal is always measured.
      if !judges.contains(where: { $0.card.measures == .refusal }) {
        judges.append(SubstringJudge(.arditi))
      }
      return JudgePanel(judges, cache: known)
    }
    var progress = Progress(
      of: zip(panels, yields).reduce(0) {
        $0 + $1.0.missing($1.1.answers) + $1.0.missing($1.1.benignAnswers)
      }, "verdicts")
    for index in yields.indices {
      yields[index].verdicts = try panels[index].judge(yields[index].answers) {
        progress.advance(by: 1)
      }
      yields[index].benignVerdicts = try panels[index].judge(yields[index].benignAnswers) {
        progress.advance(by: 1)
      }
    }
    progress.finish()
    return panels.first?.judges.map(\.card) ?? []
  }
}
