import Jinja

/// What an assistant wrote, with its thinking, its markers and its answer told apart.
package struct AnswerReading: Sendable {
  /// All of the text, each byte with what it is.
  let text: JinjaText
  /// Nil without markers; empty where nothing stands between them.
  package let thinking: String?
  /// Nil where the thinking has not ended: then there is no answer.
  package let answer: String?
}

extension ThinkingFamily {
  /// The known family with these markers, whatever white space they have, or one of its own.
  fileprivate init(of markers: ThinkingMarkers) {
    self =
      Self.known.first {
        $0.markers.openCore == markers.openCore && $0.markers.closeCore == markers.closeCore
      } ?? ThinkingFamily(markers: markers)
  }
}

extension ThinkingMarkers {
  /// Tells the thinking and the answer of an assistant's text apart.
  ///
  /// These markers are tried first, then those of every known family, so that one text is read alike with
  /// any model and without one. Thinking stands at the very beginning, in one block or several, and a
  /// block may hold others. Without an opening marker it ends at the closing one, as where a template has
  /// opened it. Without a closing one there is no answer. Markers that stand later, or in quotes, are words
  /// of the answer.
  /// - Parameters:
  ///   - isOpened: whether the text continues thinking that has been opened before it.
  ///   - isAnswer: whether thinking has ended before it, so that only a further block can be some.
  package func read(
    _ content: String, isOpened: Bool = false, isAnswer: Bool = false
  ) -> AnswerReading {
    let text = ThinkingText(content)
    let families = [ThinkingFamily(of: self)] + ThinkingFamily.known
    let found =
      families.lazy.compactMap { text.opened($0) }.first
      ?? (isOpened
        ? text.continued(families)
        : isAnswer
          ? nil
          : families.compactMap { text.closed($0) }.min { $0.closing < $1.closing })
    return found.map { text.reading($0) }
      ?? AnswerReading(
        text: JinjaText(content, origin: Self.answer), thinking: nil, answer: content)
  }
}

/// A text in which thinking is looked for.
private struct ThinkingText {
  let text: JinjaText
  /// With small letters: families do not agree on theirs.
  private let folded: JinjaText
  /// Which bytes there are, so that most markers need no search.
  private let isThere: [Bool]

  /// Stretches of the text that are thinking or answer; all others are markers.
  struct Parts {
    var thinking: [Range<Int>] = []
    var answer: Range<Int>?
    /// Where the first closing marker begins.
    var closing = Int.max
  }

  init(_ content: String) {
    text = JinjaText(content)
    folded = JinjaText(text.bytes.map(\.smallLetter))
    var isThere = [Bool](repeating: false, count: 256)
    for byte in folded.bytes { isThere[Int(byte)] = true }
    self.isThere = isThere
  }

  func reading(_ parts: Parts) -> AnswerReading {
    var marked = JinjaText()
    var place = 0
    let stretches =
      parts.thinking.map { ($0, ThinkingMarkers.thought) }
      + [parts.answer.map { ($0, ThinkingMarkers.answer) }].compactMap(\.self)
    for (range, origin) in stretches {
      marked.append(text.bytes[place..<range.lowerBound], origin: .template)
      marked.append(text.bytes[range], origin: origin)
      place = range.upperBound
    }
    marked.append(text.bytes[place...], origin: .template)
    let thoughts = parts.thinking.map { text[$0].string }.filter { !$0.isEmpty }
    return AnswerReading(
      text: marked,
      thinking: parts.thinking.isEmpty ? nil : thoughts.joined(separator: "\n\n"),
      answer: parts.answer.map { text[$0].string })
  }

  /// Where thinking begins with the family's opening marker.
  func opened(_ family: ThinkingFamily) -> Parts? {
    if family.hasChannels { return channels(isOpened: false) }
    let start = skipSpace(0)
    let wrapped = family.wrappers.contains { $0.open.hasPrefix("<|") && begins($0.open, start) }
    if wrapped { return answered(Parts(), from: start, family) }
    guard begins(family.markers.openCore, start) else { return nil }
    let parts = blocks(from: start, family)
    return family.needsBoth && parts.answer == nil ? nil : parts
  }

  /// Where thinking was opened before the text.
  func continued(_ families: [ThinkingFamily]) -> Parts {
    families.first.flatMap { closed($0, isOpened: true) }
      ?? families.filter { !$0.hasWordsForMarkers }.compactMap { closed($0, isOpened: true) }
      .min { $0.closing < $1.closing } ?? Parts(thinking: [trimmed(0..<text.count)])
  }

  /// Where there is only the closing marker: all before it is thinking.
  func closed(_ family: ThinkingFamily, isOpened: Bool = false) -> Parts? {
    guard isOpened || !family.hasWordsForMarkers else { return nil }
    if family.hasChannels { return channels(isOpened: true) }
    let (opens, closes) = (places(family.markers.openCore), places(family.markers.closeCore))
    // A marker after an opening one that does not begin the text belongs to a quoted pair.
    guard let first = closes.first, isOpened || (opens.first ?? .max) > first else { return nil }
    return blocks(from: 0, family)
  }

  /// Blocks of thinking from a place on, and the answer after them.
  private func blocks(from start: Int, _ family: ThinkingFamily) -> Parts {
    let (open, close) = (family.markers.openCore, family.markers.closeCore)
    var marks = Marks(opens: places(open)[...], closes: places(close)[...])
    var parts = Parts()
    var place = start
    repeat {
      if begins(open, place) { place += open.utf8.count }
      guard let end = marks.closing(from: place) else {
        parts.thinking.append(trimmed(place..<text.count))
        return parts
      }
      parts.thinking.append(trimmed(place..<end))
      parts.closing = min(parts.closing, end)
      place = skipSpace(end + close.utf8.count)
    } while begins(open, place)
    return answered(parts, from: place, family)
  }

