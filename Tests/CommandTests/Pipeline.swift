import Files
import Foundation
import Testing

/// The whole way from prompts to a report on a tiny model, run once for all tests that look at it.
struct Pipeline: Sendable {
  static let shared = Result { try Pipeline() }

  let folder: Scratch
  let steps: [String: Tool.Outcome]

  private init() throws {
    folder = try Scratch()
    try folder.write("prompts.jsonl", syntheticPrompts(60, seed: 1))
    try folder.write("other.jsonl", syntheticPrompts(30, seed: 2))
    steps = try Self.run(in: folder)
  }

  static let commands = [
    (
      "capture",
      ["capture", "--model", TinyModel.llama, "--prompts", "prompts.jsonl", "--out", "acts.h5"]
    ),
    (
      "other",
      ["capture", "--model", TinyModel.llama, "--prompts", "other.jsonl", "--out", "other.h5"]
    ),
    (
      "train",
      [
        "probe", "train", "--acts", "acts.h5", "--label", "marked", "--test", "other.h5", "--out",
        "probe",
      ]
    ),
    ("eval", ["probe", "eval", "--acts", "other.h5", "--label", "marked", "--probe", "probe"]),
    (
      "trace",
      [
        "trace", "--model", TinyModel.llama, "--prompts", "other.jsonl", "--label", "marked",
        "--probe", "probe", "--out", "trace",
      ]
    ),
  ]

  /// Runs all steps with `--json` and a number of threads.
  static func run(in folder: Scratch, threads: Int = 2) throws -> [String: Tool.Outcome] {
    var steps: [String: Tool.Outcome] = [:]
    for (name, arguments) in commands {
      let outcome = try Tool.run(arguments + ["--threads", "\(threads)", "--json"], in: folder)
      try #require(outcome.status == 0, "\(name): \(outcome.errors)")
      steps[name] = outcome
    }
    return steps
  }
}

@Suite struct PipelineTests {
  let pipeline: Pipeline
  var folder: Scratch { pipeline.folder }

  init() throws { pipeline = try Pipeline.shared.get() }

  @Test(arguments: [
    ("capture", "capture"), ("train", "probe"), ("eval", "probe-evaluation"),
    ("trace", "trace-summary"),
  ])
  func everyStepPrintsOneDocument(step: String, schema: String) throws {
    let outcome = try #require(pipeline.steps[step])
    let json = try outcome.json
    #expect((json["schema"] as? String)?.hasPrefix("bathyscope-\(schema)") == true)
    #expect((json["tool_version"] as? String)?.isEmpty == false)
    // No progress off a terminal; the notes are that token ids leave no tokenizer to open with, and that
    // the probe was trained at the last token alone.
    let errors = outcome.errors.split(separator: "\n")
    let notes = ["train": "note: the cosine", "trace": "note: a cliff cannot be told"]
    let isNote = errors.map { line in notes[step].map { line.hasPrefix($0) } == true }
    #expect(!isNote.contains(false), "\(errors)")
    #expect(!outcome.errors.contains("\r"))
  }

  @Test func captureTellsWhatItWrote() throws {
    let json = try #require(pipeline.steps["capture"]).json
    #expect(json["prompts"] as? Int == 60)
    #expect(json["rows"] as? Int == 60)
    #expect((json["hooks"] as? [String])?.count == 3)
    #expect(json["bytes"] as? Int == (try folder.bytes("acts.h5").count))
    #expect(json["threads"] as? Int == 2)
  }

  @Test func probeLearnsTheTokenThatTellsTheClassesApart() throws {
    let json = try #require(pipeline.steps["train"]).json
    let report = try #require(json["report"] as? [String: Any])
    let evaluations = try #require(report["evaluations"] as? [[String: Any]])
    #expect(evaluations.count == 3)
    let tests = try #require(json["out_of_distribution"] as? [[String: Any]])
    let metrics = try #require(tests.first?["metrics"] as? [String: Any])
    let auroc = try #require(metrics["auroc"] as? [String: Any])
    let value = try #require(auroc.values.compactMap { $0 as? Double }.max())
    #expect(value > 0.7)
    // 'probe eval' of the same file says the same.
    let rows = try #require(try pipeline.steps["eval"]?.json["evaluations"] as? [[String: Any]])
    let chosen = try #require(rows.first { $0["is_chosen"] as? Bool == true })
    #expect(chosen["metrics"] as? NSDictionary == metrics as NSDictionary)
  }

