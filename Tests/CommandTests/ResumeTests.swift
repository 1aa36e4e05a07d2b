import Foundation
import Testing

/// Commands that read a prompt or train a probe at a time: killed in the middle of a row they go on behind
/// the last whole one, and write the bytes of a run that was left alone.
@Suite struct ResumeTests {
  /// A command, which of its files grows, and where it is killed, in blocks of 512 bytes.
  struct Run: Sendable, CustomTestStringConvertible {
    var words: [String]
    var journal: String
    var blocks: [Int]
    var testDescription: String { words.prefix(2).joined(separator: " ") + " \(words.count)" }
  }

  static let attribute = Run(
    words: [
      "heads", "attribute", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--vector",
      "v.json",
      "--resamples", "200", "--random-sets", "5",
    ], journal: "attribute.journal", blocks: [24, 48])
  static let extract = Run(
    words: [
      "direction", "extract", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--label",
      "marked", "--positions=-3..-1",
    ], journal: "directions.journal", blocks: [24, 48])
  static let train = Run(
    words: ["probe", "train", "--acts", "p.h5", "--label", "marked"], journal: "probes.journal",
    blocks: [14, 26])
  static let design = Run(
    words: ["probe", "train", "--acts", "p.h5", "--label", "marked", "--other", "odd"],
    journal: "probes.journal", blocks: [20, 40])
  static let map = Run(
    words: [
      "probe", "map", "--acts", "p.h5", "--label", "marked", "--kind", "logistic", "--kind",
      "mass-mean",
    ], journal: "probes.journal", blocks: [30, 80])

  static func prepared() throws -> Scratch {
    let folder = try Scratch()
    let rows = syntheticPrompts(120, seed: 4).split(separator: "\n").enumerated().map {
      index, row in
      row.dropLast() + #", "odd": \#(index / 2 % 2 == 0)}"#
    }
    try folder.write("p.jsonl", rows.joined(separator: "\n"))
    try folder.write("v.json", "\((0..<36).map { Double($0 % 7) / 7 - 0.4 })")
    let words = ["capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--out", "p.h5"]
    let captured = try Tool.run(words + ["--positions=-2..-1"], in: folder)
    try #require(captured.status == 0, "\(captured.errors)")
    return folder
  }

  @Test(arguments: [attribute, extract, train, design, map])
  func killedAndContinued(run: Run) throws {
    let (folder, untouched) = (try Self.prepared(), try Self.prepared())
    let words = run.words + ["--threads", "1", "--out", "out"]
    let whole = try Tool.run(words, in: untouched)
    try #require(whole.status == 0, "\(whole.errors)")
    let journal = "out/\(run.journal)"
    var before = Data()
    for blocks in run.blocks {
      _ = try Tool.killed(words, whenAFileHas: blocks, in: folder)
      let bytes = try folder.bytes(journal)
      #expect(bytes.last != 0x0A, "cut in the middle of a row")
      // Whole rows stay as they are.
      #expect(bytes.starts(with: before[..<(before.lastIndex(of: 0x0A) ?? 0)]))
      before = bytes
    }
    let other = try Tool.run(words + ["--seed", "7"], in: folder)
    #expect(other.status == 3 && other.code == "other-configuration", "\(other.errors)")
    let last = try Tool.run(words, in: folder)
    #expect(last.status == 0, "\(last.errors)")
    #expect(folder.contents == untouched.contents)
    for name in untouched.contents where name.hasPrefix("out/") && name.contains(".") {
      let same = try folder.bytes(name) == untouched.bytes(name)
      #expect(same, "\(name)")
    }
  }

