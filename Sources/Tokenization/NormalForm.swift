/// Unicode's normal form C, from tables of our own.
///
/// The system's differ with its version and are wrong in places, and what a tokenizer sees must not. They
/// hold one fixed version of Unicode; a character that it does not know stays as it is.
struct NormalForm: Sendable {
  static let shared = NormalForm()

  private struct Pair: Hashable {
    var first: UInt32
    var second: UInt32
  }

  private var decompositions: [UInt32: (first: UInt32, second: UInt32?)] = [:]
  private var compositions: [Pair: UInt32] = [:]
  private var classes: [UInt32: UInt8] = [:]
  /// One bit for each code point that may change beside others, or alone.
  private var unstable: [UInt64] = []

  private init() {
    var code: UInt32 = 0
    for word in Self.decompositionTable.utf8.split(separator: UInt8(ascii: " ")) {
      if word.first == UInt8(ascii: "=") {
        code = Self.numbers(word.dropFirst())[0]
        continue
      }
      let parts = Self.numbers(word)
      decompositions[code] = (parts[0], parts.count > 1 ? parts[1] : nil)
      if parts.count > 1, word.contains(UInt8(ascii: "+")) {
        compositions[Pair(first: parts[0], second: parts[1])] = code
        mark(parts[1])
      } else {
        mark(code)
      }
      code += 1
    }
    for word in Self.classTable.utf8.split(separator: UInt8(ascii: " ")) {
      let parts = Self.numbers(word)
      for code in parts[0]..<(parts[0] + parts[1]) {
        classes[code] = UInt8(parts[2])
        mark(code)
      }
    }
    for code in Hangul.vowels { mark(code) }
    for code in Hangul.finals { mark(code) }
  }

  private mutating func mark(_ code: UInt32) {
    let word = Int(code / 64)
    if word >= unstable.count {
      unstable += [UInt64](repeating: 0, count: word + 1 - unstable.count)
    }
    unstable[word] |= 1 << UInt64(code % 64)
  }

  /// Numbers in base 36 between other characters.
  private static func numbers(_ word: Substring.UTF8View) -> [UInt32] {
    var numbers: [UInt32] = [0]
    for byte in word {
      guard let digit = byte.base36Digit else {
        numbers.append(0)
        continue
      }
      numbers[numbers.count - 1] = numbers[numbers.count - 1] * 36 + digit
    }
    return numbers
  }

  /// Whether a scalar is in normal form whatever stands before it: a text can be cut before such a one,
  /// and each part be normalised alone.
  func isStable(_ scalar: Unicode.Scalar) -> Bool {
    let word = Int(scalar.value / 64)
    return word >= unstable.count || unstable[word] >> UInt64(scalar.value % 64) & 1 == 0
  }

  func composed(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var codes: [UInt32] = []
    for scalar in scalars { decompose(scalar.value, into: &codes) }
    order(&codes)
    return compose(codes).compactMap(Unicode.Scalar.init)
  }

  private func decompose(_ code: UInt32, into codes: inout [UInt32]) {
    if let syllable = Hangul.decomposed(code) {
      codes += syllable
    } else if let (first, second) = decompositions[code] {
      decompose(first, into: &codes)
      if let second { decompose(second, into: &codes) }
    } else {
      codes.append(code)
    }
  }

  /// Sorts each run of marks by class; those of one class keep their order.
  private func order(_ codes: inout [UInt32]) {
    var start = 0
    while start < codes.count {
      guard classes[codes[start]] != nil else {
        start += 1
        continue
      }
      let end = codes[start...].firstIndex { classes[$0] == nil } ?? codes.count
      let marks = codes[start..<end].map { (code: $0, order: classes[$0] ?? 0) }
      // The library's sort is stable by what it does and not by its word.
      let sorted = marks.enumerated().sorted {
        ($0.element.order, $0.offset) < ($1.element.order, $1.offset)
      }
      codes.replaceSubrange(start..<end, with: sorted.map(\.element.code))
      start = end
    }
  }

  private func compose(_ codes: [UInt32]) -> [UInt32] {
    var result: [UInt32] = []
    var starter: Int?
    /// The class of the last code point after the starter that was kept; nil when there is none.
    var last: UInt8?
    for code in codes {
      let order = classes[code] ?? 0
      if let place = starter, last.map({ $0 != 0 && $0 < order }) ?? true,
        let composite = Hangul.composed(result[place], code)
          ?? compositions[Pair(first: result[place], second: code)]
      {
        result[place] = composite
        continue
      }
      if order == 0 { starter = result.count }
      last = order == 0 ? nil : order
      result.append(code)
    }
    return result
  }
}

/// Korean syllables, whose decompositions follow from their numbers.
private enum Hangul {
  static let leads: Range<UInt32> = 0x1100..<0x1113
  static let vowels: Range<UInt32> = 0x1161..<0x1176
  static let finals: Range<UInt32> = 0x11A8..<0x11C3
  private static let syllables: Range<UInt32> = 0xAC00..<0xD7A4
  /// Syllables that begin alike: with each final, and with none.
  private static let block: UInt32 = 28

  static func decomposed(_ code: UInt32) -> [UInt32]? {
    guard syllables.contains(code) else { return nil }
    let index = code - syllables.lowerBound
    let (pair, final) = index.quotientAndRemainder(dividingBy: block)
    let (lead, vowel) = pair.quotientAndRemainder(dividingBy: UInt32(vowels.count))
    return [leads.lowerBound + lead, vowels.lowerBound + vowel]
      + (final > 0 ? [finals.lowerBound + final - 1] : [])
  }

  static func composed(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if leads.contains(first), vowels.contains(second) {
      let pair = (first - leads.lowerBound) * UInt32(vowels.count) + second - vowels.lowerBound
      return syllables.lowerBound + pair * block
    }
    guard syllables.contains(first), (first - syllables.lowerBound) % block == 0,
      finals.contains(second)
    else { return nil }
    return first + second - finals.lowerBound + 1
  }
}

extension UInt8 {
  fileprivate var base36Digit: UInt32? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(self - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(self - UInt8(ascii: "a")) + 10
    default: nil
    }
  }
}
