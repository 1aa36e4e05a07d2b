import Files
import Testing

@testable import Jinja

/// Every construct, filter, test and method against Python's jinja2
/// (`Oracles/record_templates.py`).
struct JinjaGoldenTests {
  /// Where Bathyscope is stricter on purpose: what jinja2 prints here, no chat template means.
  static let refused: Set<String> = [
    "{{ ''.__class__ }}", "{{ 99999999999999999999 }}x",
  ]

  @Test func snippetsRenderAsInPython() throws {
    let recorded = try golden("templates.json")
    var variables: [String: JSON] = [:]
    for (key, value) in try #require(recorded["variables"]?.object).members {
      variables[String(decoding: key, as: UTF8.self)] = value
    }
    let snippets = try #require(recorded["snippets"]?.array)
    #expect(snippets.count > 120)
    for snippet in snippets {
      let source = try #require(snippet["template"]?.text)
      let result = Result { try render(source, variables) }
      if let expected = snippet["expected"]?.bytes, !Self.refused.contains(source) {
        #expect(
          (try? result.get().bytes) == expected,
          "\(source)\nexpected \(snippet["expected"]?.text ?? "")\ngot \(result.map(\.string))")
      } else {
        let error = #expect(throws: Problem.self, "\(source)") { try result.get() }
        // jinja2 has no codes to compare with.
        #expect(error?.code.name.hasPrefix("template-") == true, "\(source)")
      }
    }
  }
}
