import Bathyscope
import Foundation

/// What is answered and judged for every set of heads.
struct AttackTask {
  let model: Model
  let rows: [Prompt]
  let batch: Batch
  let prompts: [HeadPrompt]
  let ablation: HeadAblation
  let place: Positions
  let settings: GenerationSettings
  /// How many answers are written side by side.
  let slots: Int
  let jury: Jury
  let threads: Int

  /// - Throws: before anything is computed, for prompts that cannot be answered so.
  init(
    model: Model, rows: [Prompt], _ input: HeadPromptOptions, _ ablation: HeadAblation,
    at place: Positions, settings: GenerationSettings, slots: Int, jury: Jury, threads: Int
  ) throws {
    (self.model, self.rows, self.ablation, self.place) = (model, rows, ablation, place)
    (self.settings, self.slots, self.jury, self.threads) = (settings, slots, jury, threads)
    batch = try model.encode(rows.map(\.conversation))
    // Which tokens are touched is known once they are written.
    prompts = try input.cut(rows, batch, of: model, ablating: .all)
    let plan = Plan(capturing: [], applying: interventions([Head(layer: 0, head: 0)]))
    try model.checkGeneration(batch, settings, plan)
  }

  var heads: [Head] { Head.all(of: model.shape) }

  /// Who decides: the first of the judges.
  func judge(_ heads: [Head]) throws -> any Judge {
    let reader = Reader(model, applying: interventions(heads), threads: threads)
    guard let judge = try jury.judges(reader).first else {
      throw Problem(
        .invalidOption, "--judges", problem: "none", remedy: "name one")
    }
    return judge
  }

  func jobs(_ places: [Int]) -> [GenerationJob] {
    places.flatMap { place in
      (0..<settings.samples).map { GenerationJob(prompt: place, sample: $0) }
    }
  }

  func interventions(_ heads: [Head]) -> [Intervention] {
    guard !heads.isEmpty else { return [] }
    return [
      .scaleHeads(
        heads, by: ablation.factor, keepingNorm: ablation.rescale, at: place)
    ]
  }
}

/// Attack success: prompts are answered with a set of heads ablated, and judged.
///
/// An answer without a verdict counts as unchanged, and so does one whose prompt has none without the
/// ablation: a set that breaks the model would win otherwise, in one direction or the other.
final class AttackScorer: HeadsScorer {
  let task: AttackTask
  private let rows: RunJournal<HeadsPlace, HeadsRow>
  private let cache: RunJournal<String, Judgement>
  private var progress: Progress

  /// Goes on with what the folder has.
  /// - Parameter sets: how many sets of heads there will be at most.
  init(_ task: AttackTask, _ folder: RunFolder, sets: Int) throws {
    self.task = task
    let samples = task.settings.samples
    rows = try folder.journal(HeadsPlace.self, HeadsRow.self) { place, row in
      guard case (.set(_, let prompts), .verdicts(let verdicts)) = (place, row) else {
        return false
      }
      return verdicts.count == prompts.count * samples
    }
    cache = try .open(folder.path + "/verdicts.jsonl", of: .memory(of: "verdicts"))
    progress = Progress(of: sets, "sets")
    progress.advance(by: rows.count)
  }

  /// Says what a long run will take.
  func announce(sets: Int, answers: Int) {
    let jobs = task.jobs(Array(prompts.indices))
    let estimate = task.model.estimatedGeneration(
      task.batch, task.settings, jobs, slots: task.slots, threads: task.threads)
    let left = Double(max(sets - rows.count, 0)) / Double(max(sets, 1))
    let seconds = estimate.seconds * Double(answers) / Double(max(jobs.count, 1)) * left
    writeError(
      "up to \(sets) sets of heads, \(answers) answers of up to \(task.settings.maxNewTokens) tokens: at "
        + "most about \(duration(seconds)), \(bytes(peakMemory() + estimate.bytes)) of memory")
  }

  func finish() { progress.finish() }

  var prompts: [HeadPrompt] { task.prompts }

  var heads: [Head] { task.heads }

