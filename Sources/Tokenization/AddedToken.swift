/// A token that is found in the text itself, before the text is cut and merged.
struct AddedToken: Sendable, Equatable {
  /// The longest text an added token may have, which bounds the time of a search.
  static let longestContent = 1024

  var id: Int32
  var content: [UInt8]
  /// A control token such as `<|im_end|>`: what a person wrote is never one.
  var isSpecial: Bool
  /// Searched for in the normalised text instead of the text as given.
  var isNormalized = false
  /// Takes the white space before or behind it along.
  var stripsLeft = false
  var stripsRight = false
  /// Stands only where no letter or digit is beside it.
  var isWholeWord = false
  /// Not one of the tokens that text merges into.
  var isOutsideOfModel = false
}

/// Finds added tokens: leftmost first, then the longest.
struct AddedTokenMatcher: Sendable {
  /// In order of their bytes, so that those with a common beginning stand together.
  private let tokens: [AddedToken]
  private let byFirstByte: [Range<Int>]

  init(_ tokens: [AddedToken]) {
    let sorted = tokens.sorted { $0.content.lexicographicallyPrecedes($1.content) }
    var byFirstByte = Array(repeating: 0..<0, count: 256)
    for (index, token) in sorted.enumerated() {
      guard let first = token.content.first else { continue }
      let range = byFirstByte[Int(first)]
      byFirstByte[Int(first)] = (range.isEmpty ? index : range.lowerBound)..<(index + 1)
    }
    (self.tokens, self.byFirstByte) = (sorted, byFirstByte)
  }

  var isEmpty: Bool { tokens.isEmpty }

  /// The tokens that begin at `position`, the longest first.
  func tokens(
    at position: Int, in bytes: UnsafeBufferPointer<UInt8>, end: Int
  ) -> [AddedToken] {
    var range = byFirstByte[Int(bytes[position])]
    var found: [AddedToken] = []
    var depth = 1
    while !range.isEmpty {
      if tokens[range.lowerBound].content.count == depth {
        found.insert(tokens[range.lowerBound], at: 0)
        range = (range.lowerBound + 1)..<range.upperBound
      }
      guard position + depth < end else { break }
      range = narrowed(range, depth: depth, byte: bytes[position + depth])
      depth += 1
    }
    return found
  }

  /// The part of a range whose tokens have this byte at `depth`.
  private func narrowed(_ range: Range<Int>, depth: Int, byte: UInt8) -> Range<Int> {
    let lower = firstIndex(in: range) { $0.content[depth] >= byte }
    return lower..<firstIndex(in: lower..<range.upperBound) { $0.content[depth] > byte }
  }

  private func firstIndex(
    in range: Range<Int>, where isBehind: (AddedToken) -> Bool
  ) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if isBehind(tokens[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
