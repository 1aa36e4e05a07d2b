import Foundation
import Testing

/// Which rows `--positions`, `--layers` and `--hooks` choose.
@Suite struct SelectionTests {
  let folder: Scratch

  /// Prompts of 2, 5 and 9 tokens.
  init() throws {
    folder = try Scratch()
    try folder.write(
      "p.jsonl",
      [2, 5, 9].map { #"{"id": "\#($0)", "token_ids": \#(Array(10..<(10 + $0)))}"# }
        .joined(separator: "\n"))
  }

  private func capture(_ arguments: [String]) throws -> Tool.Outcome {
    try Tool.run(
      [
        "capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--out", "a.h5", "--json",
      ] + arguments, in: folder)
  }

  @Test(arguments: [
    ("all", 16, 0), ("last", 3, 0), ("0", 3, 0), ("-1", 3, 0), ("-3", 2, 1), ("4", 2, 1),
    ("0..1", 6, 0), ("-2..-1", 6, 0), ("1..-2", 10, 1), ("3..100", 8, 1), ("prompt", 16, 0),
  ])
  func positions(rule: String, rows: Int, without: Int) throws {
    let outcome = try capture(["--positions", rule])
    #expect(try outcome.json["rows"] as? Int == rows)
    // A prompt that gets no row is not passed over in silence.
    let note = "note: \(without) of 3 prompts have no tokens at positions \(rule)"
    #expect(outcome.errors.contains(note) == (without > 0), "\(outcome.errors)")
  }

  @Test(arguments: ["thinking", "answer", "template", "9", "-10", "3..1"])
  func positionsThatNoPromptHas(rule: String) throws {
    let outcome = try capture(["--positions", rule])
    #expect(outcome.status == 4)
    #expect(outcome.code == "reads-nothing")
    #expect(folder.contents == ["p.jsonl"])
  }

  @Test(arguments: [
    ("blocks.*.hook_resid_post", nil, ["0", "1", "2"]), ("blocks.*.hook_resid_post", "1", ["1"]),
    ("blocks.*.hook_resid_post", "-1", ["2"]), ("blocks.*.hook_resid_post", "0,-1", ["0", "2"]),
    ("blocks.*.hook_resid_post", "-2..-1", ["1", "2"]),
    ("*.1.*resid_post", nil, ["1"]),
    ("blocks.0.hook_resid_post,blocks.2.hook_resid_post", nil, ["0", "2"]),
  ])
  func layers(hooks: String, layers: String?, expected: [String]) throws {
    let outcome = try capture(["--hooks", hooks] + (layers.map { ["--layers", $0] } ?? []))
    #expect(
      try outcome.json["hooks"] as? [String] == expected.map { "blocks.\($0).hook_resid_post" })
  }

  @Test(arguments: ["1..7", "3", "-4", "2..1"]) func layersThatAreNotThere(layers: String) throws {
    let outcome = try capture(["--layers", layers])
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("layers 0 to 2"), "\(outcome.errors)")
  }

  @Test func everySiteButPatternsAtOnce() throws {
    let sites = [
      "hook_embed", "blocks.*.hook_resid_pre", "blocks.*.attn.hook_z", "blocks.*.hook_attn_out",
      "blocks.*.hook_resid_mid", "blocks.*.mlp.hook_post", "blocks.*.hook_mlp_out",
      "ln_final.hook_out", "unembed.hook_out",
    ]
    let outcome = try capture(["--hooks", sites.joined(separator: ",")])
    #expect(try (outcome.json["hooks"] as? [String])?.count == 3 + 6 * 3)
    let patterns = try capture(["--hooks", "blocks.*.attn.hook_pattern", "--out", "b.h5"])
    #expect(patterns.status == 4)
    #expect(patterns.code == "hook-not-offered")
    #expect(!folder.contents.contains { $0.contains("b.h5") })
  }

  @Test func promptsOfSeveralFiles() throws {
    try folder.write("q.jsonl", #"{"id": "other", "token_ids": [5]}"#)
    #expect(try capture(["--prompts", "q.jsonl"]).json["prompts"] as? Int == 4)
    try folder.write("q.jsonl", #"{"id": "5", "token_ids": [5]}"#)
    let clash = try capture(["--prompts", "q.jsonl", "--out", "b.h5"])
    #expect(clash.status == 4)
    #expect(clash.errors.contains("p.jsonl, q.jsonl: id '5': is in two files"))
    #expect(!folder.contents.contains("b.h5"))
  }
}
