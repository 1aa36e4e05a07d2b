import Files

extension Tokenizer {
  /// The text of the ids, special tokens included.
  ///
  /// Bytes that are not UTF-8, as at a cut in the middle of a character, become U+FFFD; an id outside of
  /// the vocabulary adds nothing. The space that a tokenizer puts before a text is taken off again.
  public func decode(_ ids: [Int32]) -> String {
    var text: [UInt8] = []
    var run: [UInt8] = []
    func endRun() {
      // As the reference: one byte token out of place spoils its whole run.
      let isText = run.withUnsafeBytes(isValidUTF8)
      text += isText ? run : run.flatMap { _ in "\u{FFFD}".utf8 }
      run = []
    }
    for id in ids {
      if let byte = vocabulary.text(of: id).flatMap(decoder.byte) {
        run.append(byte)
      } else {
        endRun()
        text += bytes(of: id)
      }
    }
    endRun()
    let spaces = text.prefix(decoder.strippedSpaces).prefix { $0 == UInt8(ascii: " ") }.count
    return String(decoding: text.dropFirst(spaces), as: UTF8.self)
  }

  /// The bytes that a token stands for: often not UTF-8 on their own. Empty for an unknown id.
  package func bytes(of id: Int32) -> [UInt8] {
    guard let text = vocabulary.text(of: id) else { return [] }
    guard let added = addedTokens[id] else { return decoder.bytes(of: text) }
    return added.isSpecial || decoder.isByteLevel ? Array(text) : decoder.bytes(of: text)
  }

  /// A token for a figure or a terminal: one line, and nothing that could control the terminal.
  ///
  /// A newline is shown as `↵`, a tab as `→`, a token of nothing but spaces as `␣` each, a stray byte as
  /// `<0xE4>`, any other invisible character as `\u{200D}`, and an id without a token as `[49152]`.
  public func label(of id: Int32) -> String {
    guard vocabulary.text(of: id) != nil else { return "[\(id)]" }
    var label = ""
    let bytes = bytes(of: id)
    bytes.withUnsafeBufferPointer { buffer in
      let reader = ScalarReader(bytes: buffer, end: buffer.count)
      var position = 0
      while let next = reader.read(at: position) {
        let isStray = next.length == 1 && next.scalar == "\u{FFFD}"
        label += isStray ? Self.label(ofByte: bytes[position]) : Self.label(of: next.scalar)
        position += next.length
      }
    }
    let isBlank = label.utf8.allSatisfy { $0 == UInt8(ascii: " ") }
    return isBlank ? String(repeating: "␣", count: label.utf8.count) : label
  }

  private static func label(ofByte byte: UInt8) -> String {
    "<0x\(String(byte, radix: 16, uppercase: true))>"
  }

  private static func label(of scalar: Unicode.Scalar) -> String {
    switch scalar {
    case " ": return " "
    case "\n": return "↵"
    case "\t": return "→"
    default: break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator,
      .paragraphSeparator:
      return "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    default:
      return String(Character(scalar))
    }
  }
}
