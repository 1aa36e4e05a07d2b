import Files
import Foundation
import Probing
import Prompts
import Runs

/// A folder that `bathyscope trace` wrote, read back: so that traces of several models can stand side by
/// side.
///
///     let cliff = try StoredTrace("traces/cliff")
///     cliff.summary.groups.map(\.verdict.sentence)
public struct StoredTrace: Sendable, Equatable {
  /// The path that was read.
  public var folder: String
  /// Its verdicts are judged anew by what the probe's card says.
  public var summary: CliffSummary
  /// Where the final score goes when the thinking is cut; nil where it was not asked for.
  public var cuts: ThinkingCuts?
  /// In the order of the transcripts.
  public var traces: [TokenTrace]
  /// What was overridden, in words: the probe of another model.
  public var forced: [String]
  /// Where the numbers came from.
  public var provenance: Provenance
  /// What the model writes around its thinking; nil where it has no tokenizer.
  public var markers: ThinkingMarkers?
  /// The card of the probe that scored.
  public var card: ProbeCard

  /// The document's name, without `.json`.
  package static let document = "summary"
  /// The file in which a run keeps what is finished, until the folder is whole.
  package static let journal = "\(document).journal"

  private struct Document: Decodable {
    var forced: [String]
    var markers: ThinkingMarkers?
  }

  /// - Throws: when a file is missing or is not what the command writes.
  public init(_ folder: String) throws(Problem) {
    self.folder = folder
    try Self.requireEnded(folder)
    let summaryPath = "\(folder)/summary.json"
    let run = try Self.openSummary(summaryPath)
    summary = try run.result(CliffSummary.self)
    let document = try run.result(Document.self)
    forced = document.forced
    provenance = run.provenance
    markers = document.markers
    if run.files.contains("cuts.json") {
      cuts = try StoredDocument.decode(
        ThinkingCuts.self, try run.file("cuts.json"), "\(folder)/cuts.json", isSnakeCase: true)
    }
    card = try StoredDocument.decode(
      ProbeCard.self, try run.file("probe.json"), "\(folder)/probe.json")
    traces = try Self.readTraces(try run.file("traces.jsonl"), "\(folder)/traces.jsonl")
    let places = Set(summary.groups.map(\.label))
    guard traces.allSatisfy({ places.contains($0.label ?? "unlabelled") }) else {
      throw Problem(
        .contradictory, folder, problem: "its summary is not of its transcripts",
        remedy: "trace the transcripts again")
    }
    // Both would be a programmer's error further on.
    guard
      ([summary.rule] + summary.groups.flatMap { $0.rules.map(\.rule) }).allSatisfy({
        $0.withoutLast >= 0
      })
    else {
      throw Problem(
        .outOfRange, summaryPath, place: "rule.without_last", problem: "is negative",
        remedy: "trace the transcripts again")
    }
    guard card.report.evaluations.indices.contains(card.report.chosen) else {
      throw Problem(
        .contradictory, "\(folder)/probe.json", place: "report.chosen",
        problem: "is none of its \(card.report.evaluations.count) evaluations",
        remedy: "trace the transcripts again")
    }
    // An earlier version may have told more than the probe can tell.
    summary.naturalFall = card.report.evaluations[card.report.chosen].naturalFall
    summary.judge(trainedAt: card.report.coverage)
  }

  /// - Throws: when a run is writing the folder, or was when it was killed.
  static func requireEnded(_ folder: String) throws(Problem) {
    guard !FileManager.default.fileExists(atPath: "\(folder)/\(journal)") else {
      throw Problem(
        .runUnfinished, folder, place: journal, problem: "is of a run that has not ended",
        remedy: "give the command again that was writing it")
    }
  }

  private static func openSummary(_ path: String) throws(Problem) -> StoredRun {
    try StoredRun.open(
      document: path, studies: ["trace"], earlier: ["bathyscope-cliff-summary-1"])
  }

  /// The bytes of a file of traces; of one that is in its folder, only those that the summary tells of.
  static func lines(_ path: String) throws(Problem) -> [UInt8] {
    let place = URL(fileURLWithPath: path)
    let summary = "\(place.deletingLastPathComponent().path)/\(document).json"
    guard place.lastPathComponent == "traces.jsonl",
      FileManager.default.fileExists(atPath: summary)
    else { return try readFile(path, limit: 1 << 30) }
    return try openSummary(summary).file("traces.jsonl")
  }

  private static func readTraces(
    _ bytes: [UInt8], _ path: String
  ) throws(Problem) -> [TokenTrace] {
    var traces: [TokenTrace] = []
    for (number, line) in bytes.split(separator: 0x0A).enumerated() {
      do throws(Problem) {
        let trace = try StoredDocument.decode(TokenTrace.self, Array(line), path)
        try trace.check()
        traces.append(trace)
      } catch {
        let reason = error.place.isEmpty ? "" : ": \(error.place) \(error.problem)"
        throw Problem(
          .wrongType, path, place: "line \(number + 1)", problem: "is no trace\(reason)",
          remedy: "trace the transcripts again")
      }
    }
    guard !traces.isEmpty else {
      throw Problem(.noRows, path, problem: "has no traces", remedy: "trace the transcripts again")
    }
    return traces
  }
}
