import ArgumentParser
import Bathyscope
import Foundation

struct AttackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack",
    abstract: "Compare attack success with and without interventions, beside random controls.",
    discussion: """
      Answers every prompt as the model is (the baseline), under each arm, and
      under random controls of each arm: heads of the same layers, directions of
      the same norm. Judges every answer, and measures over-refusal on benign
      prompts and the loss on neutral text beside it. Rates are over behaviours,
      with Wilson intervals; arms are compared with the baseline on the same
      prompts, with Holm's correction.

      An arm is NAME=KIND:VALUE with options behind it:

        heads:7.3,8.1               these heads off; ':scale=0.5' for half
        heads:sweep.json:set=3      the 3 % of heads that 'heads sweep' found
        heads:FILE                  a JSON list 'heads'; ':set=NAME' for one of
                                    several, ':first=N' for its first N
        add:FILE:layer=15:scale=4   a steering vector or a probe's direction
        project-out:FILE            a direction removed from all layers
        interventions:FILE          as 'generate' reads them

      ':at=POSITIONS' at the end says where, as --at does for all arms.

      The folder gets attack.json with every verdict, the answers, and what is
      needed to go on: a killed run continues when the same command is given
      again, and arms may be added.

      Example:

        bathyscope attack --model smollm2-135m --prompts harmful.csv \\
          --arm top3=heads:heads.json:first=8 \\
          --arm refusal=project-out:refusal.safetensors \\
          --judges substring-arditi,opener --out attack
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var prompts: PromptOptions

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "What is compared with the baseline; may be repeated.", valueName: "name=spec"),
    transform: ArmSpecification.init(parsing:))
  var arm: [ArmSpecification] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Tokens that arms touch where they do not say: all, -1.., thinking, end-of-thinking, answer.",
      valueName: "positions"))
  var at: Positions = .all

  @Option(help: ArgumentHelp("Random controls of each arm.", valueName: "count"))
  var random = 10

  @Option(
    help: ArgumentHelp(
      "Benign prompts for over-refusal; rows of --prompts that say so, or 24 built in, by default.",
      valueName: "file"), completion: .file())
  var benign: String?

  @Option(
    help: ArgumentHelp(
      "Neutral texts for the loss, one a row; 12 built in by default.", valueName: "file"),
    completion: .file())
  var neutral: String?

  @OptionGroup(title: "Judges") var judging: JudgeOptions
  @OptionGroup(title: "Writing") var writing: WritingOptions

  @Option(help: "How many answers are written side by side.")
  var batch = 16

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"), completion: .directory)
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  func validate() throws {
    guard (1...65536).contains(batch) else {
      throw ValidationError("--batch must be from 1 to 65536.")
    }
    guard (0...1000).contains(random) else {
      throw ValidationError("--random must be from 0 to 1000.")
    }
    let names = arm.map(\.name)
    guard Set(names).count == names.count else {
      throw ValidationError("--arm: every name may stand there once.")
    }
    guard try !judging.names().contains(where: { $0.kind == "published" }) else {
      throw ValidationError("--judges: 'published' has nothing to say of new answers.")
    }
  }

  func run() throws {
    try output.claim(
      folder: out, [Self.written],
      journal: FileManager.default.fileExists(atPath: "\(out)/\(Self.written)")
        ? Self.written : "verdicts.jsonl",
      inputs: model.inputs + prompts.prompts + [benign, neutral].compactMap(\.self)
        + arm.map(\.value) + judging.inputs)
    let (harmful, benign) = try split(try prompts.read())
    let neutral = try neutralTexts()
    let model = try model.load(for: harmful + benign)
    _ = try model.encoder
    let tested = try arm.map { try $0.arm(for: model, at: at) }
    let jury = try Jury(judging, model: model, threads: options.threads)
    let study = try AttackStudy(
      model: model, harmful: harmful, benign: benign, neutral: neutral.texts,
      settings: try writing.settings(seed: options.seed, for: model), folder: out, batch: batch,
      options: options, provenance: try prompts.provenance(), overwrites: output.overwrite)
    // A head that is not there is refused before any control is drawn from its layer.
    try study.check([.baseline] + tested)
    let arms =
      [.baseline]
      + tested.flatMap { arm in
        [arm] + arm.controls(random, shape: model.shape, seed: options.seed)
      }
    for arm in tested {
      let count = arms.count { $0.role == .control(of: arm.name) }
      if count < random {
        writeError(
          "note: only \(count) other sets of heads stand in the layers of '\(arm.name)'")
      }
    }
    let provenance = try provenance(model, neutral.source, tested)
    let path = "\(out)/\(Self.written)"
    if !output.overwrite { try RunConflict.check(documentAt: path, provenance) }
    let result = try study.run(arms, jury, provenance: provenance)
    let document = try Document(schema: "attack", content: result).text
    try AtomicFile.write(Array("\(document)\n".utf8), to: path)
    if options.json { printLines(document) } else { AttackText(result).print(path) }
  }

  private static let written = "attack.json"

  /// The attack's prompts and the benign ones.
  private func split(_ rows: [Prompt]) throws -> (harmful: [Prompt], benign: [Prompt]) {
    try refuseResponses(rows, "--prompts")
    let harmful = rows.filter { $0.isBenign != true }
    guard !harmful.isEmpty else {
      throw Problem.allBenign
    }
    if let benign {
      let others = try PromptFile.read(benign)
      try refuseResponses(others, "--benign")
      return (harmful, others)
    }
    let labelled = rows.filter { $0.isBenign == true }
    guard labelled.isEmpty else { return (harmful, labelled) }
    return (
      harmful,
      BuiltInTexts.benignPrompts.enumerated().map { index, text in
        Prompt(
          conversation: Conversation(
            id: "built-in-\(index + 1)", source: .messages([Message(role: "user", content: text)])),
          row: index + 1)
      }
    )
  }

  private func neutralTexts() throws -> (texts: [String], source: String) {
    guard let neutral else {
      return (BuiltInTexts.neutralTexts, "built in")
    }
    let texts = try PromptFile.read(neutral).map { row in
      guard let text = row.conversation.request else {
        throw Problem(
          .unfitPrompts, "--neutral", place: "the row '\(printable(row.id.utf8))'",
          problem: "has no text", remedy: "give texts")
      }
      return text
    }
    return (texts, Digest.sha256(of: try MappedFile(neutral)))
  }

  private func provenance(
    _ model: Model, _ neutral: String, _ tested: [AttackArm]
  ) throws -> [String: String] {
    let identity = model.identity
    var facts = [
      "model": identity.id, "weights SHA-256": identity.weightsSHA256,
      "chat template SHA-256": identity.templateSHA256 ?? "none",
      "tokenizer SHA-256": identity.tokenizerSHA256 ?? "none",
      "prompts": try prompts.provenance().joined(separator: ", "),
      "benign prompts": try benign.map { Digest.sha256(of: try MappedFile($0)) }
        ?? "labelled rows of the prompts, or built in",
      "judges named": judging.judges, "random controls": "\(random)", "neutral texts": neutral,
      "seed": "\(options.seed)", "precision": model.precision.rawValue,
      "kernel": model.kernel, "command": commandLineJSON(),
    ]
    // A file that an arm was read from may be another one tomorrow.
    for (arm, specification) in zip(tested, self.arm) {
      facts["arm \(arm.name)"] =
        "\(specification.text) "
        + Digest.sha256(Array(try lineOfJSON(arm.interventions).utf8))
    }
    return facts
  }
}

/// An answer behind an answer is none to the prompt.
func refuseResponses(_ rows: [Prompt], _ option: String) throws {
  guard let row = rows.first(where: { $0.conversation.response != nil }) else { return }
  throw Problem(
    .unfitPrompts, option, place: "the row '\(printable(row.id.utf8))'",
    problem: "has a response already",
    remedy: "leave it out, or judge it with 'bathyscope judge'")
}
