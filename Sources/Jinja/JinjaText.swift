/// A string of a template that remembers where each stretch of it came from.
///
/// Whatever a template does to a message (trims, cuts, joins it), the output still says which bytes
/// a person wrote and which the template. Positions are Python's: they count code points.
package struct JinjaText: Sendable {
  /// Who wrote a stretch: the template itself, or one of those whom the caller numbers.
  package struct Origin: RawRepresentable, Equatable, Sendable {
    package var rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let template = Origin(rawValue: 0)
  }

  private struct Run {
    var end: Int
    var origin: Origin
  }

  /// Valid UTF-8; every run ends at a code point's end.
  package private(set) var bytes: [UInt8] = []
  private var runs: [Run] = []

  package init() {}

  package init(_ bytes: some Collection<UInt8>, origin: Origin = .template) {
    append(bytes, origin: origin)
  }

  package init(_ text: String, origin: Origin = .template) {
    append(text.utf8, origin: origin)
  }

  package var count: Int { bytes.count }
  package var isEmpty: Bool { bytes.isEmpty }
  package var string: String { String(decoding: bytes, as: UTF8.self) }

  /// The origin of the first stretch that the template did not write itself.
  var foreignOrigin: Origin? { runs.first { $0.origin != .template }?.origin }

  /// The text cut where its origin changes.
  package var stretches: [(bytes: [UInt8], origin: Origin)] {
    var start = 0
    return runs.map { run in
      defer { start = run.end }
      return (Array(bytes[start..<run.end]), run.origin)
    }
  }

  package mutating func append(_ added: some Collection<UInt8>, origin: Origin) {
    guard !added.isEmpty else { return }
    bytes.append(contentsOf: added)
    if let last = runs.indices.last, runs[last].origin == origin {
      runs[last].end = bytes.count
    } else {
      runs.append(Run(end: bytes.count, origin: origin))
    }
  }

  package mutating func append(_ other: JinjaText) { append(other, 0..<other.count) }

  private mutating func append(_ other: JinjaText, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    var start = range.lowerBound
    for run in other.runs[other.runIndex(of: start)...] {
      let end = min(run.end, range.upperBound)
      append(other.bytes[start..<end], origin: run.origin)
      start = end
      if start == range.upperBound { return }
    }
  }

  /// The run that holds a byte, by bisection: a text cut into many pieces must not cost their square.
  private func runIndex(of offset: Int) -> Int {
    var (low, high) = (0, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].end > offset { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The text between two byte offsets.
  package subscript(range: Range<Int>) -> JinjaText {
    var result = JinjaText()
    result.append(self, range)
    return result
  }
}

extension JinjaText {
  func repeated(_ times: Int) -> JinjaText {
    var result = JinjaText()
    result.bytes.reserveCapacity(count * times)
    while result.count < count * times {
      // Doubling, so that a single letter repeated millions of times is not millions of runs.
      let missing = count * times - result.count
      result.append(result.isEmpty ? self : result[0..<min(result.count, missing)])
    }
    return result
  }
}

// MARK: - Code points

extension JinjaText {
  var scalarCount: Int { bytes.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 } }

  /// Where each code point begins, and the end of the text.
  var scalarOffsets: [Int] {
    bytes.indices.filter { bytes[$0] & 0xC0 != 0x80 } + [bytes.count]
  }

  /// Every code point as a text of its own.
  var characters: [JinjaText] {
    let offsets = scalarOffsets
    return zip(offsets, offsets.dropFirst()).map { self[$0..<$1] }
  }

  /// The text with each code point replaced, stretch by stretch.
  func mapped(_ transform: (Unicode.Scalar) -> String) -> JinjaText {
    var result = JinjaText()
    var start = 0
    for run in runs {
      var changed: [UInt8] = []
      for scalar in String(decoding: bytes[start..<run.end], as: UTF8.self).unicodeScalars {
        changed.append(contentsOf: transform(scalar).utf8)
      }
      result.append(changed, origin: run.origin)
      start = run.end
    }
    return result
  }

  var uppercased: JinjaText { mapped { $0.properties.uppercaseMapping } }
  var lowercased: JinjaText { mapped { $0.properties.lowercaseMapping } }

  /// The text with a capital wherever `isStart` says so, given the code point before.
  func capitalized(_ isStart: (Unicode.Scalar?) -> Bool) -> JinjaText {
    var previous: Unicode.Scalar?
    return mapped { scalar in
      defer { previous = scalar }
      return isStart(previous)
        ? scalar.properties.titlecaseMapping : scalar.properties.lowercaseMapping
    }
  }

  private func scalar(endingAt end: Int) -> (value: Unicode.Scalar, start: Int) {
    var start = end - 1
    while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
    return (decode(start..<end), start)
  }

  private func decode(_ range: Range<Int>) -> Unicode.Scalar {
    String(decoding: bytes[range], as: UTF8.self).unicodeScalars.first ?? "\u{FFFD}"
  }

  package enum Side { case left, right, both }

  /// The text without the code points in `set` at its ends; nil means white space, as in Python.
  package func trimmed(_ side: Side, _ set: JinjaText? = nil) -> JinjaText {
    let members = set.map { Set($0.string.unicodeScalars) }
    func isTrimmed(_ scalar: Unicode.Scalar) -> Bool {
      members?.contains(scalar) ?? scalar.isPythonSpace
    }
    var (start, end) = (0, count)
    if side != .right {
      while start < end {
        var next = start + 1
        while next < end, bytes[next] & 0xC0 == 0x80 { next += 1 }
        guard isTrimmed(decode(start..<next)) else { break }
        start = next
      }
    }
    if side != .left {
      while end > start {
        let last = scalar(endingAt: end)
        guard isTrimmed(last.value) else { break }
        end = last.start
      }
    }
    return self[start..<end]
  }
}

extension Unicode.Scalar {
  /// Python's `str.isspace`, which counts four separators that Unicode's property leaves out.
  var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}

// MARK: - Searching

extension JinjaText {
  /// The byte offset of the first occurrence.
  func find(_ needle: JinjaText) -> Int? {
    needle.isEmpty ? 0 : occurrences(of: needle, limit: 1).first
  }

  /// The byte offsets of the occurrences that do not overlap, at most `limit` of them.
  package func occurrences(of needle: JinjaText, limit: Int = .max) -> [Int] {
    Self.matches(of: needle.bytes, in: bytes, limit: limit)
  }

  /// The same, found from the end of the text on, the last one first.
  func occurrencesFromEnd(of needle: JinjaText, limit: Int = .max) -> [Int] {
    Self.matches(of: needle.bytes.reversed(), in: bytes.reversed(), limit: limit)
      .map { count - needle.count - $0 }
  }

  /// Knuth, Morris and Pratt's search: linear whatever a template searches for.
  private static func matches(of needle: [UInt8], in bytes: [UInt8], limit: Int) -> [Int] {
    guard !needle.isEmpty, needle.count <= bytes.count, limit > 0 else { return [] }
    var borders = [0]
    var border = 0
    for byte in needle.dropFirst() {
      while border > 0, needle[border] != byte { border = borders[border - 1] }
      if needle[border] == byte { border += 1 }
      borders.append(border)
    }
    var (offsets, matched): ([Int], Int) = ([], 0)
    for (index, byte) in bytes.enumerated() {
      while matched > 0, needle[matched] != byte { matched = borders[matched - 1] }
      if needle[matched] == byte { matched += 1 }
      guard matched == needle.count else { continue }
      offsets.append(index + 1 - matched)
      guard offsets.count < limit else { break }
      matched = 0
    }
    return offsets
  }

  func contains(_ needle: JinjaText) -> Bool { find(needle) != nil }

  /// The pieces between the separators at the given byte offsets.
  func split(at offsets: [Int], separatorCount: Int) -> [JinjaText] {
    var (pieces, start): ([JinjaText], Int) = ([], 0)
    for offset in offsets {
      pieces.append(self[start..<offset])
      start = offset + separatorCount
    }
    return pieces + [self[start..<count]]
  }

  /// At least as many as there are white spaces.
  var spaceCount: Int { bytes.reduce(0) { $1 <= 0x20 || $1 >= 0xC2 ? $0 + 1 : $0 } }

  /// The words between stretches of white space, at most `limit` cuts; the rest is the last word.
  func words(limit: Int) -> [JinjaText] {
    var words: [JinjaText] = []
    let rest = trimmed(.left)
    var start: Int?
    let offsets = rest.scalarOffsets
    for (offset, next) in zip(offsets, offsets.dropFirst()) {
      if rest.decode(offset..<next).isPythonSpace {
        if let first = start { words.append(rest[first..<offset]) }
        start = nil
      } else if start == nil {
        start = offset
        if words.count == limit { return words + [rest[offset..<rest.count]] }
      }
    }
    if let first = start { words.append(rest[first..<rest.count]) }
    return words
  }

  static func joined(_ pieces: [JinjaText], by separator: JinjaText) -> JinjaText {
    var result = JinjaText()
    for (index, piece) in pieces.enumerated() {
      if index > 0 { result.append(separator) }
      result.append(piece)
    }
    return result
  }
}
