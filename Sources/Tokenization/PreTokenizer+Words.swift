/// The patterns that look closer at letters than `\p{L}`.
extension ScalarReader {
  /// With `U` for `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]` and `W` for `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`, Tekken's
  /// `[^\r\n\p{L}\p{N}]?U*W+|[^\r\n\p{L}\p{N}]?U+W*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|`
  /// `\s+(?!\S)|\s+`, and o200k's, which has contractions behind words and three digits.
  func endOfWordPiece(from position: Int, mostDigits: Int, contracts: Bool) -> Int {
    guard let first = read(at: position) else { return end }
    let second = position + first.length
    let takesPrefix =
      !isNewline(at: position) && first.scalarClass != .letter && first.scalarClass != .number
    let starts = takesPrefix ? [second, position] : [position]
    for endOfWord in [endOfCasedWord, endOfCapitals] {
      for start in starts {
        guard let end = endOfWord(start) else { continue }
        return contracts ? endOfContraction(at: end, anyCase: true) ?? end : end
      }
    }
    if first.scalarClass == .number {
      return run(of: .number, from: position, atMost: mostDigits)
    }
    return endOfSymbolsOrSpaces(from: position) {
      isNewline(at: $0) || $0 < end && bytes[$0] == UInt8(ascii: "/")
    }
  }

  /// `U*W+`: gives back capitals until a character that is both stands behind them.
  private func endOfCasedWord(from start: Int) -> Int? {
    var (position, lastOfBoth): (Int, Int?) = (start, nil)
    while let next = read(at: position), let kind = WordClass(next.scalar), kind != .lower {
      if kind == .both { lastOfBoth = position }
      position += next.length
    }
    guard let begin = isWord(at: position, .lower) ? position : lastOfBoth else { return nil }
    return endOfWord(from: begin, without: .upper)
  }

  /// `U+W*`, tried behind `U*W+`, so that no `W` can follow.
  private func endOfCapitals(from start: Int) -> Int? {
    let end = endOfWord(from: start, without: .lower)
    return end > start ? end : nil
  }

  private func isWord(at position: Int, _ kind: WordClass) -> Bool {
    read(at: position).flatMap { WordClass($0.scalar) } == kind
  }

  private func endOfWord(from start: Int, without excluded: WordClass) -> Int {
    var position = start
    while let next = read(at: position), let kind = WordClass(next.scalar), kind != excluded {
      position += next.length
    }
    return position
  }

  /// DeepSeek V3's pattern; nil at a digit or a control character, which it leaves between its matches.
  func endOfDeepSeekPiece(from position: Int) -> Int? {
    guard let first = read(at: position) else { return nil }
    let second = position + first.length
    let kind = DeepSeekClass(first.scalar)
    if kind == .symbol, first.length == 1, let next = read(at: second), next.scalar.isASCIILetter {
      var end = second
      while let next = read(at: end), next.scalar.isASCIILetter { end += next.length }
      return end
    }
    let start = kind == .other && !isNewline(at: position) ? second : position
    var end = run(of: .letter, from: start)
    if end > start { return end }
    let symbols = position + (first.scalar == " " ? 1 : 0)
    end = run(of: .symbol, from: symbols)
    if end > symbols {
      while isNewline(at: end) { end += 1 }
      return end
    }
    return first.scalarClass == .space ? endOfLinesOrSpaces(from: position) : nil
  }

  private func run(of kind: DeepSeekClass, from start: Int) -> Int {
    var position = start
    while let next = read(at: position), DeepSeekClass(next.scalar) == kind {
      position += next.length
    }
    return position
  }
}

/// What Tekken and o200k tell apart in words; nil for what is in no word.
private enum WordClass {
  case upper, lower, both

  init?(_ scalar: Unicode.Scalar) {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .titlecaseLetter: self = .upper
    case .lowercaseLetter: self = .lower
    case .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark, .enclosingMark: self = .both
    default: return nil
    }
  }
}

/// What DeepSeek V3's pattern tells apart.
private enum DeepSeekClass {
  /// With the marks.
  case letter
  /// Punctuation and symbols.
  case symbol
  case other

  init(_ scalar: Unicode.Scalar) {
    let category = scalar.properties.generalCategory
    switch category {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark, .enclosingMark:
      self = .letter
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: self = .symbol
    default: self = category.isPunctuation ? .symbol : .other
    }
  }
}

extension Unicode.Scalar {
  fileprivate var isASCIILetter: Bool {
    ("a"..."z").contains(self) || ("A"..."Z").contains(self)
  }
}

extension Unicode.GeneralCategory {
  var isPunctuation: Bool {
    switch self {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      true
    default: false
    }
  }
}
