import Foundation

/// Which texts nearly repeat another one.
///
/// The measure is the Jaccard similarity of the sets of 5-character pieces of two texts, in lower case and
/// with runs of white space as one space. It is exact: of the pieces in the order of their rarity, two
/// texts that are similar enough share one of their first few, so that only such texts are compared.
package struct NearDuplicates {
  /// The measure in words.
  public static let measure =
    "Jaccard similarity of the sets of 5-character pieces of the requests, lower case, white space "
    + "collapsed"

  static let pieceLength = 5
  /// Characters of a text that are looked at.
  static let longestText = 20_000

  let threshold: Double
  /// The pieces of each text, rarest first.
  private let pieces: [[UInt64]]

  /// - Parameter threshold: at least so similar is a duplicate; above 0 and up to 1.
  package init(_ texts: [String], threshold: Double) {
    self.init(
      series: texts.map(Self.characters), pieceLength: Self.pieceLength, threshold: threshold)
  }

  /// - Parameters:
  ///   - series: the characters or the tokens of each text, as numbers.
  ///   - pieceLength: how many of them are one piece.
  init(series: [[UInt64]], pieceLength: Int, threshold: Double) {
    precondition(threshold > 0 && threshold <= 1, "a similarity")
    self.threshold = threshold
    let sets = series.map { Self.pieces($0, pieceLength) }
    var counts: [UInt64: Int] = [:]
    for set in sets { for piece in set { counts[piece, default: 0] += 1 } }
    pieces = sets.map { set in
      set.sorted { (counts[$0] ?? 0, $0) < (counts[$1] ?? 0, $1) }
    }
  }

  /// The first so many of the texts in an order, each one passed over that repeats one before it.
  ///
  /// - Parameter accepts: whether a text that repeats none is to be taken.
  /// - Returns: those that were taken, and those passed over with the one that they repeat.
  package func take(
    _ count: Int, of order: [Int], where accepts: (Int) -> Bool = { _ in true }
  ) -> (taken: [Int], duplicates: [(item: Int, of: Int)]) {
    var (taken, duplicates): ([Int], [(item: Int, of: Int)]) = ([], [])
    var index: [UInt64: [Int]] = [:]
    for item in order where taken.count < count {
      let prefix = pieces[item].prefix(prefixLength(pieces[item].count))
      let candidates = Set(prefix.flatMap { index[$0] ?? [] }).sorted()
      if let original = candidates.first(where: { similarity($0, item) >= threshold }) {
        duplicates.append((item, original))
        continue
      }
      guard accepts(item) else { continue }
      taken.append(item)
      for piece in prefix { index[piece, default: []].append(item) }
    }
    return (taken, duplicates)
  }

  /// |A and B| / |A or B|; 1 for two empty texts.
  package func similarity(_ first: Int, _ second: Int) -> Double {
    let (one, other) = (Set(pieces[first]), pieces[second])
    let shared = other.count { one.contains($0) }
    let all = one.count + other.count - shared
    return all == 0 ? 1 : Double(shared) / Double(all)
  }

  private func prefixLength(_ count: Int) -> Int {
    // One more than needed where rounding could make it one too few.
    min(count, count - Int((threshold * Double(count) - 1e-9).rounded(.up)) + 1)
  }

  /// For each text the first of those that it is joined with, itself where there is none: A with C too
  /// where both nearly repeat B.
  func components() -> [Int] {
    var first = Array(pieces.indices)
    func root(_ item: Int) -> Int {
      var item = item
      while first[item] != item { item = first[item] }
      return item
    }
    var index: [UInt64: [Int]] = [:]
    for item in pieces.indices {
      let prefix = pieces[item].prefix(prefixLength(pieces[item].count))
      for other in Set(prefix.flatMap { index[$0] ?? [] }).sorted() {
        let (mine, theirs) = (root(item), root(other))
        guard mine != theirs, similarity(other, item) >= threshold else { continue }
        first[max(mine, theirs)] = min(mine, theirs)
      }
      for piece in prefix { index[piece, default: []].append(item) }
    }
    return first.indices.map(root)
  }

  /// A text with what writing alone decides taken out: NFC, case folded, runs of white space one space.
  static func normalForm(_ text: some StringProtocol) -> String {
    text.uppercased().lowercased().precomposedStringWithCanonicalMapping
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  /// A text's characters in normal form, as numbers.
  static func characters(_ text: String) -> [UInt64] {
    normalForm(text.prefix(longestText)).map { character in
      character.asciiValue.map(UInt64.init) ?? stableHash(seed: 1, String(character))
    }
  }

  private static func pieces(_ series: [UInt64], _ length: Int) -> Set<UInt64> {
    guard series.count > length else { return [stableHash(series[...])] }
    return Set((0...(series.count - length)).map { stableHash(series[$0..<($0 + length)]) })
  }
}
