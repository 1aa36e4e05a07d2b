import Foundation
import Testing

/// Runs where `bathyscope models get smollm2-135m` was run before; elsewhere shown as skipped.
@Suite(.enabled("the demo model is in the cache", { try demoModelIsThere() }))
struct DemoModelTests {
  let folder: Scratch
  let model = ["--model", "smollm2-135m"]

  init() throws { folder = try Scratch() }

  @Test func modelsThatAreThereAreFoundWithoutNetwork() throws {
    let list = try Tool.run(["models", "list", "--json"], in: folder)
    let rows = try #require(try list.json["models"] as? [[String: Any]])
    let path = try #require(rows.first?["path"] as? String)
    let get = try Tool.run(["models", "get", "smollm2-135m", "--json"], in: folder)
    #expect(try get.json["path"] as? String == path)
    #expect(get.errors.isEmpty)
    let elsewhere = try Tool.run(
      ["tokens", "--text", "a"] + model, in: folder,
      environment: ["BATHYSCOPE_CACHE": folder.file("empty")])
    #expect(elsewhere.status == 4)
    #expect(elsewhere.code == "not-fetched")
  }

  @Test func tokensAreShownOnOneLineEach() throws {
    let text = "Tab\tnew\nline \u{1B}[31m\u{9B}2J\u{202E}\u{200D} <|im_end|>"
    let table = try Tool.run(["tokens", "--text", text] + model, in: folder)
    #expect(table.status == 0)
    #expect(table.errors.isEmpty)
    let shown = table.output.unicodeScalars.filter { $0 != "\n" }
    #expect(!shown.contains { [.control, .format].contains($0.properties.generalCategory) })
    let json = try Tool.run(["tokens", "--json", "--text", text] + model, in: folder).json
    let prompt = try #require((json["prompts"] as? [[String: Any]])?.first)
    let ids = try #require(prompt["ids"] as? [Int])
    #expect(table.output.split(separator: "\n").count == ids.count + 2)
    // A special token that a user writes is text.
    #expect(!ids.contains(2))
  }

  @Test func chatPromptsHaveSegments() throws {
    try folder.write(
      "p.jsonl",
      """
      {"id": "a", "prompt": "What is a bathyscope?", "response": "A tube with a glass bottom."}
      {"id": "b", "messages": [{"role": "user", "content": "Hello"}]}
      {"id": "c", "text": "Hello"}
      """)
    let tokens = try Tool.run(["tokens", "--prompts", "p.jsonl", "--json"] + model, in: folder).json
    let rows = try #require(tokens["prompts"] as? [[String: Any]])
    let segments = try rows.map { try #require($0["segments"] as? [String]) }
    #expect(
      segments.map { Set($0) } == [
        ["template", "prompt", "answer"], ["template", "prompt"], ["prompt"],
      ])
    let captured = try Tool.run(
      [
        "capture", "--prompts", "p.jsonl", "--layers", "0", "--positions", "template", "--out",
        "a.h5", "--json",
      ] + model, in: folder)
    #expect(try captured.json["rows"] as? Int == segments.joined().count { $0 == "template" })
    #expect(captured.errors.contains("note: 1 of 3 prompts"), "the raw text has no template")
  }
}

private func demoModelIsThere() throws -> Bool {
  let list = try Tool.run(["models", "list", "--json"], in: Scratch())
  return try (list.json["models"] as? [[String: Any]])?.first?["path"] != nil
}
