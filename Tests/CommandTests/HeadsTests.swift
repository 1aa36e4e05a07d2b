import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Heads of a tiny model, by a probe that the pipeline trained.
@Suite struct HeadsTests {
  let folder: Scratch
  let probe: String

  init() throws {
    let pipeline = try Pipeline.shared.get()
    probe = pipeline.folder.file("probe")
    folder = try Scratch()
    try folder.write("p.jsonl", syntheticPrompts(12, seed: 3))
  }

  var common: [String] { ["--model", TinyModel.llama, "--prompts", "p.jsonl"] }

  /// A probe at a hook behind which all heads are.
  var probed: [String] { common + ["--probe", probe, "--hook", "blocks.2.hook_resid_post"] }

  static let quick = ["--random-sets", "5", "--resamples", "200"]

  func heads(_ words: [String]) throws -> Tool.Outcome {
    try Tool.run(["heads"] + words, in: folder)
  }

  func sweep(_ words: [String] = [], out: String = "a") throws -> Tool.Outcome {
    try heads(["sweep"] + probed + Self.quick + ["--out", out] + words)
  }

  @Test func sweepWritesEveryHeadAndPrompt() throws {
    let outcome = try sweep(["--json"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty)
    let json = try outcome.json
    #expect(json["schema"] as? String == "bathyscope-heads-sweep-1")
    let summary = try #require(json["summary"] as? [String: Any])
    let rows = try #require(summary["heads"] as? [[String: Any]])
    #expect(rows.count == 18)
    #expect(rows.allSatisfy { ($0["values"] as? [Double])?.count == 12 })
    #expect(rows.allSatisfy { ($0["mean_change"] as? Double ?? 0) > 0 })
    let finding = try #require(rows[7]["finding"] as? [String: Any])
    for key in ["mean", "interval", "sign_flip_p", "random_direction_p", "holm_p", "is_suppressor"]
    {
      #expect(finding[key] != nil, "\(key)")
    }
    let sets = try #require(summary["sets"] as? [String: Any])
    let chosen = try #require(sets["sets"] as? [[String: Any]])
    #expect(chosen.compactMap { ($0["heads"] as? [Any])?.count } == [1, 1, 2])
    #expect(sets["selection_prompts"] as? Int == 6 && sets["report_prompts"] as? Int == 6)
    let control = try #require(chosen[0]["control"] as? [String: Any])
    #expect(control["sets"] as? Int == 5)
    let table = try folder.text("a/sweep.csv").split(separator: "\n")
    #expect(table.count == 1 + 18 * 12 && table[0] == "layer,head,prompt,clean,effect")
    let stored = try #require(
      try JSONSerialization.jsonObject(with: folder.bytes("a/sweep.json")) as? [String: Any])
    #expect(stored["schema"] as? String == "bathyscope-heads-sweep")
    #expect((stored["files"] as? [String: String])?.keys.sorted() == ["sweep.csv"])
    let provenance = try #require(stored["provenance"] as? [String: Any])
    for key in ["model", "inputs", "seed", "version"] { #expect(provenance[key] != nil, "\(key)") }
    let settings = try #require(provenance["settings"] as? [String: Any])
    for key in ["score", "ablation", "sets", "read"] { #expect(settings[key] != nil, "\(key)") }
    #expect(folder.contents == ["a", "a/sweep.csv", "a/sweep.json", "p.jsonl"])
    let text = try sweep()
    #expect(text.status == 0 && text.output.contains("p Holm") && text.output.contains("(n = 12)"))
  }

  @Test func sameBytesWhateverTheThreadsAndTheMemory() throws {
    for (out, words) in [
      ("a", ["--threads", "1"]), ("b", ["--threads", "3"]),
      ("c", ["--threads", "2", "--max-memory", "1500kB"]),
    ] {
      let outcome = try sweep(words, out: out)
      #expect(outcome.status == 0, "\(outcome.errors)")
      for name in ["sweep.json", "sweep.csv"] {
        let same = try folder.bytes("\(out)/\(name)") == folder.bytes("a/\(name)")
        #expect(same, "\(out) \(name)")
      }
    }
    let little = try sweep(["--max-memory", "1kB"], out: "d")
    #expect(little.status == 4 && little.code == "not-enough-memory")
    #expect(try sweep(["--seed", "7"], out: "e").status == 0)
    let other = try folder.bytes("e/sweep.json") == folder.bytes("a/sweep.json")
    #expect(!other)
  }

  /// Killed twice in the middle of a line; every row is computed once.
  @Test func killedAndContinued() throws {
    #expect(try sweep().status == 0)
    let rows = (0..<150).map { index in
      #"{"id": "k\#(index)", "token_ids": \#((0..<100).map { 10 + ($0 * index) % 80 })}"#
    }
    try folder.write("p.jsonl", rows.joined(separator: "\n"))
    #expect(try sweep(["--threads", "1"], out: "whole").status == 0)
    let words = ["heads", "sweep"] + probed + Self.quick + ["--out", "cut", "--threads", "1"]
    for blocks in [60, 120] { _ = try Tool.killed(words, whenAFileHas: blocks, in: folder) }
    let last = try Tool.run(words + ["--json"], in: folder)
    #expect(last.status == 0, "\(last.errors)")
    #expect((try last.json["resumed"] as? Int ?? 0) > 0)
    let same = try folder.bytes("cut/sweep.json") == folder.bytes("whole/sweep.json")
    #expect(same)
    #expect(!folder.contents.contains { $0.hasSuffix("journal") })
  }

  @Test func otherArgumentsAreAConflict() throws {
    #expect(try sweep().status == 0)
    let again = try sweep(["--json"])
    #expect(try again.json["resumed"] as? Int == 36)
    let other = try sweep(["--factor", "0.5"])
    #expect(other.status == 3)
    #expect(other.errors.contains("ablation.factor was 0 and is 0.5"), "\(other.errors)")
    let whole = try folder.text("a/sweep.json")
    let number = try #require(whole.firstRange(of: #""mean" : "#)?.upperBound)
    let digit = whole[number...].first { $0.isNumber }
    let edited = whole.replacingCharacters(
      in: number..<whole.index(after: number), with: digit == "1" ? "2" : "1")
    for (text, code) in [
      (edited, "digest-differs"), ("edited", "not-sealed"),
      (#"{"schema": "bathyscope-heads-sweep-1"}"#, "unknown-version"),
    ] {
      try folder.write("a/sweep.json", text)
      let outcome = try sweep()
      #expect(outcome.status == 4 && outcome.code == code, "\(outcome.errors)")
      #expect(try folder.text("a/sweep.json") == text, "left as it was")
    }
  }

  /// A number changed inside a whole line must not end in other results.
  @Test func anyChangeInAJournalIsRefused() throws {
    let words = ["heads", "sweep"] + probed + Self.quick + ["--out", "cut", "--threads", "1"]
    _ = try Tool.killed(words, whenAFileHas: 30, in: folder)
    let journal = Array(try folder.bytes("cut/sweep.journal"))
    let header = try #require(journal.firstIndex(of: 0x0A))
    let end = try #require(journal.lastIndex(of: 0x0A))
    try #require(end > header + 5000)
    var text = String(decoding: journal, as: UTF8.self)
    let changes = try #require(try Regex(#""changes":\[([^,]+,){3}"#).firstMatch(in: text))
    let fourth = text[changes.range.upperBound...].prefix { $0 != "," && $0 != "]" }
    text.replaceSubrange(fourth.startIndex..<fourth.endIndex, with: "1.8e19")
    var edits = [Array(text.utf8)]
    for place in stride(from: 5, to: end, by: end / 25) {
      var edited = journal
      edited[place] ^= 1
      edits.append(edited)
    }
    for edited in edits {
      try folder.write("cut/sweep.journal", edited)
      let outcome = try Tool.run(words, in: folder)
      let isRow = edited.prefix(header) == journal.prefix(header)
      #expect(
        isRow
          ? outcome.status == 4 && outcome.code == "journal-damaged"
          : outcome.status == 3 || outcome.status == 4, "\(outcome.errors)")
      #expect(Array(try folder.bytes("cut/sweep.journal")) == edited, "left as it was")
      #expect(folder.contents.filter { $0.hasPrefix("cut/") } == ["cut/sweep.journal"])
    }
    try folder.write("cut/sweep.journal", journal)
    #expect(try Tool.run(words, in: folder).status == 0)
  }

  @Test func journalsThatAreNoneAreRefused() throws {
    #expect(try sweep().status == 0)
    for (journal, word) in [
      ("my notes\n", "[not-a-journal]"), ("{}\n", "[not-a-journal]"), ("\n\n", "[not-a-journal]"),
    ] {
      try FileManager.default.createDirectory(
        atPath: folder.file("j"), withIntermediateDirectories: true)
      try folder.write("j/sweep.journal", journal)
      let outcome = try sweep(out: "j")
      #expect(outcome.status == 4 && outcome.errors.contains(word), "\(outcome.errors)")
      #expect(try folder.text("j/sweep.journal") == journal)
    }
  }

  @Test(arguments: [
    ["--ablate", "mean"], ["--ablate", "resample"], ["--rescale", "token"],
    ["--rescale", "sequence"], ["--at=-2.."], ["--factor", "0.001"],
  ])
  func everyAblationRuns(words: [String]) throws {
    let outcome = try sweep(words + ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let summary = try #require(try outcome.json["summary"] as? [String: Any])
    let hasSets = summary["sets"] != nil
    #expect(hasSets == !words.contains { ["resample", "sequence"].contains($0) })
    #expect(hasSets || summary["sets_note"] != nil)
  }

  /// A reference is cut at T as the prompts are: its answers have no part in means, and its tokens are
  /// counted from T.
  @Test(arguments: ["mean", "resample"]) func aReferenceIsCutLikeThePrompts(ablation: String) throws
  {
    let folder = try Scratch()
    try TalkingModel.write(in: folder)
    try folder.write(
      "t.jsonl",
      (0..<6).map { index in
        #"{"id": "t\#(index)", "prompt": "Question \#(index * 7)", "group": "g\#(index / 2)", "#
          + #""thinking": "thought \#(index)", "response": "Answer number \#(index * 31)"}"#
      }.joined(separator: "\n"))
    let words = [
      "heads", "sweep", "--model", "model", "--prompts", "t.jsonl", "--score", "divergence",
      "--ablate", ablation, "--read", "template", "--at", "end-of-thinking", "--random-sets", "0",
      "--resamples", "100", "--out",
    ]
    let own = try Tool.run(words + ["own"], in: folder)
    try #require(own.status == 0, "\(own.errors)")
    let other = try Tool.run(words + ["other", "--reference", "t.jsonl"], in: folder)
    try #require(other.status == 0, "\(other.errors)")
    let same = try folder.bytes("own/sweep.csv") == folder.bytes("other/sweep.csv")
    #expect(same)
  }

  @Test func shipsHasNoClaims() throws {
    let outcome = try heads(
      ["sweep"] + common + Self.quick
        + ["--score", "divergence", "--ablate", "uniform", "--out", "ships"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("no claims: the score has no direction"))
    #expect(outcome.output.contains("sets: this ablation differs from prompt to prompt"))
  }

  @Test func attributionIsWritten() throws {
    try folder.write("v.json", "\((0..<36).map { Double($0 % 7) / 7 - 0.4 })")
    for words in [probed + [], common + ["--vector", "v.json"]] {
      let outcome = try heads(
        ["attribute"] + words + Self.quick + ["--out", "a\(words.count)", "--json"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let summary = try #require(try outcome.json["summary"] as? [String: Any])
      let raw = try #require(summary["raw"] as? [String: Any])
      #expect((raw["heads"] as? [Any])?.count == 18)
      #expect((summary["completeness"] as? [Any])?.count == 3)
      let table = try folder.text("a\(words.count)/attribute.csv").split(separator: "\n")
      #expect(table.count == 1 + 18 * 12)
    }
    let text = try heads(["attribute"] + probed + Self.quick + ["--out", "t"])
    #expect(text.output.contains("completeness: heads and bias sum to attention's output within"))
    let both = try heads(["attribute"] + probed + ["--vector", "v.json", "--out", "b"])
    #expect(both.status == 2)
  }

  @Test func searchesGoOnWhereTheyStopped() throws {
    let words =
      ["search"] + probed + Self.quick + ["--size", "2", "--beam", "2", "--candidates", "6"]
    let whole = try heads(words + ["--out", "s", "--json"])
    try #require(whole.status == 0, "\(whole.errors)")
    let summary = try #require(try whole.json["summary"] as? [String: Any])
    let steps = try #require(summary["steps"] as? [[String: Any]])
    #expect(steps.compactMap { ($0["heads"] as? [Any])?.count } == [1, 2])
    let report = try #require(summary["report"] as? [String: Any])
    let sets = try #require(report["sets"] as? [[String: Any]])
    #expect(sets.count == 2 && sets[0]["control"] == nil && sets[1]["control"] != nil)
    #expect(try folder.text("s/search.csv").split(separator: "\n").count == 3)
    #expect(try heads(words + ["--out", "u", "--threads", "1"]).status == 0)
    let same = try folder.bytes("s/search.json") == folder.bytes("u/search.json")
    #expect(same)
  }

  @Test(
    arguments: [
      (["sweep", "--score", "probe"], 2), (["sweep", "--factor", "nan"], 2),
      (["sweep", "--ablate", "mean", "--factor", "2"], 2), (["sweep", "--shares", "0"], 2),
      (["sweep", "--max-memory", "-3"], 2), (["sweep", "--at", "nowhere"], 2),
      (["sweep", "--reference", "p.jsonl"], 2), (["sweep"], 4),
      (["sweep", "--score", "divergence", "--read", "template"], 4),
      (["sweep", "--score", "divergence", "--at", "end-of-thinking"], 4),
      (["search", "--score", "divergence", "--ablate", "resample"], 2),
      (["search", "--size", "0"], 2), (["sweep", "--score", "divergence", "--group", "none"], 4),
    ] as [([String], Int32)])
  func badWordsAreErrors(words: [String], status: Int32) throws {
    let outcome = try heads([words[0]] + common + words.dropFirst() + ["--out", "x"])
    #expect(outcome.status == status, "\(outcome.errors)")
    #expect(!outcome.errors.isEmpty && outcome.output.isEmpty)
    #expect(!folder.contents.contains { $0.hasPrefix("x/") })
  }
}
