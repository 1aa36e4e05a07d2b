import Checkpoints
import Files
import Foundation
import Prompts
import Testing

@testable import Transformer

/// What an adapter's folder says about text counts, and is said.
@Suite("Adapters with a tokenizer or a chat template of their own")
final class AdapterTokenizerTests {
  /// A folder for a model of 61 tokens and its adapters.
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("adapter-tokenizer-\(UUID().uuidString)")
  private let model: String

  private static let template =
    "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}<e>"

  private static func tokenizer(_ added: String) -> String {
    let letters = ["<s>", "a", "b", "Ġ"].enumerated().map { "\"\($0.element)\":\($0.offset)" }
    return """
      {"added_tokens":[{"id":0,"content":"<s>","special":true},\(added)],
      "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"decoder":{"type":"ByteLevel"},
      "model":{"type":"BPE","vocab":{\(letters.joined(separator: ","))},"merges":[]}}
      """
  }

  init() throws {
    model = folder.appendingPathComponent("model").path
    let golden = AdapterModelTests.folder
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: golden + "/llama", toPath: model)
    try write(
      "model", "tokenizer.json", Self.tokenizer(#"{"id":4,"content":"<e>","special":true}"#))
    try write(
      "model", "tokenizer_config.json",
      #"{"tokenizer_class":"PreTrainedTokenizerFast","bos_token":"<s>"}"#)
    try write("model", "chat_template.jinja", Self.template)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func write(_ name: String, _ file: String, _ text: String) throws {
    let url = folder.appendingPathComponent("\(name)/\(file)")
    try? FileManager.default.removeItem(at: url)
    try Data(text.utf8).write(to: url)
  }

  /// A copy of the adapter with files beside its weights.
  private func adapter(_ name: String, _ files: [String: String] = [:]) throws -> Adapter {
    let path = folder.appendingPathComponent(name).path
    try FileManager.default.copyItem(
      atPath: AdapterModelTests.folder + "/llama-mlp", toPath: path)
    for (file, text) in files { try write(name, file, text) }
    return try Adapter.open(path)
  }

  private func load(_ adapters: [Adapter]) throws -> Model {
    try Model.load(model, adapters: adapters)
  }

  private func tokens(_ model: Model) throws -> [Int32] {
    let conversation = Conversation(
      id: "1", source: .messages([Message(role: "user", content: "ab")]))
    return try model.encoder.encode(conversation).tokens
  }

  @Test func anAdapterWithoutAnyLeavesTheModels() throws {
    let (plain, adapted) = (try load([]), try load([adapter("plain")]))
    #expect(try tokens(plain) == [0, 1, 2, 4])
    #expect(try tokens(adapted) == [0, 1, 2, 4])
    #expect(plain.warnings.isEmpty && adapted.warnings.isEmpty)
    #expect(plain.identity.templateSHA256 == adapted.identity.templateSHA256)
  }

  @Test func itsOwnChatTemplateIsUsedAndSaid() throws {
    let own = "<e>{% for m in messages %}{{ m.content }}{% endfor %}"
    for files in [
      ["chat_template.jinja": own], ["tokenizer_config.json": #"{"chat_template":"\#(own)"}"#],
    ] {
      let name = files.keys.joined()
      let model = try load([adapter(name, files)])
      #expect(try tokens(model) == [4, 1, 2])
      #expect(model.identity.templateSHA256 == Digest.sha256(Array(own.utf8)))
      #expect(
        model.warnings.contains { $0.contains(name) && $0.contains("own chat template") },
        "\(model.warnings)")
    }
  }

  @Test func itsOwnTokenizerIsUsedAndSaid() throws {
    let added = #"{"id":4,"content":"<x>","special":true},{"id":5,"content":"<e>","special":true}"#
    let files = [
      "tokenizer.json": Self.tokenizer(added), "tokenizer_config.json": #"{"bos_token":"<x>"}"#,
    ]
    let (plain, model) = (try load([]), try load([adapter("own", files)]))
    #expect(try tokens(model) == [4, 1, 2, 5])
    #expect(model.identity.tokenizerSHA256 != plain.identity.tokenizerSHA256)
    #expect(model.warnings.contains { $0.contains("own") && $0.contains("own tokenizer") })
  }

  @Test func tokensThatItAddsJoinTheModels() throws {
    let config = #"{"bos_token":"<s>","extra_special_tokens":["<x>"],"chat_template":"<x><e>"}"#
    let model = try load([adapter("added", ["tokenizer_config.json": config])])
    #expect(try tokens(model) == [5, 4])
  }

  @Test func aCopyOfTheModelsOwnIsNoNews() throws {
    let files = [
      "tokenizer.json": Self.tokenizer(#"{"id":4,"content":"<e>","special":true}"#),
      "tokenizer_config.json": #"{"tokenizer_class":"PreTrainedTokenizerFast","bos_token":"<s>"}"#,
      "chat_template.jinja": Self.template,
    ]
    let model = try load([adapter("copy", files), adapter("none")])
    #expect(model.warnings.isEmpty, "\(model.warnings)")
    #expect(try tokens(model) == [0, 1, 2, 4])
  }

  @Test func adaptersThatDisagreeAreAnErrorThatNamesBoth() throws {
    let pairs = [
      ["chat_template.jinja": "<e>"], ["chat_template.jinja": "<s>"],
      ["tokenizer.json": Self.tokenizer(#"{"id":4,"content":"<x>","special":true}"#)],
      ["tokenizer.json": Self.tokenizer(#"{"id":4,"content":"<y>","special":true}"#)],
    ]
    let adapters = try pairs.enumerated().map { try adapter("pair\($0.offset)", $0.element) }
    for (first, second, what) in [(0, 1, "chat template"), (2, 3, "tokenizer")] {
      let error = try requireProblem(.adaptersClash) {
        try load([adapters[first], adapters[second]])
      }
      #expect(error.subject == adapters[second].path && error.problem.contains(what))
      #expect(error.problem.contains(adapters[first].path))
    }
  }

  @Test func moreTokensThanTheModelHasEmbeddingsAreRefused() throws {
    let added = (4...61).map { #"{"id":\#($0),"content":"<\#($0)>","special":true}"# }
    let large = Self.tokenizer(added.joined(separator: ","))
    let error = try requireProblem(.adapterMismatch) {
      try load([adapter("large", ["tokenizer.json": large])])
    }
    #expect(error.problem.contains("61"))
    // The model's own may have them; a prompt that holds one is refused.
    try write("model", "tokenizer.json", large)
    #expect(try load([]).warnings.contains { $0.contains("'<61>'") })
  }

  @Test func reasoningThatTheTemplateDoesNotReadIsSaid() throws {
    let messages = [
      Message(role: "user", content: "a"),
      Message(role: "assistant", content: "b", thinking: "c"),
    ]
    let conversations = [
      Conversation(id: "1", source: .messages(messages)),
      Conversation(id: "2", source: .text("a")),
    ]
    let encoder = try load([]).encoder
    let warning = try #require(encoder.warnings(about: conversations).first)
    #expect(warning.contains("1 of 2 prompts") && warning.contains("'<think>'"))
    #expect(encoder.warnings(about: [conversations[1]]).isEmpty)
    for read in ["m.reasoning_content", "m['thinking']", "m.reasoning"] {
      try write("model", "chat_template.jinja", "{% for m in messages %}{{ \(read) }}{% endfor %}")
      let encoder = try load([]).encoder
      #expect(encoder.warnings(about: conversations).isEmpty)
      let spans = try #require(encoder.template).render(messages, addsGenerationPrompt: false)
      #expect(spans.flatMap(\.bytes) == Array("c".utf8), "\(read)")
    }
  }
}
