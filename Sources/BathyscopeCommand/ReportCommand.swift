import ArgumentParser
import Bathyscope
import Foundation

/// `FILE`, or `NAME=FILE`.
struct NamedPath: ExpressibleByArgument {
  var name: String?
  var path: String

  init?(argument: String) {
    // A path may hold an equals sign behind a slash, a name holds no slash.
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].contains("/") else {
      guard !argument.isEmpty else { return nil }
      (name, path) = (nil, argument)
      return
    }
    let name = String(parts[0])
    guard (1...40).contains(name.unicodeScalars.count), !parts[1].isEmpty,
      name.unicodeScalars.allSatisfy({
        ![.control, .format].contains($0.properties.generalCategory)
      })
    else { return nil }
    (self.name, path) = (name, String(parts[1]))
  }
}

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Put the results of a study into one HTML page.",
    discussion: """
      Reads what other commands wrote and writes report.html (self-contained) and
      figures/ (every figure as SVG, its data as CSV and JSON) to --out. Nothing is
      computed anew but the differences between traces.

      Traces stand side by side; the first is the one that others are compared with.
      A name can be given to every file: NAME=FILE. A file without one has to be of
      the model of a trace, or of the one model of the study.

      Example:

        bathyscope report --trace aligned=traces/aligned --trace cliff=traces/cliff \\
          --heads heads/sweep.json --attack attack/attack.json --probe probe \\
          --selection selection/selection.json --out report
      """)

  @Option(
    help: ArgumentHelp(
      "What 'trace' wrote; may be given several times.", valueName: "[name=]folder"))
  var trace: [NamedPath] = []

  @Option(
    help: ArgumentHelp(
      "A JSON file of 'heads attribute', 'sweep' or 'search'; may be given several times.",
      valueName: "[name=]file"))
  var heads: [NamedPath] = []

  @Option(
    help: ArgumentHelp(
      "The attack.json of 'attack'; may be given several times.", valueName: "[name=]file"))
  var attack: [NamedPath] = []

  @Option(
    help: ArgumentHelp(
      "What 'probe train' wrote; may be given several times.", valueName: "[name=]folder"))
  var probe: [NamedPath] = []

  @Option(help: ArgumentHelp("The selection.json of 'select'.", valueName: "file"))
  var selection: String?

  @Option(help: "The page's title.")
  var title = "A study of refusal"

  @Option(help: ArgumentHelp("The folder to write.", valueName: "folder"), completion: .directory)
  var out: String

  @OptionGroup var output: OutputOptions

  @Flag(help: "Print JSON.")
  var json = false

  struct Result: Encodable {
    var report: String
    var figures: Int
    var verdicts: [String]
  }

  func validate() throws {
    guard !(trace.isEmpty && heads.isEmpty && attack.isEmpty && probe.isEmpty && selection == nil)
    else {
      throw ValidationError(
        "Give at least one of --trace, --heads, --attack, --probe and --selection.")
    }
  }

  func run() throws {
    try output.claim(
      folder: out, [Report.page],
      inputs: (trace + heads + attack + probe).map(\.path) + [selection].compactMap(\.self))
    let study = try study()
    let report = Report(study, title: title, facts: try facts())
    try MadeFolders.make(out)
    let page = try report.write(to: out)
    if json {
      return try printJSON(
        "report",
        Result(
          report: page, figures: report.figureCount, verdicts: report.verdicts.map(\.text)))
    }
    for verdict in report.verdicts {
      for line in verdict.text.split(separator: "\n") { print(String(line)) }
    }
    print("\(report.figureCount) figures: \(page)")
  }

  private func study() throws -> StudyResults {
    var study = StudyResults()
    if !trace.isEmpty {
      study.traces = try TraceComparison(
        try trace.map { named in
          let stored = try StoredTrace(named.path)
          return (named.name ?? stored.provenance.model?.id ?? named.path, stored)
        })
    }
    for named in heads {
      var stored = try StoredHeads(named.path)
      stored.name = try study.name(of: stored.model, in: named.path, given: named.name)
      study.heads.append(stored)
    }
    for named in attack {
      var stored = try StoredAttack(named.path)
      stored.name = try study.name(of: stored.model, in: named.path, given: named.name)
      study.attacks.append(stored)
    }
    for named in probe {
      var stored = try StoredProbe(named.path)
      if let name = named.name { stored.name = name }
      study.probes.append(stored)
    }
    study.selection = try selection.map { try SelectionResult.read($0) }
    return study
  }

  /// The digests of all files, so that the page says what it was made of.
  private func facts() throws -> [Report.Fact] {
    let files =
      trace.flatMap { ["\($0.path)/summary.json", "\($0.path)/traces.jsonl"] }
      + (heads + attack).map(\.path) + probe.map { "\($0.path)/card.json" }
      + [selection].compactMap(\.self)
    return try files.map { .init("SHA-256 of \($0)", Digest.sha256(of: try MappedFile($0))) }
      + [.init("Bathyscope", bathyscopeVersion), .init("command", commandLineJSON())]
  }
}