  /// What was kept is used and not computed again: it shows when somebody changes it and its digests. Without them
  /// the change is noticed.
  @Test(arguments: [
    (attribute, "\"row\":\".{16}", #""row":"AAAAAAAAAAAAAAAA"#, "attribute.csv"),
    (extract, "\"row\":\".{16}", #""row":"AAAAAAAAAAAAAAAA"#, "directions.safetensors"),
    (train, "\"bias\":[^,}]+", #""bias":9"#, "probe.safetensors"),
  ]) func keptRowsAreUsed(run: Run, pattern: String, change: String, result: String) throws {
    let (folder, untouched) = (try Self.prepared(), try Self.prepared())
    let words = run.words + ["--threads", "1", "--out", "out"]
    #expect(try Tool.run(words, in: untouched).status == 0)
    _ = try Tool.killed(words, whenAFileHas: run.blocks[0], in: folder)
    let journal = "out/\(run.journal)"
    var text = try JournalText(folder.text(journal))
    text.rows[0].replace(try Regex(pattern), maxReplacements: 1, with: { _ in change })
    let edited = try folder.text(journal).replacing(
      try Regex(pattern), maxReplacements: 1, with: { _ in change })
    try folder.write(journal, edited)
    let refused = try Tool.run(words, in: folder)
    #expect(refused.status == 4 && refused.code == "journal-damaged", "\(refused.errors)")
    #expect(try folder.text(journal) == edited, "left as it was")
    try folder.write(journal, text.text)
    let last = try Tool.run(words, in: folder)
    #expect(last.status == 0, "\(last.errors)")
    let same = try folder.bytes("out/\(result)") == untouched.bytes("out/\(result)")
    #expect(!same)
  }

  @Test(arguments: [
    (attribute, #"{"key":0,"row":"AAAAAA=="}"#),
    (attribute, #"{"key":1,"row":"AAAA"}"#),
    (attribute, #"{"key":0,"row":"AAA"}"#),
    (extract, "[]"), (train, "{}"),
  ]) func damagedRowsAreRefused(run: Run, row: String) throws {
    let folder = try Self.prepared()
    let words = run.words + ["--threads", "1", "--out", "out"]
    _ = try Tool.killed(words, whenAFileHas: run.blocks[0], in: folder)
    let journal = "out/\(run.journal)"
    var text = try JournalText(folder.text(journal))
    text.rows = [row]
    try folder.write(journal, text.text)
    let damaged = try Tool.run(words, in: folder)
    #expect(damaged.status == 4 && damaged.code == "journal-damaged", "\(damaged.errors)")
    #expect(damaged.output.isEmpty)
  }

  /// The probes of another training are neither taken for this one's nor lost to it.
  @Test func anotherTrainingInTheSameFolder() throws {
    let (folder, untouched) = (try Self.prepared(), try Self.prepared())
    let words = ["probe", "train", "--acts", "p.h5", "--out", "out", "--threads", "1", "--label"]
    #expect(try Tool.run(words + ["odd"], in: untouched).status == 0)
    _ = try Tool.killed(words + ["marked"], whenAFileHas: 14, in: folder)
    let before = try folder.bytes("out/probes.journal")
    let refused = try Tool.run(words + ["odd"], in: folder)
    #expect(refused.status == 3 && refused.code == "other-configuration")
    #expect(try folder.bytes("out/probes.journal") == before)
    let replaced = try Tool.run(words + ["odd", "--overwrite"], in: folder)
    #expect(replaced.status == 0, "\(replaced.errors)")
    let same = try folder.bytes("out/probe.safetensors") == untouched.bytes("out/probe.safetensors")
    #expect(same)
    #expect(folder.contents == untouched.contents)
  }

  /// The seed alone makes another run, and is named.
  @Test func aTraceOfAnotherSeedIsAnotherRun() throws {
    let (folder, untouched) = (try Self.prepared(), try Self.prepared())
    for folder in [folder, untouched] {
      #expect(try Tool.run(Self.train.words + ["--out", "probe"], in: folder).status == 0)
    }
    let words = ["trace", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--probe", "probe"]
    let out = ["--out", "out", "--threads", "1"]
    #expect(try Tool.run(words + out, in: untouched).status == 0)
    _ = try Tool.killed(words + out, whenAFileHas: 24, in: folder)
    let before = try folder.bytes("out/summary.journal")
    let other = try Tool.run(words + out + ["--seed", "7"], in: folder)
    #expect(other.status == 3 && other.errors.contains("seed was 42 and is 7"), "\(other.errors)")
    #expect(try folder.bytes("out/summary.journal").starts(with: before.dropLast(200)))
    #expect(try Tool.run(words + out, in: folder).status == 0)
    #expect(folder.contents == untouched.contents)
    #expect(try folder.bytes("out/traces.jsonl") == untouched.bytes("out/traces.jsonl"))
  }

  /// A run that was killed after its last file had its name leaves a journal, which the next one removes.
  @Test func aJournalThatOutlivedItsRun() throws {
    let folder = try Self.prepared()
    let words = Self.attribute.words + ["--threads", "1", "--out", "out"]
    _ = try Tool.killed(words, whenAFileHas: 24, in: folder)
    let journal = try folder.bytes("out/attribute.journal")
    #expect(try Tool.run(words, in: folder).status == 0)
    let finished = folder.contents
    try folder.write("out/attribute.journal", Array(journal))
    let before = try folder.bytes("out/attribute.json")
    let again = try Tool.run(words, in: folder)
    #expect(again.status == 0, "\(again.errors)")
    #expect(folder.contents == finished)
    #expect(try folder.bytes("out/attribute.json") == before)
  }
}
