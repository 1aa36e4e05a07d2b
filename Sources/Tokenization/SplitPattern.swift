/// A published splitting pattern.
enum SplitPattern: Sendable, Equatable {
  /// GPT-2's.
  case gpt2
  /// cl100k and Llama 3: newlines and runs of three digits stand apart, contractions in any case.
  case llama3
  /// Qwen 2: the same with single digits.
  case qwen2
  /// Tekken (Mistral NeMo): words end before a capital letter.
  case tekken
  /// o200k (GPT-4o): the same with contractions and runs of three digits.
  case o200k
  /// DeepSeek V3 and R1.
  case deepSeekV3
  /// `\s+$`: the spaces at the end of a line.
  case trailingSpaces
  case run(CharacterRun)

  /// Every numeric character stands alone.
  static let digits = run(CharacterRun(members: .number, most: 1))

  private static let published: [String: SplitPattern] = [
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: .gpt2,
    llama(#"\p{L}"#, digits: #"\p{N}{1,3}"#): .llama3,
    llama(#"\p{L}"#, digits: #"\p{N}"#): .qwen2,
    words(contraction: "", digits: #"\p{N}"#): .tekken,
    words(contraction: "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", digits: #"\p{N}{1,3}"#): .o200k,
    ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
      + #"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#: .deepSeekV3,
    #"\s+$"#: .trailingSpaces,
  ]

  private static func llama(_ letter: String, digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?"# + letter + "+|" + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  private static func words(contraction: String, digits: String) -> String {
    let prefix = #"[^\r\n\p{L}\p{N}]?"#
    let (upper, lower) = (#"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#)
    return prefix + upper + "*" + lower + "+" + contraction + "|" + prefix + upper + "+" + lower
      + "*" + contraction + "|" + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// The pattern that a source stands for; nil for one that is not known.
  init?(source: String) {
    // Files write newlines as they are or escaped, which is the same pattern.
    let source = String(
      String.UnicodeScalarView(
        source.unicodeScalars.flatMap { scalar -> [Unicode.Scalar] in
          scalar == "\r" ? ["\\", "r"] : scalar == "\n" ? ["\\", "n"] : [scalar]
        }))
    guard let pattern = Self.published[source] ?? CharacterRun(source: source).map(Self.run) else {
      return nil
    }
    self = pattern
  }

  /// Whether every character of every text is part of a match.
  var isComplete: Bool {
    switch self {
    case .gpt2, .llama3, .qwen2, .tekken, .o200k: true
    case .deepSeekV3, .trailingSpaces, .run: false
    }
  }
}

/// A run of characters of one kind, as `\p{N}{1,3}` or `\s?[a-z]+`.
struct CharacterRun: Sendable, Equatable {
  enum Members: Sendable, Equatable {
    case letter, number, punctuation
    case ranges([ClosedRange<UInt32>])
  }

  var members: Members
  var most = Int.max
  /// Takes one character of white space before it along.
  var takesSpace = false

  func contains(_ scalar: Unicode.Scalar) -> Bool {
    switch members {
    case .letter: return ScalarClass(scalar) == .letter
    case .number: return ScalarClass(scalar) == .number
    case .punctuation: return scalar.properties.generalCategory.isPunctuation
    case .ranges(let ranges):
      var (low, high) = (0, ranges.count)
      while low < high {
        let middle = (low + high) / 2
        if ranges[middle].upperBound < scalar.value { low = middle + 1 } else { high = middle }
      }
      return low < ranges.count && ranges[low].contains(scalar.value)
    }
  }
}

extension CharacterRun {
  /// Reads `\s?` if it is there, then `[…]`, `\p{L}`, `\p{N}` or `\p{P}`, then nothing, `+` or `{1,3}`;
  /// nil for every other pattern.
  fileprivate init?(source: String) {
    var rest = source.unicodeScalars[...]
    func take(_ text: String) -> Bool {
      guard rest.starts(with: text.unicodeScalars) else { return false }
      rest = rest.dropFirst(text.unicodeScalars.count)
      return true
    }
    takesSpace = take(#"\s?"#)
    if take(#"\p{L}"#) {
      members = .letter
    } else if take(#"\p{N}"#) {
      members = .number
    } else if take(#"\p{P}"#) {
      members = .punctuation
    } else if take("["), let ranges = Self.ranges(&rest) {
      members = .ranges(ranges)
    } else {
      return nil
    }
    if rest.isEmpty {
      most = 1
    } else if take("{1,3}") {
      most = 3
    } else if !take("+") {
      return nil
    }
    guard rest.isEmpty else { return nil }
  }

  /// The characters and ranges up to the closing bracket.
  private static func ranges(
    _ rest: inout Substring.UnicodeScalarView
  ) -> [ClosedRange<UInt32>]? {
    var ranges: [ClosedRange<UInt32>] = []
    while let first = member(&rest) {
      var last = first
      if rest.first == "-" {
        rest.removeFirst()
        guard let end = member(&rest), end >= first else { return nil }
        last = end
      }
      ranges.append(first...last)
    }
    guard rest.first == "]", !ranges.isEmpty else { return nil }
    rest.removeFirst()
    return joined(ranges)
  }

  /// One character, nil where none may stand without a meaning of its own.
  private static func member(_ rest: inout Substring.UnicodeScalarView) -> UInt32? {
    guard let scalar = rest.first, !"[]^&-".unicodeScalars.contains(scalar) else { return nil }
    rest.removeFirst()
    guard scalar == "\\" else { return scalar.value }
    guard let escaped = rest.popFirst() else { return nil }
    switch escaped {
    case "r": return 0x0D
    case "n": return 0x0A
    case _ where ScalarClass(escaped) == .other: return escaped.value
    default: return nil
    }
  }

  private static func joined(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var result: [ClosedRange<UInt32>] = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = result.last, last.upperBound >= range.lowerBound {
        let end = max(last.upperBound, range.upperBound)
        result[result.count - 1] = last.lowerBound...end
      } else {
        result.append(range)
      }
    }
    return result
  }
}
