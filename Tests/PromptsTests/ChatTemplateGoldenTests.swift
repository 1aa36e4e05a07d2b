import Files
import Testing

@testable import Prompts

/// Chat templates written for the tests against Python's jinja2 (`record_templates.py` of JinjaTests).
struct ChatTemplateGoldenTests {
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
