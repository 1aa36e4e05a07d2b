/// Token ids, with where each came from.
package struct Encoding: Sendable, Equatable {
  package var ids: [Int32] = []
  /// Which of the spans each token is of: that of its last byte, when it straddles two; nil for a BOS or an
  /// EOS that no span has.
  package var spans: [Int?] = []
  /// The bytes of the text that each token stands for. Empty for a BOS or a space that was put in; a byte
  /// that the vocabulary cannot write lies in none.
  package var byteRanges: [Range<Int>] = []
}

extension Tokenizer {
  /// The ids of a text, without a BOS.
  ///
  /// - Parameter parsesSpecials: whether a special token's text, such as `<|im_end|>`, becomes that
  ///   token. By default it is text like any other, because a person may have written it.
  public func encode(_ text: String, parsesSpecials: Bool = false) -> [Int32] {
    encode([TextSpan(bytes: Array(text.utf8), parsesSpecials: parsesSpecials)]).ids
  }

  /// The ids of a text that no template has rendered, with the BOS and the EOS that the model was trained
  /// with.
  package func encodeRaw(_ spans: [TextSpan], before word: String = "") -> Encoding {
    var encoding = encode(spans, before: word)
    if let prefixID, encoding.ids.first != prefixID {
      encoding.ids.insert(prefixID, at: 0)
      encoding.spans.insert(nil, at: 0)
      encoding.byteRanges.insert(0..<0, at: 0)
    }
    if let suffixID, encoding.ids.last != suffixID {
      let end = spans.reduce(0) { $0 + $1.bytes.count }
      encoding.ids.append(suffixID)
      encoding.spans.append(nil)
      encoding.byteRanges.append(end..<end)
    }
    return encoding
  }

  /// The ids of spans that are one text: tokens form across their borders as in the whole string.
  ///
  /// A special token is recognised only where its text lies wholly within spans that parse specials.
  /// An added token that is not special, such as a run of spaces, is text and recognised everywhere.
  package func encode(_ spans: [TextSpan]) -> Encoding {
    let text = spans.flatMap(\.bytes)
    var cutter = TextCutter(tokenizer: self, spans: spans)
    text.withUnsafeBufferPointer { cutter.encode(SourceText(bytes: $0)) }
    var encoding = cutter.encoding
    encoding.spans.reserveCapacity(encoding.ids.count)
    var (span, end) = (0, spans.first?.bytes.count ?? 0)
    for range in encoding.byteRanges {
      // A space that was put in belongs to the text that it introduces.
      let last = range.isEmpty ? range.upperBound + 1 : range.upperBound
      while last > end, span + 1 < spans.count {
        span += 1
        end += spans[span].bytes.count
      }
      encoding.spans.append(span)
    }
    return encoding
  }

  /// The ids of spans as they are in front of a word, which is not among them.
  ///
  /// Many vocabularies write two new lines as one token at the end of a text and as two in front of a
  /// word: a model that is to answer next has only ever read the latter.
  package func encode(_ spans: [TextSpan], before word: String) -> Encoding {
    guard !word.isEmpty else { return encode(spans) }
    let end = spans.reduce(0) { $0 + $1.bytes.count }
    let continuation = TextSpan(bytes: Array(word.utf8), parsesSpecials: false)
    var encoding = encode(spans + [continuation])
    // A space that was put in belongs to the text that it introduces.
    let kept =
      encoding.byteRanges.firstIndex { ($0.isEmpty ? $0.upperBound + 1 : $0.upperBound) > end }
      ?? encoding.ids.count
    // A token that begins before the word and ends in it cannot be cut.
    guard encoding.byteRanges[kept...].allSatisfy({ $0.lowerBound >= end }) else {
      return encode(spans)
    }
    encoding.ids.removeSubrange(kept...)
    encoding.spans.removeSubrange(kept...)
    encoding.byteRanges.removeSubrange(kept...)
    return encoding
  }
}

/// Cuts one text at its added tokens and merges what stands between them.
private struct TextCutter {
  let tokenizer: Tokenizer
  /// The stretches of text in which special tokens are recognised; adjacent ones are joined.
  let trusted: [Range<Int>]
  var encoder: BytePairEncoder
  var encoding = Encoding()

  init(tokenizer: Tokenizer, spans: [TextSpan]) {
    self.tokenizer = tokenizer
    encoder = BytePairEncoder(tokenizer)
    var trusted: [Range<Int>] = []
    var position = 0
    for span in spans {
      let range = position..<(position + span.bytes.count)
      position = range.upperBound
      guard span.parsesSpecials, !range.isEmpty else { continue }
      if let last = trusted.last, last.upperBound == range.lowerBound {
        trusted[trusted.count - 1] = last.lowerBound..<range.upperBound
      } else {
        trusted.append(range)
      }
    }
    self.trusted = trusted
  }

