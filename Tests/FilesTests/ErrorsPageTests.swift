import Files
import Foundation
import Testing

/// Documentation/errors.md has every code that the sources state, with the sentence that stands over it.
struct ErrorsPageTests {
  struct Row: Hashable {
    var name: String
    var fault: String
    var sentence: String
  }

  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Every Swift file below Sources.
  static func sources() throws -> [(name: String, text: String)] {
    let folder = root.appendingPathComponent("Sources")
    let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String }
    return try (names ?? []).filter { $0.hasSuffix(".swift") }.map { name in
      (name, try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8))
    }
  }

  /// What `static let name = Self("code", .fault)` states, and the member's name.
  static func stated() throws -> [(row: Row, member: String)] {
    try sources().filter { $0.name.contains("/Problem") }.flatMap { _, text in
      text.matches(
        of: /((?: +\/\/\/.*\n)+) +(?:public )?static let (\w+) = Self\("([^"]+)"(?:, \.(\w+))?\)/
      ).map { match in
        let sentence = match.1.split(separator: "\n").map {
          $0.trimmingCharacters(in: .whitespaces).dropFirst(4)
        }.joined(separator: " ")
        return (
          Row(name: String(match.3), fault: String(match.4 ?? "input"), sentence: sentence),
          String(match.2)
        )
      }
    }
  }

  @Test func thePageIsOfTheCodes() throws {
    let page = try String(
      contentsOf: Self.root.appendingPathComponent("Documentation/errors.md"), encoding: .utf8)
    var rows: [Row] = []
    for section in page.components(separatedBy: "\n## ").dropFirst() {
      let fault = section.prefix { $0 != ":" }.lowercased()
      for match in section.matches(of: /\| `([a-z0-9-]+)` \| (.+?) \| (.+?) \|/) {
        rows.append(Row(name: String(match.1), fault: fault, sentence: String(match.2)))
      }
    }
    let stated = try Self.stated().map(\.row)
    #expect(rows.count > 100 && rows.count == Set(rows.map(\.name)).count)
    #expect(Set(rows).subtracting(stated) == [], "on the page only")
    #expect(Set(stated).subtracting(rows) == [], "in the sources only")
    #expect(stated.count == rows.count, "a code is stated twice")
  }

  @Test func everyCodeIsThrown() throws {
    let text = try Self.sources().map(\.text).joined()
    for (row, member) in try Self.stated() {
      let uses = text.matches(of: try Regex("[ (\\[,]\\.\(member)\\b(?!\\()")).count
      #expect(uses > 0, "\(row.name)")
    }
  }
}
