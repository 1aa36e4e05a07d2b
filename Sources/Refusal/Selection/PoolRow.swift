import Files
import Foundation
import Prompts

/// One transcript of a pool from which safety data is chosen.
public struct PoolRow: Sendable, Equatable {
  /// The answer's name: the request's id, or `id#2` for a further sample.
  public var id: String
  /// The system message; nil without one.
  public var system: String?
  /// Earlier turns, each a request with its answer.
  public var history: [[String]]
  /// The words of the last user's message, or a plain text.
  public var request: String
  /// The model's own.
  public var thinking: String
  /// What the model answered after its thinking.
  public var answer: String
  /// The label by which quotas are kept; nil without one.
  public var category: String?
  /// The file's name, its SHA-256, and the line on which the row begins.
  public var source: String
  /// SHA-256 of that file.
  public var sourceDigest: String
  /// The line of that file on which the row begins, or its place in a list, from 1.
  public var sourceRow: Int
  /// Nil when nobody says.
  public var licence: String?
  /// What it is to be answered with; nil for the default.
  public var safeAnswer: String?
  /// The height of s during thinking, from 0 to 1; nil where no trace has it.
  public var plateau: Double?
  /// s at the last template token before the answer, from 0 to 1; nil where no trace has it.
  public var final: Double?
  /// What the trace says of the transcripts of the row's kind; nil where it is not known.
  public var verdict: Verdict?
  /// Verdicts by the judge's name.
  public var votes: [String: Judgement]

  /// SHA-256 of the thinking's text, as traces have it.
  public var thinkingDigest: String { Digest.sha256(Array(thinking.utf8)) }

  /// plateau - final, the misalignment score MS of arXiv 2510.06036; nil without a trace.
  public var misalignment: Double? {
    guard let plateau, let final else { return nil }
    return plateau - final
  }
}

/// Why a row cannot be chosen.
public enum Unusable: String, Sendable, Codable, CaseIterable {
  case noThinking = "no thinking"
  case noRequest = "the request is no text"
  case noAnswer = "no answer"
  case otherRoles = "messages of other roles, or out of turn"
  case benign = "a benign request"
}

extension PoolRow {
  /// A request and its answer with thinking.
  package init(
    _ row: Prompt, _ answer: Answer, source: String, sourceDigest: String
  ) throws(PoolRow.Refusal) {
    guard let thinking = answer.thinking, !thinking.allSatisfy(\.isWhitespace) else {
      throw Refusal(.noThinking)
    }
    guard answer.absence == nil else { throw Refusal(.noAnswer) }
    id = answer.name
    self.thinking = thinking
    self.answer = answer.text
    self.source = source
    self.sourceDigest = sourceDigest
    sourceRow = answer.sourceRow
    (history, votes) = ([], [:])
    switch row.conversation.source {
    case .tokenIDs: throw Refusal(.noRequest)
    case .text(let text): request = text
    case .messages(var messages):
      if messages.first?.role == "system" { system = messages.removeFirst().content }
      guard let last = messages.popLast(), last.role == "user", messages.count % 2 == 0 else {
        throw Refusal(.otherRoles)
      }
      request = last.content
      for index in stride(from: 0, to: messages.count, by: 2) {
        guard messages[index].role == "user", messages[index + 1].role == "assistant" else {
          throw Refusal(.otherRoles)
        }
        history.append([messages[index].content, messages[index + 1].content])
      }
    }
    licence = (row.labels["licence"] ?? row.labels["license"])?.description
  }

  /// Thrown for a row that cannot be chosen.
  package struct Refusal: Error {
    package var reason: Unusable
    init(_ reason: Unusable) { self.reason = reason }
  }
}

/// Reads the traces that `bathyscope trace` wrote.
public enum TraceFile {
  /// The file of traces of a folder, or that file itself.
  public static func path(_ place: String) -> String {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: place, isDirectory: &isFolder)
      && isFolder.boolValue ? "\(place)/traces.jsonl" : place
  }

  /// The traces of a folder, or of its `traces.jsonl`, by the transcript's id.
  /// - Throws: when the run that writes them has not ended, a line is no trace, or two have one id; the
  ///   error names the line.
  public static func read(_ place: String) throws(Problem) -> [String: TokenTrace] {
    let path = path(place)
    try StoredTrace.requireEnded(URL(fileURLWithPath: path).deletingLastPathComponent().path)
    var traces: [String: TokenTrace] = [:]
    for (number, line) in try StoredTrace.lines(path).split(separator: 0x0A).enumerated() {
      func error(_ code: Problem.Code, _ problem: String) -> Problem {
        Problem(
          code, path, place: "line \(number + 1)", problem: problem,
          remedy: "write the traces again with 'bathyscope trace'")
      }
      guard line.count <= 256 << 20,
        (try? JSONReader.parse(Array(line), file: path)) != nil,
        let trace = try? JSONDecoder().decode(TokenTrace.self, from: Data(line)),
        trace.schema == "bathyscope-trace-1"
      else { throw error(.wrongType, "is no trace") }
      try trace.check()
      guard traces.updateValue(trace, forKey: trace.id) == nil else {
        throw error(.duplicateID, "has the id of an earlier line")
      }
    }
    return traces
  }
}
