import ArgumentParser
import Bathyscope
import Foundation
import Synchronization

/// Probes of all layers at all positions.
struct ProbeMapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map",
    abstract: "Train probes at every captured hook and position: where can a label be read?",
    discussion: """
      Positions are counted from the prompt's end: -1 is the last token. Those that
      some prompt was not captured at are left out. For each kind the cell with the
      highest AUROC on the selection rows is reported on the test rows and written
      as a probe folder, OUT/KIND; the test figures of other cells are a screen.
      map.json has all of them, report.html a map of layers and positions. A killed
      run goes on where it stopped when the same command is given again.

      Example:

        bathyscope probe map --acts acts.h5 --label harmful \\
          --kind mass-mean --kind logistic --out map
      """)

  @Option(
    help: ArgumentHelp(
      "What 'capture' wrote, with the same positions of every prompt.", valueName: "file"),
    completion: .file())
  var acts: String

  @OptionGroup var label: LabelOptions

  @Option(help: "How the weights are found; may be repeated.")
  var kind: [ProbeKind] = [.logistic]

  @Option(help: "The licence of the training data, for the cards.")
  var licence = "not stated"

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var verifying: VerifyOptions
  @OptionGroup var options: RunOptions

  /// What `map.json` says.
  struct Stored: Encodable {
    struct Cell: Encodable {
      var hook: HookPoint
      var position: Int
      var selection: ProbeMetrics
      var test: ProbeMetrics
      var shuffledAuroc: Double
      var randomAuroc: Double
      var selectivity: Interval?
    }
    struct Map: Encodable {
      var kind: ProbeKind
      /// Folder of the chosen cell's probes.
      var folder: String
      var chosen: Cell
      var cells: [Cell]
    }
    var acts: String
    var actsSha256: String
    /// True where the file was not compared with its digest.
    var isUnverified: Bool?
    var model: String
    var modelSha256: String
    var label: String
    var seed: UInt64
    var trainingRows: Int
    var selectionRows: Int
    var testRows: Int
    var maps: [Map]
    var arguments: String
  }

  func validate() throws {
    guard Set(kind).count == kind.count else {
      throw ValidationError("--kind names a kind twice.")
    }
  }

  func run() throws {
    try output.claim(
      folder: out,
      ["map.json", Report.page]
        + kind.flatMap { kind in ProbeSet.names.map { "\(kind.rawValue)/\($0)" } },
      journal: ProbeSettings.journal, inputs: [acts])
    let source = try ProbeSource(acts, verifying)
    let file = source.file
    let (parts, duplicates) = try label.examples([file])
    let examples = parts[0]
    let positions = try commonPositions(file)
    let digest = source.sha256
    let count = kind.count * positions.count * file.hooks.count
    let progress = Mutex(Progress(of: count, "probes"))
    var maps: [(kind: ProbeKind, map: ProbeMap)] = []
    var stored: [Stored.Map] = []
    let training = ProbeTraining(seed: options.seed)
    let journal = try ProbeSettings(training: training, examples: examples)
      .journal(out, of: [source], overwriting: output.overwrite)
    for kind in kind {
      var training = training
      training.kind = kind
      let map = try training.map(
        positions: positions, keeping: journal, threads: options.threads,
        advance: { progress.withLock { $0.advance(by: 1) } },
        features: { try features(file, examples, at: $0) })
      maps.append((kind, map))
      stored.append(try store(map, kind, file, examples, duplicates, digest))
    }
    progress.withLock { $0.finish() }
    let report = maps[0].map.best.probes.report
    let document = Stored(
      acts: URL(fileURLWithPath: acts).lastPathComponent, actsSha256: digest,
      isUnverified: file.isVerified ? nil : true,
      model: file.description.model.id, modelSha256: file.description.model.weightsSHA256,
      label: label.label, seed: options.seed, trainingRows: report.trainingRows,
      selectionRows: report.selectionRows, testRows: report.testRows, maps: stored,
      arguments: commandLineJSON())
    let text = try Document(schema: "probe-map", content: document).text
    try AtomicFile.write(Array("\(text)\n".utf8), to: "\(out)/map.json")
    let page = try writeReport(maps, file, digest)
    journal.remove()
    if options.json { return printLines(text) }
    for (kind, map) in maps {
      print(
        "\(kind.rawValue): position \(map.best.position), \(map.best.probes.report.sentence)")
    }
    print("\(count) probes; \(page)")
  }

  /// The positions, counted from the end of what was given, that every prompt was captured at.
  private func commonPositions(_ file: ActivationFile) throws -> [Int] {
    var common: Set<Int>?
    var all: Set<Int> = []
    for prompt in file.prompts {
      let mine = Set(prompt.positions.map { $0 - prompt.sequence.tokens.count })
      all.formUnion(mine)
      common = common?.intersection(mine) ?? mine
    }
    guard let common, !common.isEmpty else {
      throw Problem(
        .notCaptured, file.path, place: "positions",
        problem: "no position, counted from the end, was captured of every prompt",
        remedy: "capture with --positions -5..-1, for example")
    }
    if all.count > common.count {
      writeError(
        "note: \(all.count - common.count) of \(all.count) positions are left out, which some "
          + "prompts were not captured at")
    }
    return common.sorted()
  }

  private func features(
    _ file: ActivationFile, _ examples: [Example], at position: Int
  ) throws -> FeatureSet {
    let all = file.places
    let rows = try file.prompts.indices.map { (index) -> (row: Int, place: TokenPlace) in
      let prompt = file.prompts[index]
      let place = prompt.positions.firstIndex(of: prompt.sequence.tokens.count + position)
      guard let place else {
        throw Problem(
          .notCaptured, file.path, place: "positions", problem: "position \(position) is missing",
          remedy: "capture again")
      }
      return (file.rows(of: index).lowerBound + place, all[index][place])
    }
    return try FeatureSet(
      hooks: file.hooks,
      matrices: try file.hooks.map { try file.matrix($0).picking(rows.map(\.row)) },
      examples: examples, places: rows.map(\.place))
  }

  private func store(
    _ map: ProbeMap, _ kind: ProbeKind, _ file: ActivationFile, _ examples: [Example],
    _ duplicates: Duplicates, _ digest: String
  ) throws -> Stored.Map {
    let positives = examples.count(where: \.label)
    var card = ProbeCard(
      name: "\(kind.rawValue) at \(map.best.position)", trained: map.best.probes,
      model: file.description.model, precision: file.description.precision,
      positions: .index(map.best.position),
      trainingData: [
        .init(
          name: URL(fileURLWithPath: file.path).lastPathComponent, licence: licence,
          sha256: digest, positives: positives, negatives: examples.count - positives,
          isUnverified: file.isVerified ? nil : true)
      ],
      signConvention: "z > 0: \(label.label)" + (label.positive.map { " is \($0)" } ?? ""),
      toolVersion: bathyscopeVersion)
    card.duplicates = duplicates
    card.arguments = commandLineJSON()
    let folder = "\(out)/\(kind.rawValue)"
    try ProbeSet(card: card, probes: map.best.probes.probes).write(to: folder)
    let cells = map.columns.map { column in
      column.probes.report.evaluations.map { evaluation in
        Stored.Cell(
          hook: evaluation.hook, position: column.position, selection: evaluation.selection,
          test: evaluation.test, shuffledAuroc: evaluation.shuffled.meanAUROC,
          randomAuroc: evaluation.random.meanAUROC, selectivity: evaluation.selectivity)
      }
    }
    return Stored.Map(
      kind: kind, folder: kind.rawValue, chosen: cells[map.chosen][map.best.probes.report.chosen],
      cells: cells.flatMap { $0 })
  }

  private func writeReport(
    _ maps: [(kind: ProbeKind, map: ProbeMap)], _ file: ActivationFile, _ digest: String
  ) throws -> String {
    var report = Report(title: "Where \(label.label) can be read in \(file.description.model.id)")
    report.facts = [
      .init("model", file.description.model.id),
      .init("weights SHA-256", file.description.model.weightsSHA256),
      .init("activations", digest), .init("seed", "\(options.seed)"),
      .init("Bathyscope", bathyscopeVersion), .init("command", commandLineJSON()),
    ]
    report.summary = maps.map {
      "\($0.kind.rawValue): position \($0.map.best.position), \($0.map.best.probes.report.sentence)."
    }
    report.sections = maps.map { kind, map in
      Report.Section(
        title: kind.rawValue,
        blocks: map.heatMaps.map { .figure($0) }
          + [map.best.probes.report.aurocByLayer].compactMap { $0.map { .figure($0) } }
          + [.table(title: "Probes of the chosen position", map.best.probes.report.table)])
    }
    return try report.write(to: out)
  }
}
