import Files

/// A piece of a template: text, a delimiter, or a word inside of a tag.
struct JinjaToken {
  enum Kind: Equatable {
    case text([UInt8])
    case blockBegin, blockEnd, variableBegin, variableEnd
    case name(String)
    case string([UInt8])
    case integer(Int)
    case float(Double)
    case symbol(String)
    case end
  }

  let kind: Kind
  let line: Int
}

/// Cuts a template into tokens, with `trim_blocks` and `lstrip_blocks` on, as every chat template
/// expects, and the last line break of the source dropped.
struct JinjaLexer {
  private let bytes: [UInt8]
  private let file: String
  private var position = 0
  private var line = 1
  private var tokens: [JinjaToken] = []

  static func tokens(of source: String, file: String) throws(Problem) -> [JinjaToken] {
    var lexer = JinjaLexer(source: source, file: file)
    try lexer.run()
    return lexer.tokens
  }

  private init(source: String, file: String) {
    var bytes: [UInt8] = []
    var previous: UInt8 = 0
    for byte in source.utf8 {
      let endsPair = byte == 0x0A && previous == 0x0D
      if !endsPair { bytes.append(byte == 0x0D ? 0x0A : byte) }
      previous = byte
    }
    if bytes.last == 0x0A { bytes.removeLast() }
    self.bytes = bytes
    self.file = file
  }

  private func error(_ problem: String) -> Problem {
    .template(.templateSyntax, file, line, problem)
  }

  private func starts(with text: StaticString, at offset: Int) -> Bool {
    let length = text.utf8CodeUnitCount
    guard offset >= 0, offset + length <= bytes.count else { return false }
    return text.withUTF8Buffer { bytes[offset..<(offset + length)].elementsEqual($0) }
  }

  private mutating func add(_ kind: JinjaToken.Kind) {
    tokens.append(JinjaToken(kind: kind, line: line))
  }

  private mutating func advance(to offset: Int) {
    while position < offset {
      if bytes[position] == 0x0A { line += 1 }
      position += 1
    }
  }

