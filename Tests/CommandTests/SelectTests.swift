import Foundation
import Testing

/// `bathyscope select` behind `bathyscope trace`, as a user runs them.
@Suite struct SelectTests {
  /// Traces, verdicts and a pool, made once.
  struct Made: Sendable {
    static let shared = Result { try Made() }
    let folder: Scratch

    private init() throws {
      folder = try Scratch()
      try ChattingModel.write(to: folder)
      let rows = (0..<24).map { index in
        #"{"id": "r\#(index)", "prompt": "Question number \#(index * 37)", "#
          + #""thinking": "thought \#(String(repeating: "abcx", count: index % 5 + 2))", "#
          + #""response": "\#(index % 4 == 0 ? "I'm sorry" : "PLACEHOLDER")", "#
          + #""harmful": \#(index % 2 == 0), "category": "c\#(index % 3)"}"#
      }
      try folder.write(
        "pool.jsonl", (rows + [#"{"id": "none", "prompt": "p"}"#]).joined(separator: "\n"))
      try folder.write("traced.jsonl", rows.joined(separator: "\n"))
      for words in [
        [
          "capture", "--model", "model", "--prompts", "traced.jsonl", "--out", "acts.h5",
        ],
        ["probe", "train", "--acts", "acts.h5", "--label", "harmful", "--out", "probe"],
        [
          "trace", "--model", "model", "--prompts", "traced.jsonl", "--probe", "probe", "--out",
          "trace", "--figures", "0",
        ],
        ["judge", "--answers", "traced.jsonl", "--out", "j.json"],
      ] {
        let outcome = try Tool.run(words, in: folder)
        try #require(outcome.status == 0, "\(words[0]): \(outcome.errors)")
      }
    }
  }

  let folder: Scratch

  init() throws { folder = try Made.shared.get().folder }

  func select(_ words: [String], out: String) throws -> Tool.Outcome {
    try Tool.run(
      ["select", "--out", out] + (words.contains("--traces") ? [] : ["--traces", "trace"])
        + (words.contains("--pool") ? [] : ["--pool", "pool.jsonl"]) + words, in: folder)
  }

  func json(_ name: String) throws -> Any {
    try JSONSerialization.jsonObject(with: try folder.bytes(name))
  }

  @Test func cliffBesideItsBaselines() throws {
    let words = [
      "--share", "0.25", "--verdicts", "j.json", "--judge", "substring-arditi", "--quota-by",
      "category", "--near-duplicates", "1", "--licence", "MIT", "--with-benign", "--paper",
    ]
    let outcome = try select(words, out: "one")
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("24 rows can be chosen, others cannot: 1 with no thinking"))
    let result = try #require(try json("one/selection.json") as? [String: Any])
    let methods = try #require(result["methods"] as? [[String: Any]])
    #expect(
      methods.map { $0["name"] as? String } == ["cliff", "random", "rule", "judge", "all"])
    let chosen = try methods.map { try #require($0["chosen"] as? [[String: Any]]) }
    #expect(chosen.map(\.count) == [6, 6, 6, 6, 24])
    #expect(Set(chosen[0].compactMap { $0["category"] as? String }).count == 3)
    // The scores are the traces': the deepest of each category.
    var cliffs: [String: Double] = [:]
    for line in try folder.text("trace/traces.jsonl").split(separator: "\n") {
      let trace = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let logits = try #require(trace["logits"] as? [[Double]])
      let segments = try #require(trace["segments"] as? [Int])
      let scores = logits[try #require(trace["chosen"] as? Int)].map { 1 / (1 + exp(-$0)) }
      let thinking = segments.indices.filter { segments[$0] == 2 }
      let answer = try #require(segments.firstIndex(of: 3))
      let final = try #require(segments[..<answer].lastIndex(of: 0))
      cliffs[try #require(trace["id"] as? String)] =
        try #require(thinking.map { scores[$0] }.max()) - scores[final]
    }
    for row in chosen[0] {
      let (id, score) = (row["id"] as? String ?? "", row["score"] as? Double ?? 9)
      #expect(abs((cliffs[id] ?? 0) - score) < 1e-6, "\(id)")
      let index = try #require(Int(id.dropFirst()))
      let deeper = cliffs.count { other, cliff in
        (Int(other.dropFirst()) ?? 0) % 3 == index % 3 && cliff > score + 1e-6
      }
      #expect(deeper < 2, "two of each category are chosen")
      for key in ["why", "plateau", "final", "votes", "source_digest", "licence", "rank"] {
        #expect(row[key] != nil, "\(key)")
      }
      #expect(row["licence"] as? String == "MIT")
    }
    let alpaca = try #require(try json("one/cliff.alpaca.json") as? [[String: String]])
    #expect(alpaca.count == 6)
    #expect(
      alpaca.allSatisfy {
        $0["output"]?.hasPrefix("<think>\nthought abcx") == true
          && $0["output"]?.hasSuffix("\n</think>\n\nI'm sorry, but I can't help with that.") == true
      })
    let info = try #require(try json("one/dataset_info.json") as? [String: [String: Any]])
    #expect(info.count == 15)
    for entry in info.values {
      #expect(folder.contents.contains("one/\(entry["file_name"] as? String ?? "")"))
    }
    // The same command gives the same bytes.
    let before = try folder.bytes("one/selection.json")
    #expect(try select(words, out: "one").status == 3)
    try FileManager.default.removeItem(atPath: folder.file("one"))
    #expect(try select(words, out: "one").status == 0)
    #expect(try folder.bytes("one/selection.json") == before)
  }

  /// Rows to train on refuse: benign requests are none of them unless asked for.
  @Test func benignRequestsAreLeftOutAndCounted() throws {
    let outcome = try select(["--count", "3", "--near-duplicates", "1"], out: "harmful")
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.output.contains(
        "12 rows can be chosen, others cannot: 12 with a benign request, 1 with no thinking"))
    let result = try #require(try json("harmful/selection.json") as? [String: Any])
    for method in try #require(result["methods"] as? [[String: Any]]) {
      for row in try #require(method["chosen"] as? [[String: Any]]) {
        let index = try #require(Int((row["id"] as? String ?? "").dropFirst()))
        #expect(index % 2 == 0, "\(method["name"] ?? "")")
      }
    }
    // The plateau is the robust one unless asked for otherwise.
    let provenance = try #require(result["provenance"] as? [String: String])
    #expect(provenance["plateau"] == "mean over thinking without its last 5 tokens")
    #expect(result["unlabelled"] as? Int == 0)
    let text = try folder.text("traced.jsonl").replacing("\"harmful\": true", with: "\"x\": 1")
    try folder.write("unlabelled.jsonl", text)
    let unlabelled = try select(
      ["--count", "3", "--pool", "unlabelled.jsonl"], out: "unlabelled")
    #expect(
      unlabelled.output.contains("12 of them do not say whether their request is harmful"))
    try folder.write("benign.jsonl", text.replacing("\"x\": 1", with: "\"harmful\": false"))
    let none = try select(["--count", "3", "--pool", "benign.jsonl"], out: "none")
    #expect(none.status == 4 && none.code == "no-rows", "\(none.errors)")
  }

  /// The probe of the last token alone tells no cliff, and the choice says so in every place.
  @Test func theChoiceCarriesWhatTheTraceSays() throws {
    let outcome = try select(["--count", "3", "--near-duplicates", "1"], out: "carried")
    let sentence = "the trace, unlabelled: Cannot be told, because"
    #expect(outcome.output.contains(sentence), "\(outcome.output)")
    #expect(outcome.output.contains("caution: 3 of 3 rows that the cliff chose are of transcripts"))
    let result = try #require(try json("carried/selection.json") as? [String: Any])
    let verdicts = try #require(result["verdicts"] as? [String])
    #expect(verdicts.count == 1 && verdicts[0].hasPrefix("unlabelled: Cannot be told, because"))
    let methods = try #require(result["methods"] as? [[String: Any]])
    for row in try #require(methods[0]["chosen"] as? [[String: Any]]) {
      #expect(row["verdict"] as? String == "cannot be told")
    }
    let page = try Tool.run(
      ["report", "--selection", "carried/selection.json", "--out", "page"], in: folder)
    try #require(page.status == 0, "\(page.errors)")
    #expect(try folder.text("page/report.html").contains("rows that the cliff chose"))
    // The lines alone do not say it.
    let lines = try select(
      ["--count", "3", "--near-duplicates", "1", "--traces", "trace/traces.jsonl"], out: "lines")
    #expect(lines.status == 0 && !lines.output.contains("the trace, "), "\(lines.errors)")
    #expect(lines.output.contains("caution: 3 of 3"))
  }

  /// One digit of one score.
  @Test func anEditedTraceIsRefused() throws {
    try FileManager.default.copyItem(
      atPath: folder.file("trace"), toPath: folder.file("edited"))
    let lines = try folder.text("edited/traces.jsonl")
    let digit = try #require(lines.lastIndex { $0.isNumber })
    let other = lines[digit] == "3" ? "4" : "3"
    let edited = lines.replacingCharacters(in: digit...digit, with: other)
    try folder.write("edited/traces.jsonl", edited)
    for place in ["edited", "edited/traces.jsonl"] {
      let outcome = try select(["--count", "3", "--traces", place], out: "chosen")
      #expect(outcome.status == 4 && outcome.code == "digest-differs", "\(outcome.errors)")
      #expect(!folder.contents.contains("chosen"))
    }
  }

  @Test func aTraceThatHasNotEndedIsRefused() throws {
    let files = FileManager.default
    try files.copyItem(atPath: folder.file("trace"), toPath: folder.file("cut"))
    try folder.write("cut/summary.journal", "{}\n")
    for place in ["cut", "cut/traces.jsonl"] {
      let outcome = try select(["--count", "3", "--traces", place], out: "unended")
      #expect(outcome.status == 4 && outcome.code == "run-unfinished")
      #expect(!folder.contents.contains("unended"))
    }
  }

  @Test func verdictsOfOtherAnswersAreRefused() throws {
    let text = try folder.text("traced.jsonl").replacing("PLACEHOLDER", with: "PLACEHOLDER-2")
    try folder.write("other.jsonl", text)
    let judged = try Tool.run(
      ["judge", "--answers", "other.jsonl", "--out", "other.json"], in: folder)
    try #require(judged.status == 0, "\(judged.errors)")
    let outcome = try select(
      ["--count", "3", "--verdicts", "other.json", "--judge", "substring-arditi"], out: "other")
    #expect(outcome.status == 4 && outcome.code == "answer-mismatch")
    #expect(!folder.contents.contains("other"))
  }

  /// Samples, and models, answer under the same ids.
  @Test func scoresOfOtherThinkingAreRefused() throws {
    let text = try folder.text("traced.jsonl").replacing("thought abcx", with: "thought abcd")
    try folder.write("rethought.jsonl", text)
    let outcome = try select(["--count", "3", "--pool", "rethought.jsonl"], out: "rethought")
    #expect(
      outcome.status == 4 && outcome.code == "answer-mismatch")
    #expect(outcome.errors.contains("trace/traces.jsonl: transcript 'r"))
    #expect(!folder.contents.contains("rethought"))
  }

  /// Where a chosen row's answer stands, and the digests of all that was read.
  @Test func rowsAndInputsCanBeFoundAgain() throws {
    let lines = try folder.text("traced.jsonl").split(separator: "\n").reversed()
    try folder.write("backwards.jsonl", lines.joined(separator: "\n\n"))
    let outcome = try Tool.run(
      [
        "select", "--pool", "backwards.jsonl", "--prompts", "traced.jsonl", "--traces", "trace",
        "--count", "3", "--out", "three", "--json",
      ], in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let json = try outcome.json
    let methods = try #require(json["methods"] as? [[String: Any]])
    for row in try #require(methods.last?["chosen"] as? [[String: Any]]) {
      let index = try #require(Int((row["id"] as? String ?? "").dropFirst()))
      #expect(row["source_row"] as? Int == 1 + 2 * (23 - index))
    }
    let provenance = try #require(json["provenance"] as? [String: String])
    for (key, name) in [
      ("pool", "backwards.jsonl "), ("prompts", "traced.jsonl "), ("traces", "traces.jsonl "),
    ] { #expect(provenance[key]?.hasPrefix(name) == true && provenance[key]?.count ?? 0 > 64) }
  }

  @Test func failuresByTheirFinalScore() throws {
    let outcome = try select(
      ["--count", "3", "--rank", "final", "--json", "--near-duplicates", "1", "--with-benign"],
      out: "two")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let methods = try #require(try outcome.json["methods"] as? [[String: Any]])
    let chosen = try #require(methods[0]["chosen"] as? [[String: Any]])
    #expect(methods[0]["candidates"] as? Int == 18, "four in twenty-four refuse six times")
    let finals = chosen.compactMap { $0["final"] as? Double }
    #expect(finals == finals.sorted() && finals.count == 3)
  }

  @Test(arguments: [
    ([], 2, "either"), (["--count", "0"], 2, "--count"), (["--share", "2"], 2, "--share"),
    (["--count", "1", "--judge", "x"], 2, "belong together"),
    (["--count", "1", "--verdicts", "j.json", "--judge", "x"], 2, "[invalid-option]: --judge"),
    (["--count", "1", "--verdicts", "pool.jsonl", "--judge", "x"], 4, "pool.jsonl"),
    (["--count", "1", "--quota-by", "none"], 2, "[invalid-option]: --quota-by"),
    (["--count", "1", "--safe-label", "none"], 2, "[invalid-option]: --safe-label"),
    (["--count", "1", "--traces", "none"], 4, "[missing]"),
    (["--count", "1", "--traces", "pool.jsonl"], 4, "[wrong-type]"),
    (["--count", "1", "--near-duplicates", "0"], 2, "--near-duplicates"),
    (["--count", "1", "--prompts", "traced.jsonl"], 4, "line 25"),
  ]) func wrongWords(words: [String], status: Int32, word: String) throws {
    let outcome = try select(words, out: "wrong")
    #expect(outcome.status == status && outcome.errors.contains(word), "\(outcome.errors)")
    #expect(!folder.contents.contains("wrong") && outcome.output.isEmpty)
  }
}
