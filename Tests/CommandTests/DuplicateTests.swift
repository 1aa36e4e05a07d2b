import Foundation
import Testing

/// Prompts that repeat each other under other ids, with a coin for each text.
@Suite struct DuplicateTests {
  private func capture(in folder: Scratch) throws {
    var state: UInt64 = 7
    func random(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    let texts = (0..<40).map { _ in (0..<6).map { _ in 8 + random(48) } }
    let coins = texts.map { _ in random(2) == 1 }
    let rows = (0..<240).map { row in
      #"{"id": "\#(row)", "token_ids": \#(texts[row % 40]), "coin": \#(coins[row % 40])}"#
    }
    try folder.write("p.jsonl", rows.joined(separator: "\n"))
    let outcome = try Tool.run(
      [
        "capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--hooks",
        "blocks.2.hook_resid_post", "--positions", "last", "--out", "acts.h5",
      ], in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
  }

  private func bounds(_ json: [String: Any]) throws -> (low: Double, high: Double) {
    let report = try #require(json["report"] as? [String: Any])
    let evaluation = try #require((report["evaluations"] as? [[String: Any]])?.first)
    let auroc = try #require(
      (evaluation["test"] as? [String: Any])?["auroc"] as? [String: Any])
    return (try #require(auroc["low"] as? Double), try #require(auroc["high"] as? Double))
  }

  @Test func aCoinIsNotReadFromRepeatedPrompts() throws {
    let folder = try Scratch()
    try capture(in: folder)
    let train = ["probe", "train", "--acts", "acts.h5", "--label", "coin", "--json"]
    let merged = try Tool.run(train + ["--out", "probe"], in: folder)
    #expect(merged.errors.contains("note: 200 of 240 prompts repeat another one"))
    #expect(merged.errors.contains("they are 40 groups and not 240"))
    let (low, high) = try bounds(try merged.json)
    #expect(low <= 0.5 && high >= 0.5)
    let found = try #require(try merged.json["duplicates"] as? [String: Any])
    #expect(found["groups"] as? Int == 40 && found["are_kept"] as? Bool == false)
    let kept = try Tool.run(train + ["--keep-duplicates", "--out", "other"], in: folder)
    #expect(kept.errors.contains("are kept in 240 groups all the same"))
    #expect(try bounds(try kept.json).low > 0.5)
    let record = try #require(try kept.json["duplicates"] as? [String: Any])
    #expect(record["are_kept"] as? Bool == true)
    let map = try Tool.run(
      ["probe", "map", "--acts", "acts.h5", "--label", "coin", "--out", "map"], in: folder)
    #expect(map.errors.contains("they are 40 groups and not 240"))
  }

  /// Studies of heads draw and split the same groups.
  @Test func headsTakeRepeatsTogether() throws {
    let folder = try Scratch()
    let rows = (0..<12).map { row in
      #"{"id": "\#(row)", "token_ids": [\#(9 + row % 4), \#(20 + row % 4), 30, \#(40 + row % 4)]}"#
    }
    try folder.write("p.jsonl", rows.joined(separator: "\n"))
    let sweep = [
      "heads", "sweep", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--score",
      "divergence", "--random-sets", "0", "--resamples", "100", "--json",
    ]
    for (words, groups) in [([], 4), (["--keep-duplicates"], 12)] {
      let outcome = try Tool.run(sweep + words + ["--out", "heads\(groups)"], in: folder)
      let summary = try #require(try outcome.json["summary"] as? [String: Any])
      #expect(summary["groups"] as? Int == groups)
    }
  }
}
