import Bathyscope
import Foundation

/// All that decides the scores of a trace.
struct TraceConfiguration: Encodable {
  var schema = "bathyscope-trace-run-1"
  var toolVersion = bathyscopeVersion
  var model: ModelIdentity
  var precision: Precision
  var kernel: String
  /// The transcripts' files, each with its digest.
  var prompts: [String]
  /// SHA-256 of what is run, as tokens.
  var promptTokensSHA256: String
  var probe: String
  var probeSHA256: String
  var hooks: [HookPoint]
  var rule: PlateauRule
  var label: String?
  var group: String?
  var keepsDuplicates: Bool
  var seed: UInt64
}

/// The finished transcripts of a trace that has not ended, and their final scores with less thinking.
final class TraceJournal {
  /// A line: a transcript's trace, or its final score with a share of its thinking.
  private struct Row: Codable {
    /// The transcript's place among all.
    var place: Int
    var trace: TokenTrace?
    var share: Double?
    var final: Double?
  }

  private struct Cut: Hashable {
    var place: Int
    var share: Double
  }

  private let journal: RunJournal
  private var traces: [Int: TokenTrace] = [:]
  private var finals: [Cut: Double] = [:]

  /// - Parameter ids: of all transcripts, in their order.
  /// - Throws: when a run with other arguments has not ended there.
  init(
    _ folder: String, _ configuration: TraceConfiguration, ids: [String], overwrites: Bool
  ) throws {
    journal = try RunJournal(
      "\(folder)/\(StoredTrace.journal)", header: try lineOfJSON(configuration), of: "traces",
      overwrites: overwrites)
    let file = try journal.file
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    for (index, range) in journal.lines.enumerated() {
      let row = try? decoder.decode(Row.self, from: Data(file.bytes[range]))
      guard let row, ids.indices.contains(row.place), add(row, id: ids[row.place]) else {
        throw journal.error(at: index, "is no row of this trace, or one that stands there twice")
      }
    }
  }

  private func add(_ row: Row, id: String) -> Bool {
    if let trace = row.trace {
      guard trace.id == id, row.final == nil else { return false }
      return traces.updateValue(trace, forKey: row.place) == nil
    }
    guard let share = row.share, let final = row.final, final.isFinite else { return false }
    return finals.updateValue(final, forKey: Cut(place: row.place, share: share)) == nil
  }

  func trace(_ place: Int) -> TokenTrace? { traces[place] }

  func final(_ place: Int, of share: Double) -> Double? { finals[Cut(place: place, share: share)] }

  func append(_ trace: TokenTrace, at place: Int) throws {
    try journal.append(try lineOfJSON(Row(place: place, trace: trace)))
    traces[place] = trace
  }

  func append(_ final: Double, at place: Int, share: Double) throws {
    try journal.append(try lineOfJSON(Row(place: place, share: share, final: final)))
    finals[Cut(place: place, share: share)] = final
  }

  /// Removes the journal once everything is written.
  func remove() { journal.remove() }
}
