import Files
import Testing

@testable import Statistics

@Suite struct GroupedSplitTests {
  /// Sixty groups of one to four items, a third of them positive.
  private var rows: (groups: [String], labels: [String]) {
    var (groups, labels): ([String], [String]) = ([], [])
    for group in 0..<60 {
      for _ in 0..<(1 + group % 4) {
        groups.append("behaviour \(group)")
        labels.append(group % 3 == 0 ? "refused" : "complied")
      }
    }
    return (groups, labels)
  }

  @Test func groupsStayWholeAndLabelsBalanced() throws {
    let (groups, labels) = rows
    let split = try GroupedSplit(groups: groups, labels: labels, testShare: 0.3, seed: 42)
    #expect((split.train + split.test).sorted() == Array(groups.indices))
    let shared = Set(split.train.map { groups[$0] }).intersection(split.test.map { groups[$0] })
    #expect(shared.isEmpty)
    for label in ["refused", "complied"] {
      let all = labels.count { $0 == label }
      let test = split.test.count { labels[$0] == label }
      #expect(abs(Double(test) / Double(all) - 0.3) < 0.05)
    }
  }

  @Test func foldsCoverEveryItemOnce() throws {
    let (groups, labels) = rows
    let folds = try GroupedSplit.folds(5, groups: groups, labels: labels, seed: 1)
    #expect(folds.flatMap(\.test).sorted() == Array(groups.indices))
    for fold in folds {
      #expect((fold.train + fold.test).sorted() == Array(groups.indices))
      #expect(Set(fold.train.map { groups[$0] }).isDisjoint(with: fold.test.map { groups[$0] }))
      #expect(abs(fold.test.count - groups.count / 5) <= 3)
    }
  }

  @Test func orderOfRowsDoesNotMatterButTheSeedDoes() throws {
    let (groups, labels) = rows
    var generator = SeededGenerator(seed: 2)
    let order = generator.shuffled(Array(groups.indices))
    func testGroups(_ order: [Int], seed: UInt64) throws -> Set<String> {
      let split = try GroupedSplit(
        groups: order.map { groups[$0] }, labels: order.map { labels[$0] }, testShare: 0.3,
        seed: seed)
      return Set(split.test.map { groups[order[$0]] })
    }
    let plain = Array(groups.indices)
    #expect(try testGroups(plain, seed: 42) == testGroups(order, seed: 42))
    #expect(try testGroups(plain, seed: 42) != testGroups(plain, seed: 43))
  }

  @Test func canonicallyEqualNamesAreOneGroup() throws {
    let names = ["caf\u{e9}", "cafe\u{301}", "tea"]
    let labels = ["a", "a", "a"]
    let split = try GroupedSplit(groups: names, labels: labels, testShare: 0.5, seed: 1)
    #expect([split.train, split.test].contains([0, 1]))
    let reversed = try GroupedSplit(
      groups: names.reversed(), labels: labels, testShare: 0.5, seed: 1)
    #expect(split.test.contains(2) == reversed.test.contains(0))
  }

  @Test func noPartStaysEmpty() throws {
    let two = try GroupedSplit(
      groups: ["a", "b"], labels: ["x", "x"], testShare: 0.2, seed: 1)
    #expect(two.train.count == 1 && two.test.count == 1)
    let parts = try GroupedSplit.parts(
      [0.98, 0.01, 0.01], groups: ["a", "b", "c"], labels: ["x", "y", "x"], seed: 1)
    #expect(parts.allSatisfy { $0.count == 1 })
  }

  @Test func whatCannotBeSplitIsRefused() {
    for share in [0, 1, -0.5, 1.5, .nan] {
      expectProblem(.outOfRange) {
        try GroupedSplit(groups: ["a", "b"], labels: ["x", "x"], testShare: share, seed: 1)
      }
    }
    expectProblem(.tooFew) {
      try GroupedSplit(groups: ["a", "a"], labels: ["x", "y"], testShare: 0.5, seed: 1)
    }
    expectProblem(.tooFew) {
      try GroupedSplit.folds(3, groups: ["a", "b"], labels: ["x", "x"], seed: 1)
    }
    for count in [-1, 0, 1] {
      expectProblem(.outOfRange) {
        try GroupedSplit.folds(count, groups: ["a", "b"], labels: ["x", "x"], seed: 1)
      }
    }
    expectProblem(.differentCounts) {
      try GroupedSplit(groups: ["a"], labels: [], testShare: 0.5, seed: 1)
    }
  }
}
