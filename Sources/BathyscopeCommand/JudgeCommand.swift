import ArgumentParser
import Bathyscope
import Foundation

struct JudgeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "judge",
    abstract: "Judge answers that were made here or elsewhere, by several judges side by side.",
    discussion: """
      Answers are JSONL (what 'generate' writes, or rows with id and response),
      HarmBench's {BehaviorID: [{test_case, generation, label}]}, JailbreakBench's
      artifacts, or StrongREJECT's columns as CSV or JSON. Thinking is told apart
      by the model's markers, else by those of every known family; where it has
      not ended there is no answer.

      Rates are over all that was asked. Requests of --prompts and samples
      without an answer count, and a rate is then the range that is possible; the
      command ends with status 4 when all is written. A behaviour for which an
      artifact of JailbreakBench has no attack is not jailbroken, by 'published'.

      A success is what an attack wants. Lists of phrases measure whether an
      answer refuses, and say nothing about harm: they are shown as refusal
      rates. A verdict that cannot be read is invalid, counted, and never a no.
      Verdicts are remembered in FILE.verdicts: the same command asks nobody
      twice, and a killed one resumes.

      Example:

        bathyscope judge --answers answers.jsonl --prompts p.jsonl \\
          --judges substring-arditi,endpoint-harmbench \\
          --endpoint http://localhost:8000/v1 --endpoint-model judge \\
          --out judged.json
      """)

  @Option(
    help: ArgumentHelp("The answers; may be repeated.", valueName: "file"), completion: .file())
  var answers: [String]

  @Option(
    help: ArgumentHelp(
      "The requests, joined by id, where the answers' file does not have them; may be repeated.",
      valueName: "file"), completion: .file())
  var prompts: [String] = []

  @OptionGroup(title: "Judges") var judging: JudgeOptions

  @Option(
    help: ArgumentHelp(
      "The model that answered, for its thinking markers and the judges opener and probe.",
      valueName: "name-or-path"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "A LoRA adapter that it answered with, as 'generate' takes it; may be repeated.",
      valueName: "name-or-folder"), completion: .directory)
  var adapter: [String] = []

  @Option(help: "The arithmetic of its forward pass.")
  var precision: Precision = .float32

  @OptionGroup var template: TemplateOptions

  @Flag(
    help: "Judge answers of another model or template, or to other prompts; it is recorded.")
  var force = false

  @Option(
    help: ArgumentHelp("Also write a log for the viewer of Inspect.", valueName: "file"),
    completion: .file())
  var inspect: String?

  @Option(
    help: ArgumentHelp(
      """
      Also write the first judge's verdicts as labels for 'capture' and 'trace': JSONL with id, \
      sample, and 'refused' or 'succeeded'.
      """, valueName: "file"), completion: .file())
  var labels: String?

  @Option(help: ArgumentHelp("The JSON file to write.", valueName: "file"), completion: .file())
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    guard model != nil || adapter.isEmpty else {
      throw ValidationError("--adapter needs --model, which it is an adapter of.")
    }
    guard model != nil || (template.templateDate == nil && template.templateVariable.isEmpty) else {
      throw ValidationError(
        "--template-date and --template-variable need --model, whose template they fill in.")
    }
  }

  func run() throws {
    let files = [out, inspect, labels].compactMap(\.self)
    let inputs = answers + prompts + judging.inputs + modelInputs(model, adapter)
    try output.claim(files: files + [out + ".verdicts"], isOwn: true, inputs: inputs)
    let model = try self.model.map {
      try Model.load(
        $0, precision: precision, adapters: adapter.map(openAdapter), template: template.settings)
    }
    for warning in model?.warnings ?? [] { writeError("warning: \(warning)") }
    let requests = try prompts.flatMap { try PromptFile.read($0) }
    var (answers, unanswered, forced) = try readAnswers(requests, model)
    noteForced(forced)
    let jury = try Jury(judging, model: model, threads: options.threads)
    let reader = model.map { Reader($0, threads: options.threads) }
    let judges = try jury.judges(reader)
    if let model, try judging.names().contains(where: \.readsModel) {
      try place(&answers, model)
    }
    var provenance = try provenance(model)
    if !forced.isEmpty { provenance["forced"] = forced.joined(separator: "; ") }
    // Only to see whether the place can be written to.
    for path in files { _ = try AtomicFile(path) }
    if !output.overwrite { try compareEarlier(files, provenance) }
    let panel = JudgePanel(
      judges, cache: try .open(out + ".verdicts", of: .memory(of: "verdicts")))
    var progress = Progress(of: panel.missing(answers), "verdicts")
    let verdicts = try panel.judge(answers) { progress.advance(by: 1) }
    progress.finish()
    let result = try JudgeResult(
      answers, judges: judges.map(\.card), verdicts: verdicts, seed: options.seed,
      provenance: provenance)
    let document = try Document(schema: "judge", content: result).text
    try AtomicFile.write(Array("\(document)\n".utf8), to: out)
    if let inspect { try write(result, answers, model, to: inspect) }
    if let labels { try AtomicFile.write(Array(try result.labels(judge: 0).utf8), to: labels) }
    if options.json { printLines(document) } else { report(result) }
    warnOfMissing(
      answers.count { $0.absence == nil }, of: answers.count,
      "every rate is over all that was asked, as the range that is possible")
    guard unanswered == 0 else {
      try flushOutput()
      throw ExitCode(4)
    }
  }

  /// The same answers may be judged again, with the verdicts of the first time.
  private func compareEarlier(_ files: [String], _ provenance: [String: String]) throws {
    try RunConflict.check(documentAt: out, provenance)
    guard let bytes = try? readFile(out, limit: 1 << 30),
      let words = try JSONReader.parse(bytes, file: out)["provenance"]?["command"]?.text
    else { return try output.claim(files: files, inputs: []) }
    // Other files than that command's are not this run's.
    let others = files.filter { file in
      file != out && !words.contains(jsonArray([file]).dropFirst().dropLast())
    }
    try output.claim(files: others, inputs: [])
  }

  /// All answers, with those that were asked for and are in no file, how many these are, and what was
  /// forced.
  private func readAnswers(
    _ requests: [Prompt], _ model: Model?
  ) throws -> (answers: [Answer], unanswered: Int, forced: [String]) {
    let markers = try model?.encoder.markers ?? template.thinkingMarkers ?? .deepSeek
    let batch =
      requests.isEmpty ? nil : try model.map { try $0.encode(requests.map(\.conversation)) }
    let expected = AnswerOrigin.Expected(
      model: model?.identity.writer, prompts: batch?.sequences,
      files: requests.isEmpty ? nil : try prompts.map(fileFact), force: force)
    return try AnswerFile.read(answers, to: requests, markers: markers, expected: expected)
  }

  private func fileFact(_ path: String) throws -> String {
    "\(URL(fileURLWithPath: path).lastPathComponent) \(Digest.sha256(of: try MappedFile(path)))"
  }

  /// Gives every answer its transcript as tokens where the file has them.
  private func place(_ answers: inout [Answer], _ model: Model) throws {
    for index in answers.indices where answers[index].generated != nil {
      guard let asked = answers[index].asked else { continue }
      try answers[index].place(behind: try model.encode([asked]).sequences[0])
    }
    if answers.contains(where: \.wasSteered) {
      writeError(
        "warning: these answers were written under interventions; the judges opener and probe read "
          + "the model without them")
    }
  }

  private func provenance(_ model: Model?) throws -> [String: String] {
    var facts = [
      "answers": try answers.map(fileFact).joined(separator: ", "),
      "command": commandLineJSON(), "seed": "\(options.seed)", "judges named": judging.judges,
    ]
    if let model = judging.endpointModel { facts["endpoint model"] = model }
    if !prompts.isEmpty { facts["prompts"] = try prompts.map(fileFact).joined(separator: ", ") }
    if let model {
      facts["model"] = model.identity.id
      facts["weights SHA-256"] = model.identity.weightsSHA256
      facts["precision"] = model.precision.rawValue
      facts["kernel"] = model.kernel
    }
    return facts
  }

  private func write(
    _ result: JudgeResult, _ answers: [Answer], _ model: Model?, to path: String
  ) throws {
    let formatter = ISO8601DateFormatter()
    let log = try InspectLog(
      result, answers, model: model?.identity.id ?? "unknown",
      created: formatter.string(from: WrittenDate.now()))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let text = escapingHarmful(String(decoding: try encoder.encode(log), as: UTF8.self))
    try AtomicFile.write(Array("\(text)\n".utf8), to: path)
  }

  private func report(_ result: JudgeResult) {
    for (rates, kind) in [(result.rates, ""), (result.benignRates, ", benign requests")] {
      for (card, rate) in zip(result.judges, rates) {
        print("\(card.name), \(card.rateName)\(kind): \(rate.text(card))")
        if kind.isEmpty { print("  success means: \(card.success)") }
      }
    }
    for agreement in result.agreements { print(RateText.of(agreement)) }
    print(out)
  }
}
