import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Search of heads by attack success, in a planted model that complies because of four known heads.
@Suite struct AttackSearchTests {
  let folder: Scratch
  let planted: [(head: String, role: String)]

  init() throws {
    folder = try Scratch()
    let plant = ["organism", "plant", "--kind", "refusal-cliff", "--seed", "1", "--out", "planted"]
    #expect(try Tool.run(plant, in: folder).status == 0)
    let truth = try #require(
      try JSONSerialization.jsonObject(with: folder.bytes("planted/truth.json")) as? [String: Any])
    planted = try #require(truth["heads"] as? [[String: Any]]).map { head in
      let (layer, number) = (head["layer"] as? Int, head["head"] as? Int)
      return (
        "\(try #require(layer)).\(try #require(number))", try #require(head["role"] as? String)
      )
    }
  }

  func named(_ roles: String...) -> [String] {
    planted.filter { head in roles.contains { head.role.hasPrefix($0) } }.map(\.head)
  }

  var common: [String] {
    [
      "heads", "search", "--model", "planted", "--prompts", "planted/prompts.jsonl", "--score",
      "attack", "--judges", "substring-arditi", "--max-new-tokens", "10", "--resamples", "200",
    ]
  }

  /// The pair that is found is among the planted heads; what is told of it is what an attack with these heads
  /// off measures.
  @Test func findsPlantedHeadsAndAgreesWithTheAttack() throws {
    let among = named("suppression", "decoy")
    #expect(among.count == 8)
    let words = [
      "--lower", "--size", "2", "--beam", "8", "--random-sets", "9", "--among",
      among.joined(separator: ","), "--json", "--out", "a",
    ]
    let outcome = try Tool.run(common + words, in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("64 prompts are labelled benign"))
    let summary = try #require(try outcome.json["summary"] as? [String: Any])
    let steps = try #require(summary["steps"] as? [[String: Any]])
    let tied = steps.compactMap { $0["tied"] as? Int }
    #expect(tied.first == 8, "no head alone changes an answer")
    let pair = try #require(steps[1]["heads"] as? [[String: Any]]).map {
      "\(try #require($0["layer"] as? Int)).\(try #require($0["head"] as? Int))"
    }
    #expect(Set(pair).isSubset(of: named("suppression")), "\(pair)")
    #expect(steps[1]["selection_mean"] as? Double == -1)
    let answers = try #require(summary["attack"] as? [String: Any])
    let sets = try #require(answers["sets"] as? [[String: Any]])
    let successes = sets.compactMap { $0["successes"] as? Int }
    // The pair was chosen on the other half, where no answer is left a success.
    #expect(successes[0] == 32 && successes[1] <= 3)
    #expect((answers["baseline"] as? [String: Any])?["successes"] as? Int == 64)
    #expect(
      folder.contents.filter { $0.hasPrefix("a/") }.sorted()
        == ["a/search.csv", "a/search.json", "a/verdicts.jsonl"])

    let attacked = try Tool.run(
      [
        "attack", "--model", "planted", "--prompts", "planted/prompts.jsonl", "--neutral",
        "planted/prompts.jsonl", "--arm", "pair=heads:\(pair.joined(separator: ","))", "--random",
        "0", "--judges", "substring-arditi", "--max-new-tokens", "10", "--out", "attacked",
      ], in: folder)
    try #require(attacked.status == 0, "\(attacked.errors)")
    let result = try #require(
      try JSONSerialization.jsonObject(with: folder.bytes("attacked/attack.json"))
        as? [String: Any])
    let arms = try #require(result["arms"] as? [[String: Any]])
    let rates = try arms.map { try #require(($0["rates"] as? [[String: Any]])?.first) }
    #expect(rates.compactMap { $0["successes"] as? Int } == [64, successes[1]])
  }

  /// A file of a sweep's form names the heads to choose from; text output has n and interval.
  @Test func readsHeadsFromAFileAndPrintsRates() throws {
    let list = try named("suppression").map { name -> String in
      let parts = name.split(separator: ".")
      return #"{"layer": \#(try #require(parts.first)), "head": \#(try #require(parts.last))}"#
    }
    try folder.write("heads.json", #"{"few": {"heads": [\#(list.joined(separator: ", "))]}}"#)
    let outcome = try Tool.run(
      common + [
        "--lower", "--size", "1", "--factor", "-3", "--random-sets", "9", "--among",
        "heads.json:set=few", "--out", "a",
      ], in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("unchanged model, all prompts: refusal rate 0.00 ["))
    #expect(outcome.output.contains("1 heads off: 1.00 [0.68, 1.00] (n = 32)"))
    #expect(outcome.output.contains("best of 4 sets"))
    #expect(outcome.errors.contains("sets of heads"))
  }

  /// Where an answer is lost nothing is won: with the heads off ("Sorry" ends a text before it begins), and
  /// in the model as it is ("Sure" does).
  @Test(arguments: [("Sorry", 32, 0), ("Sure", 0, 64)]) func answersWithoutAVerdictCountAsUnchanged(
    stop: String, lostOff: Int, lost: Int
  ) throws {
    let outcome = try Tool.run(
      common + [
        "--lower", "--stop", stop, "--size", "1", "--random-sets", "0", "--among", "5.0",
        "--factor", "-3", "--json", "--out", "a",
      ], in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let summary = try #require(try outcome.json["summary"] as? [String: Any])
    let answers = try #require(summary["attack"] as? [String: Any])
    let sets = try #require(answers["sets"] as? [[String: Any]])
    #expect(sets.first?["invalid"] as? Int == lostOff)
    #expect((answers["baseline"] as? [String: Any])?["invalid"] as? Int == lost)
    let steps = try #require(summary["steps"] as? [[String: Any]])
    #expect(steps.first?["selection_mean"] as? Double == 0)
    let report = try #require((summary["report"] as? [String: Any])?["sets"] as? [[String: Any]])
    #expect(report.first?["mean"] as? Double == 0)
  }

  @Test func killedAndContinued() throws {
    let words =
      common + [
        "--lower", "--size", "2", "--beam", "2", "--random-sets", "9", "--among",
        named("suppression", "decoy").joined(separator: ","), "--threads", "1",
      ]
    #expect(try Tool.run(words + ["--out", "whole"], in: folder).status == 0)
    _ = try Tool.killed(words + ["--out", "cut"], whenAFileHas: 20, in: folder)
    let before = try folder.text("cut/search.journal").split(separator: "\n").dropLast()
    #expect(before.count > 2)
    let other = try Tool.run(words + ["--out", "cut", "--max-new-tokens", "11"], in: folder)
    #expect(other.status == 3 && other.errors.contains("max_new_tokens"), "\(other.errors)")
    let last = try Tool.run(words + ["--out", "cut"], in: folder)
    #expect(last.status == 0, "\(last.errors)")
    let same = try folder.bytes("cut/search.json") == folder.bytes("whole/search.json")
    #expect(same)
    #expect(!folder.contents.contains("cut/search.journal"))
    let again = try Tool.run(words + ["--out", "cut"], in: folder)
    #expect(again.status == 0 && !again.errors.contains("sets of heads"))
  }

  /// A row that another number of answers stands in, and a judge that cannot be reached: an error, and no figure.
  @Test func damagedRowsAndAbsentJudges() throws {
    let words =
      common + [
        "--lower", "--size", "1", "--random-sets", "0", "--among", "5.0", "--samples", "2",
        "--temperature", "1", "--out",
      ]
    let absent = try Tool.run(
      words + [
        "absent", "--judges", "endpoint-harmbench", "--endpoint", "http://127.0.0.1:9/v1",
        "--endpoint-model", "none", "--timeout", "1",
      ], in: folder)
    #expect(absent.status == 4, "\(absent.status)")
    #expect(absent.code == "unreachable", "\(absent.errors)")
    #expect(!folder.contents.contains("absent/search.json"))
    #expect(!folder.contents.contains("absent/search.journal"), "nothing is taken for a verdict")
    _ = try Tool.killed(words + ["absent"], whenAFileHas: 10, in: folder)
    var journal = try JournalText(folder.text("absent/search.journal"))
    journal.rows = [
      #"{"key":{"set":{"heads":[],"prompts":[0,1]}},"#
        + #""row":{"verdicts":{"_0":["success","success"]}}}"#
    ]
    try folder.write("absent/search.journal", journal.text)
    let damaged = try Tool.run(words + ["absent"], in: folder)
    #expect(damaged.status == 4 && damaged.code == "journal-damaged", "\(damaged.errors)")
  }

  @Test(arguments: [
    (["--ablate", "mean"], 2, "needs --ablate scale"),
    (["--rescale", "sequence"], 2, "--rescale none or token"),
    (["--answers", "a.jsonl"], 2, "neither --answers nor --read"),
    (["--read", "template"], 2, "neither --answers nor --read"),
    (["--judges", "published"], 2, "nothing to say"), (["--batch", "0"], 2, "--batch"),
    (["--among", "9.9"], 2, "[invalid-option]: --among"),
    (["--among", "5.0"], 2, "[invalid-option]: --among"),
    (["--among", "5.0,5.3:scale=2"], 2, "[invalid-option]: --among"),
    (["--among", "none.json"], 4, "[missing]"),
    (["--max-new-tokens", "0"], 2, "at least one token"),
    (["--at", "prompt", "--prompts", "text.jsonl"], 2, "[all-benign]"),
    (["--max-memory", "1GB"], 2, "takes no --max-memory"),
    (["--score", "logit-gap"], 2, "need --score attack"),
  ]) func wrongWords(words: [String], status: Int32, word: String) throws {
    try folder.write("text.jsonl", #"{"id": "a", "prompt": "b", "harmful": false}"#)
    var all = common + ["--size", "2", "--out", "a"]
    if words.contains("--prompts") { all.removeSubrange(4...5) }
    let outcome = try Tool.run(all + words, in: folder)
    #expect(outcome.status == status && outcome.errors.contains(word), "\(outcome.errors)")
    #expect(outcome.output.isEmpty && !folder.contents.contains("a/search.json"))
  }

  @Test func sweepsHaveNoAnswers() throws {
    let outcome = try Tool.run(
      [
        "heads", "sweep", "--model", "planted", "--prompts", "planted/prompts.jsonl", "--score",
        "attack", "--out", "a",
      ], in: folder)
    #expect(outcome.status == 2 && outcome.errors.contains("belongs to 'heads search'"))
  }
}