  private mutating func run() throws(Problem) {
    while position < bytes.count {
      let start = nextTag()
      let text = strippedText(upTo: start)
      if !text.isEmpty { add(.text(Array(bytes[text]))) }
      advance(to: start)
      guard position < bytes.count else { break }
      let opener = bytes[position + 1]
      position += 2
      if let sign = peek, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { position += 1 }
      if opener == UInt8(ascii: "#") {
        try comment()
      } else {
        try tag(isBlock: opener == UInt8(ascii: "%"))
      }
    }
    add(.end)
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func nextTag() -> Int {
    var offset = position
    while offset + 1 < bytes.count {
      if bytes[offset] == UInt8(ascii: "{"),
        [UInt8(ascii: "%"), UInt8(ascii: "{"), UInt8(ascii: "#")].contains(bytes[offset + 1])
      {
        return offset
      }
      offset += 1
    }
    return bytes.count
  }

  /// The text before a tag without what the tag's sign, or `lstrip_blocks`, takes away.
  private func strippedText(upTo tag: Int) -> Range<Int> {
    guard tag < bytes.count else { return position..<tag }
    var end = tag
    let sign = tag + 2 < bytes.count ? bytes[tag + 2] : 0
    if sign == UInt8(ascii: "-") {
      return position..<(position + JinjaText(bytes[position..<tag]).trimmed(.right).count)
    }
    if sign != UInt8(ascii: "+"), bytes[tag + 1] != UInt8(ascii: "{") {
      while end > position, bytes[end - 1] != 0x0A, isSpace(bytes[end - 1]) { end -= 1 }
      let startsLine = end == 0 || bytes[end - 1] == 0x0A
      if !startsLine { end = tag }
    }
    return position..<end
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private mutating func skipSpace() {
    while let byte = peek, isSpace(byte) { advance(to: position + 1) }
  }

  private mutating func comment() throws(Problem) {
    let start = position
    var end = position
    while !starts(with: "#}", at: end) {
      end += 1
      if end >= bytes.count { throw error("a comment is not closed") }
    }
    advance(to: end + 2)
    finishTag(sign: end > start ? bytes[end - 1] : 0)
  }

  /// What the end of a block or comment takes away behind it.
  private mutating func finishTag(sign: UInt8) {
    if sign == UInt8(ascii: "-") {
      skipSpace()
    } else if sign != UInt8(ascii: "+"), peek == 0x0A {
      advance(to: position + 1)
    }
  }

  private mutating func tag(isBlock: Bool) throws(Problem) {
    add(isBlock ? .blockBegin : .variableBegin)
    var open: [UInt8] = []
    while true {
      skipSpace()
      guard let byte = peek else { throw error("a tag is not closed") }
      if open.isEmpty, try endsTag(isBlock: isBlock) { return }
      switch byte {
      case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"):
        open.append(byte == UInt8(ascii: "(") ? byte + 1 : byte + 2)
      case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
        guard open.popLast() == byte else {
          throw error("'\(Character(Unicode.Scalar(byte)))' closes nothing")
        }
      default: break
      }
      try word(byte)
    }
  }

  private mutating func endsTag(isBlock: Bool) throws(Problem) -> Bool {
    let sign = bytes[position]
    let isSigned = sign == UInt8(ascii: "-") || (isBlock && sign == UInt8(ascii: "+"))
    let offset = isSigned ? position + 1 : position
    guard isBlock ? starts(with: "%}", at: offset) : starts(with: "}}", at: offset) else {
      return false
    }
    add(isBlock ? .blockEnd : .variableEnd)
    position = offset + 2
    if isBlock {
      finishTag(sign: isSigned ? sign : 0)
    } else if isSigned {
      skipSpace()
    }
    return true
  }

  private mutating func word(_ byte: UInt8) throws(Problem) {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "'"):
      let start = line
      var literal = JinjaStringLiteral(bytes: bytes, position: position)
      guard let value = literal.read() else {
        throw error("a string is not closed, or holds an escape that is no character")
      }
      advance(to: literal.position)
      tokens.append(JinjaToken(kind: .string(value), line: start))
    case UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "_"):
      let start = position
      while let byte = peek, isWord(byte) { position += 1 }
      add(.name(String(decoding: bytes[start..<position], as: UTF8.self)))
    default: try symbol(byte)
    }
  }

  private func isWord(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || isDigit(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private mutating func number() throws(Problem) {
    let start = position
    func digits(from offset: Int) -> Int {
      var end = offset
      while end < bytes.count, isDigit(bytes[end]) || bytes[end] == UInt8(ascii: "_") { end += 1 }
      return end
    }
    var end = digits(from: start)
    let isMember = start > 0 && bytes[start - 1] == UInt8(ascii: ".")
    var isFloat = false
    let hasFraction = starts(with: ".", at: end) && digits(from: end + 1) > end + 1
    if hasFraction, !isMember {
      end = digits(from: end + 1)
      isFloat = true
    }
    if end < bytes.count, bytes[end] | 0x20 == UInt8(ascii: "e") {
      let isSigned = starts(with: "-", at: end + 1) || starts(with: "+", at: end + 1)
      let exponent = end + (isSigned ? 2 : 1)
      if digits(from: exponent) > exponent {
        end = digits(from: exponent)
        isFloat = true
      }
    }
    let digits = bytes[start..<end].filter { $0 != UInt8(ascii: "_") }
    let text = String(decoding: digits, as: UTF8.self)
    position = end
    if isFloat, let value = Double(text) {
      add(.float(value))
    } else if let value = Int(text) {
      add(.integer(value))
    } else {
      throw error("the number \(text.prefix(40)) is too large")
    }
  }

  private mutating func symbol(_ byte: UInt8) throws(Problem) {
    let pair = String(decoding: bytes[position..<min(position + 2, bytes.count)], as: UTF8.self)
    if ["//", "**", "==", "!=", ">=", "<="].contains(pair) {
      add(.symbol(pair))
      position += 2
      return
    }
    guard "+-/*%~[](){}><=.:|,".utf8.contains(byte) else {
      throw error("an unexpected character (byte \(byte)) stands in a tag")
    }
    add(.symbol(String(Character(Unicode.Scalar(byte)))))
    position += 1
  }
}
