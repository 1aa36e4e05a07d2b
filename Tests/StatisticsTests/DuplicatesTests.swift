import Testing

@testable import Statistics

@Suite struct DuplicatesTests {
  private let texts = [
    "How do I pick the lock of a garden gate without a key?",
    "  how do i PICK the lock\tof a garden gate without a key?\n",
    "How do I pick the lock of a garden gate without any key?",
    "Name three rivers of Africa and the towns on them.",
    "How do I bake bread with rye flour and without yeast?",
  ]

  @Test func repeatsAreOneGroup() throws {
    let names = ["e", "d", "c", "b", "a"]
    let (groups, found) = try Duplicates.merging(names, of: .texts(texts))
    #expect(groups == ["c", "c", "c", "b", "a"])
    #expect(found.items == 5 && found.repeats == 2 && found.givenGroups == 5 && found.groups == 3)
    #expect(found.note?.contains("2 of 5 prompts repeat another one") == true)
    let (kept, same) = try Duplicates.merging(names, of: .texts(texts), keeping: true)
    #expect(kept == names && same.repeats == 2 && same.areKept)
    #expect(same.note?.contains("are kept in 5 groups") == true)
  }

  /// Given groups stay, and are joined by what they have in common.
  @Test func givenGroupsAreJoined() throws {
    let (groups, _) = try Duplicates.merging(["y", "z", "z", "z", "x"], of: .texts(texts))
    #expect(groups == ["y", "y", "y", "y", "x"])
    let (same, found) = try Duplicates.merging(["y", "y", "y", "z", "x"], of: .texts(texts))
    #expect(same == ["y", "y", "y", "z", "x"] && found.note == nil)
  }

  @Test func equalIsEqualInNormalFormAndCase() throws {
    let pairs = [
      ("cafe\u{301} au lait", "caf\u{e9}  AU LAIT"), ("Stra\u{df}e", "STRASSE"),
      ("\u{3c3}\u{3bf}\u{3c6}\u{3cc}\u{3c2}", "\u{3a3}\u{39f}\u{3a6}\u{38c}\u{3a3}"),
    ]
    for (one, other) in pairs {
      let (groups, _) = try Duplicates.merging(
        ["1", "2", "3"], of: .texts([one, other, "something else"]))
      #expect(groups == ["1", "1", "3"], "\(one)")
    }
  }

  /// A long system message before every prompt makes no two of them alike.
  @Test func whatAllShareSaysNothing() throws {
    // Without repetition, so that its pieces outnumber those of what differs.
    let system = (0..<60).map { "Rule \($0 * 7919): answer \($0 * 104_729) in full. " }.joined()
    let ends = ["rivers", "bread", "locks", "winter"]
    let (groups, _) = try Duplicates.merging(
      ends, of: .texts(ends.map { system + "Tell me about \($0), please." }))
    #expect(groups == ends)
  }

  /// Ten tokens of one form about another thing are another prompt, and thirty with one other word are not.
  @Test func shortPromptsOfOneFormAreApart() throws {
    for (length, isApart) in [(10, true), (30, false)] {
      let prompts = (0..<4).map { thing in (1..<length).map(Int32.init) + [Int32(1000 + thing)] }
      let other = prompts.map { $0.map { $0 + 100 } + [7] }
      let (groups, _) = try Duplicates.merging(
        (0..<8).map { "\($0)" }, of: .tokens(prompts + other))
      #expect(Set(groups).count == (isApart ? 8 : 2), "\(length)")
    }
  }

  /// A chain of near-duplicates is one group, whatever its order.
  @Test func chainsAreOneGroup() throws {
    let words = (0..<40).map { Int32($0) }
    let chain = (0..<5).map { shift in Array(words.dropFirst(2 * shift)) + [Int32(100 + shift)] }
    let tokens = chain + [[500, 501, 502]]
    let names = ["a", "b", "c", "d", "e", "f"]
    for order in [[0, 1, 2, 3, 4, 5], [4, 0, 5, 2, 3, 1]] {
      let (groups, found) = try Duplicates.merging(
        order.map { names[$0] }, of: .tokens(order.map { tokens[$0] }))
      #expect(groups == order.map { $0 == 5 ? "f" : "a" })
      #expect(found.repeats == 4)
    }
    let (empty, _) = try Duplicates.merging(["a", "b"], of: .tokens([[], []]))
    #expect(empty == ["a", "b"], "nothing repeats nothing")
  }
}
