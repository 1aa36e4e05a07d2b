import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct GenerateTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try folder.write("p.jsonl", syntheticPrompts(12))
    try folder.write("v.json", "\((0..<36).map { Double($0 % 7) / 7 - 0.4 })")
  }

  static let model = ["generate", "--model", TinyModel.llama, "--prompts", "p.jsonl"]
  static let drawn = [
    "--max-new-tokens", "9", "--temperature", "1.5", "--samples", "3", "--top-k", "40", "--top-p",
    "0.95", "--steer", "v.json", "--after", "1", "--scale", "2", "--ablate-heads", "0.1,2.5",
  ]

  func generate(_ words: [String], out: String = "a.jsonl") throws -> Tool.Outcome {
    try Tool.run(Self.model + ["--out", out] + words, in: folder)
  }

  func rows(_ name: String = "a.jsonl") throws -> [[String: Any]] {
    try folder.text(name).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func rowsAndWhereTheyCameFrom() throws {
    let outcome = try generate(Self.drawn + ["--json"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty)
    let rows = try rows()
    #expect(rows.map { $0["id"] as? String } == (0..<36).map { "seed1-\($0 / 3)" })
    #expect(rows.map { $0["sample"] as? Int } == (0..<36).map { $0 % 3 })
    for row in rows {
      let tokens = try #require(row["tokens"] as? [Int])
      let finish = try #require(row["finish"] as? String)
      #expect(tokens.count == 9 && finish == "length" || tokens.last == 2 && finish == "end_token")
      #expect((row["segments"] as? [String])?.count == tokens.count)
      let effects = try #require(row["effects"] as? [[String: Any]])
      #expect(effects.count == 2)
      #expect(effects[0]["fired_in_prefill"] as? Int == row["prompt_tokens"] as? Int)
      #expect(effects[0]["fired_in_steps"] as? Int == tokens.count - 1)
      #expect(effects[1]["fired_in_steps"] as? Int == 2 * (tokens.count - 1))
    }
    let sidecar = try #require(
      try JSONSerialization.jsonObject(with: folder.bytes("a.jsonl.json")) as? [String: Any])
    #expect(sidecar["schema"] as? String == "bathyscope-generations-1")
    #expect(sidecar["rows"] as? Int == 36)
    let configuration = try #require(sidecar["configuration"] as? [String: Any])
    for key in ["model", "prompts", "settings", "interventions_sha256", "kernel", "tool_version"] {
      #expect(configuration[key] != nil, "\(key)")
    }
    #expect((sidecar["effects"] as? [[String: Any]])?.first?["sequences"] as? Int == 36)
    let json = try outcome.json
    #expect(json["sha256"] as? String == sidecar["sha256"] as? String)
    #expect(json["rows"] as? Int == 36)
    #expect(!folder.contents.contains { $0.hasSuffix(".journal") || $0.hasSuffix(".partial") })
  }

  @Test func sameBytesWhateverTheBatchAndTheThreads() throws {
    for (out, words) in [
      ("a.jsonl", ["--batch", "1", "--threads", "1"]),
      ("b.jsonl", ["--batch", "5", "--threads", "2"]),
      ("c.jsonl", ["--batch", "100", "--threads", "3"]),
    ] {
      #expect(try generate(Self.drawn + words, out: out).status == 0)
      #expect(try folder.bytes(out) == folder.bytes("a.jsonl"), "\(out)")
    }
    #expect(try generate(Self.drawn + ["--seed", "7"], out: "d.jsonl").status == 0)
    #expect(try folder.bytes("d.jsonl") != folder.bytes("a.jsonl"))
    // A prompt's answers do not depend on the prompts before it.
    let lines = try folder.text("p.jsonl").split(separator: "\n")
    try folder.write("p.jsonl", lines.reversed().prefix(2).joined(separator: "\n"))
    #expect(try generate(Self.drawn, out: "e.jsonl").status == 0)
    let (all, two) = (try folder.text("a.jsonl"), try folder.text("e.jsonl"))
    #expect(two.split(separator: "\n").allSatisfy { all.contains($0) })
  }

  @Test func aFinishedFileIsNotMadeAgain() throws {
    #expect(try generate(Self.drawn).status == 0)
    let before = try folder.bytes("a.jsonl")
    let again = try generate(Self.drawn + ["--batch", "3", "--json"])
    #expect(again.status == 0)
    #expect(try again.json["resumed"] as? Int == 36)
    #expect(try again.json["new_tokens"] as? Int == 0)
    #expect(try folder.bytes("a.jsonl") == before)
    let other = try generate(Self.drawn + ["--seed", "7"])
    #expect(other.status == 3)
    #expect(other.errors.contains("settings.seed was 42 and is 7"), "\(other.errors)")
    try folder.write("a.jsonl", "edited")
    #expect(try generate(Self.drawn).code == "digest-differs")
    try FileManager.default.removeItem(atPath: folder.file("a.jsonl.json"))
    let foreign = try generate(Self.drawn)
    #expect(foreign.status == 3 && foreign.code == "would-overwrite")
    #expect(try folder.text("a.jsonl") == "edited")
  }

  /// Killed again and again, each time in the middle of a line.
  @Test func killedAndContinued() throws {
    try folder.write("p.jsonl", syntheticPrompts(60))
    let words = Self.drawn + ["--max-new-tokens", "60", "--ignore-eos", "--batch", "4"]
    let whole = try generate(words, out: "whole.jsonl")
    try #require(whole.status == 0, "\(whole.errors)")
    for blocks in [20, 40, 80] {
      _ = try Tool.killed(
        Self.model + ["--out", "a.jsonl"] + words, whenAFileHas: blocks, in: folder)
      #expect(!folder.contents.contains("a.jsonl"))
    }
    let changed = try generate(words + ["--temperature", "1"])
    #expect(changed.status == 3 && changed.errors.contains("settings.temperature was 1.5 and is 1"))
    let prompts = try folder.text("p.jsonl")
    try folder.write("p.jsonl", prompts + #"{"id": "new", "token_ids": [3]}"#)
    #expect(try generate(words).status == 3)
    try folder.write("p.jsonl", prompts)
    let last = try generate(words + ["--threads", "1", "--json"])
    #expect(last.status == 0, "\(last.errors)")
    let resumed = try #require(try last.json["resumed"] as? Int)
    #expect(resumed > 10 && resumed < 180)
    #expect(try last.json["new_tokens"] as? Int == 60 * (180 - resumed))
    #expect(try folder.bytes("a.jsonl") == folder.bytes("whole.jsonl"))
    #expect(!folder.contents.contains("a.jsonl.journal"))
  }

  @Test func damagedJournals() throws {
    let words = ["--max-new-tokens", "3"]
    #expect(try generate(words, out: "whole.jsonl").status == 0)
    let lines = try folder.text("whole.jsonl").split(separator: "\n").map(String.init)
    _ = try Tool.killed(
      Self.model + ["--out", "a.jsonl"] + words, whenAFileHas: 8, in: folder)
    var journal = try JournalText(folder.text("a.jsonl.journal"))
    func row(_ prompt: Int, _ line: String? = nil) throws -> String {
      let text = String(
        decoding: try JSONEncoder().encode(line ?? lines[prompt]), as: UTF8.self)
      return #"{"key":{"prompt":\#(prompt),"sample":0},"row":\#(text)}"#
    }
    func text(_ rows: [String]) -> String {
      journal.rows = rows
      return journal.text
    }
    let first = lines[0]
    for (journal, word) in [
      ("my notes\n", "[not-a-journal]"), ("my notes", "[not-a-journal]"),
      ("{}\n", "[not-a-journal]"), ("[1]\n{}\n", "[not-a-journal]"), ("\n\n", "[not-a-journal]"),
      ("{\"schema\":\"bathyscope-generations-1\"}\n", "[unknown-version]"),
      (text(["{}"]), "line 2"), (text([try row(0)]) + "\n", "line 3"),
      (text([try row(0), try row(0)]), "line 3"),
      (text([try row(1, first)]), "line 2"),
      (text([try row(0, first.replacing("seed1-0", with: "seed1-99"))]), "line 2"),
      (text([try row(0, first.replacing("\"sample\":0", with: "\"sample\":-1"))]), "line 2"),
      (text([try row(0, first.replacing("\"tokens\"", with: "\"nonsense\""))]), "line 2"),
    ] {
      try folder.write("a.jsonl.journal", journal)
      let outcome = try generate(words)
      #expect(
        outcome.status == 4 && outcome.errors.contains(word),
        "\(journal.suffix(90)): \(outcome.errors)")
      #expect(try folder.text("a.jsonl.journal") == journal, "left as it was")
      #expect(!folder.contents.contains("a.jsonl"))
    }
    // Half a line, or nothing but half of the header, is what a killed run leaves.
    for journal in [String(text([try row(5), try row(3)]).dropLast(7)), "", text([])] {
      try folder.write("a.jsonl.journal", journal)
      let outcome = try generate(words)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try folder.bytes("a.jsonl") == folder.bytes("whole.jsonl"))
      for name in ["a.jsonl", "a.jsonl.json"] {
        try FileManager.default.removeItem(atPath: folder.file(name))
      }
    }
  }

  @Test(arguments: [
    (["--max-new-tokens", "0"], 2, "maxNewTokens"), (["--temperature", "-1"], 2, "temperature"),
    (["--top-k", "5"], 2, "no effect"), (["--samples", "2"], 2, "no effect"),
    (["--temperature", "1", "--top-p", "0"], 2, "topP"), (["--batch", "0"], 2, "--batch"),
    (["--steer", "v.json"], 2, "belong together"), (["--scale", "2"], 2, "belong together"),
    (["--steer", "v.json", "--after", "3", "--scale", "1"], 2, "blocks 0 to 2"),
    (["--steer", "none.json", "--after", "1", "--scale", "1"], 4, "cannot be opened"),
    (["--steer", "p.jsonl", "--after", "1", "--scale", "1"], 4, "of no kind"),
    (
      ["--steer", TinyModel.llama + "/model.safetensors", "--after", "1", "--scale", "1"], 4,
      "--tensor"
    ),
    (["--ablate-heads", "7"], 2, "7.3"), (["--ablate-heads", "0.1,"], 2, "7.3"),
    (["--ablate-heads", "0.6"], 4, "query heads 0 to 5"),
    (["--ablate-heads", "3.0"], 4, "3 layers"),
    (["--project-out", "v.json", "--at", "thinking"], 4, "touched nothing"),
    (["--interventions", "p.jsonl"], 4, "not"), (["--hooks", "hook_embed"], 2, "--activations"),
    (["--activations", "a.h5", "--hooks", "nothing"], 2, "matches no hook"),
    (["--stop", "a"], 4, "tokenizer.json"), (["--max-new-tokens", "126"], 4, "context of 128"),
    (["--max-new-tokens", "9223372036854775807"], 4, "context of 128"),
  ])
  func whatIsRefused(words: [String], status: Int32, hint: String) throws {
    let outcome = try generate(["--max-new-tokens", "4"] + words)
    #expect(outcome.status == status, "\(outcome.errors)")
    #expect(outcome.errors.contains(hint), "\(outcome.errors)")
    #expect(!folder.contents.contains("a.jsonl"))
  }

  @Test func interventionFiles() throws {
    let short = ["--max-new-tokens", "4"]
    let vector = "\((0..<36).map { Double($0 % 7) / 7 - 0.4 })"
    func file(_ change: String, _ rest: String) -> String {
      #"[{"change": {\#(change)}, \#(rest)}]"#
    }
    let place = #""hooks": ["blocks.1.hook_resid_post"], "positions": "all""#
    let add = #""add": {"vector": \#(vector), "scale": 2}"#
    try folder.write("i.json", file(add, place))
    #expect(try generate(short + ["--interventions", "i.json"]).status == 0)
    #expect(
      try generate(short + ["--steer", "v.json", "--after", "1", "--scale", "2"], out: "b.jsonl")
        .status
        == 0)
    #expect(try folder.bytes("a.jsonl") == folder.bytes("b.jsonl"))
    let heads = #""scaleHeads": {"heads": [{"layer": 0, "head": 1}], "factor": 0}"#
    try folder.write(
      "i.json", file(heads, #""hooks": ["blocks.0.attn.hook_z"], "positions": "all""#))
    #expect(try generate(short + ["--interventions", "i.json"], out: "c.jsonl").status == 0)
    #expect(try generate(short + ["--ablate-heads", "0.1"], out: "d.jsonl").status == 0)
    #expect(try folder.bytes("c.jsonl") == folder.bytes("d.jsonl"))
    for (text, word) in [
      ("[]", "[no-rows]"), ("{}", "[missing-field]"), ("", "i.json"),
      (file(add, #""hooks": ["blocks.1.hook_resid_post"]"#), "positions"),
      (file(add, place + #", "layer": 3"#), "layer"),
      (file(#""add": {"vector": \#(vector), "scale": 2, "sclae": 3}"#, place), "sclae"),
      (file(#""add": {"vector": [1, 2], "scale": 2}"#, place), "[unfit-vector]"),
      (file(#""add": {"vector": [1e999], "scale": 2}"#, place), "i.json"),
      (file(#""destroy": {}"#, place), "[missing-field]"),
      (file(add, #""hooks": ["blocks.x"], "positions": "all""#), "hooks"),
      (file(add, #""hooks": [], "positions": "all""#), "intervention 0"),
      (String(repeating: "[", count: 100_000), "i.json"),
    ] {
      try folder.write("i.json", text)
      let outcome = try generate(short + ["--interventions", "i.json"], out: "e.jsonl")
      #expect(outcome.status == 4 && outcome.errors.contains(word), "\(outcome.errors)")
    }
    #expect(!folder.contents.contains("e.jsonl"))
  }

  @Test func vectorsInEveryForm() throws {
    let values = (0..<36).map { Float($0 % 7) / 7 - 0.4 }
    let bytes = values.flatMap { value in
      withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }
    try folder.write("v.json", "\(values)")
    try folder.write("v.f32", bytes)
    let header = #"{"direction.1":{"dtype":"F32","shape":[36],"data_offsets":[0,144]}}"#
    try folder.write(
      "v.safetensors",
      withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        + Array(header.utf8) + bytes)
    for name in ["json", "f32", "safetensors"] {
      let outcome = try generate(
        ["--steer", "v.\(name)", "--after", "1", "--scale", "3", "--max-new-tokens", "5"],
        out: "\(name).jsonl")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try folder.bytes("\(name).jsonl") == folder.bytes("json.jsonl"))
    }
    let probes = try Pipeline.shared.get().folder.file("probe")
    let probe = try generate(
      ["--steer", probes, "--after", "1", "--scale", "3", "--max-new-tokens", "5"], out: "p1.jsonl")
    #expect(probe.status == 0, "\(probe.errors)")
    try folder.write("v.f32", Array(bytes.dropLast(4)))
    #expect(
      try generate(["--project-out", "v.f32"], out: "x.jsonl").code == "unfit-vector")
    try folder.write("v.f32", Array(bytes.dropLast()))
    #expect(
      try generate(["--project-out", "v.f32"], out: "x.jsonl").code == "wrong-count")
  }

  /// The same states as a capture of the transcripts.
  @Test func activationsOfTheAnswers() throws {
    let outcome = try generate([
      "--max-new-tokens", "6", "--ignore-eos", "--activations", "a.h5", "--hooks", "hook_embed",
      "--steer", "v.json", "--after", "1", "--scale", "2",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let prompts = try folder.text("p.jsonl").split(separator: "\n")
    let rows = try rows()
    let transcripts = try zip(prompts, rows).map { line, row in
      let prompt = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let ids = try #require(prompt["token_ids"] as? [Int])
      return #"{"token_ids": \#(ids + (row["tokens"] as? [Int] ?? []))}"#
    }
    try folder.write("t.jsonl", transcripts.joined(separator: "\n"))
    let capture = try Tool.run(
      [
        "capture", "--model", TinyModel.llama, "--prompts", "t.jsonl", "--positions", "all",
        "--hooks", "hook_embed", "--out", "t.h5", "--json",
      ], in: folder)
    #expect(capture.status == 0)
    let count = rows.reduce(0) { $0 + (($1["prompt_tokens"] as? Int) ?? 0) + 6 }
    #expect(try capture.json["rows"] as? Int == count)
    // What was read of the steered model is not what the model alone gives.
    let mixed = try Tool.run(
      [
        "probe", "train", "--acts", "a.h5", "--test", "t.h5", "--label", "marked", "--out", "probe",
      ],
      in: folder)
    #expect(mixed.status == 3 && mixed.code == "other-model", "\(mixed.errors)")
  }

  @Test func oneFileIsNeverWrittenOverAnother() throws {
    for (activations, out, code) in [
      ("y.jsonl", "y.jsonl", "named-twice"), ("y.jsonl.json", "y.jsonl", "named-twice"),
      ("p.jsonl", "y", "is-input"),
    ] {
      let outcome = try generate(
        ["--max-new-tokens", "2", "--activations", activations], out: out)
      #expect(outcome.status == 2 && outcome.code == code, "\(outcome.errors)")
    }
    #expect(try folder.text("p.jsonl").contains("token_ids"))
  }

  @Test func idsNeverReachTheTerminal() throws {
    let id = #"\u001b[31mred\u0007\u009b2J\u007f"#
    try folder.write("p.jsonl", #"{"id": "\#(id)", "token_ids": [4, 5]}"#)
    for (out, words) in [("a", ["4"]), ("b", ["4", "--json"]), ("c", ["500"])] {
      let outcome = try generate(["--max-new-tokens"] + words, out: "\(out).jsonl")
      for scalar in (outcome.output + outcome.errors).unicodeScalars where scalar != "\n" {
        #expect(scalar.properties.generalCategory != .control)
      }
    }
    let file = try folder.text("a.jsonl")
    #expect(
      file.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
    #expect(try rows("a.jsonl")[0]["id"] as? String == "\u{1B}[31mred\u{07}\u{9B}2J\u{7F}")
  }
}
