import ArgumentParser
import Bathyscope
import Foundation

struct GenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Let a model answer, steered or not, and write every answer to JSONL.",
    discussion: """
      One row per prompt and sample: tokens, segments, text, thinking and answer,
      why it ended, and what each intervention did. Rows stand in the order of the
      prompts and are the same bytes whatever --batch and --threads. FILE.json
      beside FILE says where they came from.

      A killed run goes on where it stopped when the same command is given again:
      finished rows wait in FILE.journal. Other arguments are then an error.

      Example:

        bathyscope generate --model smollm2-135m --prompts p.jsonl \\
          --steer refusal.safetensors --after 15 --scale 4 \\
          --ablate-heads 7.3,8.1 --out answers.jsonl

      Interventions in a file are a JSON array; hooks and positions are those of
      'capture':

        [{"change": {"add": {"vector": [0.1, -0.2], "scale": 4}},
          "hooks": ["blocks.15.hook_resid_post"], "positions": "answer"},
         {"change": {"projectOut": {"direction": [0.3, 0.1]}},
          "hooks": ["blocks.7.hook_attn_out"], "positions": "all"},
         {"change": {"scaleHeads":
           {"heads": [{"layer": 7, "head": 3}], "factor": 0}},
          "hooks": ["blocks.7.attn.hook_z"], "positions": "0..-1"}]
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var prompts: PromptOptions
  @OptionGroup(title: "Writing") var writing: WritingOptions
  @OptionGroup(title: "Interventions") var changes: InterventionOptions
  @OptionGroup(title: "Activations") var reading: ReadingOptions

  @Option(help: "How many answers are written side by side.")
  var batch = 16

  @Option(help: ArgumentHelp("The JSONL file to write.", valueName: "file"), completion: .file())
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  struct Result: Encodable {
    var out: String
    var sha256: String
    var rows: Int
    /// Rows that an earlier run had finished.
    var resumed: Int
    var newTokens: Int
    var finish: [String: Int]
    /// Answers whose thinking was closed because its budget was spent.
    var closedThinking: Int
    var effects: [GenerationEffect]
    var activations: String?
    var seconds: Double
    var tokensPerSecond: Double
    var peakMemoryBytes: Int
    var kernel: String
    var threads: Int
  }

  func validate() throws {
    guard batch >= 1, batch <= 65536 else {
      throw ValidationError("--batch must be from 1 to 65536.")
    }
  }

  func run() throws {
    try claimPlaces()
    let rows = try prompts.read()
    let model = try model.load(for: rows)
    let clock = Progress(of: 0, "")
    let batch = try model.encode(rows.map(\.conversation))
    let settings = try writing.settings(seed: options.seed, for: model)
    let interventions = try changes.interventions(for: model)
    let captures = try reading.captures(in: model)
    let record = try GenerationRecord(
      try GenerationConfiguration(
        model: model, prompts: try prompts.provenance(), batch: batch, settings: settings,
        interventions: interventions), batch: batch, samples: settings.samples, path: out,
      overwrites: output.overwrite)
    // Everything that can be refused is refused before a file is made.
    try model.checkGeneration(batch, settings, Plan(capturing: [], applying: interventions))
    var counts = GenerationCounts()
    if try !record.isComplete() {
      let journal = try GenerationJournal(record)
      try announce(model, batch, settings, journal.missing)
      counts.resumed = journal.finished
      var progress = Progress(of: journal.missing.count, "answers")
      try model.generate(
        journal.missing, of: batch, settings, Plan(capturing: [], applying: interventions),
        slots: self.batch, threads: options.threads
      ) { generation in
        try journal.append(generation, seed: settings.seed)
        counts.newTokens += generation.tokens.count
        progress.advance(by: 1)
      }
      progress.finish()
      try journal.finish(interventions)
    } else {
      counts.resumed = record.jobs.count
    }
    let seconds = clock.seconds
    if let path = reading.activations {
      try reading.write(
        path, captures, record, rows, model, interventions, options,
        provenance: try prompts.provenance())
    }
    try report(record, interventions, counts, model, seconds: seconds)
  }

  /// What is there of the answers is compared with this run's configuration later.
  private func claimPlaces() throws {
    let inputs = model.inputs + prompts.prompts + changes.inputs
    let read = reading.activations.map { [$0, Journal.path(of: $0)] } ?? []
    let files = ["", ".json", ".journal"].map { out + $0 } + read
    try output.claim(files: files, isOwn: true, inputs: inputs)
    guard let activations = reading.activations else { return }
    let journal = Journal.path(of: activations)
    let stored = (try? readFile(journal)).flatMap { try? JSONReader.parse($0, file: journal) }
    // Of this very command: whether it is of this very model, the answers tell.
    let isOwn = try stored.map {
      $0["arguments"]?.text == (try reading.arguments(provenance: prompts.provenance()))
    }
    try output.claim(files: read, isOwn: isOwn ?? false, inputs: inputs)
    // Only to see whether the place can be written to.
    _ = try AtomicFile(activations)
  }

  /// Says what a long run will take.
  private func announce(
    _ model: Model, _ batch: Batch, _ settings: GenerationSettings, _ jobs: [GenerationJob]
  ) throws {
    guard !jobs.isEmpty else { return }
    let estimate = model.estimatedGeneration(
      batch, settings, jobs, slots: self.batch, threads: options.threads)
    guard estimate.seconds > 2 else { return }
    writeError(
      "\(jobs.count) answers of up to \(settings.maxNewTokens) tokens: at most about "
        + "\(duration(estimate.seconds)), \(bytes(peakMemory() + estimate.bytes)) of memory")
  }

  private func report(
    _ record: GenerationRecord, _ interventions: [Intervention], _ counts: GenerationCounts,
    _ model: Model, seconds: Double
  ) throws {
    let summary = try record.summary(interventions)
    let result = Result(
      out: out, sha256: summary.sha256, rows: record.jobs.count, resumed: counts.resumed,
      newTokens: counts.newTokens, finish: summary.finish, closedThinking: summary.closedThinking,
      effects: summary.effects, activations: reading.activations, seconds: seconds,
      tokensPerSecond: Double(counts.newTokens) / seconds, peakMemoryBytes: peakMemory(),
      kernel: model.kernel, threads: options.threads)
    if options.json { return try printJSON("generate", result) }
    for effect in summary.effects {
      print(
        "\(effect.summary): \(effect.firings), in \(effect.sequences) of \(result.rows) answers; "
          + "norm of the change \(fixed(effect.norm, 3)), at most \(fixed(effect.largestNorm, 3))")
    }
    let ends = summary.finish.sorted { $0.key < $1.key }.map { "\($0.value) by \($0.key)" }
    let earlier = counts.resumed > 0 ? ", \(counts.resumed) of them from an earlier run" : ""
    print("\(out): \(result.rows) answers\(earlier); ended \(ends.joined(separator: ", "))")
    if let budget = writing.thinkingBudget {
      print(
        "the budget of \(budget) tokens closed the thinking of \(summary.closedThinking) of \(result.rows) answers"
      )
    }
    print(
      "\(counts.newTokens) new tokens in \(fixed(seconds, 1)) s, "
        + "\(fixed(result.tokensPerSecond, 1)) tokens/s, peak memory \(bytes(peakMemory()))")
  }
}

/// What this run did of all that its file holds.
struct GenerationCounts {
  var resumed = 0
  var newTokens = 0
}
