/// Reads a quoted string with the escapes of Python.
struct JinjaStringLiteral {
  let bytes: [UInt8]
  /// At the opening quote before, behind the closing one after.
  var position: Int

  /// The characters between the quotes; nil when the string is not closed or an escape is wrong.
  mutating func read() -> [UInt8]? {
    let quote = bytes[position]
    position += 1
    var value: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == quote { return value }
      if byte == UInt8(ascii: "\\") {
        guard escape(into: &value) else { return nil }
      } else {
        value.append(byte)
      }
    }
    return nil
  }

  private mutating func escape(into value: inout [UInt8]) -> Bool {
    guard position < bytes.count else { return false }
    let byte = bytes[position]
    position += 1
    switch byte {
    case 0x0A: break
    case UInt8(ascii: "n"): value.append(0x0A)
    case UInt8(ascii: "t"): value.append(0x09)
    case UInt8(ascii: "r"): value.append(0x0D)
    case UInt8(ascii: "a"): value.append(0x07)
    case UInt8(ascii: "b"): value.append(0x08)
    case UInt8(ascii: "f"): value.append(0x0C)
    case UInt8(ascii: "v"): value.append(0x0B)
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): value.append(byte)
    case UInt8(ascii: "x"): return scalar(digits: 2...2, radix: 16, into: &value)
    case UInt8(ascii: "u"): return scalar(digits: 4...4, radix: 16, into: &value)
    case UInt8(ascii: "U"): return scalar(digits: 8...8, radix: 16, into: &value)
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
      position -= 1
      return scalar(digits: 1...3, radix: 8, into: &value)
    default:
      // Python keeps an escape that it does not know.
      value.append(UInt8(ascii: "\\"))
      value.append(byte)
    }
    return true
  }

  private mutating func scalar(
    digits: ClosedRange<Int>, radix: UInt32, into value: inout [UInt8]
  ) -> Bool {
    var (code, read): (UInt32, Int) = (0, 0)
    while read < digits.upperBound, position < bytes.count,
      let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue, digit < radix
    {
      code = code &* radix &+ UInt32(digit)
      position += 1
      read += 1
    }
    guard read >= digits.lowerBound, let scalar = Unicode.Scalar(code) else { return false }
    value.append(contentsOf: String(Character(scalar)).utf8)
    return true
  }
}
