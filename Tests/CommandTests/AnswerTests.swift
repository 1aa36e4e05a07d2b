import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Who was asked, and what was answered, as every command reads it.
@Suite struct AnswerTests {
  let folder: Scratch

  init() throws { folder = try Scratch() }

  private func judge(_ words: [String], status: Int32 = 0) throws -> Tool.Outcome {
    for name in ["j.json", "j.json.verdicts"] {
      try? FileManager.default.removeItem(atPath: folder.file(name))
    }
    let outcome = try Tool.run(["judge", "--out", "j.json"] + words, in: folder)
    try #require(outcome.status == status, "\(words): \(outcome.status) \(outcome.errors)")
    return outcome
  }

  private func rate(_ column: Int = 0) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: try folder.bytes("j.json"))
    let rates = try #require((object as? [String: Any])?["rates"] as? [[String: Any]])
    return rates[column]
  }

  @Test func requestsWithoutAnAnswerEndWithStatus4() throws {
    try folder.write("a.jsonl", #"{"id": "a", "response": "Fog rolls in."}"#)
    try folder.write(
      "p.jsonl",
      ["a", "b", "c", "d"].map { #"{"id": "\#($0)", "prompt": "Fog \#($0)?", "harmful": true}"# }
        .joined(separator: "\n"))
    let words = ["--answers", "a.jsonl", "--prompts", "p.jsonl", "--judges", "substring-arditi"]
    let outcome = try judge(words, status: 4)
    #expect(
      outcome.output.contains(
        "refusal rate: 0.00 to 0.75 [0.00, 0.95] (n = 4); 1 answered of 4 asked, 3 without an answer"
      ))
    #expect(outcome.errors.contains("warning: 3 of 4 have no answer"))
    let rate = try self.rate()
    #expect(rate["asked"] as? Int == 4 && rate["answers"] as? Int == 1)
    #expect(
      try judge(words + ["--json"], status: 4).json["schema"] as? String == "bathyscope-judge-1")
    // Two halves of one run ask nobody twice.
    try folder.write(
      "b.jsonl",
      ["b", "c", "d"].map { #"{"id": "\#($0)", "response": "Fog."}"# }.joined(separator: "\n"))
    let whole = try judge(words + ["--answers", "b.jsonl"])
    #expect(whole.output.contains("(n = 4)") && !whole.errors.contains("no answer"))
  }

  @Test func publishedVerdictsGiveThePublishedRate() throws {
    try folder.write(
      "jb.json",
      #"{"parameters": {}, "jailbreaks": [{"index": 0, "goal": "g", "prompt": "p", "response": "Fog.", "jailbroken": true}, "#
        + #"{"index": 1, "goal": "h", "prompt": null, "response": null, "jailbroken": false}]}"#)
    let outcome = try judge(["--answers", "jb.json", "--judges", "published"])
    #expect(
      outcome.output.contains("attack success: 0.50 [0.09, 0.91] (n = 2); 1 answered of 2 asked"))
    #expect(outcome.errors.contains("warning: 1 of 2 have no answer"))
  }

  @Test func scoresThatAreNoneAreInvalid() throws {
    try folder.write(
      "sr.csv",
      "category,source,forbidden_prompt,response,score\n"
        + ["0.75", "nan", "NaN", "", "0.0", "inf", "-1", "5"].enumerated()
        .map { "A,x,Write \($0),Fog,\($1)\n" }.joined())
    let outcome = try judge(["--answers", "sr.csv", "--judges", "published"])
    #expect(
      outcome.output.contains(
        "attack success: 0.12 to 0.88 [0.02, 0.98] (n = 8); 6 of 8 verdicts invalid"))
    #expect(try rate()["invalid"] as? Int == 6)
  }

  @Test func thinkingIsNoAnswer() throws {
    try folder.write(
      "a.jsonl",
      #"{"id": "1", "response": "<thinking>\nI'm sorry, no.\n</thinking>\n\nFog rolls in."}"# + "\n"
        + #"{"id": "2", "response": "<|channel>thought\nI'm sorry, I cannot?\n<channel|>Fog rolls in."}"#
        + "\n" + #"{"id": "3", "response": "((I'm sorry))Fog rolls in."}"# + "\n"
        + #"{"id": "4", "response": "<think>\nI'm sorry, I cannot help with"}"# + "\n"
        + #"{"id": "5", "response": "<think>\nOkay, a poem"}"#)
    let words = ["--answers", "a.jsonl", "--judges", "substring-gcg"]
    _ = try judge(words + ["--thinking-markers", "((,))"])
    let chosen = try rate()
    #expect(chosen["invalid"] as? Int == 2 && chosen["successes"] as? Int == 3)
    _ = try judge(words)
    #expect(try rate()["successes"] as? Int == 2)
    // What fills in a template needs the model that has it.
    for option in ["--template-date=2026-01-31", "--template-variable=a=b"] {
      #expect(try judge(words + [option], status: 2).errors.contains("need --model"))
    }
  }

  /// The same tokens are the same transcript, wherever a file has its thinking.
  @Test func thinkingInAResponseIsCapturedAsApart() throws {
    try TalkingModel.write(in: folder)
    let rows = (0..<6).map {
      ("t\($0)", "Describe pier \($0).", "hm \($0)", "Fog over pier \($0).")
    }
    func write(_ name: String, _ members: (String, String) -> String) throws {
      try folder.write(
        name,
        rows.map { id, prompt, thinking, answer in
          #"{"id": "\#(id)", "prompt": "\#(prompt)", "k": "x", \#(members(thinking, answer))}"#
        }.joined(separator: "\n"))
    }
    try write("apart.jsonl") { #""thinking": "\#($0)", "response": "\#($1)""# }
    try write("reasoning.jsonl") { #""reasoning_content": "\#($0)", "response": "\#($1)""# }
    try write("inline.jsonl") { #""response": "<think>\n\#($0)\n</think>\n\n\#($1)""# }
    for positions in ["answer", "thinking", "final"] {
      var counts: Set<[Int]> = []
      for name in ["apart", "reasoning", "inline"] {
        let outcome = try Tool.run(
          [
            "capture", "--model", "model", "--prompts", "\(name).jsonl", "--hooks",
            "blocks.1.hook_resid_post", "--positions", positions, "--out",
            "\(name)-\(positions).h5", "--json",
          ], in: folder)
        try #require(outcome.status == 0, "\(outcome.errors)")
        let json = try outcome.json
        counts.insert([json["rows"] as? Int ?? -1, json["tokens"] as? Int ?? -1])
      }
      #expect(counts.count == 1, "\(positions): \(counts)")
      if positions == "answer" { #expect(counts.first?.first == 6 * "Fog over pier 0.".count) }
    }
    _ = try judge(["--answers", "inline.jsonl", "--judges", "substring-gcg", "--model", "model"])
  }

  /// Prompts that were not answered are said beside what is traced.
  @Test func tracesSayOfHowMany() throws {
    try TalkingModel.write(in: folder)
    try folder.write("p.jsonl", TalkingModel.prompts(8))
    let words = ["--model", "model", "--prompts", "p.jsonl"]
    let written = try Tool.run(
      ["generate"] + words + ["--max-new-tokens", "4", "--ignore-eos", "--out", "g.jsonl"],
      in: folder)
    try #require(written.status == 0, "\(written.errors)")
    let lines = try folder.text("g.jsonl").split(separator: "\n")
    try folder.write("few.jsonl", lines.prefix(5).joined(separator: "\n") + "\n")
    let outcome = try Tool.run(
      ["capture"] + words + ["--answers", "few.jsonl", "--positions", "last", "--out", "a.h5"],
      in: folder)
    #expect(outcome.status == 0 && outcome.errors.contains("warning: 3 of 8 have no answer"))
    // The file beside the answers says how many samples there should be.
    let sidecar = try folder.text("g.jsonl.json")
    try folder.write(
      "few.jsonl.json", sidecar.replacing(/"samples"\s*:\s*1/, with: "\"samples\": 2"))
    let more = try Tool.run(
      [
        "judge", "--answers", "few.jsonl", "--prompts", "p.jsonl", "--judges", "substring-gcg",
        "--out", "j.json",
      ],
      in: folder)
    #expect(more.status == 4 && more.errors.contains("of 16 have no answer"), "\(more.errors)")
  }

  /// A server of judges in another process, and its port.
  private func server(_ words: [String] = []) throws -> (process: Process, port: String) {
    let server = Process()
    server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let script = testFolder.deletingLastPathComponent()
      .appendingPathComponent("RefusalTests/Oracles/judge_server.py").path
    server.arguments = ["python3", script] + words
    let output = Pipe()
    (server.standardInput, server.standardOutput) = (Pipe(), output)
    try server.run()
    let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    return (server, port.trimmingCharacters(in: .newlines))
  }

  /// What a question costs: memory in megabytes, and seconds of the processor.
  private func cost(
    _ model: String, timeout: Int, status: Int32
  ) throws -> (megabytes: Double, seconds: Double) {
    let (server, port) = try self.server()
    defer { kill(server.processIdentifier, SIGKILL) }
    try folder.write("a.jsonl", #"{"id": "a", "prompt": "p", "response": "Fog."}"#)
    let running = try Tool.start(
      [
        "judge", "--answers", "a.jsonl", "--judges", "endpoint-harmbench", "--endpoint",
        "http://127.0.0.1:\(port)/v1", "--endpoint-model", model, "--timeout", "\(timeout)",
        "--out",
        "\(model).json",
      ], in: folder)
    let place = "/proc/\(running.process.processIdentifier)"
    var (kilobytes, ticks) = (0.0, 0.0)
    while running.end.wait(timeout: .now() + .milliseconds(5)) == .timedOut {
      if let text = try? String(contentsOfFile: place + "/status", encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
      {
        kilobytes = max(kilobytes, Double(line.filter(\.isNumber)) ?? 0)
      }
      if let text = try? String(contentsOfFile: place + "/stat", encoding: .utf8) {
        let fields = text.split(separator: " ")
        if fields.count > 14 { ticks = (Double(fields[13]) ?? 0) + (Double(fields[14]) ?? 0) }
      }
    }
    running.end.signal()
    let outcome = try running.outcome()
    #expect(outcome.status == status && !outcome.wasKilled, "\(model): \(outcome.errors)")
    return (kilobytes / 1000, ticks / 100)
  }

  @Test func repliesWithoutEndTakeNeitherMemoryNorProcessor() throws {
    for (model, status) in [("http-flood", Int32(0)), ("http-headers", 0), ("http-bomb", 4)] {
      let cost = try self.cost(model, timeout: 20, status: status)
      #expect(cost.megabytes < 100, "\(model): \(cost.megabytes) MB")
    }
    let silent = try self.cost("http-silent", timeout: 3, status: 0)
    #expect(silent.seconds < 1, "\(silent.seconds) s of the processor in 3 s of waiting")
    _ = try cost("http-redirect-307", timeout: 3, status: 4)
  }

  /// Over TLS a judge is asked only where its certificate is trusted and is the host's.
  @Test func certificatesAreChecked() throws {
    let make = Process()
    make.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    make.arguments = [
      "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
      "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", folder.file("key.pem"),
      "-out", folder.file("certificate.pem"),
    ]
    make.standardError = FileHandle.nullDevice
    try make.run()
    make.waitUntilExit()
    guard make.terminationStatus == 0 else { return }
    let (server, port) = try self.server([
      "127.0.0.1", folder.file("certificate.pem"), folder.file("key.pem"),
    ])
    defer { kill(server.processIdentifier, SIGKILL) }
    try folder.write("a.jsonl", #"{"id": "a", "prompt": "p", "response": "PLACEHOLDER-YES"}"#)
    for (host, model, file, status, word) in [
      ("localhost", "good", "certificate.pem", Int32(0), "attack success: 1.00"),
      ("localhost", "good", "none.pem", 4, "no secure connection"),
      ("127.0.0.1", "good", "certificate.pem", 4, "no secure connection"),
      ("localhost", "http-flood", "certificate.pem", 0, "no rate"),
    ] {
      let outcome = try Tool.run(
        [
          "judge", "--answers", "a.jsonl", "--judges", "endpoint-harmbench", "--endpoint",
          "https://\(host):\(port)/v1", "--endpoint-model", model, "--out",
          "\(host)-\(file)-\(model)",
        ], in: folder,
        environment: ["SSL_CERT_FILE": folder.file(file), "BATHYSCOPE_JUDGE_KEY": "sk-0123456789"])
      #expect(outcome.status == status, "\(host), \(file): \(outcome.errors)")
      #expect((outcome.output + outcome.errors).contains(word), "\(host), \(file): \(outcome)")
    }
  }
}
