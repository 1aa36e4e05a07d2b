/// How a text is cut into the pieces within which tokens merge.
///
/// Hand-written scanners: a regular expression engine is slower, may take exponential time on a
/// pattern from a hostile file, and disagrees with the reference about `\r\n` and combining marks.
struct PreTokenizer: Sendable, Equatable {
  /// One cut; each piece is cut again by the next step, which sees the piece as if it were the text.
  enum Step: Sendable, Equatable {
    /// Every match of the pattern stands alone, and so does what lies between two matches.
    case split(SplitPattern)
    case cut(LiteralCut)
    /// Puts a space in front of every piece that has none.
    case prefixSpace
    case metaspace(Metaspace)
  }

  /// The longest sequence in use has six.
  static let mostSteps = 32

  var steps: [Step]

  /// Calls `body` with every piece of the range, in order, and the text that it is a piece of.
  func forEachPiece(
    of range: Range<Int>, in text: SourceText, body: (Range<Int>, SourceText) -> Void
  ) {
    cut(range, in: text, steps[...], body: body)
  }

  private func cut(
    _ range: Range<Int>, in text: SourceText, _ steps: ArraySlice<Step>,
    body: (Range<Int>, SourceText) -> Void
  ) {
    guard !range.isEmpty, let step = steps.first else {
      if !range.isEmpty { body(range, text) }
      return
    }
    let rest = steps.dropFirst()
    switch step {
    case .split(let pattern):
      ScalarReader(bytes: text.bytes, end: range.upperBound)
        .forEachPiece(of: pattern, from: range.lowerBound) { cut($0, in: text, rest, body: body) }
    case .cut(let literal):
      literal.forEachPiece(of: range, in: text) { cut($0, in: text, rest, body: body) }
    case .prefixSpace:
      guard text.bytes[range.lowerBound] != UInt8(ascii: " "),
        let prefixed = Normalizer.Step.prepend([UInt8(ascii: " ")]).applied(range, of: text)
      else { return cut(range, in: text, rest, body: body) }
      prefixed.withText { cut(0..<prefixed.bytes.count, in: $0, rest, body: body) }
    case .metaspace(let metaspace):
      metaspace.withSpaces(of: range, in: text) { range, text in
        guard metaspace.splits else { return cut(range, in: text, rest, body: body) }
        LiteralCut(text: metaspace.replacement, joins: .next).forEachPiece(of: range, in: text) {
          cut($0, in: text, rest, body: body)
        }
      }
    }
  }
}

/// SentencePiece's visible space, written by a pre-tokenizer instead of a normaliser.
struct Metaspace: Sendable, Equatable {
  /// U+2581.
  static let standard: [UInt8] = [0xE2, 0x96, 0x81]

  var replacement = standard
  var prefix: PrefixSpace
  var splits: Bool

  fileprivate func withSpaces(
    of range: Range<Int>, in text: SourceText, body: (Range<Int>, SourceText) -> Void
  ) {
    let isFirst = text.origin(of: range.lowerBound..<(range.lowerBound + 1)).lowerBound == 0
    let begins =
      text.bytes[range].starts(with: replacement) || text.bytes[range.lowerBound] == 0x20
    var normalizer = Normalizer(steps: [.replace([0x20], by: replacement)])
    if !begins, prefix == .always || prefix == .first && isFirst {
      normalizer.steps.append(.prepend(replacement))
    }
    guard let normal = normalizer.normalized(range, of: text) else { return body(range, text) }
    normal.withText { body(0..<normal.bytes.count, $0) }
  }
}

/// A cut at every occurrence of a text.
struct LiteralCut: Sendable, Equatable {
  /// The side on which an occurrence stays with its neighbour: of several in a row only the one beside it.
  enum Side: String, Sendable { case neither, previous, next }

  var text: [UInt8]
  var joins: Side

  func forEachPiece(of range: Range<Int>, in source: SourceText, body: (Range<Int>) -> Void) {
    let hits = source.occurrences(of: text, in: range)
    var start = range.lowerBound
    for (index, hit) in hits.enumerated() {
      let end = hit + text.count
      let follows = index > 0 && hits[index - 1] + text.count == hit
      let isFollowed = index + 1 < hits.count && hits[index + 1] == end
      switch joins {
      case .neither:
        if start < hit { body(start..<hit) }
        body(hit..<end)
        start = end
      case .previous:
        body(follows ? hit..<end : start..<end)
        start = end
      case .next:
        if start < hit { body(start..<hit) }
        start = hit
        guard isFollowed || end == range.upperBound else { continue }
        body(hit..<end)
        start = end
      }
    }
    if start < range.upperBound { body(start..<range.upperBound) }
  }
}

extension PreTokenizer.Step {
  /// What tells this step from every other, the same in every run of the program.
  var fingerprint: String {
    switch self {
    case .split(.digits): return "digits"
    case .split(.run(let run)): return "run \(run)"
    case .split(let pattern): return "\(pattern)"
    case .cut(let cut): return "cut \(cut.joins) \(cut.text)"
    case .prefixSpace: return "prefixSpace"
    case .metaspace(let metaspace):
      return "metaspace \(metaspace.prefix) \(metaspace.splits) \(metaspace.replacement)"
    }
  }
}
