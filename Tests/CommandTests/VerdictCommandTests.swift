import Bathyscope
import Foundation
import Testing

/// What `trace` says by probes of every origin: nothing where the probe was not trained.
@Suite struct VerdictCommandTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try TalkingModel.write(in: folder)
    try folder.write("t.jsonl", TalkingModel.transcripts())
  }

  @discardableResult
  func run(_ words: [String]) throws -> Tool.Outcome {
    let outcome = try Tool.run(words, in: folder)
    try #require(outcome.status == 0, "\(words): \(outcome.status) \(outcome.errors)")
    return outcome
  }

  func capture(_ positions: String, _ words: [String] = []) throws {
    try run(
      [
        "capture", "--model", "model", "--prompts", "t.jsonl", "--positions", positions,
        "--layers", "-1", "--out", "\(positions).h5",
      ] + words)
  }

  /// The verdicts, which terminal, JSON and page give alike.
  func verdicts(_ probe: String) throws -> [String] {
    let words = [
      "trace", "--model", "model", "--prompts", "t.jsonl", "--probe", probe, "--figures", "0",
      "--label", "harmful", "--out",
    ]
    let printed = try run(words + ["trace-\(probe.replacing("/", with: "-"))"]).output
    let stored = try StoredTrace(folder.file("trace-\(probe.replacing("/", with: "-"))"))
    let page = try folder.text("trace-\(probe.replacing("/", with: "-"))/report.html")
    for group in stored.summary.groups {
      #expect(printed.contains("\(group.label): \(group.verdict.sentence)\n"))
      #expect(page.replacing("&#39;", with: "'").contains("\(group.verdict.sentence)"))
    }
    return stored.summary.groups.map(\.verdict.kind.rawValue)
  }

  @Test(arguments: [
    ("thinking", false), ("final", false), ("end-of-thinking", false), ("last", false),
    ("prompt", false), ("template", false), ("answer", false), ("prompt,template,answer", false),
    ("thinking,answer", false), ("thinking,end-of-thinking", true), ("thinking,final", true),
    ("all", true),
  ]) func onlyAProbeOfWhatIsReadTellsACliff(positions: String, isTold: Bool) throws {
    try capture(positions)
    try run(["probe", "train", "--acts", "\(positions).h5", "--label", "harmful", "--out", "p"])
    let verdicts = try verdicts("p")
    #expect(verdicts.count == 2)
    #expect(verdicts.allSatisfy { ($0 != "cannot be told") == isTold }, "\(verdicts)")
    let card = try ProbeSet.load(folder.file("p")).card
    #expect(card.positions == Positions(positions))
    #expect(card.report.coverage?.includes(.thinking) == (isTold || positions.hasPrefix("think")))
  }

  @Test(arguments: ["difference-in-means", "mass-mean", "paper"])
  func everyKindOfProbeSaysWhereItWasTrained(kind: String) throws {
    for (positions, isTold) in [("final", false), ("thinking,end-of-thinking", true)] {
      try capture(positions)
      try run([
        "probe", "train", "--acts", "\(positions).h5", "--label", "harmful", "--kind", kind,
        "--out", positions,
      ])
      let verdicts = try verdicts(positions)
      #expect(verdicts.allSatisfy { ($0 != "cannot be told") == isTold }, "\(verdicts)")
    }
  }

  @Test func designsAndMapsSayItToo() throws {
    let judged = (0..<48).map { #"{"id": "p\#($0)", "refused": \#($0 / 4 % 2 == 0)}"# }
    try folder.write("j.jsonl", judged.joined(separator: "\n") + "\n")
    for (positions, isTold) in [("final", false), ("thinking,end-of-thinking", true)] {
      try capture(positions, ["--labels", "j.jsonl"])
      try run([
        "probe", "train", "--acts", "\(positions).h5", "--label", "harmful", "--other", "refused",
        "--kind", "mass-mean", "--out", "d\(isTold)",
      ])
      for name in ["harmful", "refused"] {
        // In the smallest cells five groups of each class are hard to come by, and then it says so.
        let coverage = try ProbeSet.load(folder.file("d\(isTold)/\(name)")).card.report.coverage
        let isCovered = coverage?.includes(.thinking) == true && coverage?.includes(.final) == true
        let verdicts = try verdicts("d\(isTold)/\(name)")
        #expect(isTold || !isCovered)
        #expect(verdicts.allSatisfy { ($0 != "cannot be told") == isCovered }, "\(verdicts)")
      }
    }
    try run([
      "capture", "--model", "model", "--prompts", "t.jsonl", "--positions", "-2..-1", "--layers",
      "-1", "--out", "ends.h5",
    ])
    try run(["probe", "map", "--acts", "ends.h5", "--label", "harmful", "--out", "map"])
    #expect(try verdicts("map/logistic") == ["cannot be told", "cannot be told"])
  }

  /// The shipped probe reads prompts, and its card is of an earlier version.
  @Test func theShippedProbeTellsNoCliff() throws {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { root.deleteLastPathComponent() }
    let card = try ProbeSet.load(root.appendingPathComponent("Probes/harmful-smollm2-135m").path)
      .card
    #expect(card.report.coverage == nil)
    #expect(card.report.evaluations.allSatisfy { $0.spread == nil })
  }

  /// Truth values are named after the label, each kind with its own transcripts.
  @Test func kindsAreNamedAfterTheirLabel() throws {
    let rows = TalkingModel.transcripts().split(separator: "\n").enumerated()
      .filter { $0.offset % 2 == 0 || $0.offset % 8 == 1 }.map { $0.element + "\n" }
    try folder.write("few.jsonl", rows.joined())
    try capture("thinking,final")
    try run(["probe", "train", "--acts", "thinking,final.h5", "--label", "harmful", "--out", "p"])
    try run([
      "trace", "--model", "model", "--prompts", "few.jsonl", "--probe", "p", "--figures", "0",
      "--label", "harmful", "--out", "few",
    ])
    let groups = try StoredTrace(folder.file("few")).summary.groups
    #expect(groups.map(\.label) == ["harmful", "not harmful"])
    #expect(groups.map(\.transcripts) == [24, 6])
  }
}
