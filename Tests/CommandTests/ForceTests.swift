import Foundation
import Testing

/// A probe on weights that it was not trained on: status 3, and forced it says so everywhere.
@Suite struct ForceTests {
  let pipeline: Pipeline
  let folder: Scratch

  /// The tiny model with one weight changed by its last bit, and the same prompts captured on it.
  init() throws {
    pipeline = try Pipeline.shared.get()
    folder = try Scratch()
    try FileManager.default.createDirectory(
      atPath: folder.file("changed"), withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(TinyModel.llama)/\(name)")))
      if name == "model.safetensors" { bytes[bytes.count - 4] ^= 1 }
      try folder.write("changed/\(name)", bytes)
    }
    try folder.write("p.jsonl", try pipeline.folder.text("other.jsonl"))
  }

  private var probe: String { pipeline.folder.file("probe") }

  @Test func trace() throws {
    let words = [
      "trace", "--model", "changed", "--prompts", "p.jsonl", "--probe", probe, "--label", "marked",
      "--out", "trace", "--json",
    ]
    let refused = try Tool.run(words, in: folder)
    #expect(refused.status == 3)
    #expect(refused.output.isEmpty)
    #expect(refused.code == "other-model")
    #expect(!folder.contents.contains("trace"))
    let forced = try Tool.run(words + ["--force"], in: folder)
    #expect(forced.status == 0)
    #expect((try forced.json["forced"] as? [String])?.count == 1)
    #expect(try folder.text("trace/report.html").contains("Forced: model hash"))
    #expect(try folder.text("trace/summary.json").contains("model hash"))
  }

  @Test func evaluation() throws {
    let captured = try Tool.run(
      ["capture", "--model", "changed", "--prompts", "p.jsonl", "--out", "a.h5"], in: folder)
    #expect(captured.status == 0)
    let words = [
      "probe", "eval", "--acts", "a.h5", "--label", "marked", "--probe", probe, "--json",
    ]
    #expect(try Tool.run(words, in: folder).status == 3)
    let forced = try Tool.run(words + ["--force"], in: folder)
    #expect((try forced.json["forced"] as? [String])?.count == 1)
  }

  @Test func widthCannotBeForced() throws {
    let outcome = try Tool.run(
      [
        "trace", "--model", TinyModel.withBias, "--prompts", "p.jsonl", "--probe", probe, "--out",
        "trace", "--force",
      ], in: folder)
    #expect(outcome.status == 4)
    #expect(outcome.errors.contains("36"))
    #expect(!folder.contents.contains("trace/report.html"))
  }

  @Test func activationsOfTwoModelsAreNotMixed() throws {
    try #require(
      Tool.run(
        ["capture", "--model", "changed", "--prompts", "p.jsonl", "--out", "a.h5"], in: folder
      ).status == 0)
    let outcome = try Tool.run(
      [
        "probe", "train", "--acts", "a.h5", "--label", "marked", "--test",
        pipeline.folder.file("other.h5"), "--out", "probe",
      ], in: folder)
    #expect(outcome.status == 3)
    #expect(outcome.code == "other-model")
    #expect(!folder.contents.contains("probe"))
  }
}
