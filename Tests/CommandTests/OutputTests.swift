import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One rule for every command that writes: never over an input, and over another run's result only with
/// `--overwrite`. It is checked before anything is read.
@Suite struct OutputTests {
  /// A command that writes.
  struct Writer: Sendable, CustomTestStringConvertible {
    /// Everything but the outputs; IN is replaced by an input.
    var words: [String]
    /// Options that name files to be written, or the folder.
    var outputs = ["--out"]
    /// A file of the folder that it writes; nil where it writes a file.
    var result: String?
    /// Options that name inputs.
    var inputs: [String]
    /// Whether what is there is told from this run's own only when the configuration is known.
    var comparesLater = false

    var testDescription: String { words.prefix(2).joined(separator: " ") }
  }

  static let model = ["--model", TinyModel.llama]
  static let writers = [
    Writer(words: ["capture"] + model, inputs: ["--prompts", "--answers", "--labels"]),
    Writer(
      words: ["generate", "--scale", "1"] + model, outputs: ["--out", "--activations"],
      inputs: ["--prompts", "--steer", "--project-out", "--interventions"], comparesLater: true),
    Writer(
      words: ["judge"], outputs: ["--out", "--labels", "--inspect"],
      inputs: ["--answers", "--prompts", "--model"], comparesLater: true),
    Writer(words: ["direction", "convert"], inputs: [""]),
    Writer(
      words: ["trace"] + model, result: "summary.json",
      inputs: ["--prompts", "--probe", "--answers", "--labels"]),
    Writer(
      words: ["probe", "train", "--label", "a"], result: "card.json", inputs: ["--acts", "--test"]),
    Writer(words: ["probe", "map", "--label", "a"], result: "map.json", inputs: ["--acts"]),
    Writer(
      words: ["heads", "attribute"] + model, result: "attribute.csv",
      inputs: ["--prompts", "--vector"]),
    Writer(
      words: ["heads", "sweep"] + model, result: "sweep.csv", inputs: ["--prompts", "--probe"]),
    Writer(
      words: ["heads", "search"] + model, result: "search.csv", inputs: ["--prompts", "--among"]),
    Writer(
      words: ["direction", "extract", "--label", "a"] + model, result: "card.json",
      inputs: ["--prompts"]),
    Writer(
      words: ["direction", "select"] + model, result: "selection.json",
      inputs: ["--prompts", "--directions"]),
    Writer(
      words: ["direction", "orthogonalise"], result: "a", inputs: ["--model", "--direction"]),
    Writer(
      words: ["attack"] + model, result: "attack.json",
      inputs: ["--prompts", "--benign", "--neutral"],
      comparesLater: true),
    Writer(
      words: ["select", "--count", "1"], result: "selection.json",
      inputs: ["--pool", "--traces", "--prompts"]),
    Writer(
      words: ["report"], result: "report.html",
      inputs: ["--trace", "--heads", "--attack", "--probe", "--selection"]),
  ]

  let folder: Scratch
  init() throws { folder = try Scratch() }

  private func run(
    _ writer: Writer, input: String, as option: String, output: String, named: String = "--out"
  ) throws -> Tool.Outcome {
    var words = writer.words
    for name in writer.inputs {
      words += (name.isEmpty ? [] : [name]) + [name == option ? input : "elsewhere"]
    }
    for name in ["--out"] + (named == "--out" ? [] : [named]) {
      words += [name, name == named ? output : "unused"]
    }
    // None of them helps.
    return try Tool.run(words + ["--overwrite"], in: folder)
  }

  @Test(arguments: writers) func inputsAreNeverReplaced(writer: Writer) throws {
    let text = "what was there"
    try folder.write("input.jsonl", text)
    try FileManager.default.createDirectory(
      atPath: folder.file("holds"), withIntermediateDirectories: true)
    try folder.write("holds/input.jsonl", text)
    try #require(symlink("input.jsonl", folder.file("symbolic")) == 0)
    try #require(link(folder.file("input.jsonl"), folder.file("hard")) == 0)
    for option in writer.inputs {
      let tries =
        writer.result == nil
        ? [("input.jsonl", "input.jsonl"), ("symbolic", "input.jsonl"), ("hard", "./input.jsonl")]
        : [("holds", "holds/input.jsonl"), ("./holds/", "holds")]
      for name in writer.outputs {
        for (output, input) in tries {
          let outcome = try run(writer, input: input, as: option, output: output, named: name)
          #expect(outcome.status == 2, "\(name) \(option) \(outcome.errors)")
          #expect(outcome.errors.contains("would be written over"), "\(outcome.errors)")
          #expect(outcome.output.isEmpty)
        }
      }
    }
    for name in ["input.jsonl", "hard", "holds/input.jsonl"] {
      #expect(try folder.text(name) == text)
    }
    #expect(folder.contents.count == 5, "\(folder.contents)")
  }

