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
      minus final; what the trace says of it is said with the choice. Requests
      that are labelled benign are left out. Beside the cliff, in the same file: random rows, the rule (no
      refusal opener in the answer's first 128 characters), a judge's verdicts,
      and the whole pool. Every chosen row says why.

      The folder gets selection.json, and for each method the rows to train on:
      the model's own thinking with a safe answer after it, with LLaMA-Factory's
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

  /// How the plateau is taken.
  enum Plateau: String, EnumerableFlag {
    case robust
    case paper

    var rule: PlateauRule { self == .paper ? .paper : .robust }

    static func help(for value: Plateau) -> ArgumentHelp? {
      switch value {
      case .robust: "Take the plateau as the mean over the thinking without its last 5 tokens."
      case .paper: "Take the plateau as the paper does: the maximum over the thinking."
      }
    }
  }

  @Flag var plateau: Plateau = .robust

  @Flag(help: "Let rows whose request is labelled benign be chosen too.")
  var withBenign = false

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
    help: ArgumentHelp(
      """
      What stands before and after thinking, in responses and in the rows to train on; the traced model's by \
      default.
      """, valueName: "open,close"))
  var thinkingMarkers: ThinkingMarkers?

  @Option(
    help: ArgumentHelp("The licence of rows that do not say theirs.", valueName: "name"))
  var licence: String?

  @Flag(help: "Take answers to other prompts than --prompts; it is recorded.")
  var force = false

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"), completion: .directory)
  var out: String

  @OptionGroup var output: OutputOptions
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
    try output.claim(
      folder: out, Self.written, inputs: pool + prompts + [traces, verdicts].compactMap(\.self))
    // Lines alone say nothing of what was found in them.
    let stored = TraceFile.path(traces) == traces ? nil : try StoredTrace(traces)
    let markers = thinkingMarkers ?? stored?.markers ?? .deepSeek
    var pool = try SelectionPool(
      pool, prompts: prompts, keepsBenign: withBenign, category: quotaBy, safeLabel: safeLabel,
      markers: markers, force: force)
    let groups = stored?.summary.groups ?? []
    try pool.add(
      try TraceFile.read(traces),
      Dictionary(groups.map { ($0.label, $0.verdict) }, uniquingKeysWith: { first, _ in first }),
      rule: plateau.rule, traces)
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
      .result(
        unusable: pool.unusable, unlabelled: pool.unlabelled,
        verdicts: stored.map { _ in
          groups.map { "\(printable($0.label.utf8)): \($0.verdict.sentence)" }
        }, provenance: try provenance(markers, pool.forced))
    try MadeFolders.make(out)
    try write(result, pool.rows, markers)
    let document = try Document(schema: "selection", content: result).text
    // Last: where it stands, the rest is complete.
    try AtomicFile.write(Array("\(document)\n".utf8), to: "\(out)/selection.json")
    if options.json { printLines(document) } else { report(result) }
  }

  private func provenance(
    _ markers: ThinkingMarkers, _ forced: [String]
  ) throws -> [String: String] {
    var facts = [
      "command": commandLineJSON(), "seed": "\(options.seed)",
      "plateau": plateau.rule.description,
      "thinking markers": jsonArray([markers.open, markers.close]),
    ]
    if !forced.isEmpty { facts["forced"] = forced.joined(separator: "; ") }
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

  /// All files that a folder can have, whatever methods are compared.
  private static let written =
    ["selection.json", "dataset_info.json"]
    + ["cliff", "random", "rule", "judge", "all"].flatMap { method in
      TrainingFormat.allCases.map { "\(method).\($0.rawValue).json" }
    }

  private func write(
    _ result: SelectionResult, _ rows: [PoolRow], _ markers: ThinkingMarkers
  ) throws {
    // What a run that is replaced chose by other methods would be taken for this one's.
    for name in Self.written { unlink("\(out)/\(name)") }
    let byID = Dictionary(rows.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var files: [(name: String, format: TrainingFormat, file: String)] = []
    for method in result.methods {
      let chosen = method.chosen.compactMap { byID[$0.id] }
      for format in TrainingFormat.allCases {
        let file = "\(method.name).\(format.rawValue).json"
        try AtomicFile.write(
          try format.json(chosen, safeAnswer: safeAnswer, markers: markers), to: "\(out)/\(file)")
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
    if let unlabelled = result.unlabelled, unlabelled > 0 {
      print("\(unlabelled) of them do not say whether their request is harmful")
    }
    for verdict in result.verdicts ?? [] { print("the trace, \(verdict)") }
    if let caution = result.caution { print("caution: \(caution)") }
    for method in result.methods {
      print(
        "\(method.name): \(method.chosen.count) of \(method.candidates) candidates "
          + "(\(method.rule))"
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
