/// How a text is rewritten before it is cut.
struct Normalizer: Sendable, Equatable {
  enum Step: Sendable, Equatable {
    /// Unicode's normal form C.
    case compose
    /// Puts a text in front of one that is not empty: SentencePiece's dummy prefix.
    case prepend([UInt8])
    case replace([UInt8], by: [UInt8])
  }

  var steps: [Step] = []

  /// The dummy prefix and the visible spaces of SentencePiece, as its conversion to `tokenizers` has them.
  static func sentencePiece(addsPrefix: Bool) -> Normalizer {
    let replacement = Step.replace([UInt8(ascii: " ")], by: Metaspace.standard)
    return Normalizer(steps: (addsPrefix ? [.prepend(Metaspace.standard)] : []) + [replacement])
  }

  /// Nil when the range is normalised already.
  func normalized(_ range: Range<Int>, of text: SourceText) -> NormalizedText? {
    var result: NormalizedText?
    for step in steps {
      if let current = result {
        result = current.withText { step.applied(0..<current.bytes.count, of: $0) } ?? result
      } else {
        result = step.applied(range, of: text)
      }
    }
    return result
  }

  /// A whole text, as the content of an added token.
  func normalized(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBufferPointer {
      normalized(0..<bytes.count, of: SourceText(bytes: $0))?.bytes
    } ?? bytes
  }
}

/// A text that was rewritten, with the way back to the bytes it came from.
struct NormalizedText {
  let bytes: [UInt8]
  private let alignment: Alignment

  init(_ builder: Alignment.Builder, behind text: SourceText) {
    (bytes, alignment) = (builder.bytes, builder.alignment(behind: text.alignment))
  }

  func withText<Result>(_ body: (SourceText) -> Result) -> Result {
    bytes.withUnsafeBufferPointer { body(SourceText(bytes: $0, alignment: alignment)) }
  }

  func origin(of range: Range<Int>) -> Range<Int> { alignment.origin(of: range) }
}

extension Normalizer.Step {
  /// Nil when the step leaves the range as it is.
  func applied(_ range: Range<Int>, of text: SourceText) -> NormalizedText? {
    switch self {
    case .compose: return composed(range, of: text)
    case .prepend(let prefix):
      guard !range.isEmpty, !prefix.isEmpty else { return nil }
      var builder = Alignment.Builder(at: range.lowerBound)
      builder.replace(0, by: prefix)
      builder.keep(text.bytes[range])
      return NormalizedText(builder, behind: text)
    case .replace(let old, let new): return replaced(old, by: new, range, of: text)
    }
  }

  private func replaced(
    _ old: [UInt8], by new: [UInt8], _ range: Range<Int>, of text: SourceText
  ) -> NormalizedText? {
    let hits = text.occurrences(of: old, in: range)
    guard !hits.isEmpty else { return nil }
    var builder = Alignment.Builder(at: range.lowerBound)
    var start = range.lowerBound
    for hit in hits {
      builder.keep(text.bytes[start..<hit])
      builder.replace(old.count, by: new)
      start = hit + old.count
    }
    builder.keep(text.bytes[start..<range.upperBound])
    return NormalizedText(builder, behind: text)
  }

  private func composed(_ range: Range<Int>, of text: SourceText) -> NormalizedText? {
    // Below U+0300, whose first byte is 0xCC, every text is in normal form C.
    guard text.bytes[range].contains(where: { $0 >= 0xCC }) else { return nil }
    let reader = ScalarReader(bytes: text.bytes, end: range.upperBound)
    var builder = Alignment.Builder(at: range.lowerBound)
    var (kept, start, position) = (range.lowerBound, range.lowerBound, range.lowerBound)
    while let next = reader.read(at: position) {
      guard !NormalForm.shared.isStable(next.scalar) else {
        // A byte that is not UTF-8 reads as U+FFFD, and must stay what it is.
        start = next.isDamaged ? position + 1 : position
        position += next.length
        continue
      }
      var scalars = start < position ? [reader.read(at: start)?.scalar].compactMap(\.self) : []
      while let next = reader.read(at: position), !NormalForm.shared.isStable(next.scalar) {
        scalars.append(next.scalar)
        position += next.length
      }
      let composed = NormalForm.shared.composed(scalars)
      if composed != scalars {
        builder.keep(text.bytes[kept..<start])
        var unit = String.UnicodeScalarView()
        unit.append(contentsOf: composed)
        builder.replace(position - start, by: String(unit).utf8)
        kept = position
      }
      start = position
    }
    guard kept > range.lowerBound else { return nil }
    builder.keep(text.bytes[kept..<range.upperBound])
    return NormalizedText(builder, behind: text)
  }
}

extension SourceText {
  /// Where a text stands in a range, without overlaps: Knuth, Morris and Pratt's search.
  func occurrences(of wanted: [UInt8], in range: Range<Int>) -> [Int] {
    guard !wanted.isEmpty else { return [] }
    let borders = Self.borders(of: wanted)
    var (hits, matched): ([Int], Int) = ([], 0)
    for position in range {
      while matched > 0, wanted[matched] != bytes[position] { matched = borders[matched - 1] }
      if wanted[matched] == bytes[position] { matched += 1 }
      guard matched == wanted.count else { continue }
      hits.append(position + 1 - matched)
      matched = 0
    }
    return hits
  }

  private static func borders(of wanted: [UInt8]) -> [Int] {
    var (borders, border) = ([0], 0)
    for byte in wanted.dropFirst() {
      while border > 0, wanted[border] != byte { border = borders[border - 1] }
      if wanted[border] == byte { border += 1 }
      borders.append(border)
    }
    return borders
  }
}
