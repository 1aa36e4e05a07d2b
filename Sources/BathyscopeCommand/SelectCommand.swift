import ArgumentParser
import Bathyscope
import Foundation

struct SelectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract: "Choose safety data by the refusal cliff, beside the usual baselines.",
    discussion: """
      The pool is transcripts with thinking and response, the traces are what
      'trace' wrote of them. Rows are ranked by the misalignment score, plateau
      minus final. Beside the cliff, in the same file: random rows, the rule (no
      refusal opener in the answer's first 128 characters), a judge's verdicts,
      and the whole pool. Every chosen row says why.

      The folder gets selection.json, and for each method the rows to train on:
      the model's own thinking with a safe answer behind it, with LLaMA-Factory's
      dataset_info.json.

      Example:

        bathyscope select --pool transcripts.jsonl --traces trace \\
          --share 0.0175 --verdicts judged.json --judge endpoint-harmbench \\
          --out chosen
      """)

  @Option(
    help: ArgumentHelp(
      "Transcripts: rows with thinking and response; may be repeated.", valueName: "file"),
    completion: .file())
  var pool: [String]

  @Option(
    help: ArgumentHelp(
      "The requests, where the pool is answers that 'generate' wrote; may be repeated.",
      valueName: "file"), completion: .file())
  var prompts: [String] = []

  @Option(help: ArgumentHelp("The folder that 'trace' wrote.", valueName: "folder"))
  var traces: String

  @Option(help: "How many rows each method chooses.")
  var count: Int?

  @Option(help: "How many, as a share of the pool.")
  var share: Double?

  @Option(help: "Rank by the misalignment score, or by the final score among failures.")
  var rank: Selection.Ranking = .misalignment

  @Flag(help: "Take the plateau as a mean without the last tokens, not as the paper's maximum.")
  var robust = false

  @Option(
    help: ArgumentHelp("A label of which every value gets its share.", valueName: "label"))
  var quotaBy: String?

  @Option(help: "Requests at least so similar are one; 1 keeps all but equal ones.")
  var nearDuplicates = 0.8

  @Option(
    help: ArgumentHelp("What 'judge' wrote of the same answers.", valueName: "file"),
    completion: .file())
  var verdicts: String?

  @Option(help: ArgumentHelp("The judge of that file that chooses.", valueName: "name"))
  var judge: String?

  @Option(help: ArgumentHelp("The answer to train on.", valueName: "text"))
  var safeAnswer = TrainingFormat.safeAnswer

  @Option(help: ArgumentHelp("A label with the answer to train on instead.", valueName: "label"))
  var safeLabel: String?

  @Option(
    help: ArgumentHelp("The licence of rows that do not say theirs.", valueName: "name"))
  var licence: String?

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"), completion: .directory)
  var out: String

  @OptionGroup var options: RunOptions

  func validate() throws {
    guard (count == nil) != (share == nil) else {
      throw ValidationError("Give either --count or --share.")
    }
    guard count ?? 1 >= 1 else { throw ValidationError("--count must be 1 or more.") }
    guard (share ?? 1) > 0, (share ?? 1) <= 1 else {
      throw ValidationError("--share must be above 0 and up to 1.")
    }
    guard nearDuplicates > 0, nearDuplicates <= 1 else {
      throw ValidationError("--near-duplicates must be above 0 and up to 1.")
    }
    guard (verdicts == nil) == (judge == nil) else {
      throw ValidationError("--verdicts and --judge belong together.")
    }
  }

  func run() throws {
    var pool = try SelectionPool(pool, prompts: prompts, category: quotaBy, safeLabel: safeLabel)
    try pool.add(try TraceFile.read(traces), rule: robust ? .robust : .paper, traces)
    if let verdicts, let judge {
      try pool.add(try JudgeFile.read(verdicts), judge: judge, verdicts)
    }
    pool.fill(licence: licence)
    var settings = Selection.Settings(
      count: count ?? max(1, Int((share ?? 0) * Double(pool.rows.count) + 0.5)), seed: options.seed)
    settings.ranking = rank
    settings.duplicateThreshold = nearDuplicates
    settings.keepsQuotas = quotaBy != nil
    settings.judge = judge
    let result = try Selection(pool.rows, settings)
      .result(unusable: pool.unusable, provenance: try provenance())
    try createFolder(out)
    try write(result, pool.rows)
    let document = try Document(schema: "selection", content: result).text
    // Last: where it stands, the rest is complete.
    try AtomicFile.write(Array("\(document)\n".utf8), to: "\(out)/selection.json")
    if options.json { print(document) } else { report(result) }
  }

  private func provenance() throws -> [String: String] {
    var facts = [
      "command": commandLineJSON(), "seed": "\(options.seed)",
      "plateau": (robust ? PlateauRule.robust : .paper).description,
    ]
    let inputs = [
      ("pool", pool), ("prompts", prompts), ("traces", [TraceFile.path(traces)]),
      ("verdicts", [verdicts].compactMap(\.self)),
    ]
    for (name, paths) in inputs where !paths.isEmpty {
      facts[name] = try paths.map {
        "\(URL(fileURLWithPath: $0).lastPathComponent) \(Digest.sha256(of: try MappedFile($0)))"
      }.joined(separator: ", ")
    }
    return facts
  }

  private func write(_ result: SelectionResult, _ rows: [PoolRow]) throws {
    let byID = Dictionary(rows.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var files: [(name: String, format: TrainingFormat, file: String)] = []
    for method in result.methods {
      let chosen = method.chosen.compactMap { byID[$0.id] }
      for format in TrainingFormat.allCases {
        let file = "\(method.name).\(format.rawValue).json"
        try AtomicFile.write(
          try format.json(chosen, safeAnswer: safeAnswer), to: "\(out)/\(file)")
        files.append(("\(method.name)_\(format.rawValue)", format, file))
      }
    }
    try AtomicFile.write(
      try TrainingFormat.datasetInfo(files), to: "\(out)/dataset_info.json")
  }

  private func report(_ result: SelectionResult) {
    let unusable = result.unusable.sorted { $0.key < $1.key }.map { "\($0.value) with \($0.key)" }
    print(
      "\(result.pool) rows can be chosen"
        + (unusable.isEmpty ? "" : ", others cannot: \(unusable.joined(separator: ", "))"))
    for method in result.methods {
      print(
        "\(method.name): \(method.chosen.count) of \(method.candidates) candidates "
          + "(\(visible(method.rule)))"
          + (method.duplicates.isEmpty
            ? "" : ", \(method.duplicates.count) near-duplicates passed over"))
    }
    for overlap in result.overlaps where overlap.first == "cliff" {
      print("cliff and \(overlap.second) share \(overlap.both) rows")
    }
    print("\(out)/selection.json")
  }
}

extension Selection.Ranking: ExpressibleByArgument {}
