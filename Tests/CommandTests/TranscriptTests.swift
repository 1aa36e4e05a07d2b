import ActivationStore
import Files
import Foundation
import Refusal
import Testing

/// Traces and probes of a model's own answers, with labels of a judge.
@Suite struct TranscriptTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try TalkingModel.write(in: folder)
    try folder.write("p.jsonl", TalkingModel.prompts())
    try folder.write("t.jsonl", TalkingModel.transcripts())
  }

  @discardableResult
  func run(_ words: [String], status: Int32 = 0) throws -> Tool.Outcome {
    let outcome = try Tool.run(words, in: folder)
    try #require(outcome.status == status, "\(words): \(outcome.status) \(outcome.errors)")
    return outcome
  }

  func probe(prompts: String = "t.jsonl", positions: String = "final") throws {
    try run([
      "capture", "--model", "model", "--prompts", prompts, "--positions", positions, "--out",
      "a.h5",
    ])
    try run(["probe", "train", "--acts", "a.h5", "--label", "harmful", "--out", "probe"])
  }

  @Test func thinkingIsCutAndTheFolderHoldsEverything() throws {
    try probe()
    let outcome = try run([
      "trace", "--model", "model", "--prompts", "t.jsonl", "--probe", "probe", "--label", "harmful",
      "--cut-thinking", "--out", "trace", "--json",
    ])
    let cuts = try #require(try outcome.json["cuts"] as? [String: Any])
    let groups = try #require(cuts["groups"] as? [[String: Any]])
    #expect(groups.count == 2)
    let points = try #require(groups[0]["points"] as? [[String: Any]])
    #expect(points.map { $0["share"] as? Double } == [1, 0.8, 0.6, 0.4, 0.2, 0])
    // All of the thinking is the transcript itself.
    let summary = try #require(try outcome.json["summary"] as? [String: Any])
    let means = try #require(
      (summary["groups"] as? [[String: Any]])?[0]["means"] as? [String: Any])
    let final = try #require((means["final"] as? [String: Any])?["estimate"] as? Double)
    #expect(abs(try #require(points[0]["mean"] as? Double) - final) < 1e-9)
    for name in ["summary.json", "cuts.json", "probe.json", "traces.jsonl", "report.html"] {
      #expect(folder.contents.contains("trace/\(name)"))
    }
    #expect(try folder.text("trace/report.html").contains("Final score when the thinking is cut"))
    // What several models' traces are shown side by side from.
    let stored = try StoredTrace(folder.file("trace"))
    #expect(stored.summary.groups.map(\.label) == ["harmful", "not harmful"])
    #expect(stored.cuts?.groups.count == 2 && stored.forced.isEmpty)
    #expect(stored.traces.count == 48 && stored.traces[0].control != nil)
    #expect(stored.provenance.model?.id == "model" && stored.card.name == "probe")
    #expect(abs((stored.summary.groups[0].means.final?.estimate ?? 0) - final) < 1e-12)
    try folder.write("trace/cuts.json", "{")
    expectProblem(.digestDiffers) { try StoredTrace(folder.file("trace")) }
    let rules = (summary["groups"] as? [[String: Any]])?[0]["rules"] as? [[String: Any]]
    #expect(rules?.count == 3)
    // Without it, an older study of cuts does not stay.
    try run([
      "trace", "--model", "model", "--prompts", "t.jsonl", "--probe", "probe", "--out", "trace",
      "--overwrite",
    ])
    #expect(!folder.contents.contains("trace/cuts.json"))
    #expect(
      try run(
        [
          "trace", "--model", "model", "--prompts", "p.jsonl", "--probe", "probe", "--out", "t2",
          "--cut-thinking",
        ], status: 4
      ).code == "no-such-position")
  }

  @Test func generatedAnswersAreTracedAndJudgedLabelsTrainProbes() throws {
    try run([
      "generate", "--model", "model", "--prompts", "p.jsonl", "--max-new-tokens", "6", "--out",
      "answers.jsonl", "--activations", "direct.h5",
    ])
    let judged = (0..<48).map { #"{"id": "p\#($0)", "refused": \#($0 % 4 < 2), "why": "x"}"# }
    try folder.write("judged.jsonl", judged.joined(separator: "\n") + "\n")
    let words = ["--model", "model", "--prompts", "p.jsonl", "--answers", "answers.jsonl"]
    try run(
      ["capture"] + words + [
        "--labels", "judged.jsonl", "--positions", "all", "--out", "read.h5",
      ])
    // The same tokens and numbers as generate itself reads of its answers.
    try run(["capture"] + words + ["--positions", "all", "--out", "plain.h5"])
    let (direct, read) = (try folder.bytes("direct.h5"), try folder.bytes("plain.h5"))
    #expect(read.count > direct.count / 2)
    try run(
      ["capture"] + words + [
        "--labels", "judged.jsonl", "--positions", "last", "--out", "last.h5",
      ])
    try run(["probe", "train", "--acts", "last.h5", "--label", "refused", "--out", "probe"])
    let trace = try run(
      ["trace"] + words + [
        "--labels", "judged.jsonl", "--label", "refused", "--probe", "probe", "--out", "trace",
        "--json",
      ])
    #expect(try trace.json["transcripts"] as? Int == 48)
    let groups = try #require(
      (try trace.json["summary"] as? [String: Any])?["groups"] as? [[String: Any]])
    #expect(groups.map { $0["label"] as? String } == ["not refused", "refused"])
  }

  /// Heads are swept behind the model's own answers as `trace` reads them.
  @Test func headsAreSweptBehindGeneratedAnswers() throws {
    let words = ["--model", "model", "--prompts", "p.jsonl"]
    try run(
      ["generate"] + words + ["--max-new-tokens", "5", "--ignore-eos", "--out", "answers.jsonl"])
    let sweep =
      ["heads", "sweep"] + words
      + ["--score", "logit-gap", "--random-sets", "0", "--resamples", "100"]
    try run(sweep + ["--answers", "answers.jsonl", "--out", "behind"])
    try run(sweep + ["--out", "alone"])
    #expect(try folder.text("behind/sweep.csv") != folder.text("alone/sweep.csv"))
    // The file of answers is part of what a killed run goes on with.
    try folder.write("answers.jsonl", try folder.text("answers.jsonl") + "\n")
    #expect(
      try run(sweep + ["--answers", "answers.jsonl", "--out", "behind"], status: 3).errors
        .contains("was begun with other arguments"))
  }

  /// Answers to one prompt are no independent samples.
  @Test func samplesOfAPromptAreOneGroup() throws {
    try probe(positions: "last")
    try folder.write(
      "ungrouped.jsonl",
      TalkingModel.prompts(12).replacing("\"group\"", with: "\"family\""))
    // The same with the prompt's id as a group by name.
    try folder.write(
      "grouped.jsonl",
      try folder.text("ungrouped.jsonl").replacing(/"id": "(p\d+)"/) {
        #"\#($0.0), "group": "\#($0.1)""#
      })
    try run([
      "generate", "--model", "model", "--prompts", "ungrouped.jsonl", "--samples", "3",
      "--temperature", "1", "--max-new-tokens", "4", "--ignore-eos", "--out", "s.jsonl",
    ])
    let words = ["--model", "model", "--answers", "s.jsonl", "--prompts"]
    try run(["trace"] + words + ["ungrouped.jsonl", "--probe", "probe", "--out", "trace"])
    let traces = try StoredTrace(folder.file("trace")).traces
    #expect(Set(traces.map(\.id)).count == 36 && Set(traces.map(\.group)).count == 12)
    // A pool of the same answers calls them the same.
    #expect(Set(traces.map(\.id)).isSuperset(of: ["p0", "p0#1", "p0#2", "p11#2"]))
    // None of them tests a probe that another one trained, however the states were stored.
    try run([
      "generate", "--model", "model", "--prompts", "ungrouped.jsonl", "--samples", "3",
      "--temperature", "1", "--max-new-tokens", "4", "--ignore-eos", "--out", "s2.jsonl",
      "--activations", "direct.h5",
    ])
    try run(["capture"] + words + ["ungrouped.jsonl", "--positions", "last", "--out", "read.h5"])
    for file in ["direct.h5", "read.h5"] {
      let stored = try ActivationFile(folder.file(file)).description.labels["group"]
      #expect(stored == .text((0..<36).map { "p\($0 / 3)" }))
    }
    let summaries = try ["ungrouped", "grouped"].map { name in
      let sweep = try run(
        ["heads", "sweep"] + words + [
          "\(name).jsonl", "--score", "logit-gap", "--random-sets", "3", "--resamples", "200",
          "--out", name, "--json",
        ])
      return try #require(try sweep.json["summary"] as? NSDictionary)
    }
    #expect((summaries[0]["heads"] as? [[String: Any]])?.count == 18)
    #expect(summaries[0] == summaries[1])
  }

  /// The tokens of a reference are counted from the end of thinking, as those that are studied.
  @Test func aReferenceOfAnswersNeedsAnswers() throws {
    let words = ["--model", "model", "--prompts", "p.jsonl"]
    try run(
      ["generate"] + words + ["--max-new-tokens", "5", "--ignore-eos", "--out", "answers.jsonl"])
    let sweep =
      ["heads", "sweep"] + words + [
        "--answers", "answers.jsonl", "--score", "logit-gap", "--random-sets", "0", "--resamples",
        "100", "--ablate", "mean", "--out", "mean", "--reference",
      ]
    #expect(
      try run(sweep + ["p.jsonl"], status: 2).code == "unfit-prompts")
    try run(sweep + ["t.jsonl"])
  }

  @Test func thinkingMarkersAreChosen() throws {
    let rows = (0..<8).map {
      #"{"id": "\#($0)", "messages": [{"role": "user", "content": "q\#($0)"}, "#
        + #"{"role": "assistant", "content": "(( hm \#($0) )) ok"}]}"#
    }
    try folder.write("r.jsonl", rows.joined(separator: "\n") + "\n")
    let words = ["capture", "--model", "model", "--prompts", "r.jsonl", "--positions", "thinking"]
    #expect(
      try run(words + ["--out", "guessed.h5"], status: 4).code == "reads-nothing")
    let marked = words + ["--thinking-markers", "((,))", "--out", "chosen.h5"]
    try run(marked)
    #expect(folder.contents.contains("chosen.h5"))
    for bad in ["((", "a,b,c", " ,b", "a,\\n"] {
      try run(words + ["--thinking-markers", bad, "--out", "x.h5"], status: 2)
    }
  }

  @Test func answersAndLabelsThatDoNotFitAreRefused() throws {
    try run([
      "generate", "--model", "model", "--prompts", "p.jsonl", "--max-new-tokens", "2", "--samples",
      "2", "--temperature", "1", "--out", "answers.jsonl",
    ])
    let capture = [
      "capture", "--model", "model", "--out", "a.h5", "--overwrite", "--answers", "answers.jsonl",
      "--prompts",
    ]
    try run(capture + ["p.jsonl"])
    try folder.write("few.jsonl", TalkingModel.prompts(12))
    #expect(try run(capture + ["few.jsonl"], status: 4).code == "unknown-id")
    let other = TalkingModel.prompts().replacing("bad ", with: "worse ")
    try folder.write("other.jsonl", other)
    #expect(try run(capture + ["other.jsonl"], status: 4).code == "answer-mismatch")
    let equal = TalkingModel.prompts().replacing("bad ", with: "sad ")
    try folder.write("equal.jsonl", equal)
    #expect(
      try run(capture + ["equal.jsonl"], status: 3).errors.contains(
        "was generated for other prompts"))
    #expect(try run(capture + ["equal.jsonl", "--force"]).errors.contains("forced: answers.jsonl"))
    for (row, status, text) in [
      (#"{"id": "p0", "sample": 1, "refused": true}"#, Int32(0), ""),
      (#"{"id": "p0#1", "refused": true}"#, 0, ""),
      (#"{"id": "p99", "refused": true}"#, 4, "[unknown-id]"),
      (#"{"id": "p0", "sample": 7, "refused": true}"#, 4, "[unknown-id]"),
      ("{\"id\": \"p0\", \"refused\": true}\n{\"id\": \"p0\"}", 4, "[duplicate-id]"),
      (#"{"refused": true}"#, 4, "[wrong-type]"), ("[", 4, ""), ("[]", 4, "[wrong-type]"),
    ] {
      try folder.write("l.jsonl", row + "\n")
      let outcome = try run(capture + ["p.jsonl", "--labels", "l.jsonl"], status: status)
      #expect(outcome.errors.contains(text) || text.isEmpty, "\(outcome.errors)")
    }
  }

  @Test func aProbeOfOneModelTracesAnotherAndSaysSo() throws {
    try probe()
    try TalkingModel.write("other", in: folder)
    var weights = Array(try folder.bytes("other/model.safetensors"))
    weights[weights.count - 4] ^= 1
    try folder.write("other/model.safetensors", weights)
    let words = [
      "trace", "--model", "other", "--prompts", "t.jsonl", "--probe", "probe", "--out", "trace",
    ]
    #expect(
      try run(words, status: 3).errors.contains("trained on model, and other has other weights"))
    let forced = try run(words + ["--force"])
    #expect(forced.errors.contains("forced: model hash: probe trained on model ("))
    #expect(forced.errors.contains("used on other ("))
  }

  @Test func probesAreMappedOverLayersAndPositions() throws {
    try run([
      "capture", "--model", "model", "--prompts", "p.jsonl", "--positions", "-4..-1", "--out",
      "a.h5",
    ])
    let words = ["probe", "map", "--acts", "a.h5", "--label", "harmful", "--out", "map"]
    let outcome = try run(words + ["--kind", "lda", "--kind", "difference-in-means", "--json"])
    let maps = try #require(try outcome.json["maps"] as? [[String: Any]])
    #expect(maps.map { $0["kind"] as? String } == ["mass-mean", "difference-in-means"])
    #expect(maps.allSatisfy { ($0["cells"] as? [[String: Any]])?.count == 12 })
    for kind in ["mass-mean", "difference-in-means"] {
      #expect(folder.contents.contains("map/\(kind)/card.json"))
    }
    // A column is what 'probe train' gives at that position.
    try run([
      "capture", "--model", "model", "--prompts", "p.jsonl", "--positions", "-2", "--out", "two.h5",
    ])
    let trained = try run([
      "probe", "train", "--acts", "two.h5", "--label", "harmful", "--kind", "lda", "--out", "p",
      "--json",
    ])
    let report = try #require(try trained.json["report"] as? [String: Any])
    let evaluations = try #require(report["evaluations"] as? [[String: Any]])
    let cells = try #require(maps[0]["cells"] as? [[String: Any]])
    let column = cells.filter { $0["position"] as? Int == -2 }
    for (cell, evaluation) in zip(column, evaluations) {
      #expect(cell["test"] as? NSDictionary == evaluation["test"] as? NSDictionary)
    }
    #expect(try folder.text("map/report.html").contains("AUROC by layer and position"))
    try folder.write("short.jsonl", TalkingModel.prompts())
    #expect(
      try run(words + ["--kind", "lda", "--kind", "mass-mean"], status: 2).errors
        .contains("names a kind twice"))
  }

  /// What one model refuses and another answers stands in one design; nobody mixes them by mistake.
  @Test func activationsOfTwoModelsAreJoined() throws {
    try TalkingModel.writeAdapter("adapter", in: folder)
    let capture = ["capture", "--model", "model", "--prompts", "t.jsonl", "--positions"]
    try run(capture + ["final", "--out", "a.h5"])
    try run(capture + ["final", "--adapter", "adapter", "--out", "b.h5"])
    let words = ["probe", "train", "--acts", "a.h5", "--acts", "b.h5", "--label", "harmful"]
    #expect(try run(words + ["--out", "p"], status: 3).code == "other-model")
    let joined = try run(words + ["--force", "--out", "p", "--json"]).json
    let data = try #require(joined["training_data"] as? [[String: Any]])
    #expect(data.map { $0["other_model"] as? String } == [nil, "model+adapter"])
    #expect(data.map { $0["positives"] as? Int } == [24, 24])
    let rows = try folder.text("t.jsonl").split(separator: "\n").reversed()
    try folder.write("u.jsonl", rows.joined(separator: "\n"))
    for (name, words) in [("d", []), ("e", ["--adapter", "adapter"])] {
      let model = ["capture", "--model", "model", "--prompts", "u.jsonl", "--positions", "final"]
      try run(model + words + ["--out", "\(name).h5"])
    }
    let both = ["probe", "eval", "--probe", "p", "--acts", "d.h5", "--acts", "e.h5", "--label"]
    #expect(
      try run(both + ["harmful"], status: 3).errors
        .contains("with other weights"))
    let twice = try run(both + ["harmful", "--force", "--acts", "./d.h5"], status: 2)
    #expect(twice.code == "named-twice" && twice.errors.contains("./d.h5"))
    let tested = try run(both + ["harmful", "--force", "--json"]).json
    let row = try #require((tested["evaluations"] as? [[String: Any]])?.first)
    let accuracy = try #require((row["metrics"] as? [String: Any])?["accuracy"] as? [String: Any])
    #expect(accuracy["n"] as? Int == 96)
    #expect((tested["forced"] as? [String])?.count == 1)
    try run(capture + ["last", "--out", "c.h5"])
    #expect(
      try run(
        ["probe", "train", "--acts", "a.h5", "--acts", "c.h5", "--label", "harmful", "--out", "q"],
        status: 4
      ).code == "different-hooks")
  }

  @Test func theOpenersOfAnAdaptedModelAreFound() throws {
    try TalkingModel.writeAdapter("adapter", in: folder)
    let adapter = "adapter"
    try run([
      "capture", "--model", "model", "--adapter", adapter, "--prompts", "t.jsonl", "--positions",
      "final", "--out", "a.h5",
    ])
    let words = [
      "probe", "train", "--acts", "a.h5", "--label", "harmful", "--kind", "lda", "--json",
    ]
    let found = try run(
      words + ["--model", "model", "--adapter", adapter, "--out", "with"])
    let cosines = try #require(try found.json["opener_cosines"] as? [Double])
    #expect(!cosines.isEmpty && cosines.allSatisfy { abs($0) <= 1 })
    // Of other weights nothing is said, and said so.
    let other = try run(words + ["--model", "model", "--out", "without"])
    #expect(other.errors.contains("the cosine with refusal openers is left out"))
    #expect(try other.json["opener_cosines"] == nil)
    #expect(
      try run(words + ["--adapter", adapter, "--out", "p"], status: 2).errors
        .contains("--adapter needs --model"))
  }
}
