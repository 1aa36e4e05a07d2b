import Bathyscope
import Foundation
import Testing

extension TranscriptTests {
  /// Killed in the traces and in the cuts, each time in the middle of a line: no transcript is lost, none
  /// is traced twice, and what comes out is the same.
  @Test func aKilledTraceGoesOn() throws {
    try probe()
    let words = [
      "trace", "--model", "model", "--prompts", "t.jsonl", "--probe", "probe", "--label", "harmful",
      "--cut-thinking", "--threads", "1", "--figures", "0", "--out",
    ]
    try run(words + ["whole"])
    func lines() -> Int {
      (try? folder.bytes("cut/summary.journal"))?.count { $0 == 0x0A } ?? 0
    }
    // In blocks of 512 bytes: early in the traces, and some lines of cuts after the last of them.
    let traced = try folder.bytes("whole/traces.jsonl").count / 512
    for blocks in [20, traced + 26] {
      _ = try Tool.killed(words + ["cut"], whenAFileHas: blocks, in: folder)
      expectProblem(.runUnfinished) { try StoredTrace(folder.file("cut")) }
    }
    #expect(
      try run(words + ["cut", "--seed", "7"], status: 3).errors.contains("seed was 42 and is 7"))
    let before = lines()
    try run(words + ["cut"])
    #expect(before > 48 && !folder.contents.contains("cut/summary.journal"))
    for name in ["traces.jsonl", "summary.json", "cuts.json"] {
      let same = try folder.bytes("cut/\(name)") == folder.bytes("whole/\(name)")
      #expect(same, "\(name)")
    }
    let twice = "{\"place\":0,\"share\":0.8,\"final\":0.5}\n"
    _ = try StoredTrace(folder.file("cut"))
    try folder.write("cut/summary.journal", twice)
    // A whole folder into which another run has begun to write.
    expectProblem(.runUnfinished) { try StoredTrace(folder.file("cut")) }
    #expect(try run(words + ["cut"], status: 4).code == "not-a-journal")
  }

  /// A template that writes the date, and one that knows a variable.
  @Test func theTemplateIsFilledIn() throws {
    try folder.write(
      "model/chat_template.jinja",
      "{{ strftime_now('%d %b') }}{% if loud is defined and loud %}!{% endif %}{{ name }}"
        + "{% for m in messages %}{{ m['content'] }}{% endfor %}{# <think> #}")
    try folder.write("d.jsonl", #"{"id": "a", "prompt": "hi"}"# + "\n")
    func text(_ words: [String]) throws -> String {
      let words = ["tokens", "--model", "model", "--prompts", "d.jsonl", "--json"] + words
      let prompts = try run(words).json["prompts"] as? [[String: Any]]
      return (prompts?.first?["tokens"] as? [String] ?? []).joined()
    }
    let day = ["--template-date", "2024-02-29"]
    #expect(try text(day).hasPrefix("29"))
    let loud = day + ["--template-variable", "loud=true", "--template-variable", "name=x=1"]
    #expect(try text(loud).hasSuffix("!x=1hi"))
    #expect(try text(day + ["--template-variable", "loud=false"]).hasSuffix("bhi"))
    let tokens = ["tokens", "--model", "model", "--prompts", "d.jsonl"]
    for bad in ["2023-02-29", "2024-2-29", "2024-13-01", "today", "2024-02-29T00"] {
      try run(tokens + ["--template-date", bad], status: 2)
    }
    for (bad, status, text) in [
      ("loud", 2, "loud"), ("=1", 2, "=1"), ("quiet=1", 4, "[unknown-variable]"),
      ("messages=1", 4, "[reserved-variable]"), ("name=a --template-variable name=b", 2, "once"),
    ] as [(String, Int32, String)] {
      let words = ["--template-variable"] + bad.split(separator: " ").map(String.init)
      #expect(try run(tokens + words, status: status).errors.contains(text))
    }
    // A finished run is known again on another day, and says what is other.
    let generate = [
      "generate", "--model", "model", "--prompts", "d.jsonl", "--max-new-tokens", "2", "--out", "o",
    ]
    try run(generate + loud)
    try run(generate + loud)
    let other = ["--template-date", "2024-03-01"] + loud.dropFirst(2)
    #expect(
      try run(generate + other, status: 3).errors
        .contains("template_settings.template_date was '2024-02-29' and is '2024-03-01'"))
    #expect(try run(generate + day, status: 3).errors.contains("template_settings.loud was 'true'"))
  }
}
