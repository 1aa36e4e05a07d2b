import ArgumentParser
import Bathyscope
import Foundation

struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Score every token of every transcript with a probe and look for the refusal cliff.",
    discussion: """
      Writes report.html (self-contained), figures/, traces.jsonl and summary.json.

      Example:

        bathyscope trace --model smollm2-135m --prompts transcripts.jsonl --probe probe \\
          --label harmful --out trace
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var prompts: PromptOptions

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

  @Flag(help: "Take the plateau as the paper does: the maximum over the thinking.")
  var paper = false

  @Option(help: "How many transcripts of each group get figures of their own.")
  var figures = 2

  @Flag(help: "Use the probe although the model's weights are others; it is recorded.")
  var force = false

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
  var out: String

  @OptionGroup var options: RunOptions

  struct Result: Encodable {
    var report: String
    var seconds: Double
    var transcripts: Int
    var tokens: Int
    var forced: [String]
    var summary: CliffSummary
  }

  /// What `summary.json` says: the summary, and what was overridden to reach it.
  struct StoredSummary: Encodable {
    var summary: CliffSummary
    var forced: [String]
    /// Where the numbers came from, by name.
    var provenance: [String: String]

    enum CodingKeys: CodingKey { case forced, provenance }

    func encode(to encoder: any Encoder) throws {
      try summary.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(forced, forKey: .forced)
      try container.encode(provenance, forKey: .provenance)
    }
  }

  func run() throws {
    let rows = try prompts.read()
    for name in [label, group].compactMap({ $0 }) { try requireLabel(name, rows) }
    let model = try model.load()
    let clock = Progress(of: 0, "")
    let set = try ProbeSet.load(
      probe,
      for: ProbeHost(
        modelSHA256: model.identity.weightsSHA256,
        width: model.shape.width(of: try ProbeSet.load(probe).chosen.hook.site, tokens: 1),
        layerCount: model.shape.layers), force: force)
    notePrecisions(set.card.precision, model.precision, of: "the probe \(probe)")
    let probes = try chosenProbes(set, model)
    let batch = try model.encode(rows.map(\.conversation))
    try createFolder(out)
    let traces = try trace(model, batch, rows, probes, set.chosen)
    let summary = try CliffSummary(
      traces, rule: rule, seed: options.seed)
    let path = try write(model, set, traces, summary)
    let result = Result(
      report: path, seconds: clock.seconds, transcripts: rows.count, tokens: batch.tokenCount,
      forced: set.forced, summary: summary)
    if options.json {
      try printJSON("trace-summary", result)
    } else {
      for override in set.forced { writeError("forced: \(override)") }
      for group in summary.groups {
        print("\(printable(group.label.utf8)): \(group.verdict.sentence)")
      }
      print("\(rows.count) transcripts, \(batch.tokenCount) tokens in \(fixed(clock.seconds, 1)) s")
      print(path)
    }
  }

  private var rule: PlateauRule { paper ? .paper : .robust }

  /// The probes at the wanted layers, the chosen one always among them.
  private func chosenProbes(_ set: ProbeSet, _ model: Model) throws -> [Probe] {
    guard let layers else { return set.probes }
    let hooks = try chosenHooks("blocks.*", layers: layers, in: model)
    guard set.probes.contains(where: { hooks.contains($0.hook) }) else {
      throw UsageError("the probe has no hook at the layers \(layers); see its card.json")
    }
    return set.probes.filter { hooks.contains($0.hook) || $0.hook == set.chosen.hook }
  }

  /// A misspelt label would silently put all transcripts into one group.
  private func requireLabel(_ name: String, _ rows: [Prompt]) throws {
    guard !rows.contains(where: { $0.labels[name] != nil }) else { return }
    let names = Set(rows.flatMap(\.labels.keys)).sorted().joined(separator: ", ")
    throw TokenizationError(
      file: prompts.prompts.joined(separator: ", "), place: "label '\(name)'",
      problem: "no row has it", remedy: "name one of: \(names)")
  }

  private func trace(
    _ model: Model, _ batch: Batch, _ rows: [Prompt], _ probes: [Probe], _ chosen: Probe
  ) throws -> [TokenTrace] {
    let tokenizer = try? model.encoder.tokenizer
    // Enough for the smallest p to pass a correction over all groups.
    let groups = Set(rows.map { row in label.flatMap { kind(row, $0) } }).count
    let controls = chosen.randomControls(max(99, 40 * groups - 1), seed: options.seed)
    let index = probes.firstIndex { $0.hook == chosen.hook } ?? 0
    var progress = Progress(of: batch.tokenCount, "tokens")
    var traces: [TokenTrace] = []
    let plan = Plan(capturing: probes.map { Capture($0.hook) })
    _ = try model.run(batch, plan, threads: options.threads) { capture in
      let sequence = batch.sequences[capture.sequence]
      let row = rows[capture.sequence]
      var trace = try TokenTrace(
        capture, of: sequence,
        texts: sequence.tokens.map { tokenizer?.label(of: $0) ?? "\($0)" }, probes: probes,
        chosen: index, group: group(of: row),
        label: label.flatMap { kind(row, $0) })
      if let activations = capture.values[chosen.hook] {
        trace.control = try TraceControl(
          controls, on: activations, landmarks: trace.landmarks, rule: rule)
      }
      traces.append(trace)
      progress.advance(by: sequence.tokens.count)
    }
    progress.finish()
    return traces
  }

  /// Nil, for a group of its own, where the label is missing or empty.
  private func group(of row: Prompt) -> String? {
    let text = row.labels[group ?? "group"]?.description ?? ""
    return text.isEmpty ? nil : text
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

  private func write(
    _ model: Model, _ set: ProbeSet, _ traces: [TokenTrace], _ summary: CliffSummary
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines: [UInt8] = []
    for trace in traces { lines += try encoder.encode(trace) + [0x0A] }
    try AtomicFile.write(lines, to: "\(out)/traces.jsonl")
    let identity = model.identity
    let facts: [Report.Fact] = [
      .init("model", identity.id), .init("weights SHA-256", identity.weightsSHA256),
      .init("chat template SHA-256", identity.templateSHA256 ?? "none"),
      .init("tokenizer SHA-256", identity.tokenizerSHA256 ?? "none"),
      .init("prompts", try prompts.provenance().joined(separator: ", ")),
      .init("probe", "\(set.card.name) \(set.card.probeSHA256)"),
      .init("seed", "\(options.seed)"), .init("precision", self.model.precision.rawValue),
      .init("kernel", model.kernel), .init("Bathyscope", bathyscopeVersion),
    ]
    let stored = StoredSummary(
      summary: summary, forced: set.forced,
      provenance: Dictionary(uniqueKeysWithValues: facts.map { ($0.name, $0.value) }))
    let document = try Document(schema: "cliff-summary", content: stored).text
    try AtomicFile.write(Array("\(document)\n".utf8), to: "\(out)/summary.json")
    let byLabel = Dictionary(grouping: traces) { $0.label ?? "" }
    let shown = byLabel.sorted { $0.key < $1.key }.flatMap { $0.value.prefix(max(figures, 0)) }
    let report = Report(
      title: "Refusal trace of \(identity.id)", summary: summary, shown: shown, probes: set,
      facts: facts + [.init("command", commandLineJSON())])
    return try report.write(to: out)
  }
}
