import Bathyscope
import Foundation

/// A run that was begun with other arguments, as its journal or its result says.
enum RunConflict {
  /// - Parameter differences: each with both values.
  static func differs(_ differences: [String], in file: String) -> Problem {
    Problem(
      .otherConfiguration, file,
      problem: "was begun with other arguments: "
        + differences.prefix(6).joined(separator: "; "),
      remedy: "repeat them, or choose another --out")
  }

  /// - Throws: where a stored configuration is not this one.
  static func check(_ stored: JSON, _ own: JSON, in file: String) throws {
    let differences = differences(stored, own, at: "")
    guard differences.isEmpty else { throw differs(differences, in: file) }
  }

  /// Compares what an earlier document says of its making with this run's facts; the command's words may
  /// differ, and arms may be added to an attack.
  static func check(documentAt path: String, _ own: [String: String]) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    let json = try JSONReader.parse(try readFile(path, limit: 1 << 30), file: path)
    guard let stored = json["provenance"], stored.object != nil else {
      throw Problem.wouldOverwrite(path)
    }
    let facts = own.filter { !$0.key.hasPrefix("arm ") || stored[$0.key] != nil }
    let command = JSON.string(Array((own["command"] ?? "").utf8))
    try check(
      stored.setting("command", to: command),
      JSONReader.parse(Array(try lineOfJSON(facts).utf8), file: path), in: path)
  }

  private static func differences(_ old: JSON, _ new: JSON, at place: String) -> [String] {
    if let old = old.object, let new = new.object {
      let keys = old.members.map(\.key) + new.members.map(\.key).filter { old[$0] == nil }
      return keys.flatMap { key in
        let name = printable(key)
        return differences(
          old[key] ?? .null, new[key] ?? .null, at: place.isEmpty ? name : "\(place).\(name)")
      }
    }
    return old == new ? [] : ["\(place) was \(text(old)) and is \(text(new))"]
  }

  private static func text(_ json: JSON) -> String {
    switch json {
    case .null: "none"
    case .bool(let value): "\(value)"
    case .number(let text): printable(text.utf8)
    case .string(let bytes): "'\(printable(bytes))'"
    case .array(let values): "[" + values.prefix(3).map(text).joined(separator: ", ") + "]"
    case .object: "an object"
    }
  }
}
