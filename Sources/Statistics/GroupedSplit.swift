import Files

/// Items cut into a part to learn from and a part to report on, no group on both sides.
///
/// Near-duplicates and the samples of one behaviour share a group: a probe that has seen one of them
/// has seen them all. The labels' shares are kept as nearly as whole groups allow. Which group goes
/// where depends on the seed, the groups' names and their labels, never on the order of the rows.
///
///     let split = try GroupedSplit(groups: behaviours, labels: labels, testShare: 0.3, seed: 42)
///     let folds = try GroupedSplit.folds(5, groups: behaviours, labels: labels, seed: 42)
public struct GroupedSplit: Codable, Sendable, Equatable {
  /// The indices of the items in either part, ascending.
  public var train: [Int]
  /// Items to report on; no group of `train` is among theirs.
  public var test: [Int]

  /// - Parameter labels: one for each item; any names, for example class and category together.
  /// - Throws: when the series differ in length or there are fewer than two groups.
  public init(
    groups: [String], labels: [String], testShare: Double, seed: UInt64
  ) throws(Problem) {
    let parts = try Self.parts(
      [1 - testShare, testShare], groups: groups, labels: labels, seed: seed)
    (train, test) = (parts[0], parts[1])
  }

  init(train: [Int], test: [Int]) {
    self.train = train
    self.test = test
  }

  /// Splits for cross-validation, each item in exactly one test part.
  /// - Throws: when the series differ in length or there are fewer groups than folds.
  public static func folds(
    _ count: Int, groups: [String], labels: [String], seed: UInt64
  ) throws(Problem) -> [GroupedSplit] {
    let shares = [Double](repeating: 1 / Double(max(count, 1)), count: max(count, 0))
    let parts = try parts(shares, groups: groups, labels: labels, seed: seed)
    return parts.map { test in
      let isTest = Set(test)
      return GroupedSplit(train: groups.indices.filter { !isTest.contains($0) }, test: test)
    }
  }

  /// Any number of parts, for example to train on, to choose with and to report on.
  /// - Parameter shares: the share of the items that each part should get; together 1.
  /// - Throws: when a share is not above 0, the series differ in length, or groups are too few.
  public static func parts(
    _ shares: [Double], groups: [String], labels: [String], seed: UInt64
  ) throws(Problem) -> [[Int]] {
    try requireSameCount(groups.count, labels.count, "grouped split")
    guard shares.count > 1, shares.allSatisfy({ $0 > 0 }), abs(shares.reduce(0, +) - 1) < 1e-9
    else {
      throw Problem(
        .outOfRange, "grouped split", place: "shares", problem: "\(shares) do not divide a whole",
        remedy: "give two or more shares above 0 that add up to 1")
    }
    let members = ordered(groups, seed: seed)
    guard members.count >= shares.count else {
      throw Problem(
        .tooFew, "grouped split", place: "groups",
        problem: "\(members.count) groups cannot fill \(shares.count) parts",
        remedy: "use fewer parts or more groups")
    }
    return assign(members, labels: labels, shares: shares).map { $0.sorted() }
  }

  /// The items of each group; large groups first, because small ones can still even out what they
  /// leave, and groups of one size in an order drawn from seed and name.
  private static func ordered(_ groups: [String], seed: UInt64) -> [[Int]] {
    // Canonically equivalent names are equal, and so one group: it is called by its first spelling.
    let keyed = Dictionary(grouping: groups.indices) { groups[$0] }.values.map { items in
      let names = items.map { groups[$0] }
      let name = names.min { $0.utf8.lexicographicallyPrecedes($1.utf8) } ?? ""
      return (items: items, hash: stableHash(seed: seed, name), name: name)
    }
    return keyed.sorted {
      if $0.items.count != $1.items.count { return $0.items.count > $1.items.count }
      return ($0.hash, $0.name) < ($1.hash, $1.name)
    }.map(\.items)
  }

  /// Gives each group to the part that it brings nearest to its share of every label.
  private static func assign(
    _ members: [[Int]], labels: [String], shares: [Double]
  ) -> [[Int]] {
    let names = Set(labels).sorted()
    let column = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
    var totals = [Double](repeating: 0, count: names.count)
    for label in labels { totals[column[label] ?? 0] += 1 }
    var filled = [[Double]](repeating: totals.map { _ in 0 }, count: shares.count)
    var parts = [[Int]](repeating: [], count: shares.count)
    for (index, items) in members.enumerated() {
      var gain = totals.map { _ in 0.0 }
      for item in items { gain[column[labels[item]] ?? 0] += 1 }
      // The squared distance to the wanted share, relative to it, summed over labels.
      let costs = shares.indices.map { part in
        totals.indices.reduce(0.0) { sum, label in
          let (added, share) = (gain[label] / totals[label], shares[part])
          let missing = filled[part][label] / totals[label] - share
          return sum + (2 * added * missing + added * added) / share
        }
      }
      let empty = shares.indices.filter { parts[$0].isEmpty }
      let mustFill = empty.count >= members.count - index
      let candidates = mustFill ? empty : Array(shares.indices)
      guard let part = candidates.min(by: { costs[$0] < costs[$1] }) else { continue }
      parts[part] += items
      for label in totals.indices { filled[part][label] += gain[label] }
    }
    return parts
  }
}