  @Test func reportStandsAlone() throws {
    let html = try folder.text("trace/report.html")
    #expect(html.contains("<svg"))
    #expect(!html.contains("http://") || !html.contains("src=\"http"))
    for pattern in [#"src=""#, #"href="http"#, "url(http", "@import", "<script src", "<link"] {
      #expect(!html.contains(pattern), "\(pattern)")
    }
    // What it links to beside it is there.
    for link in html.matches(of: /href="(figures\/[^"]+)"/) {
      #expect(try !folder.bytes("trace/\(link.output.1)").isEmpty)
    }
    #expect(html.contains("bathyscope"), "the command")
  }

  @Test func tracesHoldEveryTokenAtEveryLayer() throws {
    let lines = try folder.text("trace/traces.jsonl").split(separator: "\n")
    #expect(lines.count == 30)
    for line in lines {
      let trace = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      let tokens = try #require(trace["tokens"] as? [String])
      let logits = try #require(trace["logits"] as? [[Double]])
      #expect(logits.map(\.count) == [tokens.count, tokens.count, tokens.count])
    }
    let summary = try JSONSerialization.jsonObject(with: try folder.bytes("trace/summary.json"))
    #expect((summary as? [String: Any])?["schema"] as? String == "bathyscope-trace")
  }

  @Test func sameCommandGivesTheSameBytes() throws {
    let again = try copyOfPrompts()
    _ = try Pipeline.run(in: again)
    #expect(again.contents == folder.contents)
    for name in again.contents where !isFolder(again.file(name)) {
      #expect(try again.bytes(name) == folder.bytes(name), "\(name)")
    }
  }

  /// Where the 64 hexadecimal digits around a place begin; nil where it is in no such text.
  private func startOfDigest(at place: Int, in bytes: [UInt8]) -> Int? {
    func isDigit(_ index: Int) -> Bool {
      bytes.indices.contains(index) && "0123456789abcdef".utf8.contains(bytes[index])
    }
    var (start, end) = (place, place)
    while isDigit(start - 1) { start -= 1 }
    while isDigit(end) { end += 1 }
    return end - start == 64 ? start : nil
  }

  /// The number of threads is in the recorded command line, and that is all it changes.
  @Test func threadsChangeOnlyTheRecordedCommand() throws {
    let single = try copyOfPrompts()
    _ = try Pipeline.run(in: single, threads: 1)
    for name in ["acts.h5", "other.h5"] {
      let (one, two) = (try single.bytes(name), try folder.bytes(name))
      #expect(one.count == two.count)
      // The digest of what the file says covers the command too.
      let places = zip(one, two).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
      let digests = Set(places.compactMap { startOfDigest(at: $0, in: Array(one)) })
      #expect(digests.count == 1, "\(name)")
      let rest = places.filter { place in !digests.contains { ($0..<$0 + 64).contains(place) } }
      #expect(rest.map { [one[$0], two[$0]] } == [Array("12".utf8)], "\(name)")
    }
    #expect(try single.bytes("trace/traces.jsonl") == folder.bytes("trace/traces.jsonl"))
    /// Without its own digest and that of the probe's card, which has the command that trained it.
    func summary(in folder: Scratch) throws -> String {
      let card = Digest.sha256(Array(try folder.bytes("trace/probe.json")))
      return try folder.text("trace/summary.json").replacing(card, with: "")
        .split(separator: "\n").dropFirst(2).joined(separator: "\n")
    }
    #expect(try summary(in: single) == summary(in: folder))
    #expect(try single.bytes("probe/probe.safetensors") == folder.bytes("probe/probe.safetensors"))
    // From the same activations, the card too is the same but for the command in it.
    let trained = try Tool.run(
      [
        "probe", "train", "--acts", folder.file("acts.h5"), "--label", "marked", "--test",
        folder.file("other.h5"), "--out", "probe", "--threads", "1", "--overwrite",
      ], in: single)
    #expect(trained.status == 0)
    func card(_ scratch: Scratch) throws -> NSDictionary {
      let json = try JSONSerialization.jsonObject(with: try scratch.bytes("probe/card.json"))
      let card = NSMutableDictionary(dictionary: try #require(json as? [String: Any]))
      let arguments = try #require(card["arguments"] as? String)
      #expect(arguments.contains("\"--threads\""))
      card["arguments"] = nil
      return card
    }
    #expect(try card(single) == card(folder))
  }

  private func copyOfPrompts() throws -> Scratch {
    let copy = try Scratch()
    for name in ["prompts.jsonl", "other.jsonl"] { try copy.write(name, try folder.text(name)) }
    return copy
  }

  private func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }
}