  /// The order of the reference: added tokens of the text as it is, then normalisation, then added
  /// tokens of the normalised text, then the rest.
  mutating func encode(_ text: SourceText) {
    cut(0..<text.bytes.count, of: text, at: tokenizer.matcher) { cutter, gap in
      if let normal = cutter.tokenizer.normalizer.normalized(gap, of: text) {
        normal.withText { cutter.encodeNormalized(0..<normal.bytes.count, of: $0) }
      } else {
        cutter.encodeNormalized(gap, of: text)
      }
    }
  }

  private mutating func encodeNormalized(_ range: Range<Int>, of text: SourceText) {
    let preTokenizer = tokenizer.preTokenizer
    cut(range, of: text, at: tokenizer.normalizedMatcher) { cutter, gap in
      preTokenizer.forEachPiece(of: gap, in: text) { piece, text in
        cutter.encoder.encode(piece, of: text, into: &cutter.encoding)
      }
    }
  }

  /// Emits the added tokens of a range and calls `body` with each gap between them.
  private mutating func cut(
    _ range: Range<Int>, of text: SourceText, at matcher: AddedTokenMatcher,
    body: (inout TextCutter, Range<Int>) -> Void
  ) {
    var (start, position) = (range.lowerBound, range.lowerBound)
    while !matcher.isEmpty, position < range.upperBound {
      let found = matcher.tokens(at: position, in: text.bytes, end: range.upperBound)
      guard let (token, isToken) = choose(from: found, at: position, of: text) else {
        position += 1
        continue
      }
      let match = position..<(position + token.content.count)
      position = match.upperBound
      let reader = ScalarReader(bytes: text.bytes, end: range.upperBound)
      guard isToken, !token.isWholeWord || reader.isWholeWord(match, from: range.lowerBound) else {
        continue
      }
      var gapEnd = match.lowerBound
      if token.stripsLeft { gapEnd = reader.startOfSpaces(before: gapEnd, from: start) }
      if start < gapEnd { body(&self, start..<gapEnd) }
      encoding.ids.append(token.id)
      encoding.byteRanges.append(text.origin(of: match))
      // The search goes on right behind the match: in the reference, too, another added token may stand
      // in the spaces that this one takes along.
      start = token.stripsRight ? reader.run(of: .space, from: position) : position
    }
    if start < range.upperBound { body(&self, start..<range.upperBound) }
  }

  /// The longest token that may stand here, and whether it is one or only text that looks like it.
  private func choose(
    from found: [AddedToken], at position: Int, of text: SourceText
  ) -> (AddedToken, Bool)? {
    for token in found {
      guard token.isSpecial else { return (token, true) }
      switch trust(in: text.origin(of: position..<(position + token.content.count))) {
      case .whole: return (token, true)
      case .none: return (token, false)
      // Half of it was written by a person: something shorter may still stand here.
      case .part: continue
      }
    }
    return nil
  }

  private enum Trust { case whole, part, none }

  private func trust(in place: Range<Int>) -> Trust {
    var (low, high) = (0, trusted.count)
    while low < high {
      let middle = (low + high) / 2
      if trusted[middle].upperBound <= place.lowerBound { low = middle + 1 } else { high = middle }
    }
    guard low < trusted.count, trusted[low].overlaps(place) else { return .none }
    return trusted[low].clamped(to: place) == place ? .whole : .part
  }
}

extension ScalarReader {
  /// Where the run of spaces that ends at `position` begins, not before `start`.
  fileprivate func startOfSpaces(before position: Int, from start: Int) -> Int {
    var begin = position
    while begin > start {
      let previous = startOfScalar(before: begin, from: start)
      guard scalarClass(at: previous) == .space else { break }
      begin = previous
    }
    return begin
  }

  /// Whether no character of a word stands beside the range.
  fileprivate func isWholeWord(_ range: Range<Int>, from start: Int) -> Bool {
    if range.lowerBound > start {
      let previous = startOfScalar(before: range.lowerBound, from: start)
      if read(at: previous)?.scalar.isWordCharacter == true { return false }
    }
    return read(at: range.upperBound)?.scalar.isWordCharacter != true
  }

  private func startOfScalar(before position: Int, from start: Int) -> Int {
    var previous = position - 1
    while previous > start, bytes[previous] & 0xC0 == 0x80 { previous -= 1 }
    return previous
  }
}

extension Unicode.Scalar {
  /// `\w` as Unicode's UTS 18 has it.
  fileprivate var isWordCharacter: Bool {
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
      true
    default: properties.isAlphabetic || properties.isJoinControl
    }
  }
}
