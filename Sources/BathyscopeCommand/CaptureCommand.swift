import ArgumentParser
import Bathyscope
import Foundation

struct CaptureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture", abstract: "Write activations to HDF5.",
    discussion: """
      Hooks are TransformerLens names in which * stands for anything. The file
      opens in h5py and in xarray (engine h5netcdf); it appears under its name
      only when it is complete.

      Example:

        bathyscope capture --model smollm2-135m --prompts p.jsonl \\
          --hooks 'blocks.*.hook_resid_post' --positions all --out acts.h5
        bathyscope capture --model smollm2-135m --prompts transcripts.jsonl \\
          --positions thinking,end-of-thinking --out acts.h5
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var prompts: PromptOptions
  @OptionGroup var answers: AnswerOptions

  @Option(help: "Hook names or globs, separated by commas.")
  var hooks = "blocks.*.hook_resid_post"

  @Option(
    parsing: .unconditional,
    help: "Layers of the hooks, such as 15, 0..9 or 0,5,-1; all by default.")
  var layers: String?

  @Option(
    parsing: .unconditional,
    help: """
      Tokens: all, last, 7, -5..-1 (from the end), template, prompt, thinking, end-of-thinking (its \
      template), final (that template's last token), answer; several with commas, such as \
      thinking,end-of-thinking.
      """)
  var positions: Positions = .last

  @Option(help: "How numbers are stored in the file.")
  var store: StoreDescription.ElementType = .float32

  @Flag(help: "Compress with gzip: 15 % smaller and many times slower.")
  var compress = false

  @Flag(help: "Read answers of another model or template, or to other prompts; it is recorded.")
  var force = false

  @Flag(help: "Do not ask before writing more than 100 GB.")
  var yes = false

  @Option(help: ArgumentHelp("The HDF5 file to write.", valueName: "file"), completion: .file())
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  struct Result: Encodable {
    var out: String
    var sha256: String
    var bytes: Int
    var prompts: Int
    var tokens: Int
    var rows: Int
    var hooks: [HookPoint]
    var seconds: Double
    var tokensPerSecond: Double
    var peakMemoryBytes: Int
    var kernel: String
    var threads: Int
  }

  func run() throws {
    try output.claim(
      files: [out, Journal.path(of: out)],
      inputs: model.inputs + prompts.prompts + answers.inputs)
    let prompts = try prompts.read()
    let model = try model.load(for: prompts)
    let clock = Progress(of: 0, "")
    let transcripts = try answers.transcripts(prompts, in: model, force: force)
    let (rows, batch) = (transcripts.rows, transcripts.batch)
    let hooks = try chosenHooks(hooks, layers: layers, in: model)
    let description = try describe(model, transcripts, hooks)
    try announce(model, batch, description)
    let writer = try ActivationWriter(out, description)
    var progress = Progress(of: batch.tokenCount, "tokens")
    let plan = Plan(capturing: hooks.map { Capture($0, at: positions) })
    _ = try model.run(batch, plan, threads: options.threads) { capture in
      try writer.append(capture)
      progress.advance(by: batch.sequences[capture.sequence].tokens.count)
    }
    let journal = try writer.finish()
    progress.finish()
    for (hook, counts) in writer.nonFinite.sorted(by: { $0.key < $1.key }) {
      writeError(
        "warning: \(hook) has \(counts.nans) NaN and \(counts.infinities) infinite values")
    }
    let seconds = clock.seconds
    let result = Result(
      out: out, sha256: journal.sha256, bytes: journal.size, prompts: rows.count,
      tokens: batch.tokenCount, rows: description.rowCount, hooks: hooks, seconds: seconds,
      tokensPerSecond: Double(batch.tokenCount) / seconds, peakMemoryBytes: peakMemory(),
      kernel: model.kernel, threads: options.threads)
    if options.json {
      try printJSON("capture", result)
    } else {
      print(
        "\(out): \(result.rows) rows of \(hooks.count) hooks from \(rows.count) prompts, "
          + "\(bytes(journal.size)); \(batch.tokenCount) tokens in \(fixed(seconds, 1)) s, "
          + "\(fixed(result.tokensPerSecond, 0)) tokens/s, peak memory \(bytes(peakMemory()))")
    }
  }

  private func describe(
    _ model: Model, _ transcripts: Transcripts, _ hooks: [HookPoint]
  ) throws -> StoreDescription {
    let (rows, batch) = (transcripts.rows, transcripts.batch)
    let forced = transcripts.forced.isEmpty ? "" : ",\"forced\":\(jsonArray(transcripts.forced))"
    let longest = batch.sequences.map(\.tokens.count).max() ?? 0
    let inputs = jsonArray(try prompts.provenance() + answers.provenance())
    let names = Set(rows.flatMap(\.labels.keys)).sorted()
    return StoreDescription(
      model: model.identity, hooks: hooks,
      widths: Dictionary(
        uniqueKeysWithValues: Set(hooks.map(\.site)).map {
          ($0, model.shape.width(of: $0, tokens: longest))
        }),
      prompts: batch.sequences.map {
        .init($0, positions: positions.captured(in: $0))
      },
      labels: Dictionary(
        uniqueKeysWithValues: names.map { name in (name, .init(rows.map { $0.labels[name] })) }),
      precision: self.model.precision, kernel: model.kernel,
      arguments: "{\"command\":\(commandLineJSON()),\"prompts\":\(inputs)\(forced)}",
      seed: options.seed, rule: positions, toolVersion: bathyscopeVersion, elementType: store,
      compresses: compress)
  }

  /// Says what a long run will take, and asks before it fills a disk.
  private func announce(
    _ model: Model, _ batch: Batch, _ description: StoreDescription
  ) throws {
    let rate = model.estimatedTokensPerSecond(threads: options.threads)
    let seconds = Double(batch.tokenCount) / rate
    let size = description.estimatedBytes
    let without = description.prompts.count { $0.positions.isEmpty }
    if without > 0, description.rowCount > 0 {
      writeError(
        "note: \(without) of \(description.prompts.count) prompts have no tokens at positions "
          + "\(positions) and get no rows")
    }
    if seconds > 2 || size > 1_000_000_000 {
      let memory =
        peakMemory()
        + model.estimatedWorkingBytes(
          batch, capturing: description.hooks, threads: options.threads)
      writeError(
        "\(batch.sequences.count) prompts, \(batch.tokenCount) tokens: about \(duration(seconds)), "
          + "\(bytes(memory)) of memory, \(bytes(size)) on disk")
    }
    guard size > 100_000_000_000, !yes else { return }
    guard isatty(STDIN_FILENO) == 1 else {
      throw Problem(
        .needsConsent, out, problem: "the file would take \(bytes(size))",
        remedy: "give --yes to write it")
    }
    let answer = ask("Write \(bytes(size))? [y/N]") ?? ""
    guard answer.lowercased().hasPrefix("y") else { throw ExitCode(2) }
  }
}
