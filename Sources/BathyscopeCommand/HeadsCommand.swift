import ArgumentParser
import Bathyscope
import Foundation

struct HeadsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "heads",
    abstract: "Find the attention heads that suppress refusal.",
    discussion: """
      attribute reads what heads write along a direction, sweep ablates one head after
      another, search builds sets of heads.

      Example:

        bathyscope heads sweep --model smollm2-135m --prompts harmful.jsonl \\
          --probe probe --out heads
      """,
    subcommands: [HeadsAttributeCommand.self, HeadsSweepCommand.self, HeadsSearchCommand.self])
}

/// Which prompts, and where in them.
struct HeadPromptOptions: ParsableArguments {
  @OptionGroup var prompts: PromptOptions
  @OptionGroup var answers: AnswerOptions

  @Option(help: "A label whose equal values are resampled and split together; 'group' by default.")
  var group: String?

  @Option(
    help:
      "The token T that is scored: last, or template, the last template token before the answer.")
  var read: HeadPrompt.End = .last

  @OptionGroup var duplicates: DuplicateOptions

  /// Reads, encodes and cuts the prompts.
  func load(
    _ model: Model, ablating place: Positions = .all, force: Bool
  ) throws -> [HeadPrompt] {
    let transcripts = try answers.transcripts(try prompts.read(), in: model, force: force)
    let (rows, batch) = (transcripts.rows, transcripts.batch)
    model.warn(about: rows)
    if let group, !rows.contains(where: { $0.labels[group] != nil }) {
      let names = Set(rows.flatMap(\.labels.keys)).sorted().joined(separator: ", ")
      throw Problem(
        .missingLabel, prompts.prompts.joined(separator: ", "), place: "label '\(group)'",
        problem: "no row has it", remedy: "name one of: \(names)")
    }
    return try cut(rows, batch, of: model, ablating: place)
  }

  /// Reads prompts that the model is to answer: those that are not labelled benign.
  func requests() throws -> [Prompt] {
    let rows = try prompts.read()
    try refuseResponses(rows, "--prompts")
    let harmful = rows.filter { $0.isBenign != true }
    guard !harmful.isEmpty else {
      throw Problem.allBenign
    }
    if harmful.count < rows.count {
      writeError("note: \(rows.count - harmful.count) prompts are labelled benign and left out")
    }
    return harmful
  }

  /// Cuts rows at T, those of a reference as those that are studied: their tokens are counted from it.
  /// - Parameter studied: the prompts whose reference the rows are, to know whom they repeat.
  func cut(
    _ rows: [Prompt], _ batch: Batch, of model: Model, ablating place: Positions,
    besides studied: [HeadPrompt] = []
  ) throws -> [HeadPrompt] {
    let given = rows.map { row in
      let text = row.labels[group ?? "group"]?.description ?? ""
      return text.isEmpty ? row.id : text
    }
    let (merged, _) = try duplicates.groups(
      studied.map(\.group) + given, of: studied.map(\.sequence) + batch.sequences,
      tokenizer: try? model.encoder.tokenizer)
    // Under the names that those who are studied have already.
    let known = Dictionary(zip(merged, studied.map(\.group))) { first, _ in first }
    return try zip(merged.dropFirst(studied.count), batch.sequences).map { group, sequence in
      try HeadPrompt(sequence, group: known[group] ?? group, end: read, ablating: place)
    }
  }
}

/// How sets of heads are cut and compared.
struct HeadSetOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Shares of all heads that make a set, in percent.", valueName: "percents"))
  var shares = "1.5,3,10"

  @Option(help: "Random sets of each size to compare with; 0 for none.")
  var randomSets = 63

  @Option(help: "Bootstrap resamples of an interval.")
  var resamples = 10_000

  func plan(seed: UInt64) throws -> HeadSetPlan {
    HeadSetPlan(
      shares: try parsed(), randomSets: randomSets, seed: seed, resamples: resamples)
  }

  private func parsed() throws -> [Double] {
    try shares.split(separator: ",", omittingEmptySubsequences: false).map { text in
      guard let share = Double(text), share > 0, share <= 100 else {
        throw ValidationError("--shares: '\(printable(text.utf8))' is no percentage, such as 1.5.")
      }
      return share / 100
    }
  }

  func validate() throws {
    _ = try parsed()
    guard (0...100_000).contains(randomSets) else {
      throw ValidationError("--random-sets must be from 0 to 100000.")
    }
    guard (100...1_000_000).contains(resamples) else {
      throw ValidationError("--resamples must be from 100 to 1000000.")
    }
  }
}

/// What is scored, and how heads are ablated.
struct HeadAblationOptions: ParsableArguments {
  enum Score: String, ExpressibleByArgument, CaseIterable {
    case probe
    case logitGap = "logit-gap"
    case divergence
    case attack
  }

  @Option(
    help: """
      What is measured at T: probe, logit-gap (refusal openers against compliance openers) or \
      divergence (KL from the clean next-token distribution); probe where one is given. Or attack: \
      whether the model's answer is a success for an attack; 'heads search' only.
      """)
  var score: Score?

  @OptionGroup var source: HeadProbeOptions

