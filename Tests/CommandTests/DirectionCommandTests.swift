import Foundation
import Refusal
import Testing

/// From prompts to a direction, to weights without it, to a control vector and back.
@Suite struct DirectionCommandTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try TalkingModel.write(in: folder)
    try folder.write("p.jsonl", TalkingModel.prompts())
  }

  @discardableResult
  private func run(_ words: [String], status: Int32 = 0) throws -> Tool.Outcome {
    let outcome = try Tool.run(words, in: folder)
    try #require(outcome.status == status, "\(words): \(outcome.status) \(outcome.errors)")
    return outcome
  }

  private func extract() throws {
    try run([
      "direction", "extract", "--model", "model", "--prompts", "p.jsonl", "--label", "harmful",
      "--out", "directions", "--json",
    ])
  }

  private let select = [
    "direction", "select", "--model", "model", "--prompts", "p.jsonl", "--directions",
    "directions", "--out", "chosen", "--json",
  ]

  @Test func selectionGoesOnAfterAKillAndGivesTheSameBytes() throws {
    try extract()
    let whole = try run(select)
    let json = try whole.json
    #expect(json["schema"] as? String == "bathyscope-direction-selection-1")
    #expect(
      whole.errors.contains("name how it does with --refusal-opener"),
      "a random model refuses nothing")
    let candidates = try #require(json["candidates"] as? [[String: Any]])
    // Three template tokens behind the instruction, three layers; embeddings of the template are equal.
    #expect(candidates.count == 6)
    #expect((json["sentence"] as? String)?.contains("candidates") == true)
    #expect(!folder.contents.contains("chosen/selection.journal"))
    let first = try folder.bytes("chosen/selection.json")
    let names = folder.contents.filter { $0.hasPrefix("chosen") }
    try FileManager.default.removeItem(atPath: folder.file("chosen"))
    // What a kill leaves is whole lines and a part of one.
    _ = try Tool.killed(select, whenAFileHas: 8, in: folder)
    let cut = try folder.text("chosen/selection.journal")
    #expect(cut.contains { $0 == "\n" } && !cut.hasSuffix("\n"))
    try run(select)
    #expect(try folder.bytes("chosen/selection.json") == first)
    #expect(folder.contents.filter { $0.hasPrefix("chosen") } == names)
  }

  @Test func otherPromptsAndOtherSeedsAreConflicts() throws {
    try extract()
    try folder.write("other.jsonl", TalkingModel.prompts(40))
    var words = select
    words[words.firstIndex(of: "p.jsonl")!] = "other.jsonl"
    #expect(try run(words, status: 3).code == "other-configuration")
    try FileManager.default.createDirectory(
      atPath: folder.file("chosen"), withIntermediateDirectories: true)
    try folder.write(
      "chosen/selection.journal", #"{"schema":"bathyscope-direction-journal-1","seed":7}"# + "\n")
    #expect(try run(select, status: 4).code == "unknown-version", "of an earlier version")
    try folder.write("chosen/selection.journal", "something else\n")
    #expect(try run(select, status: 4).code == "not-a-journal")
  }

  /// Other numbers of prompts to choose with and to test on leave the directions as they are.
  @Test func anotherSplitIsAConflict() throws {
    try extract()
    _ = try Tool.killed(select, whenAFileHas: 8, in: folder)
    #expect(
      try run(select + ["--seed", "7"], status: 3).errors.contains("seed was 42 and is 7"))
    let journal = try folder.text("chosen/selection.journal")
    let header = "\(try #require(journal.split(separator: "\n").first))\n"
    let before = try folder.bytes("directions/directions.safetensors")
    try run([
      "direction", "extract", "--model", "model", "--prompts", "p.jsonl", "--label", "harmful",
      "--out", "directions", "--test", "2", "--overwrite",
    ])
    #expect(try folder.bytes("directions/directions.safetensors") == before)
    try folder.write("chosen/selection.journal", header)
    let outcome = try run(select, status: 3)
    #expect(outcome.errors.contains("split.test.harm"), "\(outcome.errors)")
  }

  @Test func badInputIsAnswered() throws {
    for (words, status, text) in [
      (["--label", "absent"], Int32(4), "[missing-label]"),
      (["--label", "group"], 4, "[label-value]"),
      (["--label", "harmful", "--positions", "0..3"], 2, "count from the end"),
      (["--label", "harmful", "--positions", "-90..-1"], 4, "[prompt-length]"),
      (
        ["--label", "harmful", "--positions", "\(Int.min)..-1"], 4,
        "[prompt-length]"
      ),
      (["--label", "harmful", "--validation", "1"], 2, "2 or more"),
    ] {
      let outcome = try run(
        ["direction", "extract", "--model", "model", "--prompts", "p.jsonl", "--out", "d"] + words,
        status: status)
      #expect(outcome.errors.contains(text), "\(outcome.errors)")
    }
  }

  @Test func weightsWithoutADirectionAreWrittenAndCompared() throws {
    let vector = (0..<36).map { "\(Double($0 % 5) - 1.7)" }.joined(separator: ",")
    try folder.write("v.json", "[\(vector)]")
    let words = [
      "direction", "orthogonalise", "--model", "model", "--direction", "v.json", "--out", "without",
      "--json",
    ]
    let json = try run(words).json
    #expect(try #require(json["difference"] as? Double) < 1e-5)
    #expect(json["was_tied"] as? Bool == false)
    #expect((json["changes"] as? [[String: Any]])?.count == 7)
    for name in ["config.json", "tokenizer.json", "chat_template.jinja", "bathyscope.json"] {
      #expect(folder.contents.contains("without/\(name)"))
    }
    #expect(try run(words, status: 3).code == "would-overwrite")
    // A direction of a model with an adapter is none of the model without.
    try StoredDirection(
      vector: (0..<36).map { Float($0 % 5) - 1.7 }, layer: 1, position: -1, modelSHA256: "other"
    ).write(to: folder.file("d.safetensors"))
    var others = words
    (others[5], others[7]) = ("d.safetensors", "other")
    #expect(try run(others).errors.contains("d.safetensors was measured in a model with other"))
    try folder.write("short.json", "[1,2]")
    #expect(
      try run(
        [
          "direction", "orthogonalise", "--model", "model", "--direction", "short.json", "--out",
          "x",
        ], status: 4
      ).code == "unfit-vector")
    #expect(!folder.contents.contains { $0.contains("partial") })
  }

  @Test func aControlVectorSteersAsItsVectorsDo() throws {
    // Two blocks' vectors by hand, and the same as a control vector made from safetensors.
    func vector(_ block: Int) -> [Double] { (0..<36).map { Double(($0 + block) % 3) - 0.5 } }
    let interventions = [1, 2].map { block in
      """
      {"change": {"add": {"vector": \(vector(block)), "scale": 2}},
       "hooks": ["blocks.\(block).hook_resid_post"], "positions": "all"}
      """
    }
    try folder.write("i.json", "[\(interventions.joined(separator: ","))]")
    try folder.write("cv.safetensors", safetensors([1: vector(1), 2: vector(2)]))
    try run(["direction", "convert", "cv.safetensors", "--out", "cv.gguf", "--model-hint", "llama"])
    try run(["direction", "convert", "cv.gguf", "--out", "back.safetensors"])
    let generate = [
      "generate", "--model", "model", "--prompts", "p.jsonl", "--max-new-tokens", "3", "--out",
    ]
    try run(generate + ["a.jsonl", "--interventions", "i.json"])
    let same = try folder.bytes("a.jsonl")
    for file in ["cv.safetensors", "cv.gguf", "back.safetensors"] {
      try run(generate + ["\(file).jsonl", "--steer", file, "--scale", "2"])
      #expect(try folder.bytes("\(file).jsonl") == same, "\(file)")
    }
    try run(generate + ["plain.jsonl"])
    #expect(try folder.bytes("plain.jsonl") != same)
    // One tensor of it behind another block.
    try run(
      generate + [
        "b.jsonl", "--steer", "cv.gguf", "--tensor", "direction.1", "--after", "0", "--scale", "1",
      ])
    try folder.write("v.json", "[1]")
    #expect(
      try run(generate + ["c.jsonl", "--steer", "v.json", "--scale", "1"], status: 2)
        .errors.contains("--after"))
    try folder.write("v.pt", "x")
    #expect(
      try run(generate + ["c.jsonl", "--steer", "v.pt", "--scale", "1"], status: 4)
        .code == "is-pickle")
  }

  /// A safetensors file of `direction.N`.
  private func safetensors(_ vectors: [Int: [Double]]) -> [UInt8] {
    var (members, data): ([String], [UInt8]) = ([], [])
    for (block, values) in vectors.sorted(by: { $0.key < $1.key }) {
      let start = data.count
      for value in values {
        withUnsafeBytes(of: Float(value).bitPattern.littleEndian) { data.append(contentsOf: $0) }
      }
      members.append(
        #""direction.\#(block)":{"dtype":"F32","shape":[\#(values.count)],"data_offsets":[\#(start),\#(data.count)]}"#
      )
    }
    let header = Array("{\(members.joined(separator: ","))}".utf8)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + data
  }
}
