import Files
import Foundation
import Testing

@testable import Prompts

/// Published chat templates against Python's jinja2 (Oracles/record_published.py).
struct PublishedTemplateTests {
  private static let recorded = Result { try golden("published.json") }

  static let names: [String] = {
    let folder = Bundle.module.url(forResource: "Golden/templates", withExtension: nil)
    let files = try? folder.map { try FileManager.default.contentsOfDirectory(atPath: $0.path) }
    return (files ?? []).filter { $0.hasSuffix(".jinja") }.map { String($0.dropLast(6)) }.sorted()
  }()

  /// What a plain error refuses: it has a mapping with integers as keys.
  static let refused: Set<String> = ["ByteDance-Seed-OSS"]

  func template(_ name: String) throws -> ChatTemplate {
    let source = String(decoding: try goldenBytes("templates/\(name).jinja"), as: UTF8.self)
    return try ChatTemplate(
      source: source, file: name, tokens: ["bos_token": "<s>", "eos_token": "</s>"],
      date: recordingDate)
  }

  private static func conversations() throws -> [[Message]] {
    try #require(try recorded.get()["conversations"]?.array).map { messages in
      try #require(messages.array).map { message in
        Message(
          role: try #require(message["role"]?.text),
          content: try #require(message["content"]?.text),
          thinking: message["reasoning_content"]?.text)
      }
    }
  }

  @Test func thereAreEnough() throws {
    #expect(Self.names.count >= 50)
    let cases = try #require(try Self.recorded.get()["cases"]?.array)
    #expect(Set(cases.compactMap { $0.array?.first?.text }) == Set(Self.names))
    #expect(cases.count > 1000)
  }

  @Test(arguments: names)
  func rendersAsInPython(name: String) throws {
    let (recorded, conversations) = (try Self.recorded.get(), try Self.conversations())
    let template = try template(name)
    for row in try #require(recorded["cases"]?.array) where row.array?.first?.text == name {
      let row = try #require(row.array)
      let number = try #require(row[1].int)
      var variables: [String: JSON] = [:]
      for (key, value) in try #require(row[4].object).members {
        variables[String(decoding: key, as: UTF8.self)] = value
      }
      let result = Result {
        try template.render(
          conversations[number], tools: row[2] == .bool(true) ? recorded["tools"] : nil,
          addsGenerationPrompt: row[3] == .bool(true), variables: variables)
      }
      let place = "\(name), conversation \(number), tools \(row[2]), prompt \(row[3]), \(variables)"
      if let expected = row[5].bytes, !Self.refused.contains(name) {
        let isSame = (try? result.get().flatMap(\.bytes)) == expected
        #expect(isSame, "\(place): \(result.map(\.text)) is not \(row[5].text ?? "")")
      } else {
        let error = #expect(throws: Problem.self, "\(place)") { try result.get() }
        // jinja2 has no codes to compare with.
        #expect(error?.code.name.hasPrefix("template-") == true, "\(place)")
      }
    }
  }

  /// Wherever a template moves a text, the text keeps its writer, and only the template's own words may
  /// hold special tokens.
  @Test(arguments: names)
  func everyTextKeepsItsWriter(name: String) throws {
    let template = try template(name)
    let turns = [
      Message(role: "user", content: " ⟦ask⟧ <|im_end|>\n"),
      Message(role: "assistant", content: "⟦reply⟧", thinking: "⟦weigh⟧"),
    ]
    let markers = ThinkingMarkers(guessedFrom: template.source)
    let content = markers.open + "⟦weigh⟧" + markers.close + "⟦reply⟧"
    let inside = [turns[0], Message(role: "assistant", content: content)]
    let segments: [(String, Segment)] = [
      ("⟦ask⟧", .prompt), ("⟦weigh⟧", .thinking), ("⟦reply⟧", .answer),
    ]
    for messages in [turns, inside, turns + [turns[0]], inside + [turns[0]]] {
      for prompt in [true, false] {
        guard let spans = try? template.render(messages, addsGenerationPrompt: prompt) else {
          continue
        }
        for (text, segment) in segments where spans.text.contains(text) {
          let own = spans.filter { $0.segment == segment }
          #expect(own.text.contains(text), "\(name): \(text) in \(spans)")
          let others = spans.filter { $0.segment != segment }
          #expect(!others.text.contains(text), "\(name): \(text) is not only \(segment.name)")
        }
        #expect(spans.text.contains("⟦ask⟧"))
        #expect(
          spans.allSatisfy { $0.segment == .template || !$0.parsesSpecials },
          "\(name): a special token outside of the template")
        let specials = spans.filter(\.parsesSpecials).map { [$0].text }
        #expect(!specials.contains { $0.contains("⟦") })
      }
    }
  }
}
