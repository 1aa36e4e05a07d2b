import Files
import Foundation
import Prompts
import Testing

@testable import Refusal
@testable import Statistics

/// Which rows are chosen, why, and in what form they are written.
@Suite struct SelectTests {
  func row(
    _ id: String, _ request: String? = nil, plateau: Double? = 0.9, final: Double? = 0.5,
    answer: String = "Sure", category: String? = nil, vote: Bool? = nil
  ) throws -> PoolRow {
    let prompt = Prompt(
      conversation: Conversation(
        id: id,
        source: .messages([Message(role: "user", content: request ?? "request \(id)\(id)\(id)")])),
      row: 1)
    var row = try PoolRow(
      prompt, Answer(id: id, thinking: "thought \(id)", text: answer), source: "pool.jsonl",
      sourceDigest: "d")
    (row.plateau, row.final, row.category) = (plateau, final, category)
    if let vote { row.votes["j"] = .success(vote) }
    return row
  }

  func select(
    _ rows: [PoolRow], _ count: Int, _ change: (inout Selection.Settings) -> Void = { _ in }
  ) throws -> SelectionResult {
    var settings = Selection.Settings(count: count, seed: 1)
    change(&settings)
    return try Selection(rows, settings).result()
  }

  func ids(_ result: SelectionResult, _ name: String) -> [String] {
    result.methods.first { $0.name == name }?.chosen.map(\.id) ?? []
  }

  @Test func ranksByMisalignment() throws {
    let rows = try [
      row("a", plateau: 0.9, final: 0.8), row("b", plateau: 0.7, final: 0.1),
      row("c", plateau: 0.9, final: 0.2), row("d", plateau: nil),
      row("e", plateau: 0.2, final: 0.9),
    ]
    let result = try select(rows, 2)
    #expect(ids(result, "cliff") == ["c", "b"])
    #expect(result.methods[0].candidates == 4)
    #expect(result.methods[0].chosen[0].why.hasPrefix("rank 1 of 4: misalignment score 0.700"))
    #expect(result.methods[0].chosen[0].licence == "unknown")
    #expect(ids(result, "all").count == 5 && ids(result, "random").count == 2)
    let share = result.overlaps.first { $0.first == "cliff" && $0.second == "all" }
    #expect(share?.both == 2 && share?.jaccard == 0.4)
    expectProblem(.noRows) { try select([try row("a", plateau: nil)], 1) }
  }

  @Test func ranksFailuresByTheirFinalScore() throws {
    let rows = try [
      row("a", final: 0.3, answer: "I'm sorry", vote: true), row("b", final: 0.2, vote: true),
      row("c", final: 0.1, vote: false), row("d", final: 0.4, vote: nil),
    ]
    let byRule = try select(rows, 3) { $0.ranking = .final }
    #expect(ids(byRule, "cliff") == ["c", "b", "d"])
    #expect(ids(byRule, "judge").isEmpty)
    let byJudge = try select(rows, 3) { ($0.ranking, $0.judge) = (.final, "j") }
    #expect(ids(byJudge, "cliff") == ["b", "a"])
    #expect(Set(ids(byJudge, "judge")) == ["a", "b"])
    #expect(Set(ids(byJudge, "rule")) == ["b", "c", "d"])
  }

  @Test func ruleLooksAtTheOpeningOnly() throws {
    let late = String(repeating: "a", count: 128) + "I'm sorry"
    let early = String(repeating: "a", count: 119) + "I'm sorry"
    let rows = try [
      row("late", answer: late), row("early", answer: early),
      row("typographic", answer: "I can\u{2019}t"), row("openers", answer: "Unfortunately, no"),
    ]
    #expect(ids(try select(rows, 4), "rule") == ["late"])
  }

  @Test func randomIsSeededAndTheSamePrefix() throws {
    let rows = try (0..<30).map { try row("\($0)") }
    let ten = ids(try select(rows, 10), "random")
    #expect(Set(ten).isSubset(of: ids(try select(rows, 20), "random")))
    #expect(ten == ids(try select(rows, 10), "random"))
    #expect(ten != ids(try select(rows, 10) { $0.seed = 2 }, "random"))
  }

  @Test func nearDuplicatesAgreeWithScikitLearn() throws {
    let golden = try AttackGolden.load().similarities
    let texts = NearDuplicates(golden.texts, threshold: 0.5)
    for pair in golden.pairs {
      #expect(abs(texts.similarity(Int(pair[0]), Int(pair[1])) - pair[2]) < 1e-12, "\(pair)")
    }
    #expect(texts.similarity(4, 5) == 1, "short texts are one piece")
  }

  /// The index finds exactly what comparing all with all finds.
  @Test func indexMissesNothing() throws {
    var state: UInt64 = 11
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let texts = (0..<120).map { _ in
      String((0..<(6 + random(14))).map { _ in "ab".randomElement(at: random(2)) })
    }
    for threshold in [0.2, 0.5, 0.8, 1] {
      let index = NearDuplicates(texts, threshold: threshold)
      var kept: [Int] = []
      for item in texts.indices
      where !kept.contains(where: { index.similarity($0, item) >= threshold }) {
        kept.append(item)
      }
      let result = index.take(.max, of: Array(texts.indices))
      #expect(result.taken == kept, "\(threshold)")
      #expect(result.duplicates.count == texts.count - kept.count)
      for (item, original) in result.duplicates {
        #expect(index.similarity(item, original) >= threshold)
      }
    }
  }

