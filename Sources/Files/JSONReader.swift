/// A strict reader of RFC 8259: no trailing commas, comments, byte order marks, duplicate keys,
/// invalid UTF-8 or lone surrogates, and no nesting deeper than 128.
///
/// Foundation's two parsers accept some of these and disagree about the rest, which is how two tools
/// come to see different weights in one file.
public struct JSONReader {
  private let bytes: UnsafeRawBufferPointer
  private let file: String
  private var position = 0
  private var depth = 0
  private var valuesLeft: Int

  /// Parses a whole document of at most `valueLimit` values, which bounds the memory: the tree takes
  /// up to 50 times as much as the text.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, file: String, valueLimit: Int = .max
  ) throws(Problem) -> JSON {
    var reader = JSONReader(bytes: bytes, file: file, valueLimit: valueLimit)
    let value = try reader.document()
    return value
  }

  /// Parses a whole document of at most `valueLimit` values.
  public static func parse(
    _ bytes: [UInt8], file: String, valueLimit: Int = .max
  ) throws(Problem) -> JSON {
    let result = bytes.withUnsafeBytes { pointer in
      Result { () throws(Problem) in try parse(pointer, file: file, valueLimit: valueLimit) }
    }
    return try result.get()
  }

  private init(bytes: UnsafeRawBufferPointer, file: String, valueLimit: Int) {
    self.bytes = bytes
    self.file = file
    valuesLeft = valueLimit
  }

  private mutating func document() throws(Problem) -> JSON {
    skipSpace()
    let value = try self.value()
    skipSpace()
    guard position == bytes.count else { throw error("something stands behind the JSON document") }
    return value
  }

  private func error(_ problem: String, _ code: Problem.Code = .notJSON) -> Problem {
    Problem(
      code, file, place: "byte \(position)", problem: problem,
      remedy: "the file is not strict JSON: fetch or write it again")
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private mutating func value() throws(Problem) -> JSON {
    valuesLeft -= 1
    guard valuesLeft >= 0 else {
      throw error("more values than a file of this kind can need", .tooLarge)
    }
    switch peek {
    case UInt8(ascii: "{"): return try nested { (reader) throws(Problem) in try reader.object() }
    case UInt8(ascii: "["): return try nested { (reader) throws(Problem) in try reader.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw error("the document ends too early")
    default: return try number()
    }
  }

  private mutating func nested(
    _ body: (inout JSONReader) throws(Problem) -> JSON
  ) throws(Problem) -> JSON {
    depth += 1
    guard depth <= 128 else { throw error("nested more than 128 deep", .tooDeep) }
    let value = try body(&self)
    depth -= 1
    return value
  }

  private mutating func word(_ text: StaticString, _ value: JSON) throws(Problem) -> JSON {
    let length = text.utf8CodeUnitCount
    guard bytes.count - position >= length,
      bytes[position..<(position + length)].elementsEqual(
        UnsafeBufferPointer(start: text.utf8Start, count: length))
    else { throw error("an unknown word") }
    position += length
    return value
  }

  private mutating func object() throws(Problem) -> JSON {
    position += 1
    var object = JSON.Object()
    skipSpace()
    if peek == UInt8(ascii: "}") {
      position += 1
      return .object(object)
    }
    while true {
      skipSpace()
      guard peek == UInt8(ascii: "\"") else { throw error("a member's name is expected") }
      let key = try string()
      skipSpace()
      guard peek == UInt8(ascii: ":") else { throw error("':' is expected") }
      position += 1
      skipSpace()
      let value = try self.value()
      guard object.add(key, value) else {
        throw error("the key '\(printable(key))' is here twice", .duplicateKey)
      }
      if try endsList(with: UInt8(ascii: "}")) { return .object(object) }
    }
  }

  private mutating func array() throws(Problem) -> JSON {
    position += 1
    var values: [JSON] = []
    skipSpace()
    if peek == UInt8(ascii: "]") {
      position += 1
      return .array(values)
    }
    while true {
      skipSpace()
      values.append(try value())
      if try endsList(with: UInt8(ascii: "]")) { return .array(values) }
    }
  }

  private mutating func endsList(with close: UInt8) throws(Problem) -> Bool {
    skipSpace()
    guard let byte = peek, byte == close || byte == UInt8(ascii: ",") else {
      throw error("',' or '\(Character(Unicode.Scalar(close)))' is expected")
    }
    position += 1
    return byte == close
  }

  private mutating func number() throws(Problem) -> JSON {
    let start = position
    if peek == UInt8(ascii: "-") { position += 1 }
    if peek == UInt8(ascii: "0") {
      position += 1
    } else {
      try digits()
    }
    if peek == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      position += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    return .number(String(decoding: bytes[start..<position], as: UTF8.self))
  }

  private mutating func digits() throws(Problem) {
    let start = position
    while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    guard position > start else { throw error("a value is expected") }
  }

  private mutating func string() throws(Problem) -> [UInt8] {
    position += 1
    var result: [UInt8] = []
    var start = position
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        try append(start..<position, to: &result)
        position += 1
        return result
      case UInt8(ascii: "\\"):
        try append(start..<position, to: &result)
        position += 1
        try escape(into: &result)
        start = position
      case 0..<0x20:
        throw error("a control character stands in a string")
      default:
        position += 1
      }
    }
    throw error("a string is not closed")
  }

  private func append(_ range: Range<Int>, to result: inout [UInt8]) throws(Problem) {
    let slice = UnsafeRawBufferPointer(rebasing: bytes[range])
    guard isValidUTF8(slice) else { throw error("a string is not valid UTF-8", .notUTF8) }
    result.append(contentsOf: slice)
  }

  private mutating func escape(into result: inout [UInt8]) throws(Problem) {
    guard let byte = peek else { throw error("a string is not closed") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "u"): try unicodeEscape(into: &result)
    default: throw error("an unknown escape")
    }
  }

  private mutating func unicodeEscape(into result: inout [UInt8]) throws(Problem) {
    var code = UInt32(try hexadecimal())
    if code & 0xFC00 == 0xD800 {
      guard peek == UInt8(ascii: "\\"), position + 1 < bytes.count,
        bytes[position + 1] == UInt8(ascii: "u")
      else { throw error("half of a surrogate pair") }
      position += 2
      let low = UInt32(try hexadecimal())
      guard low & 0xFC00 == 0xDC00 else { throw error("half of a surrogate pair") }
      code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
    }
    guard let scalar = Unicode.Scalar(code) else { throw error("half of a surrogate pair") }
    result.append(contentsOf: String(Character(scalar)).utf8)
  }

  private mutating func hexadecimal() throws(Problem) -> UInt16 {
    var code: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("four hexadecimal digits are expected")
      }
      code = code << 4 | UInt16(digit)
      position += 1
    }
    return code
  }
}

/// Whether the bytes are well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF.
package func isValidUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
  var index = 0
  while index < bytes.count {
    let lead = bytes[index]
    if lead < 0x80 {
      index += 1
      continue
    }
    let (length, low, high): (Int, UInt8, UInt8)
    switch lead {
    case 0xC2...0xDF: (length, low, high) = (2, 0x80, 0xBF)
    case 0xE0: (length, low, high) = (3, 0xA0, 0xBF)
    case 0xED: (length, low, high) = (3, 0x80, 0x9F)
    case 0xE1...0xEF: (length, low, high) = (3, 0x80, 0xBF)
    case 0xF0: (length, low, high) = (4, 0x90, 0xBF)
    case 0xF1...0xF3: (length, low, high) = (4, 0x80, 0xBF)
    case 0xF4: (length, low, high) = (4, 0x80, 0x8F)
    default: return false
    }
    guard index + length <= bytes.count, (low...high).contains(bytes[index + 1]) else {
      return false
    }
    for offset in 2..<max(length, 2) where bytes[index + offset] & 0xC0 != 0x80 { return false }
    index += length
  }
  return true
}