  func effects(
    extending base: [Head], by candidates: [Head], in places: [Int]
  ) throws -> [[Double]] {
    try candidates.map { try effects(of: base + [$0], in: places) }
  }

  func effects(of heads: [Head], in places: [Int]) throws -> [Double] {
    let (clean, ablated) = (try verdicts([], places), try verdicts(heads, places))
    let changes = zip(clean, ablated).map { before, after -> Double in
      guard let before = before.success, let after = after.success else { return 0 }
      return (after ? 1 : 0) - (before ? 1 : 0)
    }
    let samples = task.settings.samples
    return places.indices.map { index in
      changes[(index * samples)..<((index + 1) * samples)].reduce(0, +) / Double(samples)
    }
  }

  /// What the judge says of the answers, one for each sample of each prompt.
  func verdicts(_ heads: [Head], _ places: [Int]) throws -> [Judgement.Outcome] {
    let sorted = heads.sorted { ($0.layer, $0.head) < ($1.layer, $1.head) }
    let key = HeadsPlace.set(heads: sorted, prompts: places)
    if case .verdicts(let known) = try rows.row(key) { return known }
    let jobs = task.jobs(places)
    var answers: [GenerationJob: Answer] = [:]
    try task.model.generate(
      jobs, of: task.batch, task.settings,
      Plan(capturing: [], applying: task.interventions(sorted)), slots: task.slots,
      threads: task.threads
    ) { generation in
      let prompt = generation.prompt
      var answer = try Answer(generation, seed: task.settings.seed)
      answer.join(task.rows[prompt])
      try answer.place(behind: task.batch.sequences[prompt])
      answers[GenerationJob(prompt: prompt, sample: generation.sample)] = answer
    }
    let panel = JudgePanel([try task.judge(sorted)], cache: cache)
    let ordered = jobs.compactMap { answers[$0] }
    let verdicts = try panel.judge(ordered).compactMap(\.first?.outcome)
    // A question that failed on its way is no verdict: a search that took it for one would go astray.
    guard panel.missing(ordered) == 0 else {
      throw Problem(
        .judgeIncomplete, "judge \(panel.judges[0].card.name)",
        problem: "gave no verdict on \(panel.missing(ordered)) of \(ordered.count) answers",
        remedy: "look after it, and run the command again to go on")
    }
    try rows.append(.verdicts(verdicts), for: key)
    progress.advance(by: 1)
    return verdicts
  }
}

/// What the answers behind a search come to.
struct AttackedSets: Codable {
  var judge: JudgeCard
  /// The unchanged model, on the prompts that choose and on those that are reported on.
  var baseline: JudgeRate
  /// On the prompts that are reported on: without ablation, and with the set of each size.
  var clean: JudgeRate
  var sets: [JudgeRate]

  init(_ scorer: AttackScorer, _ steps: [HeadSearch.Step], _ plan: HeadSetPlan) throws {
    let split = try plan.split(scorer.prompts)
    let card = try scorer.task.judge([]).card
    let samples = scorer.task.settings.samples
    func rate(_ heads: [Head], _ parts: [[Int]]) throws -> JudgeRate {
      let verdicts = try parts.flatMap { try scorer.verdicts(heads, $0) }
      let groups = parts.joined().flatMap { place in
        Array(repeating: scorer.prompts[place].group, count: samples)
      }
      return try JudgeRate(
        card, verdicts.map { Judgement($0) }, groups: groups,
        bootstrap: Bootstrap(seed: plan.seed, resamples: plan.resamples))
    }
    judge = card
    baseline = try rate([], [split.train, split.test])
    clean = try rate([], [split.test])
    sets = try steps.map { try rate($0.heads, [split.test]) }
  }

  func print() {
    printLine("a success is: \(judge.success) (\(judge.name))")
    printLine("unchanged model, all prompts: \(judge.rateName) \(baseline.text(judge))")
    printLine("on the prompts that did not choose: unchanged \(clean.text(judge))")
    for (index, rate) in sets.enumerated() {
      printLine("  \(index + 1) heads off: \(rate.text(judge))")
    }
  }
}
