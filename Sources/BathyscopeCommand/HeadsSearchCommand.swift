import ArgumentParser
import Bathyscope
import Foundation

struct HeadsSearchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Search for the set of heads whose ablation moves the score most.",
    discussion: """
      Greedy search, or beam search with --beam above 1, on one half of the prompts; the
      sets of every size are reported on the other half, the last one beside random sets
      of its size. Writes search.json and search.csv to --out. A killed run goes on
      where it stopped when the same command is given again.

      With --score attack every set is ablated while the model answers the prompts. The
      first of --judges decides what a success is, and an answer without a verdict
      counts as unchanged. Each set costs as many answers as there are prompts to choose
      with: --among keeps the sets few. Where no head alone changes an answer, a wide
      --beam finds heads that do so together.

      Examples:

        bathyscope heads search --model smollm2-135m --prompts transcripts.jsonl \\
          --probe probe --size 4 --beam 2 --candidates 40 --out heads
        bathyscope heads search --model smollm2-135m --prompts harmful.jsonl \\
          --score attack --lower --among heads/sweep.json:set=10 \\
          --max-new-tokens 48 --random-sets 19 --out attacked
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var input: HeadPromptOptions
  @OptionGroup(title: "Ablation") var ablation: HeadAblationOptions

  @Option(help: "How many heads to find.")
  var size = 4

  @Option(help: "How many sets are kept at each size; 1 is the greedy search.")
  var beam = 1

  @Option(
    help: ArgumentHelp(
      "Choose from these heads, such as 7.3,8.1 or sweep.json:set=10; all by default.",
      valueName: "heads"))
  var among: String?

  @Option(help: "Choose from so many of them that do most alone; 0 for all.")
  var candidates = 0

  @Flag(help: "Look for heads whose ablation lowers the score.")
  var lower = false

  @Option(help: "Random sets of the last size to compare with; 0 for none.")
  var randomSets = 63

  @Option(help: "Bootstrap resamples of an interval.")
  var resamples = 10_000

  @OptionGroup(title: "Judges (--score attack)") var judging: JudgeOptions
  @OptionGroup(title: "Writing (--score attack)") var writing: WritingOptions

  @Option(help: "How many answers are written side by side (--score attack).")
  var batch = 16

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  struct Result: Encodable {
    var out: String
    var seconds: Double
    var summary: SearchSummary
  }

  func validate() throws {
    guard (1...1000).contains(size), (1...1000).contains(beam), candidates >= 0 else {
      throw ValidationError("--size and --beam must be from 1 to 1000, --candidates 0 or more.")
    }
    guard (0...100_000).contains(randomSets), (100...1_000_000).contains(resamples) else {
      throw ValidationError(
        "--random-sets must be from 0 to 100000, --resamples from 100 to 1000000.")
    }
    guard (1...65536).contains(batch) else {
      throw ValidationError("--batch must be from 1 to 65536.")
    }
    guard ablation.score == .attack else {
      guard batch == 16, try judging.isDefault, try writing.isDefault else {
        throw ValidationError("Options of judges and of writing, and --batch, need --score attack.")
      }
      return
    }
    guard ablation.maxMemory == nil else {
      throw ValidationError("--score attack takes no --max-memory: lower --batch for less memory.")
    }
    guard ablation.ablate == .scale, ablation.rescale != .sequence else {
      throw ValidationError(
        "--score attack needs --ablate scale, and --rescale none or token: the others need the whole text."
      )
    }
    guard input.answers.answers == nil, input.read == .last else {
      throw ValidationError(
        "--score attack lets the model answer: it takes neither --answers nor --read.")
    }
    guard try !judging.names().contains(where: { $0.kind == "published" }) else {
      throw ValidationError("--judges: 'published' has nothing to say of new answers.")
    }
  }

  func run() throws {
    try RunFolder.claimHeads(
      out, "search", output,
      inputs: model.inputs + input.inputs + ablation.inputs + judging.inputs + amongInputs)
    let model = try model.load()
    let clock = Progress(of: 0, "")
    let summary: SearchSummary
    let folder: RunFolder
    if ablation.score == .attack {
      (summary, folder) = try searchByAttack(model)
    } else {
      (summary, folder) = try searchByScore(model)
    }
    if options.json {
      return try printJSON(
        "heads-search", Result(out: out, seconds: clock.seconds, summary: summary))
    }
    summary.print()
    print("\(folder.documentPath), \(out)/\(folder.name).csv: in \(fixed(clock.seconds, 1)) s")
  }

  private var search: HeadSearch { HeadSearch(size: size, beam: beam, raises: !lower) }

  private var plan: HeadSetPlan {
    HeadSetPlan(shares: [], randomSets: randomSets, seed: options.seed, resamples: resamples)
  }

  private func searchByScore(_ model: Model) throws -> (SearchSummary, RunFolder) {
    let prompts = try input.load(model, ablating: ablation.at, force: ablation.source.force)
    let (study, score) = try ablation.study(model, input, prompts, options)
    guard study.canAblateSets else {
      throw Problem(
        .invalidOption, "--ablation",
        problem: "this ablation differs from prompt to prompt and cannot be searched with",
        remedy: "choose another one")
    }
    let pool = try pool(of: study.heads)
    let folder = try folder(model, prompts, score, pool)
    if let summary = try folder.result(SearchSummary.self) { return (summary, folder) }
    let split = try plan.split(prompts)
    let sweeps = 1 + (size - 1) * beam
    let runner = try HeadsRunner(
      study, folder, total: sweeps * split.train.count * study.heads.count / model.shape.heads,
      keepingShifts: false)
    runner.announce(
      try study.estimate(), setPasses: (randomSets + size) * split.test.count, sweeps: sweeps)
    let summary = try SearchSummary(
      try StudyScorer(runner), search, plan, among: pool, candidates: candidates)
    try folder.finish(summary, table: summary.table)
    return (summary, folder)
  }

  private func searchByAttack(_ model: Model) throws -> (SearchSummary, RunFolder) {
    let rows = try input.requests()
    model.warn(about: rows)
    let task = try AttackTask(
      model: model, rows: rows, input, ablation.ablation, at: ablation.at,
      settings: try writing.settings(seed: options.seed, for: model), slots: batch,
      jury: Jury(judging, model: model, threads: options.threads), threads: options.threads)
    let judge = try task.judge([]).card
    let pool = try pool(of: task.heads)
    let folder = try folder(
      model, task.prompts,
      .init(
        kind: "attack", judge: judge, settings: task.settings,
        endTokens: task.settings.ignoresEndTokens ? [] : model.endTokenIDs), pool)
    if let summary = try folder.result(SearchSummary.self) { return (summary, folder) }
    let split = try plan.split(task.prompts)
    let later = candidates == 0 ? pool.count : min(max(candidates, size), pool.count)
    let choosing = pool.count + (size - 1) * beam * later
    let scorer = try AttackScorer(task, folder, sets: 2 + choosing + size + randomSets)
    scorer.announce(
      sets: 2 + choosing + size + randomSets,
      answers: (split.train.count * (1 + choosing) + split.test.count * (1 + size + randomSets))
        * task.settings.samples)
    var summary = try SearchSummary(scorer, search, plan, among: pool, candidates: candidates)
    summary.attack = try AttackedSets(scorer, summary.steps, plan)
    scorer.finish()
    try folder.finish(summary, table: summary.table)
    return (summary, folder)
  }

  private func folder(
    _ model: Model, _ prompts: [HeadPrompt], _ score: HeadsSettings.Score, _ pool: [Head]
  ) throws -> RunFolder {
    var settings = HeadsSettings(input, prompts, score: score)
    settings.add(ablation)
    settings.search = search
    settings.sets = plan
    settings.candidates = candidates
    settings.among = among == nil ? nil : pool
    return try settings.folder(
      out, of: "search", model, input, reference: ablation.reference, seed: options.seed,
      overwriting: output.overwrite)
  }

  /// The file that they are in, if they are in one.
  private var amongInputs: [String] {
    among.flatMap { try? ArmSpecification(parsing: "among=heads:\($0)").value }.map { [$0] } ?? []
  }

  /// The heads to choose from.
  private func pool(of heads: [Head]) throws -> [Head] {
    guard let among else { return heads }
    let arm = try ArmSpecification(parsing: "among=heads:\(among)")
    guard arm.options["scale"] == nil, arm.options["at"] == nil else {
      throw Problem(
        .invalidOption, "--among", problem: "names heads only",
        remedy: "leave ':scale=' and ':at=' out")
    }
    let chosen = try arm.heads()
    let known = Set(heads)
    if let head = chosen.first(where: { !known.contains($0) }) {
      throw Problem(
        .invalidOption, "--among",
        problem: "head \(head.layer).\(head.head) has no effect on this score",
        remedy: "leave it out")
    }
    guard chosen.count >= size else {
      throw Problem(
        .invalidOption, "--among", problem: "\(chosen.count) heads, and --size is \(size)",
        remedy: "name more heads, or ask for fewer")
    }
    return chosen
  }
}

/// What `heads search` found.
struct SearchSummary: Codable {
  var prompts: [String]
  var candidates: Int
  var steps: [HeadSearch.Step]
  /// The sets of every size on the prompts that did not choose them.
  var report: HeadSetReport

  /// What the model answers; nil for a score at the last token.
  var attack: AttackedSets?

  init(
    _ scorer: some HeadsScorer, _ search: HeadSearch, _ plan: HeadSetPlan, among heads: [Head],
    candidates wanted: Int
  ) throws {
    prompts = scorer.prompts.map(\.sequence.id)
    let places = try plan.split(scorer.prompts).train
    func effects(_ base: [Head], _ candidates: [Head]) throws -> [[Double]] {
      try scorer.effects(extending: base, by: candidates, in: places)
    }
    let sign: Double = search.raises ? 1 : -1
    var pool = heads
    if wanted > 0 {
      let alone = try effects([], pool).map { $0.reduce(0, +) * sign }
      pool = zip(pool, alone).sorted {
        ($1.1, $0.0.layer, $0.0.head) < ($0.1, $1.0.layer, $1.0.head)
      }.prefix(max(wanted, search.size)).map(\.0)
    }
    candidates = pool.count
    steps = try search.run(pool, effects: effects)
    // Only the last set is compared with random ones: each of them is a pass over the prompts.
    var unmatched = plan
    unmatched.randomSets = 0
    report = try unmatched.report(
      scorer.prompts, steps.dropLast().map { (nil, $0.heads) }, from: scorer.heads, sign: sign,
      effects: scorer.effects(of:in:))
    report.sets += try plan.report(
      scorer.prompts, steps.suffix(1).map { (nil, $0.heads) }, from: scorer.heads, sign: sign,
      effects: scorer.effects(of:in:)
    ).sets
  }

  var table: [[String]] {
    [["size", "heads", "selection_mean", "report_mean", "low", "high"]]
      + zip(steps, report.sets).map { step, set in
        [
          "\(step.heads.count)", step.heads.map { "\($0.layer).\($0.head)" }.joined(separator: " "),
          "\(step.selectionMean)", "\(set.mean)", set.effect.map { "\($0.low)" } ?? "",
          set.effect.map { "\($0.high)" } ?? "",
        ]
      }
  }

  func print() {
    for step in steps {
      let names = step.heads.map { "\($0.layer).\($0.head)" }.joined(separator: ", ")
      let ties = step.tied > 1 ? ", \(step.tied) of which do as much" : ""
      printLine("\(step.heads.count) heads, best of \(step.tried) sets\(ties): \(names)")
    }
    attack?.print()
    printSets(report, note: nil)
  }
}