  @Test func duplicatesArePassedOverAndNamed() throws {
    let rows = try [
      row("a", "How do I boil an egg?", final: 0.1), row("b", "how do I  boil an egg?", final: 0.2),
      row("c", "Name three rivers in Africa.", final: 0.3),
    ]
    let result = try select(rows, 2)
    #expect(ids(result, "cliff") == ["a", "c"])
    #expect(result.methods[0].duplicates == [["b", "a"]])
    #expect(result.methods[0].chosen[1].rank == 3)
    let all = try select(rows, 2) { $0.duplicateThreshold = nil }
    #expect(ids(all, "cliff") == ["a", "b"] && all.duplicateRule == nil)
  }

  @Test func quotasFollowThePool() throws {
    // Six of one kind, three of another, one of a third; the first kind falls deepest.
    let kinds = Array(repeating: "x", count: 6) + Array(repeating: "y", count: 3) + ["z"]
    let rows = try kinds.enumerated().map { index, kind in
      try row("\(index)", final: 0.05 * Double(index), category: kind)
    }
    let result = try select(rows, 5) { $0.keepsQuotas = true }
    let categories = result.methods[0].chosen.compactMap(\.category)
    // 3, 1.5 and 0.5 of five: the half goes to the first by name.
    #expect(Dictionary(grouping: categories) { $0 }.mapValues(\.count) == ["x": 3, "y": 2])
    #expect(result.quotaRule != nil)
    // What a category cannot fill goes on.
    let thin = rows.map { row -> PoolRow in
      var row = row
      if row.category == "y" { (row.plateau, row.final) = (nil, nil) }
      return row
    }
    let filled = try select(thin, 5) { $0.keepsQuotas = true }.methods[0].chosen
    #expect(filled.map(\.id) == ["0", "1", "2", "3", "4"])
  }

  @Test func rowsThatCannotBeChosen() throws {
    func refusal(_ source: Conversation.Source, _ thinking: String?, _ answer: String?) -> Unusable?
    {
      let prompt = Prompt(conversation: Conversation(id: "a", source: source), row: 1)
      do throws(PoolRow.Refusal) {
        _ = try PoolRow(
          prompt, Answer(id: "a", thinking: thinking, text: answer ?? ""), source: "s",
          sourceDigest: "d")
        return nil
      } catch { return error.reason }
    }
    let user = Message(role: "user", content: "u")
    #expect(refusal(.messages([user]), nil, "a") == .noThinking)
    #expect(refusal(.messages([user]), "t", " ") == .noAnswer)
    #expect(refusal(.tokenIDs([1]), "t", "a") == .noRequest)
    #expect(refusal(.messages([user, user]), "t", "a") == .otherRoles)
    #expect(refusal(.messages([]), "t", "a") == .otherRoles)
    let tool = Message(role: "tool", content: "x")
    #expect(refusal(.messages([user, tool, user]), "t", "a") == .otherRoles)
    let system = Message(role: "system", content: "s")
    let assistant = Message(role: "assistant", content: "x")
    #expect(refusal(.messages([system, user, assistant, user]), "t", "a") == nil)
  }

  @Test func trainingRowsKeepTheThinking() throws {
    var row = try row("a", "u \"quoted\"")
    (row.system, row.history) = ("s", [["h1", "h2"]])
    let output = "<think>\nthought a\n</think>\n\n" + TrainingFormat.safeAnswer
    func json(_ format: TrainingFormat) throws -> [String: Any] {
      let object = try JSONSerialization.jsonObject(with: Data(try format.json([row])))
      return try #require((object as? [[String: Any]])?.first)
    }
    let alpaca = try json(.alpaca)
    #expect(alpaca["instruction"] as? String == "u \"quoted\"")
    #expect(alpaca["input"] as? String == "" && alpaca["output"] as? String == output)
    #expect(
      alpaca["system"] as? String == "s" && alpaca["history"] as? [[String]] == [["h1", "h2"]])
    let turns = try #require(try json(.shareGPT)["conversations"] as? [[String: String]])
    #expect(turns.map { $0["from"] } == ["system", "human", "gpt", "human", "gpt"])
    #expect(turns.last?["value"] == output)
    let messages = try #require(try json(.chatML)["messages"] as? [[String: String]])
    #expect(messages.map { $0["role"] } == ["system", "user", "assistant", "user", "assistant"])
    row.safeAnswer = "No."
    #expect(try json(.alpaca)["output"] as? String == "<think>\nthought a\n</think>\n\nNo.")
    let markers = ThinkingMarkers(open: "[THINK]", close: "[/THINK]")
    let other = try JSONSerialization.jsonObject(
      with: Data(try TrainingFormat.alpaca.json([row], markers: markers)))
    #expect(
      (other as? [[String: Any]])?.first?["output"] as? String == "[THINK]thought a[/THINK]No.")
    (row.system, row.history) = (nil, [])
    #expect(try Set(json(.alpaca).keys) == ["instruction", "input", "output"])
    let info = try JSONSerialization.jsonObject(
      with: Data(
        try TrainingFormat.datasetInfo([("cliff_chatml", .chatML, "cliff.chatml.json")])))
    let entry = (info as? [String: [String: Any]])?["cliff_chatml"]
    #expect(entry?["file_name"] as? String == "cliff.chatml.json")
    #expect(entry?["formatting"] as? String == "sharegpt")
    #expect((entry?["tags"] as? [String: String])?["user_tag"] == "user")
  }
}

extension String {
  fileprivate func randomElement(at index: Int) -> Character {
    self[self.index(startIndex, offsetBy: index)]
  }
}
