import Foundation
import Testing

/// `bathyscope report` behind the commands whose files it reads, on a planted model.
@Suite struct ReportCommandTests {
  /// One model with a cliff and one without, traced by one probe, with a sweep and a selection.
  struct Made: Sendable {
    static let shared = Result { try Made() }
    let folder: Scratch

    private init() throws {
      folder = try Scratch()
      let plant = ["organism", "plant", "--seed", "3", "--kind"]
      for (kind, name) in [("none", "aligned"), ("refusal-cliff", "cliff")] {
        try Self.run(plant + [kind, "--out", name], folder)
        // The first prompt of each group: many groups in little time.
        var groups: Set<Substring> = []
        let rows = try String(decoding: folder.bytes("\(name)/prompts.jsonl"), as: UTF8.self)
          .split(separator: "\n").prefix(96).filter { row in
            row.firstMatch(of: /"group":"([^"]*)"/).map { groups.insert($0.output.1).inserted }
              ?? false
          }.map { $0.dropLast() + #","response":"Sure"}"# }
        try folder.write("\(name).jsonl", rows.joined(separator: "\n") + "\n")
      }
      for words in [
        [
          "capture", "--model", "aligned", "--prompts", "aligned.jsonl", "--positions",
          "thinking,end-of-thinking",
          "--layers", "-1", "--out", "a.h5",
        ],
        ["probe", "train", "--acts", "a.h5", "--label", "harmful", "--out", "probe"],
        Self.trace("aligned"), Self.trace("cliff") + ["--force"],
        [
          "heads", "sweep", "--model", "cliff", "--prompts", "cliff.jsonl", "--probe", "probe",
          "--force", "--read", "template", "--at", "end-of-thinking", "--random-sets", "3",
          "--resamples", "200", "--out", "heads",
        ],
        [
          "select", "--pool", "cliff.jsonl", "--traces", "trace-cliff", "--count", "5", "--out",
          "chosen",
        ],
      ] { try Self.run(words, folder) }
    }

    private static func trace(_ name: String) -> [String] {
      [
        "trace", "--model", name, "--prompts", "\(name).jsonl", "--probe", "probe", "--label",
        "harmful", "--figures", "0", "--out", "trace-\(name)",
      ]
    }

    private static func run(_ words: [String], _ folder: Scratch) throws {
      let outcome = try Tool.run(words, in: folder)
      try #require(outcome.status == 0, "\(words.prefix(2)): \(outcome.errors)")
    }
  }

  let folder: Scratch

  init() throws { folder = try Made.shared.get().folder }

  func report(_ words: [String]) throws -> Tool.Outcome {
    try Tool.run(["report"] + words, in: folder)
  }

  @Test func aStudyIsOnePageAndTheSameBytes() throws {
    let words = [
      "--trace", "aligned=trace-aligned", "--trace", "cliff=trace-cliff", "--heads",
      "heads/sweep.json", "--probe", "probe", "--selection", "chosen/selection.json", "--out", "r",
    ]
    let outcome = try report(words)
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("\naligned, not harmful: "))
    #expect(outcome.output.contains("cliff, harmful: Cliff: fall = "), "\(outcome.output)")
    #expect(outcome.output.contains("cliff, heads sweep: "), "the sweep got its trace's name")
    let page = try folder.bytes("r/report.html")
    let html = String(decoding: page, as: UTF8.self)
    for part in ["Traces side by side", "ROC curve: probe", "Overlap of the selections"] {
      #expect(html.contains(part), "\(part)")
    }
    #expect(!html.contains("http:") || html.contains("xmlns"), "nothing is fetched")
    for link in html.matches(of: /href="(figures\/[^"]*)"/) {
      #expect(try !folder.bytes("r/\(link.output.1)").isEmpty)
    }
    #expect(try report(words).status == 3)
    try FileManager.default.removeItem(atPath: folder.file("r"))
    #expect(try report(words).status == 0)
    let same = try folder.bytes("r/report.html") == page
    #expect(same)
    let json = try report(words + ["--json", "--overwrite"]).json
    #expect(json["schema"] as? String == "bathyscope-report-1")
    #expect((json["figures"] as? Int ?? 0) >= 8)
  }

  @Test func anotherModelsFileIsAConflict() throws {
    let words = ["--trace", "trace-aligned", "--out", "other"]
    let outcome = try report(words + ["--heads", "heads/sweep.json"])
    #expect(outcome.status == 3)
    #expect(outcome.errors.contains("is of cliff (weights SHA-256"))
    #expect(outcome.errors.contains("this study is of aligned (weights SHA-256"))
    #expect(try report(words + ["--heads", "cliff=heads/sweep.json"]).status == 0)
  }

  @Test func badInputIsAnError() throws {
    #expect(try report(["--out", "x"]).status == 2)
    #expect(try report(["--trace", "a\u{1B}=trace-cliff", "--out", "x"]).status == 2)
    for (words, place) in [
      (["--trace", "nothing"], "nothing/summary.json"),
      (["--heads", "chosen/selection.json"], "[not-sealed]"),
      (["--selection", "heads/sweep.json"], "selection"), (["--probe", "heads"], "heads"),
      (["--attack", "heads/sweep.json"], "heads/sweep.json"),
      (["--trace", "a=trace-cliff", "--trace", "a=trace-aligned"], "[duplicate-name]"),
    ] {
      let outcome = try report(words + ["--out", "bad"])
      #expect(outcome.status == 4, "\(words): \(outcome.errors)")
      #expect(outcome.errors.contains(place) || place == "selection", "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.file("bad")), "nothing is left")
    }
  }
}
