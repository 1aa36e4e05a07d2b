import ArgumentParser
import Bathyscope
import Foundation

struct HeadsAttributeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attribute",
    abstract: "Measure what every head writes along a direction at the last token.",
    discussion: """
      Writes attribute.json and attribute.csv to --out. A head's contribution is
      <W_O z, w> / |w| in each prompt; below 0, it suppresses refusal. For a direction
      behind the final norm it is also given through that norm, its scale held. The
      direction is a probe's (--probe), a vector's (--vector), or the unembedding of
      refusal openers minus that of compliance openers. A killed run goes on where it
      stopped when the same command is given again.

      Example:

        bathyscope heads attribute --model smollm2-135m --prompts harmful.jsonl \\
          --probe probe --read template --out heads
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var input: HeadPromptOptions
  @OptionGroup(title: "Direction") var source: HeadProbeOptions

  @Option(
    help: ArgumentHelp(
      "A vector of the residual stream: .safetensors, .gguf, .json or raw .f32.",
      valueName: "file"), completion: .file())
  var vector: String?

  @Option(
    help: ArgumentHelp("Which tensor of a vector's file, if there are several.", valueName: "name"))
  var tensor: String?

  @OptionGroup(title: "Sets") var sets: HeadSetOptions

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  struct Result: Encodable {
    var out: String
    var seconds: Double
    var summary: AttributionSummary
  }

  func validate() throws {
    guard vector == nil || source.probe == nil else {
      throw ValidationError("--probe and --vector are two directions: give one.")
    }
    guard tensor == nil || vector != nil else { throw ValidationError("--tensor needs --vector.") }
  }

  func run() throws {
    try RunFolder.claimHeads(
      out, "attribute", output,
      inputs: model.inputs + input.inputs + [source.probe, vector].compactMap(\.self))
    let model = try model.load()
    let clock = Progress(of: 0, "")
    let prompts = try input.load(model, force: source.force)
    let (direction, score) = try chosenDirection(model)
    let plan = try sets.plan(seed: options.seed)
    var settings = HeadsSettings(input, prompts, score: score)
    settings.sets = plan
    let folder = try settings.folder(
      out, of: "attribute", model, input, seed: options.seed, overwriting: output.overwrite)
    let summary: AttributionSummary
    if let stored = try folder.result(AttributionSummary.self) {
      summary = stored
    } else {
      let journal = CaptureJournal(rows: try folder.journal(Int.self, Data.self))
      var progress = Progress(of: prompts.map(\.sequence), in: model, threads: options.threads)
      let attribution = try HeadAttribution(
        model, prompts, along: direction, keeping: journal, threads: options.threads,
        advance: { progress.advance(by: $0) })
      progress.finish()
      summary = try AttributionSummary(attribution, prompts, plan, model)
      try folder.finish(summary, table: summary.table)
    }
    if options.json {
      return try printJSON(
        "heads-attribute", Result(out: out, seconds: clock.seconds, summary: summary))
    }
    summary.print()
    print("\(folder.documentPath), \(out)/\(folder.name).csv: in \(fixed(clock.seconds, 1)) s")
  }

  private func chosenDirection(
    _ model: Model
  ) throws -> (HeadAttribution.Direction, HeadsSettings.Score) {
    if let (set, probe) = try source.load(model) {
      return (
        try .init(of: probe, name: "probe \(set.card.name) at \(probe.hook)"),
        .init(
          kind: "probe", hook: probe.hook, probe: set.card.name, probeSHA256: set.card.probeSHA256,
          forced: set.forced)
      )
    }
    if let vector {
      let values = try VectorFile(vector, tensor: tensor).vector(for: model, at: nil)
      let digest = Digest.sha256(Array(try lineOfJSON(values).utf8))
      let name = URL(fileURLWithPath: vector).lastPathComponent
      return (
        .init(values, isBehindFinalNorm: false, name: "vector \(name)"),
        .init(kind: "vector", vector: "\(name) \(digest)")
      )
    }
    let openers = try OpenerTokens(of: model)
    return (.init(of: openers, in: model), .init(kind: "openers", openers: openers))
  }
}

/// What `heads attribute` found.
struct AttributionSummary: Codable {
  /// One form of the contributions.
  struct Form: Codable {
    var heads: [HeadRow]
    var sets: HeadSetReport?
  }

  var direction: String
  var prompts: [String]
  var groups: Int
  var method: String
  var raw: Form
  /// Through the frozen final norm.
  var frozen: Form?
  var completeness: [HeadAttribution.Completeness]
  var setsNote: String?

  init(
    _ attribution: HeadAttribution, _ prompts: [HeadPrompt], _ plan: HeadSetPlan, _ model: Model
  ) throws {
    direction = attribution.direction.name
    self.prompts = prompts.map(\.sequence.id)
    groups = Set(prompts.map(\.group)).count
    method = claimMethod(
      heads: attribution.heads.count, groups: groups, seed: plan.seed, isSigned: true)
    let total = model.shape.layers * model.shape.heads
    let isSplit = groups >= 4
    setsNote =
      isSplit
      ? nil : "\(groups) groups of prompts cannot be cut into two parts; at least 4 are needed"
    func form(_ values: [[Double]], frozen: Bool) throws -> Form {
      let findings = try attribution.findings(
        frozen: frozen, seed: plan.seed, resamples: plan.resamples)
      let rows = findings.indices.map { HeadRow(finding: findings[$0], values: values[$0]) }
      guard isSplit else { return Form(heads: rows) }
      let chosen = try plan.split(prompts).train
      let places = Dictionary(uniqueKeysWithValues: zip(attribution.heads, values.indices))
      let sets = try plan.report(
        prompts, ranking: attribution.ranking(of: values, on: chosen), total: total, sign: -1
      ) { set, prompts in
        prompts.map { prompt in
          set.reduce(0) { $0 + (places[$1].map { values[$0][prompt] } ?? 0) }
        }
      }
      return Form(heads: rows, sets: sets)
    }
    raw = try form(attribution.contributions, frozen: false)
    frozen = try attribution.frozenContributions.map { try form($0, frozen: true) }
    completeness = attribution.completeness
  }

  var table: [[String]] {
    [["layer", "head", "prompt", "contribution", "contribution_frozen_norm"]]
      + raw.heads.indices.flatMap { index in
        prompts.indices.map { prompt in
          [
            "\(raw.heads[index].finding.layer)", "\(raw.heads[index].finding.head)",
            prompts[prompt], "\(raw.heads[index].values[prompt])",
            frozen.map { "\($0.heads[index].values[prompt])" } ?? "",
          ]
        }
      }
  }

  func print() {
    printLine("direction: \(direction); \(prompts.count) prompts, \(groups) groups")
    let worst = completeness.max {
      $0.largestError / max($0.largestOutput, 1e-30) < $1.largestError
        / max($1.largestOutput, 1e-30)
    }
    if let worst {
      printLine(
        "completeness: heads and bias sum to attention's output within "
          + "\(significant(worst.largestError)) of up to \(fixed(worst.largestOutput, 4)) (block \(worst.layer))"
      )
    }
    for (name, form) in [("raw", raw as Form?), ("through the frozen norm", frozen)] {
      guard let form else { continue }
      printLine("")
      printLine("contributions, \(name)")
      printFindings(
        form.heads.map(\.finding), sign: -1, word: "contribution", method: method,
        what: "contribution below 0")
      printSets(form.sets, note: setsNote)
    }
  }
}