  @Option(
    help: """
      scale z by --factor, or put in its place the head's mean over the reference prompts (mean), its \
      output on another prompt (resample), or what uniform attention gives (uniform).
      """)
  var ablate: HeadAblation.Kind = .scale

  @Option(parsing: .unconditional, help: "What z is multiplied with; 0 takes the head out.")
  var factor: Float = 0

  @Option(help: "Scale heads afterwards so that each token, or the sequence, keeps its norm.")
  var rescale: NormKeeping = .none

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Where heads are ablated: end-of-thinking, from that template on, or as for --positions.",
      valueName: "positions"))
  var at: Positions = .all

  @Option(
    help: ArgumentHelp(
      "Prompts that means and samples come from; the same prompts by default.", valueName: "file"),
    completion: .file())
  var reference: String?

  @Option(
    help: ArgumentHelp(
      "Memory to use besides the weights, such as 500MB; 2GB by default.", valueName: "size"))
  var maxMemory: MemorySize?

  func validate() throws {
    guard factor.isFinite else { throw ValidationError("--factor must be finite.") }
    guard factor == 0 || ablate == .scale else {
      throw ValidationError("--factor needs --ablate scale.")
    }
    guard reference == nil || ablate == .mean || ablate == .resample else {
      throw ValidationError("--reference needs --ablate mean or resample.")
    }
    guard (score ?? .probe) != .probe || source.probe != nil || score == nil else {
      throw ValidationError("--score probe needs --probe.")
    }
    guard source.probe == nil || score == nil || score == .probe else {
      throw ValidationError("--probe needs --score probe.")
    }
  }

  /// How a head is ablated.
  var ablation: HeadAblation { HeadAblation(ablate, factor: factor, rescale: rescale) }

  func study(
    _ model: Model, _ input: HeadPromptOptions, _ prompts: [HeadPrompt], _ options: RunOptions
  ) throws -> (study: HeadStudy, score: HeadsSettings.Score) {
    let (score, described) = try chosenScore(model)
    let others = try reference.map { path in
      let rows = try PromptFile.read(path)
      if input.answers.answers != nil, rows.contains(where: { $0.conversation.response == nil }) {
        throw Problem(
          .unfitPrompts, "--reference \(path)",
          problem: "has prompts without a response, and those that are studied have answers",
          remedy: "give transcripts")
      }
      return try input.cut(
        rows, model.encode(rows.map(\.conversation)), of: model, ablating: at, besides: prompts)
    }
    let study = try HeadStudy(
      model, prompts, score: score,
      ablation: ablation,
      reference: others, seed: options.seed, threads: options.threads,
      memoryLimit: maxMemory?.bytes ?? 2_000_000_000)
    return (study, described)
  }

  private func chosenScore(_ model: Model) throws -> (HeadScore, HeadsSettings.Score) {
    if let (set, probe) = try source.load(model) {
      return (
        .probe(probe),
        .init(
          kind: "probe", hook: probe.hook, probe: set.card.name, probeSHA256: set.card.probeSHA256,
          forced: set.forced)
      )
    }
    guard score != .divergence else { return (.divergence, .init(kind: "divergence")) }
    let openers = try OpenerTokens(of: model)
    return (.logitGap(openers), .init(kind: "logit-gap", openers: openers))
  }
}

/// A probe's folder and the probe in it.
struct HeadProbeOptions: ParsableArguments {
  @Option(help: ArgumentHelp("What 'probe train' wrote.", valueName: "folder"))
  var probe: String?

  @Option(help: ArgumentHelp("Which of its probes; the chosen one by default.", valueName: "hook"))
  var hook: String?

  @Flag(
    help: """
      Use the probe although the model's weights are others, and answers of another model or \
      template or to other prompts; it is recorded.
      """)
  var force = false

  func load(_ model: Model) throws -> (set: ProbeSet, probe: Probe)? {
    guard let folder = probe else { return nil }
    let set = try ProbeSet.load(
      folder,
      for: ProbeHost(
        modelSHA256: model.identity.weightsSHA256, width: model.shape.dModel,
        layerCount: model.shape.layers), force: force)
    guard let hook else { return (set, set.chosen) }
    guard let place = HookPoint(hook), let probe = set[place] else {
      let hooks = set.probes.map { "\($0.hook)" }.joined(separator: ", ")
      throw Problem(
        .invalidOption, "--hook '\(printable(hook.utf8))'", problem: "the probe reads at \(hooks)",
        remedy: "name one of these")
    }
    return (set, probe)
  }
}

/// `500MB` or `2GB`, in powers of ten.
struct MemorySize: ExpressibleByArgument {
  var bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    let units = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)]
    let unit = units.first { argument.hasSuffix($0.0) }
    guard let value = Double(unit == nil ? argument[...] : argument.dropLast(2)), value > 0,
      value * (unit?.1 ?? 1) < 1e18
    else { return nil }
    bytes = Int(value * (unit?.1 ?? 1))
  }

  var defaultValueDescription: String { "\(bytes / 1_000_000_000)GB" }
}

extension HeadPrompt.End: ExpressibleByArgument {}
extension HeadAblation.Kind: ExpressibleByArgument {}
extension NormKeeping: ExpressibleByArgument {}
