import ArgumentParser
import Bathyscope
import Foundation

struct DirectionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "direction",
    abstract: "Find the direction of refusal, take it out of weights, convert steering vectors.",
    discussion: """
      After Arditi et al., arXiv 2406.11717. Example:

        bathyscope direction extract --model M --prompts p.jsonl --label harmful \\
          --out directions
        bathyscope direction select --model M --prompts p.jsonl \\
          --directions directions --out refusal
        bathyscope generate --model M --prompts p.jsonl \\
          --project-out refusal/direction.safetensors --out bypassed.jsonl
        bathyscope direction orthogonalise --model M \\
          --direction refusal/direction.safetensors --out M-without
      """,
    subcommands: [
      Extract.self, DirectionSelectCommand.self, DirectionOrthogonaliseCommand.self,
      DirectionConvertCommand.self,
    ])

  struct Extract: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Measure mean harmful minus mean harmless at every layer and position.",
      discussion: """
        One run over the training prompts gives a direction for the input of every
        block and every token of the template behind the instruction. Half of the
        groups of prompts train, a quarter chooses, a quarter tests; 'select' goes
        by the same split. A killed run goes on where it stopped when the same
        command is given again.

        Example:

          bathyscope direction extract --model smollm2-135m --prompts p.jsonl \\
            --label harmful --out directions
        """)

    @OptionGroup var model: ModelOptions
    @OptionGroup var prompts: PromptOptions

    @Option(help: ArgumentHelp("The label that is true of harmful prompts.", valueName: "name"))
    var label: String

    @Option(help: "The value that counts as harmful, for a label that is not true/false or 1/0.")
    var positive: String?

    @Option(
      help: "A label whose equal values stay on one side of the split; 'group' by default.")
    var group: String?

    @OptionGroup var duplicates: DuplicateOptions

    @Option(
      parsing: .unconditional,
      help: ArgumentHelp(
        "Tokens from the prompt's end, such as -5..-1; the template behind it by default.",
        valueName: "positions"))
    var positions: Positions?

    @Option(
      help: ArgumentHelp(
        "The most prompts of each class to choose with.", valueName: "count"))
    var validation = 32

    @Option(
      help: ArgumentHelp("The most prompts of each class to test on.", valueName: "count"))
    var test = 100

    @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
    var out: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var options: RunOptions

    struct Result: Encodable {
      var out: String
      var positions: [Int]
      var layers: Int
      var trainingHarmful: Int
      var trainingHarmless: Int
      var validationHarmful: Int
      var validationHarmless: Int
      var testHarmful: Int
      var testHarmless: Int
      /// `[positions][layers]`.
      var norms: [[Double]]
      var seconds: Double
    }

    /// All that decides the directions, besides the model.
    struct Settings: Encodable {
      var positions: String
      var split: DirectionSplit
      var promptTokensSHA256: String
    }

    func validate() throws {
      guard validation >= 2, test >= 2 else {
        throw ValidationError("--validation and --test must be 2 or more.")
      }
      switch positions {
      case nil, .range(_, ..<0): break
      default:
        throw ValidationError("--positions must count from the end, such as -5..-1 or -1.")
      }
    }

    func run() throws {
      try output.claim(
        folder: out, ["directions.safetensors", "card.json"], journal: "directions.journal",
        inputs: model.inputs + prompts.prompts)
      let rows = try prompts.read()
      let model = try model.load(for: rows)
      let clock = Progress(of: 0, "")
      let batch = try model.encode(rows.map(\.conversation))
      let harmful = try classes(of: rows)
      let (groups, repeats) = try duplicates.groups(
        rows.map { row in
          let text = row.labels[group ?? "group"]?.description ?? ""
          return text.isEmpty ? row.id : text
        }, of: batch.sequences, tokenizer: try? model.encoder.tokenizer)
      let split = try DirectionSplit(
        harmful: harmful, groups: groups, seed: options.seed, most: (validation, test))
      let range = try range(batch)
      try MadeFolders.make(out)
      let part = split.training
      let (harm, rest) = (batch.picking(part.harmful), batch.picking(part.harmless))
      let settings = Settings(
        positions: "\(range)", split: split, promptTokensSHA256: batch.sequences.sha256)
      let journal = CaptureJournal(
        rows: try .open(
          "\(out)/directions.journal",
          of: try .run(of: "direction-extract", model, settings: settings),
          overwriting: output.overwrite))
      var progress = Progress(
        of: harm.sequences + rest.sequences, in: model, threads: options.threads)
      let candidates = try DirectionCandidates(
        model, harmful: harm, harmless: rest, positions: range, keeping: journal,
        threads: options.threads, advance: { progress.advance(by: $0) })
      progress.finish()
      var card = StoredDirections.Card(
        candidates, of: model, split: split, groups: groups, prompts: try prompts.provenance(),
        promptTokensSHA256: batch.sequences.sha256,
        label: label + (positive.map { " is \($0)" } ?? ""), seed: options.seed,
        arguments: commandLineJSON(), toolVersion: bathyscopeVersion)
      card.duplicates = repeats
      try StoredDirections(card: card, candidates: candidates).write(to: out)
      journal.rows.remove()
      try report(candidates, split, seconds: clock.seconds)
    }

    private func classes(of rows: [Prompt]) throws -> [Bool] {
      try rows.map { row in
        let text = row.labels[label]?.description
        let truth = ["true": true, "1": true, "false": false, "0": false]
        guard let text, let value = positive.map({ text == $0 }) ?? truth[text.lowercased()] else {
          throw Problem(
            text == nil ? .missingLabel : .labelValue, prompts.prompts.joined(separator: ", "),
            place: "label '\(label)' of prompt '\(printable(row.id.utf8))'",
            problem: text.map { "is '\(printable($0.utf8))', neither true nor false" }
              ?? "is missing",
            remedy: "name a label that every prompt has, and the positive class with --positive")
        }
        return value
      }
    }

    private func range(_ batch: Batch) throws -> ClosedRange<Int> {
      guard case .range(let first, let last) = positions else {
        return try DirectionCandidates.positionsBehindInstruction(of: batch)
      }
      guard first <= last else {
        throw Problem(
          .invalidOption, "--positions", problem: "\(first)..\(last) are none",
          remedy: "name positions such as -5..-1")
      }
      return first...last
    }

    private func report(
      _ candidates: DirectionCandidates, _ split: DirectionSplit, seconds: Double
    ) throws {
      let positions = Array(candidates.positions)
      let norms = positions.map { position in
        (0..<candidates.layers).map { layer in
          candidates[position: position, layer: layer].reduce(0) {
            $0 + Double($1) * Double($1)
          }.squareRoot()
        }
      }
      if options.json {
        return try printJSON(
          "directions",
          Result(
            out: out, positions: positions, layers: candidates.layers,
            trainingHarmful: split.training.harmful.count,
            trainingHarmless: split.training.harmless.count,
            validationHarmful: split.validation.harmful.count,
            validationHarmless: split.validation.harmless.count,
            testHarmful: split.test.harmful.count, testHarmless: split.test.harmless.count,
            norms: norms, seconds: seconds))
      }
      print("length of the difference in means, by block input and position")
      printTable(
        ["block"] + positions.map { "\($0)" },
        (0..<candidates.layers).map { layer in
          ["\(layer)"] + norms.map { fixed($0[layer], 3) }
        })
      let parts = [split.training, split.validation, split.test]
      let counts = parts.map { "\($0.harmful.count) + \($0.harmless.count)" }
      print("")
      print(
        "\(out): \(positions.count * candidates.layers) directions; harmful + harmless prompts: "
          + "\(counts[0]) measured, \(counts[1]) to choose with, \(counts[2]) to test on")
    }
  }
}

extension Batch {
  /// Some of the sequences.
  func picking(_ places: [Int]) -> Batch { Batch(places.map { sequences[$0] }) }
}
