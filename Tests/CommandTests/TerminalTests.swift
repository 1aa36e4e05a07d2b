import Foundation
import Testing

/// Text from files never controls the terminal that shows it.
@Suite struct TerminalTests {
  let folder: Scratch
  static let colour = #"\u001b[31mred\u0007\u009b2J\u007f"#

  init() throws { folder = try Scratch() }

  private func expectTame(_ outcome: Tool.Outcome, _ status: Int32) {
    #expect(outcome.status == status, "\(outcome.errors)")
    for scalar in (outcome.output + outcome.errors).unicodeScalars where scalar != "\n" {
      #expect(scalar.properties.generalCategory != .control, "\(outcome.output)\(outcome.errors)")
    }
  }

  private func capture(_ rows: String) throws -> Tool.Outcome {
    try folder.write("p.jsonl", rows)
    return try Tool.run(
      ["capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--out", "a.h5"], in: folder)
  }

  @Test func promptFilesInErrors() throws {
    let id = Self.colour
    for rows in [
      #"{"id": "\#(id)", "token_ids": [1]}"# + "\n" + #"{"id": "\#(id)", "token_ids": [1]}"#,
      #"{"id": "\#(id)", "token_ids": [200]}"#,
      #"{"messages": [{"role": "user", "content": "a", "\#(id)": 1}]}"#,
      #"{"token_ids": [1], "\#(id)": [1]}"#, "a\u{1B}[31mb,c\n1,2\n",
    ] { expectTame(try capture(rows), 4) }
  }

  @Test func idsAndLabelsAllTheWay() throws {
    let rows = syntheticPrompts(24).replacing("seed", with: Self.colour)
      .replacing("\"marked\": true", with: #""\#(Self.colour)": "\#(Self.colour)""#)
      .replacing("\"marked\": false", with: #""\#(Self.colour)": "b""#)
    expectTame(try capture(rows), 0)
    let label = "\u{1B}[31mred\u{07}\u{9B}2J\u{7F}"
    let acts = ["--acts", "a.h5", "--label"]
    expectTame(try Tool.run(["probe", "train"] + acts + ["x", "--out", "p"], in: folder), 4)
    expectTame(try Tool.run(["probe", "train"] + acts + [label, "--out", "p"], in: folder), 4)
    let train = ["probe", "train"] + acts + [label, "--positive", label, "--out", "p"]
    expectTame(try Tool.run(train, in: folder), 0)
    expectTame(try Tool.run(train + ["--json", "--overwrite"], in: folder), 0)
    let trace = [
      "trace", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--probe", "p", "--label", label,
      "--out", "trace",
    ]
    expectTame(try Tool.run(trace, in: folder), 0)
    expectTame(try Tool.run(trace + ["--json", "--overwrite"], in: folder), 0)
    #expect(!(try folder.text("trace/report.html")).contains("\u{1B}"))
  }

  @Test func wordsOfTheCommandLine() throws {
    expectTame(try Tool.run(["capture", "--model", "\u{1B}[31m"], in: folder), 2)
    expectTame(try Tool.run(["tokens", "--model", "\u{1B}[31m", "--text", "a"], in: folder), 4)
    expectTame(try Tool.run(["models", "get", "\u{1B}[31m"], in: folder), 4)
  }
}
