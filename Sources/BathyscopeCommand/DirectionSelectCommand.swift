import ArgumentParser
import Bathyscope
import Foundation

struct DirectionSelectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "select",
    abstract: "Choose the direction of refusal on validation prompts and test it on others.",
    discussion: """
      Every candidate below 80 % of the depth is removed from the model (bypass: what
      is left of refusing harmful prompts), added to it (induce: how far harmless
      prompts are refused), and held against the unchanged model (KL on harmless
      prompts). Of those with KL at most 0.1 and induce at least 0, the one with the
      least bypass is chosen. Test prompts and 40 random directions of its length
      tell what it is worth. It may be that none passes.

      Writes selection.json and direction.safetensors. A killed run goes on where it
      stopped when the same command is given again: see OUT/selection.journal.

      Example:

        bathyscope direction select --model smollm2-135m --prompts p.jsonl \\
          --directions directions --out refusal
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var prompts: PromptOptions

  @Option(help: ArgumentHelp("What 'direction extract' wrote.", valueName: "folder"))
  var directions: String

  @Option(
    help: ArgumentHelp(
      "How a refusal begins; several common ways by default; may be repeated.", valueName: "text"))
  var refusalOpener: [String] = []

  @Option(
    help: ArgumentHelp(
      "How a compliant answer begins; several common ways by default; may be repeated.",
      valueName: "text"))
  var complianceOpener: [String] = []

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  /// All that decides the outcome.
  struct Configuration: Encodable {
    var schema = "bathyscope-direction-journal-1"
    var toolVersion = bathyscopeVersion
    var model: ModelIdentity
    var precision: Precision
    var kernel: String
    var directionsSHA256: String
    /// Which prompts choose and test: other counts of them leave the directions as they are.
    var split: DirectionSplit
    var groups: [String]
    var promptTokensSHA256: String
    var openers: OpenerTokens
    var seed: UInt64
  }

  struct Stored: Encodable {
    var selection: DirectionSelection
    var configuration: Configuration
    var prompts: [String]
    var arguments: String

    enum CodingKeys: CodingKey { case configuration, prompts, arguments, sentence }

    func encode(to encoder: any Encoder) throws {
      try selection.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(configuration, forKey: .configuration)
      try container.encode(prompts, forKey: .prompts)
      try container.encode(arguments, forKey: .arguments)
      try container.encode(selection.sentence, forKey: .sentence)
    }
  }

  func run() throws {
    try output.claim(
      folder: out, ["selection.json", "direction.safetensors"], journal: "selection.journal",
      inputs: model.inputs + prompts.prompts + [directions])
    let rows = try prompts.read()
    let stored = try StoredDirections(directions)
    let model = try model.load(for: rows)
    let batch = try model.encode(rows.map(\.conversation))
    try check(stored.card, model, batch)
    let openers = try OpenerTokens(
      of: model, refusal: refusalOpener.isEmpty ? Openers.refusal : refusalOpener,
      compliance: complianceOpener.isEmpty ? Openers.compliance : complianceOpener)
    try MadeFolders.make(out)
    let configuration = Configuration(
      model: model.identity, precision: model.precision, kernel: model.kernel,
      directionsSHA256: stored.card.directionsSHA256, split: stored.card.split,
      groups: stored.card.groups, promptTokensSHA256: batch.sequences.sha256,
      openers: openers, seed: options.seed)
    let journal = try RunJournal<DirectionSelection.Job, DirectionOutcome>.open(
      "\(out)/selection.journal",
      of: try .run(of: "direction-selection", settings: configuration),
      overwriting: output.overwrite)
    let selection = try select(stored, model, batch, openers, journal)
    try write(selection, stored, configuration)
    journal.remove()
    if selection.harmfulBaseline.mean < 0 {
      writeError(
        "warning: the unchanged model does not begin its answers to harmful prompts as a refusal "
          + "begins; name how it does with --refusal-opener")
    }
    if options.json {
      printLines(try document(selection, configuration).text)
    } else {
      printSelection(selection)
    }
  }

  private func check(_ card: StoredDirections.Card, _ model: Model, _ batch: Batch) throws {
    var differences: [String] = []
    if card.model.weightsSHA256 != model.identity.weightsSHA256 {
      differences.append(
        "the directions are of \(card.model.id), and \(model.identity.id) has other weights")
    }
    if card.promptTokensSHA256 != batch.sequences.sha256 {
      differences.append("the directions were measured with other prompts")
    }
    guard differences.isEmpty else {
      throw RunConflict.differs(differences, in: directions)
    }
    notePrecisions(card.precision, model.precision, of: directions)
  }

  private func select(
    _ stored: StoredDirections, _ model: Model, _ batch: Batch, _ openers: OpenerTokens,
    _ journal: RunJournal<DirectionSelection.Job, DirectionOutcome>
  ) throws -> DirectionSelection {
    let card = stored.card
    func part(_ part: DirectionSplit.Part) throws -> DirectionSelection.Part {
      DirectionSelection.Part(
        trial: try DirectionTrial(
          model, openers: openers, harmful: batch.picking(part.harmful),
          harmless: batch.picking(part.harmless), threads: options.threads),
        harmfulGroups: part.harmful.map { card.groups[$0] },
        harmlessGroups: part.harmless.map { card.groups[$0] })
    }
    func tokens(_ part: DirectionSplit.Part) -> Int {
      batch.picking(part.harmful).tokenCount + 2 * batch.picking(part.harmless).tokenCount
    }
    var finished: [DirectionSelection.Job: DirectionOutcome] = [:]
    for job in journal.keys { finished[job] = try journal.row(job) }
    let jobs = DirectionSelection.jobs(of: stored.candidates)
    let missing = jobs.count { finished[$0] == nil }
    let work =
      missing * tokens(card.split.validation)
      + (DirectionSelection.randomDirections + 1) * tokens(card.split.test)
    let seconds = Double(work) / model.estimatedTokensPerSecond(threads: options.threads)
    if seconds > 2 {
      writeError(
        "\(jobs.count) candidates"
          + (finished.isEmpty ? "" : ", \(finished.count) outcomes from an earlier run")
          + ", then \(DirectionSelection.randomDirections) random directions: about "
          + duration(seconds))
    }
    var progress = Progress(
      of: missing + DirectionSelection.randomDirections + 1, "directions")
    let selection = try DirectionSelection(
      stored.candidates, openers: openers, validation: try part(card.split.validation),
      test: { try part(card.split.test) }, seed: options.seed, finished: finished,
      receive: { job, outcome in
        try journal.append(outcome, for: job)
        progress.advance(by: 1)
      })
    progress.finish()
    return selection
  }

  private func document(
    _ selection: DirectionSelection, _ configuration: Configuration
  ) throws -> Document<Stored> {
    Document(
      schema: "direction-selection",
      content: Stored(
        selection: selection, configuration: configuration, prompts: try prompts.provenance(),
        arguments: commandLineJSON()))
  }

  private func write(
    _ selection: DirectionSelection, _ stored: StoredDirections, _ configuration: Configuration
  ) throws {
    let path = "\(out)/direction.safetensors"
    if let chosen = selection.chosen {
      let candidate = selection.candidates[chosen]
      try StoredDirection(
        vector: stored.candidates[position: candidate.position, layer: candidate.layer],
        layer: candidate.layer, position: candidate.position,
        modelSHA256: configuration.model.weightsSHA256
      ).write(to: path)
    } else {
      // An older choice must not pass for this one.
      try? FileManager.default.removeItem(atPath: path)
    }
    let text = try document(selection, configuration).text
    try AtomicFile.write(Array("\(text)\n".utf8), to: "\(out)/selection.json")
  }

  private func printSelection(_ selection: DirectionSelection) {
    print(
      "Unchanged model on validation prompts: m of harmful ones \(selection.harmfulBaseline), of "
        + "harmless ones \(selection.harmlessBaseline)")
    print("")
    print("the ten candidates with the least bypass")
    let sorted = selection.candidates.sorted { $0.bypass.mean < $1.bypass.mean }
    printTable(
      ["position", "block", "bypass", "induce", "KL", ""],
      sorted.prefix(10).map {
        [
          "\($0.position)", "\($0.layer)", "\($0.bypass)", "\($0.induce)", "\($0.divergence)",
          $0.rejection ?? "",
        ]
      })
    print("")
    print(selection.sentence)
    if selection.chosen != nil { print("\(out)/direction.safetensors") }
  }
}
