import ArgumentParser
import Bathyscope
import Foundation

/// What is read of the answers.
///
/// It is read in one run over each finished answer, with the same interventions: the bytes are those
/// of the states in which the answer was written.
struct ReadingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write activations of prompts and answers to HDF5, as 'capture' does.", valueName: "file"),
    completion: .file())
  var activations: String?

  @Option(help: "Hook names or globs, separated by commas; all residual streams by default.")
  var hooks: String?

  @Option(
    parsing: .unconditional,
    help: "Layers of the hooks, such as 15, 0..9 or 0,5,-1; all by default.")
  var layers: String?

  @Option(
    parsing: .unconditional,
    help: """
      Tokens: all (the default), last of the prompt, 7, -5..-1 (from the prompt's end), template, \
      prompt, thinking, end-of-thinking (its template), answer; several with commas.
      """)
  var positions: Positions?

  @Option(help: "How numbers are stored in the file, float32 by default.")
  var store: StoreDescription.ElementType?

  func validate() throws {
    guard activations != nil || (hooks == nil && layers == nil && positions == nil && store == nil)
    else {
      throw ValidationError("--hooks, --layers, --positions and --store need --activations.")
    }
  }

  /// The hooks to read; none without a file for them.
  func captures(in model: Model) throws -> [HookPoint] {
    guard activations != nil else { return [] }
    let chosen = try chosenHooks(hooks ?? "blocks.*.hook_resid_post", layers: layers, in: model)
    if let ragged = chosen.first(where: \.site.isRagged) {
      throw Problem(
        .invalidOption, "\(ragged)",
        problem: "its rows are as wide as the text, and are not stored",
        remedy: "name other hooks")
    }
    return chosen
  }

  /// What the file says of the command and its inputs.
  func arguments(provenance: [String]) -> String {
    "{\"command\":\(commandLineJSON()),\"prompts\":\(jsonArray(provenance))}"
  }

  func write(
    _ path: String, _ hooks: [HookPoint], _ record: GenerationRecord, _ rows: [Prompt],
    _ model: Model, _ interventions: [Intervention], _ options: RunOptions, provenance: [String]
  ) throws {
    var transcripts: [TokenSequence] = []
    var labels: [[String: LabelValue]] = []
    let isSampled = record.jobs.count > record.batch.sequences.count
    try record.forEachRow { row in
      guard let job = record.job(of: row), let generated = row.generated else { return }
      transcripts.append(
        generated.transcript(behind: record.batch.sequences[job.prompt], id: row.name))
      labels.append(rows[job.prompt].row(of: row, isSampled: isSampled).labels)
    }
    let rule = positions ?? .all
    let longest = transcripts.map(\.tokens.count).max() ?? 0
    let names = Set(labels.flatMap(\.keys)).sorted()
    let description = StoreDescription(
      model: try model.identity.changed(by: interventions), hooks: hooks,
      widths: Dictionary(
        uniqueKeysWithValues: Set(hooks.map(\.site)).map {
          ($0, model.shape.width(of: $0, tokens: longest))
        }),
      prompts: transcripts.map { .init($0, positions: rule.captured(in: $0)) },
      labels: Dictionary(
        uniqueKeysWithValues: names.map { name in (name, .init(labels.map { $0[name] })) }),
      precision: model.precision, kernel: model.kernel,
      arguments: arguments(provenance: provenance),
      seed: options.seed, rule: rule, toolVersion: bathyscopeVersion,
      elementType: store ?? .float32)
    let writer = try ActivationWriter(path, description)
    var progress = Progress(of: transcripts.count, "answers read")
    let plan = Plan(
      capturing: hooks.map { Capture($0, at: rule) },
      applying: interventions.filter { $0.hooks.contains { $0 <= hooks[hooks.count - 1] } })
    _ = try model.run(Batch(transcripts), plan, threads: options.threads) { capture in
      try writer.append(capture)
      progress.advance(by: 1)
    }
    _ = try writer.finish()
    progress.finish()
    for (hook, counts) in writer.nonFinite.sorted(by: { $0.key < $1.key }) {
      writeError(
        "warning: \(hook) has \(counts.nans) NaN and \(counts.infinities) infinite values")
    }
  }
}
