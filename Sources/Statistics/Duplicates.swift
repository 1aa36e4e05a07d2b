import Files

/// Items that say the same, or nearly, put into one group: a split that parts them lets a probe know its
/// test rows by heart, and an interval that counts them singly is too narrow.
///
/// Two items repeat each other where they are equal, or where the Jaccard similarity of the sets of their
/// pieces is at least 0.8. What all items begin or end with, such as one system message, is left out first.
public struct Duplicates: Sendable, Equatable, Codable {
  /// What is compared.
  public enum Contents: Sendable, Equatable {
    /// In pieces of 5 characters; equal but for NFC, case and white space is equal.
    case texts([String])
    /// In pieces of 3 tokens: a prompt of ten that differs in one token is another prompt.
    case tokens([[Int32]])
  }

  /// What was compared, and how, in words.
  public var rule: String
  /// How many were compared.
  public var items: Int
  /// Items that repeat an earlier one, or nearly.
  public var repeats: Int
  /// Groups as they were given.
  public var givenGroups: Int
  /// Groups with repeats in one.
  public var groups: Int
  /// Whether repeats are kept apart all the same, because that was asked for.
  public var areKept = false

  /// At least so similar is a repeat.
  public static let threshold = 0.8

  /// Puts the groups of items that repeat each other together, under the first of their names.
  ///
  /// An item without content repeats none.
  /// - Parameter keeping: leaves the groups as they are, and only counts.
  /// - Returns: one group per item, and what was found.
  public static func merging(
    _ groups: [String], of contents: Contents, keeping: Bool = false
  ) throws(Problem) -> (groups: [String], duplicates: Duplicates) {
    let (series, length, rule) = contents.series
    try requireSameCount(groups.count, series.count, "duplicates")
    let firsts = components(series, pieceLength: length)
    var duplicates = Duplicates(
      rule: rule, items: groups.count,
      repeats: firsts.indices.count { firsts[$0] != $0 }, givenGroups: Set(groups).count,
      groups: Set(groups).count, areKept: keeping)
    guard !keeping, duplicates.repeats > 0 else { return (groups, duplicates) }
    // Groups are joined by every item that repeats one of another group.
    var joined: [String: String] = [:]
    func root(_ name: String) -> String {
      var name = name
      while let next = joined[name] { name = next }
      return name
    }
    for (item, first) in firsts.enumerated() {
      let (one, other) = (root(groups[item]), root(groups[first]))
      if one != other { joined[max(one, other)] = min(one, other) }
    }
    let merged = groups.map(root)
    duplicates.groups = Set(merged).count
    return (merged, duplicates)
  }

  /// What to tell the reader; nil where no group is affected.
  public var note: String? {
    guard repeats > 0, areKept || groups < givenGroups else { return nil }
    let found = "\(repeats) of \(items) prompts repeat another one (\(rule))"
    return areKept
      ? "\(found) and are kept in \(groups) groups all the same"
      : "\(found): they are \(groups) groups and not \(givenGroups)"
  }

  private static func components(_ series: [[UInt64]], pieceLength: Int) -> [Int] {
    // Equal series once; then what all that are left have in common is taken away.
    var (distinct, places): ([[UInt64]], [[UInt64]: Int]) = ([], [:])
    let classes = series.map { value in
      if let place = places[value] { return place }
      places[value] = distinct.count
      distinct.append(value)
      return distinct.count - 1
    }
    let near = NearDuplicates(
      series: withoutCommonEnds(distinct), pieceLength: pieceLength, threshold: threshold
    ).components()
    var firsts: [Int: Int] = [:]
    return series.indices.map { item in
      guard !series[item].isEmpty else { return item }
      let component = near[classes[item]]
      firsts[component] = firsts[component] ?? item
      return firsts[component] ?? item
    }
  }

  private static func withoutCommonEnds(_ series: [[UInt64]]) -> [[UInt64]] {
    let filled = series.filter { !$0.isEmpty }
    guard filled.count > 1, let shortest = filled.map(\.count).min() else { return series }
    func common(_ most: Int, _ value: ([UInt64], Int) -> UInt64) -> Int {
      (0..<most).first { place in
        filled.contains { value($0, place) != value(filled[0], place) }
      } ?? most
    }
    let start = common(shortest) { $0[$1] }
    let end = common(shortest - start) { $0[$0.count - 1 - $1] }
    return series.map { Array($0.dropFirst(start).dropLast(end)) }
  }
}

extension Duplicates.Contents {
  /// The items as numbers, how many are a piece, and the rule in words.
  fileprivate var series: ([[UInt64]], Int, String) {
    let words = "Jaccard similarity at least \(Duplicates.threshold) of pieces of "
    switch self {
    case .texts(let texts):
      return (
        texts.map(NearDuplicates.characters), NearDuplicates.pieceLength,
        "texts but for NFC, case and white space, \(words)\(NearDuplicates.pieceLength) characters"
      )
    case .tokens(let tokens):
      return (tokens.map { $0.map { UInt64(bitPattern: Int64($0)) } }, 3, "tokens, \(words)3")
    }
  }
}
