import ArgumentParser
import Bathyscope
import Foundation

struct HeadsSweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Ablate every head in every prompt and measure the score at the last token.",
    discussion: """
      Writes sweep.json and sweep.csv (every head and prompt) to --out; the bytes
      are the same for any --threads and --max-memory. What a head does is the score
      with it ablated minus the clean score: above 0, the head suppresses refusal. A
      head is claimed only where Holm's correction over all heads leaves p < 0.05 in
      a sign-flip test over prompts and against random directions. Sets of heads are
      chosen on one half of the prompts and reported on the other, beside random
      sets.

      A killed run goes on where it stopped when the same command is given again.

      Example:

        bathyscope heads sweep --model smollm2-135m --prompts transcripts.jsonl \\
          --probe probe --read template --at end-of-thinking --out heads
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var input: HeadPromptOptions
  @OptionGroup(title: "Ablation") var ablation: HeadAblationOptions
  @OptionGroup(title: "Sets") var sets: HeadSetOptions

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
  var out: String

  @OptionGroup var output: OutputOptions
  @OptionGroup var options: RunOptions

  struct Result: Encodable {
    var out: String
    var resumed: Int
    var seconds: Double
    var peakMemoryBytes: Int
    var summary: SweepSummary
  }

  func validate() throws {
    guard ablation.score != .attack else {
      throw ValidationError(
        "--score attack belongs to 'heads search'; with --size 1 it tries every head alone.")
    }
  }

  func run() throws {
    try RunFolder.claimHeads(
      out, "sweep", output, inputs: model.inputs + input.inputs + ablation.inputs)
    let model = try model.load()
    let clock = Progress(of: 0, "")
    let prompts = try input.load(model, ablating: ablation.at, force: ablation.source.force)
    let (study, score) = try ablation.study(model, input, prompts, options)
    let plan = try sets.plan(seed: options.seed)
    var settings = HeadsSettings(input, prompts, score: score)
    settings.add(ablation)
    settings.sets = plan
    let folder = try settings.folder(
      out, of: "sweep", model, input, reference: ablation.reference, seed: options.seed,
      overwriting: output.overwrite)
    var resumed = study.heads.count / model.shape.heads * prompts.count
    let summary: SweepSummary
    if let stored = try folder.result(SweepSummary.self) {
      summary = stored
    } else {
      let estimate = try study.estimate()
      let runner = try HeadsRunner(
        study, folder, total: resumed, keepingShifts: study.score.isSigned)
      resumed = runner.blockCount
      runner.announce(estimate, setPasses: plan.passes(study))
      summary = try SweepSummary(study, try runner.effects(), plan, runner)
      try folder.finish(summary, table: summary.table)
    }
    if options.json {
      return try printJSON(
        "heads-sweep",
        Result(
          out: out, resumed: resumed, seconds: clock.seconds, peakMemoryBytes: peakMemory(),
          summary: summary))
    }
    summary.print()
    print(
      "\(folder.documentPath), \(out)/\(folder.name).csv: \(summary.heads.count) heads x \(prompts.count) prompts"
        + " in \(fixed(clock.seconds, 1)) s, peak memory \(bytes(peakMemory()))")
  }
}

extension HeadSetPlan {
  /// How many passes over a prompt sets take, at most.
  func passes(_ study: HeadStudy) -> Int {
    study.canAblateSets ? shares.count * (randomSets + 2) * study.prompts.count / 2 : 0
  }
}
