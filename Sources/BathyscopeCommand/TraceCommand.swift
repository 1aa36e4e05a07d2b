import ArgumentParser
import Bathyscope
import Foundation

struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Score every token of every transcript with a probe and look for the refusal cliff.",
    discussion: """
      Writes report.html (self-contained), figures/, traces.jsonl, summary.json,
      probe.json (the probe's card) and, with --cut-thinking, cuts.json.

      Transcripts are prompts with 'thinking' and 'response', or what 'generate'
      wrote for prompts (--answers). The plateau is shown by the paper's rule and
      by the robust ones; the verdict goes by one of them, and can be told only by
      a probe that was trained where it is read (capture --positions
      thinking,end-of-thinking). A killed run goes on where it stopped when the
      same command is given again.

      Example:

        bathyscope trace --model smollm2-135m --prompts transcripts.jsonl --probe probe \\
          --label harmful --out trace
        bathyscope trace --model smollm2-135m --adapter smollm2-cliff --force \\
          --prompts prompts.jsonl --answers answers.jsonl --probe probe \\
          --cut-thinking --out trace-cliff
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var prompts: PromptOptions
  @OptionGroup var answers: AnswerOptions

  @Option(help: ArgumentHelp("What 'probe train' wrote.", valueName: "folder"))
  var probe: String

  @Option(
    parsing: .unconditional,
    help: "Layers to trace besides the chosen one; all of the probe's by default.")
  var layers: String?

  @Option(
    help: ArgumentHelp("A label by which transcripts are shown in groups.", valueName: "name"))
  var label: String?

  @Option(help: "A label whose equal values are resampled together; 'group' by default.")
  var group: String?

  @OptionGroup var duplicates: DuplicateOptions

  @Flag(
    help: "Let the verdict take the plateau as the paper does: the maximum over the thinking.")
  var paper = false

  @Flag(help: "Run again with the thinking cut to 80, 60, 40, 20 and 0 percent of its tokens.")
  var cutThinking = false

  @Option(help: "How many transcripts of each group get figures of their own.")
  var figures = 2

  @Flag(
    help: """
      Use the probe although the model's weights are others, and answers of another model or \
      template or to other prompts; it is recorded.
      """)
  var force = false

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  struct Result: Encodable {
    var report: String
    var seconds: Double
    var transcripts: Int
    /// How many were asked for: prompts, or answers to them.
    var asked: Int
    var tokens: Int
    var forced: [String]
    var summary: CliffSummary
    var cuts: ThinkingCuts?
  }

  /// The files of the folder besides the report.
  static let written = ["traces.jsonl", "summary.json", "cuts.json", "probe.json"]

  /// What `summary.json` says: the summary, and what was overridden to reach it.
  struct StoredSummary: Encodable {
    var summary: CliffSummary
    var forced: [String]
    /// What the model writes around its thinking.
    var markers: ThinkingMarkers?

    enum CodingKeys: CodingKey { case forced, markers }

    func encode(to encoder: any Encoder) throws {
      try summary.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(forced, forKey: .forced)
      try container.encodeIfPresent(markers, forKey: .markers)
    }
  }

  func run() throws {
    try output.claim(
      folder: out, Self.written + [Report.page], journal: StoredTrace.journal,
      inputs: model.inputs + prompts.prompts + answers.inputs + [probe])
    let prompts = try prompts.read()
    let model = try model.load(for: prompts)
    let clock = Progress(of: 0, "")
    let set = try ProbeSet.load(
      probe,
      for: ProbeHost(
        modelID: model.identity.id, modelSHA256: model.identity.weightsSHA256,
        width: model.shape.width(of: try ProbeSet.load(probe).chosen.hook.site, tokens: 1),
        layerCount: model.shape.layers), force: force)
    notePrecisions(set.card.precision, model.precision, of: "the probe \(probe)")
    for override in set.forced { writeError("forced: \(override)") }
    if let reason = Verdict.untrained(set.card.report.coverage) {
      writeError("note: a cliff cannot be told, because \(reason)")
    }
    let probes = try chosenProbes(set, model)
    let transcripts = try answers.transcripts(prompts, in: model, force: force)
    let (rows, batch) = (transcripts.rows, transcripts.batch)
    let forced = set.forced + transcripts.forced
    for name in [label, group].compactMap({ $0 }) { try requireLabel(name, rows) }
    let (groups, _) = try duplicates.groups(
      rows.map(group(of:)), of: batch.sequences, tokenizer: try? model.encoder.tokenizer)
    let settings = TraceSettings(
      promptTokensSHA256: batch.sequences.sha256, probe: set.card.name,
      probeSHA256: set.card.probeSHA256, hooks: probes.map(\.hook), rule: rule, label: label,
      group: group, keepsDuplicates: duplicates.keepDuplicates)
    let provenance = try Provenance.run(
      of: "trace", model, inputs: try self.prompts.inputsOfRun() + answers.inputsOfRun(),
      settings: settings, seed: options.seed)
    let ids = batch.sequences.map(\.id)
    let folder = try RunFolder.open(
      out, provenance, name: StoredTrace.document, overwriting: output.overwrite)
    let journal = try folder.journal(TracePlace.self, TraceRow.self) { place, row in
      row.fits(place, ids: ids)
    }
    announce(model, batch)
    let report = set.card.report
    let traces = try trace(
      model, batch, rows, groups, probes, set.chosen,
      report.evaluations[report.chosen].spread, journal)
    let summary = try CliffSummary(
      traces, trainedAt: report.coverage,
      naturalFall: report.evaluations[report.chosen].naturalFall, rule: rule, seed: options.seed)
    let cuts = cutThinking ? try cut(model, batch, traces, set.chosen, journal) : nil
    let path = try write(model, set, forced, traces, summary, cuts, to: folder)
    let result = Result(
      report: path, seconds: clock.seconds, transcripts: rows.count, asked: transcripts.asked,
      tokens: batch.tokenCount, forced: forced, summary: summary, cuts: cuts)
    if options.json { return try printJSON("trace-summary", result) }
    for group in summary.groups {
      print("\(printable(group.label.utf8)): \(group.verdict.sentence)")
    }
    for group in cuts?.groups ?? [] {
      print(
        "\(printable(group.label.utf8)), thinking cut from all to none: rise of the final score = "
          + "\(group.rise.map { "\($0)" } ?? "an amount without an interval"), "
          + "n = \(group.transcripts) transcripts")
    }
    let of = transcripts.asked > rows.count ? " of \(transcripts.asked) asked for" : ""
    print(
      "\(rows.count) transcripts\(of), \(batch.tokenCount) tokens in \(fixed(clock.seconds, 1)) s")
    print(path)
  }

  /// Says what a long run will take.
  private func announce(_ model: Model, _ batch: Batch) {
    var tokens = batch.tokenCount
    if cutThinking {
      for share in ThinkingCuts.shares.dropFirst() {
        tokens += batch.sequences.reduce(0) {
          $0 + (ThinkingCuts.cut($1, to: share)?.tokens.count ?? 0)
        }
      }
    }
    let seconds = Double(tokens) / model.estimatedTokensPerSecond(threads: options.threads)
    guard seconds > 2 else { return }
    writeError(
      "\(batch.sequences.count) transcripts, \(tokens) tokens: about \(duration(seconds))")
  }

  private var rule: PlateauRule { paper ? .paper : .robust }

  /// The probes at the wanted layers, the chosen one always among them.
  private func chosenProbes(_ set: ProbeSet, _ model: Model) throws -> [Probe] {
    guard let layers else { return set.probes }
    let hooks = try chosenHooks("blocks.*", layers: layers, in: model)
    guard set.probes.contains(where: { hooks.contains($0.hook) }) else {
      throw Problem(
        .invalidOption, "--layers \(layers)", problem: "the probe has no hook at the layers",
        remedy: "see its card.json")
    }
    return set.probes.filter { hooks.contains($0.hook) || $0.hook == set.chosen.hook }
  }

  /// A misspelt label would silently put all transcripts into one group.
  private func requireLabel(_ name: String, _ rows: [Prompt]) throws {
    guard !rows.contains(where: { $0.labels[name] != nil }) else { return }
    let names = Set(rows.flatMap(\.labels.keys)).sorted().joined(separator: ", ")
    throw Problem(
      .missingLabel, prompts.prompts.joined(separator: ", "), place: "label '\(name)'",
      problem: "no row has it", remedy: "name one of: \(names)")
  }

  private func trace(
    _ model: Model, _ batch: Batch, _ rows: [Prompt], _ groups: [String], _ probes: [Probe],
    _ chosen: Probe, _ spread: ScoreSpread?, _ journal: RunJournal<TracePlace, TraceRow>
  ) throws -> [TokenTrace] {
    let tokenizer = try? model.encoder.tokenizer
    let markers = (try? model.encoder.markers) ?? .deepSeek
    // Enough for the smallest p to pass a correction over all groups.
    let kinds = Set(rows.map { row in label.flatMap { kind(row, $0) } }).count
    let controls = chosen.randomControls(
      max(99, 40 * kinds - 1), seed: options.seed, spread: spread)
    let index = probes.firstIndex { $0.hook == chosen.hook } ?? 0
    let missing = rows.indices.filter { !journal.contains(.whole(transcript: $0)) }
    let rest = Batch(missing.map { batch.sequences[$0] })
    var progress = Progress(of: rest.tokenCount, "tokens")
    let plan = Plan(capturing: probes.map { Capture($0.hook) })
    guard !missing.isEmpty else { return try rows.indices.compactMap { try journal.trace($0) } }
    _ = try model.run(rest, plan, threads: options.threads) { capture in
      let place = missing[capture.sequence]
      let (sequence, row) = (batch.sequences[place], rows[place])
      var trace = try TokenTrace(
        capture, of: sequence,
        texts: sequence.tokens.map { tokenizer?.label(of: $0) ?? "\($0)" }, probes: probes,
        chosen: index, group: groups[place],
        label: label.flatMap { kind(row, $0) })
      trace.thinkingDigest = row.conversation.reading(by: markers).thinking.map {
        Digest.sha256(Array($0.utf8))
      }
      if let activations = capture.values[chosen.hook] {
        trace.control = try TraceControl(
          controls, on: activations, landmarks: trace.landmarks, rule: rule)
      }
      try journal.append(.trace(trace), for: .whole(transcript: place))
      progress.advance(by: sequence.tokens.count)
    }
    progress.finish()
    return try rows.indices.compactMap { try journal.trace($0) }
  }

  /// The prompt, which all of its samples share, where the label is missing or empty.
  private func group(of row: Prompt) -> String {
    let text = row.labels[group ?? "group"]?.description ?? ""
    return text.isEmpty ? row.id : text
  }

  /// `harmful` or `not harmful` for a truth value, else the label's own text.
  private func kind(_ row: Prompt, _ name: String) -> String? {
    switch row.labels[name] {
    case nil: nil
    case .bool(let value): value ? name : "not \(name)"
    case .integer(1): name
    case .integer(0): "not \(name)"
    case .some(let value): value.description
    }
  }
}
