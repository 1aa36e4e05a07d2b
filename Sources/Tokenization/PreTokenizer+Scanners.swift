// Each function takes the alternatives of its pattern in their order, as a regular expression does, and
// returns the end of the match that starts at `position`, which must not be the end of the text.
extension ScalarReader {
  /// Calls `body` with the matches of the pattern and with what lies between them.
  func forEachPiece(of pattern: SplitPattern, from start: Int, body: (Range<Int>) -> Void) {
    if pattern == .trailingSpaces { return forEachLineEnd(from: start, body: body) }
    var (start, position) = (start, start)
    while let next = read(at: position) {
      guard let end = self.end(of: pattern, at: position) else {
        position += next.length
        continue
      }
      if start < position { body(start..<position) }
      body(position..<end)
      (start, position) = (end, end)
    }
    if start < position { body(start..<position) }
  }

  private func end(of pattern: SplitPattern, at position: Int) -> Int? {
    switch pattern {
    case .gpt2: endOfGPT2Piece(from: position)
    case .llama3: endOfLlamaPiece(from: position, mostDigits: 3)
    case .qwen2: endOfLlamaPiece(from: position, mostDigits: 1)
    case .tekken: endOfWordPiece(from: position, mostDigits: 1, contracts: false)
    case .o200k: endOfWordPiece(from: position, mostDigits: 3, contracts: true)
    case .deepSeekV3: endOfDeepSeekPiece(from: position)
    case .run(let run): end(of: run, at: position)
    case .trailingSpaces: nil
    }
  }

  /// `\s+$`, where `$` is the end of the text or stands before a newline.
  private func forEachLineEnd(from start: Int, body: (Range<Int>) -> Void) {
    var (start, position) = (start, start)
    while let next = read(at: position) {
      guard next.scalarClass == .space else {
        position += next.length
        continue
      }
      let end = run(of: .space, from: position)
      let border = end == self.end ? end : (position + 1..<end).last { bytes[$0] == 0x0A }
      if let border {
        if start < position { body(start..<position) }
        body(position..<border)
        start = border
      }
      // What is left of the run has no further end of a line in it.
      position = end
    }
    if start < position { body(start..<position) }
  }

  private func end(of run: CharacterRun, at position: Int) -> Int? {
    guard let first = read(at: position) else { return nil }
    var start = position
    if run.takesSpace, first.scalarClass == .space, let second = read(at: position + first.length),
      run.contains(second.scalar)
    {
      start += first.length
    }
    var (end, count) = (start, 0)
    while count < run.most, let next = read(at: end), run.contains(next.scalar) {
      end += next.length
      count += 1
    }
    return count > 0 ? end : nil
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  func endOfGPT2Piece(from position: Int) -> Int {
    if let end = endOfContraction(at: position, anyCase: false) { return end }
    let start = position + (bytes[position] == UInt8(ascii: " ") ? 1 : 0)
    if let scalarClass = scalarClass(at: start), scalarClass != .space {
      return run(of: scalarClass, from: start)
    }
    return endOfSpaces(from: position)
  }

  /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|`
  /// `\s*[\r\n]+|\s+(?!\S)|\s+`
  func endOfLlamaPiece(from position: Int, mostDigits: Int) -> Int {
    guard let first = read(at: position) else { return end }
    if let end = endOfContraction(at: position, anyCase: true) { return end }
    switch first.scalarClass {
    case .letter: return run(of: .letter, from: position)
    case .number: return run(of: .number, from: position, atMost: mostDigits)
    case .space, .other: break
    }
    let second = position + first.length
    if !isNewline(at: position), scalarClass(at: second) == .letter {
      return run(of: .letter, from: second)
    }
    return endOfSymbolsOrSpaces(from: position, isTrailer: isNewline)
  }

  /// ` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`, with more trailers than newlines if asked.
  func endOfSymbolsOrSpaces(from position: Int, isTrailer: (Int) -> Bool) -> Int {
    let start = position + (bytes[position] == UInt8(ascii: " ") ? 1 : 0)
    if scalarClass(at: start) == .other {
      var end = run(of: .other, from: start)
      while isTrailer(end) { end += 1 }
      return end
    }
    return endOfLinesOrSpaces(from: position)
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`
  func endOfLinesOrSpaces(from position: Int) -> Int {
    let spaces = run(of: .space, from: position)
    if let newline = (position..<spaces).last(where: isNewline) { return newline + 1 }
    return endOfSpaces(from: position)
  }

  /// `\s+(?!\S)|\s+`: a run of spaces leaves its last one to the word that follows.
  private func endOfSpaces(from position: Int) -> Int {
    let spaces = run(of: .space, from: position)
    guard spaces < end else { return spaces }
    var last = spaces - 1
    while bytes[last] & 0xC0 == 0x80 { last -= 1 }
    return last > position ? last : spaces
  }

  func isNewline(at position: Int) -> Bool {
    position < end && (bytes[position] == 0x0A || bytes[position] == 0x0D)
  }

  func endOfContraction(at position: Int, anyCase: Bool) -> Int? {
    guard position < end, bytes[position] == UInt8(ascii: "'"), let first = read(at: position + 1)
    else { return nil }
    let afterFirst = position + 1 + first.length
    switch folded(first.scalar, anyCase) {
    case "s", "t", "m", "d": return afterFirst
    case "r", "v":
      guard let second = read(at: afterFirst), folded(second.scalar, anyCase) == "e" else {
        return nil
      }
      return afterFirst + second.length
    case "l":
      guard let second = read(at: afterFirst), folded(second.scalar, anyCase) == "l" else {
        return nil
      }
      return afterFirst + second.length
    default: return nil
    }
  }

  /// Simple case folding of the letters that stand in a contraction; the long s folds to s.
  private func folded(_ scalar: Unicode.Scalar, _ anyCase: Bool) -> Unicode.Scalar {
    guard anyCase else { return scalar }
    if scalar == "\u{17F}" { return "s" }
    return ("A"..."Z").contains(scalar) ? Unicode.Scalar(UInt8(scalar.value) | 0x20) : scalar
  }
}
