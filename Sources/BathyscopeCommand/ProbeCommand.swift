import ArgumentParser
import Bathyscope
import Foundation
import Synchronization

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe", abstract: "Train and test linear probes.",
    discussion: """
      Example:

        bathyscope probe train --acts acts.h5 --label harmful --out probe
        bathyscope probe map --acts acts.h5 --label harmful --out map
        bathyscope probe eval --acts other.h5 --label harmful --probe probe
      """,
    subcommands: [Train.self, ProbeMapCommand.self, Eval.self])

  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Train a probe at every captured hook, with controls, and write it with its card.",
      discussion: """
        Rows are split by group into training, selection (choice of the layer) and
        test rows. Beside every probe stand probes of shuffled labels and
        norm-matched random directions. A killed run goes on where it stopped when
        the same command is given again.

        Example:

          bathyscope probe train --acts acts.h5 --label harmful --test other.h5 \\
            --out probe
        """)

    @Option(
      help: ArgumentHelp(
        "What 'capture' wrote; may be repeated, as for a design with two models' answers.",
        valueName: "file"), completion: .file())
    var acts: [String]

    @Flag(help: "Take files of other weights than the first one's together; the card names them.")
    var force = false

    @OptionGroup var label: LabelOptions

    @Option(
      help: ArgumentHelp("Activations of another origin to test on.", valueName: "file"),
      completion: .file())
    var test: [String] = []

    @Option(
      help: ArgumentHelp(
        """
        A second label that crosses the first: two probes in two folders, each with the other label \
        balanced. With refused and harmful it tells refusal from topic.
        """, valueName: "name"))
    var other: String?

    @Option(help: "How the weights are found.")
    var kind: ProbeKind = .logistic

    @Option(help: "The probe's name on its card; the folder's name by default.")
    var name: String?

    @Option(help: "The licence of the training data, for the card.")
    var licence = "not stated"

    @Option(
      help: ArgumentHelp(
        "The model, for the cosine with its refusal openers; the one named in the file by default.",
        valueName: "name-or-path"))
    var model: String?

    @Option(
      help: ArgumentHelp(
        "An adapter that the activations were captured with, for the same; may be repeated.",
        valueName: "name-or-folder"))
    var adapter: [String] = []

    @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"))
    var out: String

    @OptionGroup var output: OutputOptions
    @OptionGroup var verifying: VerifyOptions
    @OptionGroup var options: RunOptions

    /// What a 2 x 2 design prints: a card for each direction, and how alike they are.
    struct Design: Encodable {
      var cards: [ProbeCard]
      var cells: TwoByTwo.Cells
      var cosines: [Double]
      /// How far each probe tells the other's label, and what it scores in each cell.
      var crossings: [TwoByTwo.Crossing]
    }

    func validate() throws {
      guard model != nil || adapter.isEmpty else {
        throw ValidationError("--adapter needs --model, which it is an adapter of.")
      }
    }

    func run() throws {
      let written = other.map { ["\(label.label)/", "\($0)/"] } ?? [""]
      try output.claim(
        folder: out, written.flatMap { part in ProbeSet.names.map { part + $0 } },
        journal: ProbeSettings.journal, inputs: acts + test + modelInputs(model, adapter))
      let sources = try acts.map { try ProbeSource($0, verifying) }
      let files = sources.map(\.file)
      try requireAlike(files, force: force)
      let tests = try tests(besides: sources)
      let (examples, duplicates) = try label.examples(files, model: model)
      let parts = try zip(files, examples).map { try FeatureSet($0, $1) }
      let features = try FeatureSet(joining: parts)
      let training = ProbeTraining(kind: kind, seed: options.seed)
      var settings = ProbeSettings(training: training, examples: features.examples)
      guard let other else {
        let journal = try settings.journal(out, of: sources, overwriting: output.overwrite)
        let trained = try withProgress(features.hooks.count) {
          try training.train(features, keeping: journal, threads: options.threads, advance: $0)
        }
        let card = try store(trained, label, sources, parts, tests, duplicates, in: out)
        journal.remove()
        if options.json { try printJSON("probe", card) } else { printCard(card, in: out) }
        return
      }
      var second = label
      (second.label, second.positive) = (other, nil)
      let crossedParts = try files.map { try FeatureSet($0, try second.examples($0)) }
      let crossed = try FeatureSet(joining: crossedParts)
      settings.crossed = crossed.examples.map(\.label)
      let journal = try settings.journal(out, of: sources, overwriting: output.overwrite)
      let design = try withProgress(2 * features.hooks.count) {
        try training.trainTwoByTwo(
          features, harmful: crossed.examples.map(\.label),
          refused: features.examples.map(\.label), keeping: journal, threads: options.threads,
          advance: $0)
      }
      let folders = ["\(out)/\(label.label)", "\(out)/\(other)"]
      let cards = [
        try store(design.refusal, label, sources, parts, tests, duplicates, in: folders[0]),
        try store(
          design.harmfulness, second, sources, crossedParts, tests, duplicates, in: folders[1]),
      ]
      journal.remove()
      if options.json {
        try printJSON(
          "probe-design",
          Design(
            cards: cards, cells: design.cells, cosines: design.cosines,
            crossings: design.crossings))
        return
      }
      for (card, folder) in zip(cards, folders) { printCard(card, in: folder) }
      printDesign(design, features.hooks, names: (label.label, other))
    }

    private func withProgress<Outcome>(
      _ probes: Int, _ train: (@Sendable () -> Void) throws -> Outcome
    ) rethrows -> Outcome {
      let progress = Mutex(Progress(of: probes, "probes"))
      defer { progress.withLock { $0.finish() } }
      return try train { progress.withLock { $0.advance(by: 1) } }
    }

    /// The files to test on; what is wrong with one is said before a long training.
    private func tests(besides sources: [ProbeSource]) throws -> [ProbeSource] {
      let tests = try test.map { try ProbeSource($0, verifying) }
      for test in tests {
        try requireSameModel(test.file, sources[0].file)
        try requireUnseen(test, by: sources.map(\.sha256))
        _ = try label.examples(test.file)
      }
      return tests
    }

    /// Writes the probes with their card, tested on the other files too.
    /// - Parameter sources: what the probes were trained on; the card's model is the first one's.
    private func store(
      _ trained: TrainedProbes, _ label: LabelOptions, _ sources: [ProbeSource],
      _ parts: [FeatureSet], _ tests: [ProbeSource], _ duplicates: Duplicates, in folder: String
    ) throws -> ProbeCard {
      let file = sources[0].file
      var card = ProbeCard(
        name: name ?? URL(fileURLWithPath: folder).lastPathComponent, trained: trained,
        model: file.description.model, precision: file.description.precision,
        positions: file.description.rule ?? .all,
        trainingData: zip(sources, parts).map { data($0, $1, besides: file) },
        signConvention: "z > 0: \(label.label)" + (label.positive.map { " is \($0)" } ?? ""),
        toolVersion: bathyscopeVersion)
      card.duplicates = duplicates
      for test in tests {
        let (examples, _) = try label.examples([test.file], model: model)
        let features = try FeatureSet(test.file, examples[0])
        card.outOfDistribution.append(
          .init(
            data: data(test, features, besides: file), hook: trained.chosen.hook,
            metrics: try trained.chosen.evaluate(on: features, seed: options.seed)))
      }
      card.openerCosines = openerCosines(trained, file)
      card.arguments = commandLineJSON()
      try ProbeSet(card: card, probes: trained.probes).write(to: folder)
      return card
    }

    private func data(
      _ source: ProbeSource, _ features: FeatureSet, besides first: ActivationFile
    ) -> ProbeCard.DataSource {
      let positives = features.examples.count(where: \.label)
      let (model, other) = (first.description.model, source.file.description.model)
      return .init(
        name: URL(fileURLWithPath: source.file.path).lastPathComponent, licence: licence,
        sha256: source.sha256, positives: positives, negatives: features.rowCount - positives,
        otherModel: model.weightsSHA256 == other.weightsSHA256 ? nil : other.id,
        isUnverified: source.file.isVerified ? nil : true)
    }

    private func openerCosines(
      _ trained: TrainedProbes, _ file: ActivationFile
    ) -> [Double?]? {
      let identity = file.description.model
      do {
        let model = try Model.load(
          self.model ?? identity.id, adapters: adapter.map(openAdapter))
        guard model.identity.weightsSHA256 == identity.weightsSHA256 else {
          writeError(
            "note: \(model.identity.id) has other weights than the activations; "
              + "the cosine with refusal openers is left out")
          return nil
        }
        return try Openers.cosines(of: trained.probes, in: model)
      } catch {
        writeError("note: the cosine with refusal openers is left out: \(error)")
        return nil
      }
    }
  }

  struct Eval: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Test a stored probe on other activations of its model.",
      discussion: """
        Example:

          bathyscope probe eval --probe probe --acts other.h5 --label harmful
        """)

    @Option(help: ArgumentHelp("What 'probe train' wrote.", valueName: "folder"))
    var probe: String

    @Option(
      help: ArgumentHelp("What 'capture' wrote; may be repeated.", valueName: "file"),
      completion: .file())
    var acts: [String]

    @OptionGroup var label: LabelOptions

    @Flag(help: "Use the probe although the model's weights are others; it is recorded.")
    var force = false

    @OptionGroup var verifying: VerifyOptions
    @OptionGroup var options: RunOptions

    struct Row: Encodable {
      var hook: HookPoint
      var isChosen: Bool
      var metrics: ProbeMetrics
    }

    struct Result: Encodable {
      var probe: String
      var acts: [String]
      var forced: [String]
      var duplicates: Duplicates
      /// Files that were not compared with their digests.
      var unverified: [String]
      var evaluations: [Row]
    }

    func run() throws {
      let sources = try acts.map { try ProbeSource($0, verifying) }
      let files = sources.map(\.file)
      try requireAlike(files, force: force)
      var forced: [String] = []
      for description in files.map(\.description) {
        let set = try ProbeSet.load(
          probe,
          for: ProbeHost(
            modelID: description.model.id, modelSHA256: description.model.weightsSHA256,
            width: description.widths[try ProbeSet.load(probe).chosen.hook.site] ?? 0,
            layerCount: Int.max),
          force: force)
        notePrecisions(set.card.precision, description.precision, of: "the probe \(probe)")
        forced += set.forced.filter { !forced.contains($0) }
      }
      let set = try ProbeSet.load(probe)
      for source in sources { try requireUnseen(source, by: set.card.trainingData.map(\.sha256)) }
      let probes = set.probes.filter { files[0].hooks.contains($0.hook) }
      guard !probes.isEmpty else {
        throw Problem(
          .notCaptured, files[0].path, problem: "holds none of the probe's hooks",
          remedy: "capture \(set.chosen.hook)")
      }
      let (examples, duplicates) = try label.examples(files)
      let features = try FeatureSet(
        joining: try zip(files, examples).map {
          try FeatureSet($0, $1, hooks: probes.map(\.hook))
        })
      let rows = try probes.map {
        Row(
          hook: $0.hook, isChosen: $0.hook == set.chosen.hook,
          metrics: try $0.evaluate(on: features, seed: options.seed))
      }
      if options.json {
        try printJSON(
          "probe-evaluation",
          Result(
            probe: probe, acts: acts, forced: forced, duplicates: duplicates,
            unverified: files.filter { !$0.isVerified }.map(\.path), evaluations: rows))
        return
      }
      for override in forced { writeError("forced: \(override)") }
      printTable(
        ["hook", "AUROC", "accuracy", "chosen"],
        rows.map {
          [
            "\($0.hook)", $0.metrics.auroc.map { "\($0)" } ?? "undefined",
            $0.metrics.accuracy.map { "\($0)" } ?? "undefined", $0.isChosen ? "*" : "",
          ]
        })
    }
  }
}
