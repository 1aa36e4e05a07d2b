import Files
import Foundation
import Testing

@testable import Tokenization

/// A recorded file of `Golden/`.
func golden(_ name: String) throws -> JSON {
  let url = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: nil))
  return try JSONReader.parse(try readFile(url.path), file: name)
}

extension [TextSpan] {
  var text: String { String(decoding: flatMap(\.bytes), as: UTF8.self) }
}

let recordingDate = TemplateDate(year: 2024, month: 7, day: 4, hour: 15, minute: 6, second: 9)

func render(_ source: String, _ variables: [String: JSON] = [:]) throws -> [TextSpan] {
  let template = try ChatTemplate(
    source: source, file: "test", tokens: [:], date: recordingDate)
  return try template.render([], addsGenerationPrompt: false, variables: variables)
}

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
          (try? result.get().flatMap(\.bytes)) == expected,
          "\(source)\nexpected \(snippet["expected"]?.text ?? "")\ngot \(result.map(\.text))")
      } else {
        let error = #expect(throws: Problem.self, "\(source)") { try result.get() }
        // jinja2 has no codes to compare with.
        #expect(error?.code.name.hasPrefix("template-") == true, "\(source)")
      }
    }
  }

  @Test func chatTemplatesRenderAsInPython() throws {
    let recorded = try golden("templates-chat.json")
    var templates: [String: ChatTemplate] = [:]
    for (name, source) in try #require(recorded["templates"]?.object).members {
      templates[String(decoding: name, as: UTF8.self)] = try ChatTemplate(
        source: try #require(source.text), file: "test",
        tokens: [
          "bos_token": recorded["bos_token"]?.text, "eos_token": recorded["eos_token"]?.text,
        ]
        .compactMapValues(\.self), date: recordingDate)
    }
    let cases = try #require(recorded["cases"]?.array)
    #expect(cases.count > 200)
    for item in cases {
      let name = try #require(item["template"]?.text)
      let template = try #require(templates[name])
      let messages = try #require(item["messages"]?.array).map { message in
        Message(
          role: try #require(message["role"]?.text),
          content: try #require(message["content"]?.text),
          thinking: message["reasoning_content"]?.text)
      }
      let tools = item["tools"].flatMap { $0.isNull ? nil : $0 }
      let flag = try #require(item["variables"]?.object)["enable_thinking"]
      let addsGenerationPrompt = item["add_generation_prompt"] == .bool(true)
      let spans = Result {
        try template.render(
          messages, tools: tools, addsGenerationPrompt: addsGenerationPrompt,
          variables: flag.map { ["enable_thinking": $0] } ?? [:])
      }
      if let expected = item["expected"]?.bytes {
        #expect(
          (try? spans.get().flatMap(\.bytes)) == expected,
          "\(name): \(messages) expected \(item["expected"]?.text ?? "") got \(spans.map(\.text))")
      } else {
        expectProblem(.templateRefuses, "\(name): \(messages)") { try spans.get() }
      }
    }
  }

  /// The renderings that stand beside the greedy continuations of transformers.
  @Test func smolLMGeneratesFromTheSameText() throws {
    let recorded = try golden("templates-chat.json")
    let source = try #require(recorded["templates"]?["smollm2"]?.text)
    let template = try ChatTemplate(
      source: source, file: "test",
      tokens: ["bos_token": "<|im_start|>", "eos_token": "<|im_end|>"])
    let message = Message(role: "user", content: "Hello")
    let text = try template.render([message], addsGenerationPrompt: true).text
    #expect(
      text == """
        <|im_start|>system
        You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
        <|im_start|>user
        Hello<|im_end|>
        <|im_start|>assistant

        """)
    #expect(template.sha256 == Digest.sha256(Array(source.utf8)))
  }
}
