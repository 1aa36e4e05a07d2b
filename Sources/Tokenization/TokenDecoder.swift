/// How a vocabulary writes text, and how its tokens are read back.
struct TokenDecoder: Sendable, Equatable {
  /// The tokens are written in the byte alphabet of GPT-2; otherwise in characters.
  var isByteLevel = true
  /// What a token writes for something else: U+2581 for a space.
  var replacement: Replacement?
  /// `<0x0A>` stands for its byte.
  var readsByteTokens = false
  /// How many spaces at the very beginning of a text are not part of it.
  var strippedSpaces = 0

  struct Replacement: Sendable, Equatable {
    var written: [UInt8]
    var meant: [UInt8]
  }

  /// SentencePiece's, as its conversion to `tokenizers` has it.
  static func sentencePiece(stripsPrefix: Bool) -> TokenDecoder {
    TokenDecoder(
      isByteLevel: false,
      replacement: Replacement(written: Metaspace.standard, meant: [UInt8(ascii: " ")]),
      readsByteTokens: true, strippedSpaces: stripsPrefix ? 1 : 0)
  }

  /// The bytes that a token stands for.
  func bytes(of token: ArraySlice<UInt8>) -> [UInt8] {
    if isByteLevel { return ByteAlphabet.read(token) ?? Array(token) }
    if let byte = byte(of: token) { return [byte] }
    guard let replacement else { return Array(token) }
    return Self.replacing(replacement.written, by: replacement.meant, in: Array(token))
  }

  /// A text as a token would write it.
  func written(_ text: [UInt8]) -> [UInt8] {
    if isByteLevel { return ByteAlphabet.written(text) }
    guard let replacement else { return text }
    return Self.replacing(replacement.meant, by: replacement.written, in: text)
  }

  /// The byte that a byte token stands for, nil for any other token.
  func byte(of token: ArraySlice<UInt8>) -> UInt8? {
    readsByteTokens ? Self.byte(named: token) : nil
  }

  /// The byte that a name such as `<0x0A>` gives.
  static func byte(named name: ArraySlice<UInt8>) -> UInt8? {
    guard name.count == 6, name.starts(with: "<0x".utf8), name.last == UInt8(ascii: ">") else {
      return nil
    }
    let digits = name.dropFirst(3).dropLast()
    guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
    return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
  }

  static func name(ofByte byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789ABCDEF".utf8)
    return Array("<0x".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)], UInt8(ascii: ">")]
  }

  private static func replacing(_ old: [UInt8], by new: [UInt8], in text: [UInt8]) -> [UInt8] {
    Normalizer(steps: [.replace(old, by: new)]).normalized(text)
  }
}