  /// A family's markers that lie ahead.
  private struct Marks {
    var opens: ArraySlice<Int>
    var closes: ArraySlice<Int>
    /// Whether some opening marker is never closed: then blocks within blocks cannot be told.
    private var isUneven = false

    init(opens: ArraySlice<Int>, closes: ArraySlice<Int>) {
      (self.opens, self.closes) = (opens, closes)
    }

    /// The closing marker of a thought: that of the outermost block where blocks within it are closed as
    /// well, else the first one.
    mutating func closing(from start: Int) -> Int? {
      opens = opens.drop { $0 < start }
      closes = closes.drop { $0 < start }
      guard !isUneven else { return closes.first }
      var (inner, depth) = (opens, 1)
      for place in closes {
        let before = inner.prefix { $0 < place }.count
        inner = inner.dropFirst(before)
        depth += before - 1
        if depth == 0 { return place }
      }
      isUneven = true
      return closes.first
    }
  }

  /// The answer from a place on, without what encloses it.
  private func answered(_ parts: Parts, from start: Int, _ family: ThinkingFamily) -> Parts {
    var parts = parts
    let place = skipSpace(start)
    parts.answer = place..<text.count
    for wrapper in family.wrappers where begins(wrapper.open, place) {
      let inside = skipSpace(place + wrapper.open.utf8.count)
      let end = trimmed(inside..<text.count).upperBound
      let close = wrapper.close.utf8.count
      let isClosed = end - close >= inside && begins(wrapper.close, end - close)
      parts.answer = isClosed ? trimmed(inside..<(end - close)) : inside..<text.count
      break
    }
    return parts
  }

  // MARK: Channels

  private static let controls = [
    "<|start|>", "<|channel|>", "<|constrain|>", "<|message|>", "<|end|>", "<|call|>",
    "<|return|>",
  ]

  /// Messages in channels: what the final one says is the answer, and all before it is thinking.
  private func channels(isOpened: Bool) -> Parts? {
    let start = skipSpace(0)
    guard isOpened || begins("<|channel|>", start) || begins("<|start|>", start) else { return nil }
    let controls = Self.controls.flatMap { mark in
      places(mark).map { (start: $0, mark: mark) }
    }.sorted { $0.start < $1.start }
    let final = controls.indices.first { index in
      controls[index].mark == "<|channel|>" && begins("final", controls[index].start + 11)
        && controls[index...].contains { $0.mark == "<|message|>" }
        && (begins("<|", start) || index > 0 && controls[index - 1].mark == "<|start|>")
    }
    guard final != nil || !isOpened else { return nil }
    var parts = Parts()
    var (body, isHeader) = (0, !isOpened)
    for (index, control) in controls.enumerated() {
      if !isHeader { parts.thinking.append(trimmed(body..<control.start)) }
      body = control.start + control.mark.utf8.count
      isHeader = control.mark != "<|message|>"
      if let final, index > final, control.mark == "<|message|>" {
        parts.closing = controls[final].start
        return finished(parts, from: body)
      }
    }
    if !isHeader { parts.thinking.append(trimmed(body..<text.count)) }
    return parts
  }

  /// The final message without the mark that ends it.
  private func finished(_ parts: Parts, from start: Int) -> Parts {
    var parts = parts
    let place = skipSpace(start)
    parts.answer = place..<text.count
    let end = trimmed(place..<text.count).upperBound
    for mark in ["<|return|>", "<|end|>"] {
      let close = mark.utf8.count
      if end - close >= place, begins(mark, end - close) { parts.answer = place..<(end - close) }
    }
    return parts
  }

  // MARK: Places

  private func begins(_ mark: String, _ place: Int) -> Bool {
    guard !mark.isEmpty, place >= 0, place <= folded.count else { return false }
    return folded.bytes[place...].starts(with: mark.utf8.lazy.map(\.smallLetter))
  }

  /// Where a mark stands, unless it is quoted.
  private func places(_ mark: String) -> [Int] {
    let needle = JinjaText(mark.utf8.map(\.smallLetter))
    guard let first = needle.bytes.first, isThere[Int(first)] else { return [] }
    let bytes = folded.bytes
    return folded.occurrences(of: needle).filter { place in
      let end = place + needle.count
      guard place > 0, end < bytes.count, bytes[place - 1] == bytes[end] else { return true }
      return !"`\"'".utf8.contains(bytes[end])
    }
  }

  /// The first place from this one on that is no white space; only what is skipped is looked at.
  private func skipSpace(_ place: Int) -> Int {
    var place = min(place, text.count)
    while place < text.count {
      var next = place + 1
      while next < text.count, text.bytes[next] & 0xC0 == 0x80 { next += 1 }
      guard text[place..<next].trimmed(.left).isEmpty else { break }
      place = next
    }
    return place
  }

  private func trimmed(_ range: Range<Int>) -> Range<Int> {
    let start = range.upperBound - text[range].trimmed(.left).count
    return start..<(start + text[start..<range.upperBound].trimmed(.right).count)
  }
}

extension UInt8 {
  /// Of the alphabet's capital letters, the small one.
  fileprivate var smallLetter: UInt8 { (0x41...0x5A).contains(self) ? self + 0x20 : self }
}
