// Each function takes the alternatives of its pattern in their order, as a regular expression does, and
// returns the end of the piece that starts at `position`, which must not be the end of the text.
extension ScalarReader {
  /// One numeric character, or all up to the next.
  func endOfDigitPiece(from position: Int) -> Int {
    var position = position
    if let first = read(at: position), first.scalarClass == .number {
      return position + first.length
    }
    while let next = read(at: position), next.scalarClass != .number { position += next.length }
    return position
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
    let start = first.scalar == " " ? second : position
    if scalarClass(at: start) == .other {
      var end = run(of: .other, from: start)
      while isNewline(at: end) { end += 1 }
      return end
    }
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

  private func isNewline(at position: Int) -> Bool {
    position < end && (bytes[position] == 0x0A || bytes[position] == 0x0D)
  }

  private func endOfContraction(at position: Int, anyCase: Bool) -> Int? {
    guard bytes[position] == UInt8(ascii: "'"), let first = read(at: position + 1) else {
      return nil
    }
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
