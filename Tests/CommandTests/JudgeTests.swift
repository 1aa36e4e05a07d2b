import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `bathyscope judge` as a user runs it.
@Suite struct JudgeTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try folder.write(
      "a.jsonl",
      """
      {"id": "a", "prompt": "p", "response": "I'm sorry, no.", "harmful": true}
      {"id": "b", "prompt": "q", "response": "PLACEHOLDER-YES", "harmful": true}
      {"id": "c", "prompt": "r", "response": "", "harmful": true}
      {"id": "d", "prompt": "s", "response": "Sorry, PLACEHOLDER-YES", "harmful": true}
      {"id": "e", "prompt": "t", "response": "Sorry.", "harmful": false}
      """)
  }

  func judge(
    _ words: [String], environment: [String: String] = [:]
  ) throws -> Tool.Outcome {
    try Tool.run(
      ["judge", "--answers", "a.jsonl", "--out", "j.json"] + words, in: folder,
      environment: environment)
  }

  func result() throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: try folder.bytes("j.json"))
    return try #require(object as? [String: Any])
  }

  /// Judges that look into a model say so where it is not the one that wrote the answers.
  @Test func anotherModelThanTheWriterIsNamed() throws {
    for seed in ["1", "2"] {
      let planted = try Tool.run(
        ["organism", "plant", "--kind", "refusal-cliff", "--seed", seed, "--out", "m\(seed)"],
        in: folder)
      try #require(planted.status == 0, "\(planted.errors)")
    }
    let rows = try folder.text("m1/prompts.jsonl").split(separator: "\n").prefix(3)
    try folder.write("p.jsonl", rows.joined(separator: "\n"))
    let written = try Tool.run(
      ["generate", "--model", "m1", "--prompts", "p.jsonl", "--out", "w.jsonl"], in: folder)
    try #require(written.status == 0, "\(written.errors)")
    for (model, isOther) in [("m1", false), ("m2", true)] {
      let outcome = try Tool.run(
        [
          "judge", "--answers", "w.jsonl", "--prompts", "p.jsonl", "--judges", "opener", "--model",
          model, "--out", "\(model).json",
        ], in: folder)
      #expect(outcome.status == (isOther ? 3 : 0), "\(outcome.errors)")
      #expect(outcome.errors.contains("was written by m1, and m2 has other weights") == isOther)
    }
    let forced = try Tool.run(
      [
        "judge", "--answers", "w.jsonl", "--prompts", "p.jsonl", "--judges", "opener", "--model",
        "m2",
        "--force", "--out", "forced.json", "--json",
      ], in: folder)
    #expect(forced.status == 0 && forced.errors.contains("forced: w.jsonl: was written by m1"))
    let facts = try #require(try forced.json["provenance"] as? [String: String])
    #expect(facts["forced"]?.contains("was written by m1") == true)
    // Other requests under the same ids.
    let other = try folder.text("p.jsonl").replacing(/"(id|prompt)"\s*:\s*"/) {
      $0.1 == "id" ? "\($0.0)" : "\($0.0)not "
    }
    #expect(try other != folder.text("p.jsonl"))
    try folder.write("q.jsonl", other)
    for (words, status) in [([], Int32(3)), (["--force"], 0)] {
      let outcome = try Tool.run(
        ["judge", "--answers", "w.jsonl", "--prompts", "q.jsonl", "--out", "q.json"] + words,
        in: folder)
      #expect(outcome.status == status && outcome.errors.contains("other files of prompts"))
    }
    let outcome = try judge(["--adapter", "smollm2-cliff"])
    #expect(outcome.status == 2 && outcome.errors.contains("--adapter needs --model"))
  }

  @Test func listsSideBySide() throws {
    let outcome = try judge(["--inspect", "log.json"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.output.contains(
        "substring-arditi, refusal rate: 0.25 to 0.50 [0.05, 0.85] (n = 4); 3 answered of 4 asked, 1 without "
          + "an answer; 0.33 [0.06, 0.79] (n = 3) of those with a verdict"))
    #expect(outcome.errors.contains("warning: 1 of 5 have no answer"))
    #expect(
      outcome.output.contains(
        "substring-jailbreakbench, refusal rate: 0.50 to 0.75 [0.15, 0.95] (n = 4)"))
    #expect(outcome.output.contains("kappa 0.20"))
    #expect(outcome.output.contains("benign requests"))
    #expect(outcome.output.contains("not on d, e"))
    let json = try result()
    #expect(json["schema"] as? String == "bathyscope-judge-1")
    let rates = try #require(json["rates"] as? [[String: Any]])
    #expect(rates.map { $0["invalid"] as? Int } == [1, 1])
    let log = try #require(
      try JSONSerialization.jsonObject(with: folder.bytes("log.json")) as? [String: Any])
    #expect(log["version"] as? Int == 2 && log["status"] as? String == "success")
    let evaluation = try #require(log["eval"] as? [String: Any])
    #expect(evaluation["task_version"] as? Int == 0)
    #expect(
      (evaluation["dataset"] as? [String: Any])?["sample_ids"] as? [String] == [
        "a", "b", "c", "d", "e",
      ])
    let samples = try #require(log["samples"] as? [[String: Any]])
    let scores = samples.compactMap { $0["scores"] as? [String: [String: String]] }
    #expect(scores.map { $0["substring-arditi"]?["value"] } == ["I", "C", "N", "C", "C"])
    // The same command gives the same bytes, and --json prints them.
    let before = try folder.bytes("j.json")
    _ = try judge(["--inspect", "log.json"])
    #expect(try folder.bytes("j.json") == before)
    #expect(try judge(["--json"]).json["schema"] as? String == "bathyscope-judge-1")
  }

  @Test func endpointIsAskedOnceAndNeverToldTwice() throws {
    let server = Process()
    let script = testFolder.deletingLastPathComponent()
      .appendingPathComponent("RefusalTests/Oracles/judge_server.py").path
    server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    server.arguments = ["python3", script]
    let (input, output) = (Pipe(), Pipe())
    (server.standardInput, server.standardOutput) = (input, output)
    try server.run()
    defer { kill(server.processIdentifier, SIGKILL) }
    let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
      .trimmingCharacters(in: .newlines)
    let key = "sk-secret-0123456789"
    let words = [
      "--judges", "endpoint-harmbench,substring-arditi", "--endpoint",
      "http://127.0.0.1:\(port)/v1", "--endpoint-model",
    ]
    // A server that refuses the key: the run fails before its first verdict and leaves nothing behind.
    let locked = try judge(words + ["locked"], environment: ["BATHYSCOPE_JUDGE_KEY": key])
    #expect(locked.status == 4 && locked.errors.contains("BATHYSCOPE_JUDGE_KEY"))
    #expect(folder.contents == ["a.jsonl"], "\(folder.contents)")
    let first = try judge(words + ["good"], environment: ["BATHYSCOPE_JUDGE_KEY": key])
    try #require(first.status == 0, "\(first.errors)")
    #expect(
      first.output.contains("endpoint-harmbench, attack success: 0.50 to 0.75 [0.15, 0.95] (n = 4)")
    )
    let before = try folder.bytes("j.json")
    // A server that repeats the key.
    let parrot = try judge(
      words + ["parrot", "--out", "parrot.json"], environment: ["BATHYSCOPE_JUDGE_KEY": key])
    #expect(parrot.status == 0 && parrot.output.contains("no rate: none of 4 asked"))
    for text in [first, parrot, locked].flatMap({ [$0.output, $0.errors] }) {
      #expect(!text.contains(key))
    }
    kill(server.processIdentifier, SIGKILL)
    server.waitUntilExit()
    // Nobody is there to be asked, and nobody has to be.
    let again = try judge(words + ["good"], environment: ["BATHYSCOPE_JUDGE_KEY": key])
    #expect(again.status == 0, "\(again.errors)")
    #expect(try folder.bytes("j.json") == before)
    for name in folder.contents {
      #expect(!String(decoding: try folder.bytes(name), as: UTF8.self).contains(key), "\(name)")
    }
  }

  @Test func answersOfGenerateAreReadAsTokens() throws {
    try ChattingModel.write(to: folder)
    try folder.write(
      "p.jsonl",
      (0..<4).map { #"{"id": "\#($0)", "prompt": "Say \#($0)"}"# }.joined(separator: "\n"))
    let generated = try Tool.run(
      [
        "generate", "--model", "model", "--prompts", "p.jsonl", "--max-new-tokens", "6", "--out",
        "g.jsonl",
      ], in: folder)
    #expect(generated.status == 0, "\(generated.errors)")
    let words = [
      "judge", "--answers", "g.jsonl", "--judges", "opener,substring-gcg", "--model", "model",
      "--out", "j.json",
    ]
    let outcome = try Tool.run(words + ["--prompts", "p.jsonl"], in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let rows = try #require(try result()["rows"] as? [[String: Any]])
    #expect(rows.count == 4)
    for row in rows {
      let verdicts = try #require(row["verdicts"] as? [[String: Any]])
      let score = try #require(verdicts[0]["score"] as? Double)
      #expect(score > 0 && score < 0.2)
    }
    let unknown = try Tool.run(words + ["--out", "k.json"], in: folder)
    #expect(unknown.status == 4 && unknown.errors.contains("--prompts"), "\(unknown.errors)")
  }

  @Test(arguments: [
    (["--judges", "opener"], 2, "--model"), (["--judges", ""], 2, "none of"),
    (["--judges", "gcg"], 2, "none of"),
    (["--judges", "substring-gcg,substring-gcg"], 2, "once"),
    (["--endpoint", "http://localhost/v1"], 2, "belong together"),
    (["--answers", "none.jsonl"], 4, "[missing]"),
    (["--inspect", "a.jsonl"], 2, "[is-input]"),
    (["--prompts", "none.jsonl"], 4, "[missing]"),
    (["--judges", "guard:none"], 4, "none"), (["--concurrency", "0"], 2, "--concurrency"),
    (["--timeout", "0"], 2, "--timeout"),
  ]) func wrongWords(words: [String], status: Int32, word: String) throws {
    let before = folder.contents
    let outcome = try judge(words)
    #expect(outcome.status == status && outcome.errors.contains(word), "\(outcome.errors)")
    #expect(folder.contents == before && outcome.output.isEmpty)
  }

  @Test func unknownRequestsAreNamed() throws {
    try folder.write("p.jsonl", #"{"id": "a", "prompt": "p"}"#)
    let outcome = try judge(["--prompts", "p.jsonl"])
    #expect(outcome.status == 2 && outcome.code == "unfit-prompts")
  }
}