  @Test(arguments: writers) func anotherResultIsKept(writer: Writer) throws {
    let text = "what was there"
    let path = writer.result.map { "out/\($0)" } ?? "out"
    try FileManager.default.createDirectory(
      atPath: folder.file("out"), withIntermediateDirectories: true)
    if writer.result == nil { try FileManager.default.removeItem(atPath: folder.file("out")) }
    try folder.write(path, text)
    let before = folder.contents
    for name in writer.outputs where !(writer.comparesLater && name == "--out") {
      var words = writer.words
      for input in writer.inputs { words += (input.isEmpty ? [] : [input]) + ["elsewhere"] }
      words += [name, "out"] + (name == "--out" ? [] : ["--out", "unused"])
      let outcome = try Tool.run(words, in: folder)
      // Of 'judge' the answers are read first.
      #expect(outcome.status == (writer.words == ["judge"] ? 4 : 3), "\(outcome.errors)")
      guard writer.words != ["judge"] else { continue }
      #expect(outcome.code == "would-overwrite", "\(outcome.errors)")
      #expect(outcome.errors.contains("--overwrite"), "\(outcome.errors)")
    }
    #expect(try folder.text(path) == text)
    #expect(folder.contents == before)
  }

  /// Whole runs: what is there stays as it is, and is replaced on demand.
  @Test func resultsOfOtherSettingsAreReplacedOnDemand() throws {
    try folder.write("p.jsonl", syntheticPrompts(60))
    try folder.write("v.json", "\((0..<36).map { Double($0 % 7) / 7 - 0.4 })")
    try folder.write("a.jsonl", "{\"id\": \"a\", \"prompt\": \"q\", \"response\": \"I cannot.\"}\n")
    let prompts = Self.model + ["--prompts", "p.jsonl"]
    try #require(
      Tool.run(["capture"] + prompts + ["--out", "source.h5"], in: folder).status == 0)
    let train = ["probe", "train", "--acts", "source.h5", "--label", "marked", "--out", "probe"]
    try #require(Tool.run(train, in: folder).status == 0)
    let runs: [([String], [String])] = [
      (["capture"] + prompts, ["--positions", "all"]),
      (["judge", "--answers", "a.jsonl", "--labels", "l.jsonl"], ["--seed", "7"]),
      (["direction", "convert", "probe"], []),
      (["probe", "map", "--acts", "source.h5", "--label", "marked"], ["--seed", "7"]),
      (["trace", "--probe", "probe"] + prompts, ["--seed", "7"]),
      (["heads", "attribute", "--vector", "v.json"] + prompts, ["--seed", "7"]),
      (
        ["direction", "extract", "--label", "marked", "--positions=-3..-1"] + prompts,
        ["--seed", "7"]
      ),
      (["direction", "orthogonalise", "--direction", "v.json"] + Self.model, []),
      (["organism", "plant", "--kind", "none"], ["--seed", "7"]),
      (["generate", "--max-new-tokens", "3"] + prompts, ["--seed", "7"]),
    ]
    for (number, (words, change)) in runs.enumerated() {
      let kind = words.contains("convert") ? ".safetensors" : ""
      let words = words + ["--out", "out-\(number)\(kind)"]
      let name = words.prefix(2).joined(separator: " ")
      let first = try Tool.run(words, in: folder)
      try #require(first.status == 0, "\(name) \(first.errors)")
      let before = try bytes()
      let refused = try Tool.run(words + change, in: folder)
      #expect(refused.status == 3 && refused.output.isEmpty, "\(name) \(refused.errors)")
      #expect(refused.errors.split(separator: "\n").count == 1, "\(name) \(refused.errors)")
      #expect(try bytes() == before, "\(name)")
      let replaced = try Tool.run(words + change + ["--overwrite"], in: folder)
      #expect(replaced.status == 0, "\(name) \(replaced.errors)")
      #expect(try bytes().keys == before.keys, "\(name)")
      if !change.isEmpty { #expect(try bytes() != before, "\(name)") }
    }
  }

  private func bytes() throws -> [String: Data] {
    var result: [String: Data] = [:]
    for name in folder.contents { result[name] = (try? folder.bytes(name)) ?? Data() }
    return result
  }

  /// A run that fails leaves no folder that nothing was put into.
  @Test func failuresLeaveNoFolders() throws {
    try folder.write("p.jsonl", syntheticPrompts(6))
    let words = ["capture"] + Self.model + ["--prompts", "p.jsonl", "--out", "a.h5"]
    try #require(Tool.run(words, in: folder).status == 0)
    try folder.write("marked.jsonl", "{\"token_ids\": [1, 2], \"marked\": true}\n")
    let one = ["capture"] + Self.model + ["--prompts", "marked.jsonl", "--out", "one.h5"]
    try #require(Tool.run(one, in: folder).status == 0)
    let probe = try Pipeline.shared.get().folder.file("probe")
    let before = folder.contents
    for words in [
      // One class only, which is known when the training begins.
      ["probe", "train", "--acts", "one.h5", "--label", "marked", "--out", "deep/out"],
      ["probe", "map", "--acts", "one.h5", "--label", "marked", "--out", "deep/out"],
      // No transcript has thinking, which is known when all are traced.
      ["trace", "--prompts", "p.jsonl", "--probe", probe, "--cut-thinking", "--out", "deep/out"]
        + Self.model,
      ["direction", "extract", "--prompts", "p.jsonl", "--label", "marked", "--out", "deep/out"]
        + Self.model,
      ["report", "--trace", "p.jsonl", "--out", "deep/out"],
    ] {
      let outcome = try Tool.run(words, in: folder)
      #expect(outcome.status == 4, "\(words) \(outcome.errors)")
      // What was computed before the failure may wait for the next run.
      let left = folder.contents.filter { !before.contains($0) }
      #expect(left.isEmpty || left.contains { $0.hasSuffix(".journal") }, "\(words) \(left)")
      try? FileManager.default.removeItem(atPath: folder.file("deep"))
    }
  }
}
