import Testing

/// Probes whose labels cross: refusal apart from topic.
@Suite struct DesignTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    // One token says what was asked, another what was done; both stand in every combination.
    for (name, first) in [("a", 0), ("b", 160)] {
      let rows = (first..<first + 160).map { index in
        let (harmful, refused) = (index % 2 == 0, index / 2 % 2 == 0)
        let tokens = [index % 89, harmful ? 90 : 91, index * 7 % 89, refused ? 92 : 93]
        return #"{"token_ids": \#(tokens), "harmful": \#(harmful), "refused": \#(refused)}"#
      }
      try folder.write("\(name).jsonl", rows.joined(separator: "\n"))
      let words = ["capture", "--model", TinyModel.llama, "--prompts", "\(name).jsonl"]
      let captured = try Tool.run(words + ["--out", "\(name).h5"], in: folder)
      try #require(captured.status == 0, "\(captured.errors)")
    }
  }

  func train(_ arguments: [String]) throws -> Tool.Outcome {
    try Tool.run(["probe", "train", "--acts", "a.h5", "--out", "probes"] + arguments, in: folder)
  }

  @Test func twoProbesEachWithTheOtherLabelBalanced() throws {
    let outcome = try train(["--label", "refused", "--other", "harmful", "--json"])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let cards = try #require(try outcome.json["cards"] as? [[String: Any]])
    #expect(cards.map { $0["sign_convention"] as? String } == ["z > 0: refused", "z > 0: harmful"])
    #expect((try outcome.json["cosines"] as? [Double])?.count == 3)
    for name in ["refused", "harmful"] {
      let evaluation = try Tool.run(
        [
          "probe", "eval", "--probe", "probes/\(name)", "--acts", "b.h5", "--label", name,
          "--json",
        ], in: folder)
      #expect(evaluation.status == 0, "\(evaluation.errors)")
    }
    let crossings = try #require(try outcome.json["crossings"] as? [[String: Any]])
    #expect(crossings.count == 3)
    let cells = try #require(crossings[0]["cell_scores"] as? [[String: Any]])
    #expect(cells.count == 4 && cells.allSatisfy { ($0["n"] as? Int ?? 0) > 0 })
    let table = try train(["--label", "refused", "--other", "harmful", "--overwrite"]).output
    #expect(table.contains("refused probe tells harmful, AUROC"), "\(table)")
  }

  @Test func aTestOnTheTrainingFileIsRefused() throws {
    let outcome = try train(["--label", "refused", "--test", "a.h5"])
    #expect(outcome.status == 4)
    #expect(outcome.code == "is-training-data", "\(outcome.errors)")
    try #require(try train(["--label", "refused"]).status == 0)
    let words = ["probe", "eval", "--probe", "probes", "--acts", "b.h5", "--acts", "a.h5"]
    let evaluated = try Tool.run(words + ["--label", "refused"], in: folder)
    #expect(evaluated.status == 4 && evaluated.output.isEmpty)
    #expect(evaluated.code == "is-training-data")
  }

  @Test(arguments: [("yse", 4, "no prompt has the value 'yse'"), ("true", 0, ""), ("1", 0, "")])
  func theValueThatCountsAsPositive(value: String, status: Int32, text: String) throws {
    let outcome = try train(["--label", "refused", "--positive", value])
    #expect(outcome.status == status)
    #expect(text.isEmpty || outcome.errors.contains(text), "\(outcome.errors)")
  }
}
