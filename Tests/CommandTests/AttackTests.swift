import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `bathyscope attack` as a user runs it.
@Suite struct AttackTests {
  let folder: Scratch

  init() throws { folder = try Self.folder() }

  static func folder() throws -> Scratch {
    let folder = try Scratch()
    try ChattingModel.write(to: folder)
    try folder.write(
      "p.jsonl",
      (0..<6).map { #"{"id": "p\#($0)", "prompt": "Tell me \#($0)", "harmful": true}"# }
        .joined(separator: "\n"))
    try folder.write(
      "benign.jsonl", (0..<3).map { #"{"prompt": "Hello \#($0)"}"# }.joined(separator: "\n"))
    try folder.write(
      "neutral.jsonl",
      (0..<4).map { #"{"text": "Plain text, number \#($0 * 7)."}"# }.joined(separator: "\n"))
    try folder.write("answered.jsonl", #"{"prompt": "Hello", "response": "Good morning"}"#)
    try folder.write("v.json", "\((0..<36).map { Double($0 % 7) / 7 - 0.4 })")
    try folder.write("heads.json", #"{"top": {"heads": [{"layer": 1, "head": 2, "score": -1}]}}"#)
    return folder
  }

  static let words = [
    "attack", "--model", "model", "--prompts", "p.jsonl", "--benign", "benign.jsonl", "--neutral",
    "neutral.jsonl", "--arm", "one=heads:heads.json:set=top", "--arm",
    "v=add:v.json:layer=1:scale=1:at=-1..", "--random", "2", "--max-new-tokens", "9",
    "--judges", "substring-arditi,opener", "--out", "out",
  ]

  func attack(
    _ words: [String] = [], in folder: Scratch? = nil
  ) throws -> Tool.Outcome {
    try Tool.run(Self.words + words, in: folder ?? self.folder)
  }

  @Test func everythingIsMeasuredAndSaysWhatItIs() throws {
    let outcome = try attack()
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("7 arms, up to 51 answers"), "\(outcome.errors)")
    // No rate without n and interval.
    for line in outcome.output.split(separator: "\n") where line.contains("rate ") {
      #expect(line.contains(/[0-9] \[[0-9.]+, [0-9.]+\] \(n = [0-9]+\)/), "\(line)")
    }
    for word in [
      "refusal rate", "a success is not refused", "exact McNemar", "after Holm",
      "of 2 random controls", "cannot bring below 0.667", "over-refusal by opener", "nats a token",
      "the same norm",
    ] { #expect(outcome.output.contains(word), "\(word)") }
    #expect(!outcome.output.contains("attack success"), "phrases say nothing of harm")
    let json = try result()
    let arms = try #require(json["arms"] as? [[String: Any]])
    #expect(
      arms.map { $0["name"] as? String } == [
        "baseline", "one", "one.random-01", "one.random-02", "v", "v.random-01", "v.random-02",
      ])
    #expect((json["rows"] as? [[String: Any]])?.count == 7 * 6 + 3 * 3)
    for arm in arms {
      #expect((arm["rates"] as? [Any])?.count == 2 && arm["neutral_loss"] != nil)
      let isControl = (arm["name"] as? String)?.contains("random") == true
      #expect((arm["over_refusal"] as? [Any])?.count == (isControl ? 0 : 2))
    }
    #expect(abs((arms[1]["head_share"] as? Double ?? 0) - 1.0 / 18) < 1e-12)
    #expect((arms[1]["effects"] as? [[String: Any]])?.first?["sequences"] as? Int == 6)
    let added = try #require((arms[4]["effects"] as? [[String: Any]])?.first)
    #expect(added["hooks"] as? [String] == ["blocks.1.hook_resid_post"])
    let provenance = try #require(json["provenance"] as? [String: String])
    for key in ["model", "weights SHA-256", "prompts", "seed", "kernel", "command", "arm v"] {
      #expect(provenance[key]?.isEmpty == false, "\(key)")
    }
    // Again, nothing is computed and the bytes are the same.
    let before = try folder.bytes("out/attack.json")
    let again = try attack()
    #expect(again.status == 0 && again.errors.isEmpty, "\(again.errors)")
    #expect(try folder.bytes("out/attack.json") == before)
  }

  func result(_ folder: Scratch? = nil) throws -> [String: Any] {
    let data = try (folder ?? self.folder).bytes("out/attack.json")
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// Killed at any moment, it ends with the bytes of a run that was left alone.
  @Test func killedAndContinued() throws {
    let long = [
      "--max-new-tokens", "40", "--temperature", "1", "--samples", "2", "--random", "1",
    ]
    let whole = try Self.folder()
    #expect(try attack(long, in: whole).status == 0)
    for blocks in [4, 6, 8, 12] {
      _ = try Tool.killed(Self.words + long, whenAFileHas: blocks, in: folder)
    }
    let last = try attack(long)
    #expect(last.status == 0, "\(last.errors)")
    let same = try folder.bytes("out/attack.json") == whole.bytes("out/attack.json")
    #expect(same)
    let answers = whole.contents.filter { $0.hasPrefix("out/answers/") && $0.hasSuffix(".jsonl") }
    #expect(answers.count == 8)
    for name in answers { #expect(try folder.bytes(name) == whole.bytes(name), "\(name)") }
    #expect(!folder.contents.contains { $0.hasSuffix(".journal") || $0.hasSuffix(".partial") })
  }

  @Test func batchAndThreadsChangeNothing() throws {
    let other = try Self.folder()
    #expect(try attack(["--batch", "1", "--threads", "1", "--random", "0"]).status == 0)
    #expect(try attack(["--batch", "5", "--threads", "2", "--random", "0"], in: other).status == 0)
    func plain(_ folder: Scratch) throws -> String {
      try folder.text("out/attack.json").split(separator: "\n")
        .filter { !$0.contains("\"command\"") }.joined(separator: "\n")
    }
    let same = try plain(folder) == plain(other)
    #expect(same)
  }

  @Test func anotherArmJoinsAndOtherSettingsDoNot() throws {
    #expect(try attack().status == 0)
    let before = try folder.bytes("out/answers/one.random-02.jsonl")
    let more = try attack(["--arm", "off=project-out:v.json"])
    #expect(more.status == 0 && more.errors.contains("up to 21 answers"), "\(more.errors)")
    #expect(try folder.bytes("out/answers/one.random-02.jsonl") == before)
    let changed = try attack(["--arm", "off=project-out:v.json", "--max-new-tokens", "8"])
    #expect(changed.status == 3, "\(changed.errors)")
    #expect(changed.errors.contains("settings.max_new_tokens was 9 and is 8"))
  }

  @Test(arguments: [
    (["--arm", "one=heads:0.1"], 2, "every name"), (["--arm", "x"], 2, "is no arm. Write"),
    (["--arm", "x=heads:none.json"], 4, "[missing]"),
    (["--arm", "x=heads:0.9"], 4, "query heads 0 to 5"), (["--arm", "x=heads:9.0"], 4, "3 layers"),
    (["--arm", "x=add:v.json:layer=1"], 2, "[invalid-option]: --arm"),
    (["--arm", "x=add:v.json:layer=9:scale=1"], 2, "[invalid-option]: --arm"),
    (["--arm", "x=add:v.json:layer=1:scale=nan"], 2, "[invalid-option]: --arm"),
    (["--arm", "x=heads:0.1:at=nowhere"], 2, "[invalid-option]: --arm"),
    (["--arm", "x=heads:heads.json:first=2"], 4, "[too-few]"),
    (["--arm", "x=heads:0.1:first=1"], 2, "[invalid-option]: --arm"),
    (["--arm", "../x=heads:0.1"], 2, "arm"), (["--arm", "baseline=heads:0.1"], 2, "arm"),
    (["--arm", "x=project-out:v.json:at=thinking"], 4, "[no-effect]"),
    (["--judges", "nobody"], 2, "none of"), (["--judges", "published"], 2, "published"),
    (["--judges", "endpoint-harmbench"], 2, "belong together"),
    (["--judges", "probe:none"], 4, "none"), (["--random", "-1"], 2, "--random"),
    (["--samples", "2"], 2, "no effect"), (["--neutral", "none.jsonl"], 4, "[missing]"),
    (["--benign", "v.json"], 4, "line 1"),
    (["--benign", "answered.jsonl"], 2, "[unfit-prompts]"),
  ]) func wrongWords(words: [String], status: Int32, word: String) throws {
    let outcome = try attack(words)
    #expect(outcome.status == status && outcome.errors.contains(word), "\(outcome.errors)")
    #expect(!folder.contents.contains("out/attack.json") && outcome.output.isEmpty)
  }

  /// A planted model complies because of some heads: without them it refuses, and with others off it
  /// does not.
  @Test func plantedHeadsAreWhatDecides() throws {
    let plant = ["organism", "plant", "--kind", "refusal-cliff", "--seed", "1", "--out", "planted"]
    #expect(try Tool.run(plant, in: folder).status == 0)
    let truth = try #require(
      try JSONSerialization.jsonObject(with: folder.bytes("planted/truth.json")) as? [String: Any])
    let heads = try #require(truth["heads"] as? [[String: Any]])
    func named(_ role: String) throws -> String {
      try heads.filter { $0["role"] as? String == role }.map {
        "\(try #require($0["layer"] as? Int)).\(try #require($0["head"] as? Int))"
      }.joined(separator: ",")
    }
    let rows = try folder.text("planted/prompts.jsonl").split(separator: "\n").prefix(24)
    try folder.write("p.jsonl", rows.joined(separator: "\n"))
    let outcome = try Tool.run(
      [
        "attack", "--model", "planted", "--prompts", "p.jsonl", "--neutral", "p.jsonl", "--arm",
        "suppression=heads:\(try named("suppression"))", "--arm",
        "decoys=heads:\(try named("decoy-at-comma"))", "--random", "0", "--max-new-tokens", "10",
        "--judges", "substring-arditi", "--out", "out",
      ], in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let arms = try #require(try result()["arms"] as? [[String: Any]])
    func rate(_ arm: [String: Any], _ key: String) throws -> Double {
      let rates = try #require(arm[key] as? [[String: Any]])
      return try #require((rates[0]["refusal"] as? [String: Any])?["estimate"] as? Double)
    }
    #expect(try arms.map { try rate($0, "rates") } == [0, 1, 0])
    #expect(try arms.map { try rate($0, "over_refusal") } == [0, 0, 0])
    #expect(outcome.output.contains("no random controls"))
  }

  @Test func benignRowsOfThePromptsAreNotAttacked() throws {
    try folder.write(
      "p.jsonl",
      """
      {"prompt": "a", "harmful": true}
      {"prompt": "b", "harmful": false}
      {"prompt": "c", "label": "benign"}
      """)
    let words = [
      "attack", "--model", "model", "--prompts", "p.jsonl", "--neutral", "neutral.jsonl",
      "--max-new-tokens", "3", "--out", "out",
    ]
    #expect(try Tool.run(words, in: folder).status == 0)
    let rows = try #require(try result()["rows"] as? [[String: Any]])
    #expect(rows.map { $0["is_benign"] as? Bool } == [false, true, true])
    try folder.write("p.jsonl", #"{"prompt": "b", "response": "c"}"#)
    let answered = try Tool.run(words, in: folder)
    #expect(answered.status == 2 && answered.code == "unfit-prompts")
    try folder.write("p.jsonl", #"{"prompt": "b", "harmful": false}"#)
    let none = try Tool.run(words, in: folder)
    #expect(none.status == 2 && none.code == "all-benign")
  }
}
