/// What the splitting patterns tell apart: `\p{L}`, `\p{N}`, `\s` and the rest.
enum ScalarClass: UInt8 {
  case letter, number, space, other

  private static let ascii: [ScalarClass] = (0..<128).map {
    ScalarClass(uncached: Unicode.Scalar(UInt8($0)))
  }

  init(_ scalar: Unicode.Scalar) {
    self = scalar.value < 128 ? Self.ascii[Int(scalar.value)] : ScalarClass(uncached: scalar)
  }

  private init(uncached scalar: Unicode.Scalar) {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      self = .letter
    case .decimalNumber, .letterNumber, .otherNumber:
      self = .number
    default:
      self = scalar.properties.isWhitespace ? .space : .other
    }
  }
}

/// A part of a text in UTF-8, read scalar by scalar.
///
/// A byte that is not UTF-8 reads as U+FFFD of length one, so that it splits like any symbol and is still
/// encoded as itself.
struct ScalarReader {
  let bytes: UnsafeBufferPointer<UInt8>
  /// Where the text ends as far as a pattern can see.
  let end: Int

  struct Read {
    var scalar: Unicode.Scalar
    var length: Int
    var scalarClass: ScalarClass { ScalarClass(scalar) }
    /// Whether it stands for a byte that is not UTF-8.
    var isDamaged: Bool { length == 1 && !scalar.isASCII }
  }

  /// The scalar that starts at `position`, nil at the end.
  func read(at position: Int) -> Read? {
    guard position < end else { return nil }
    let lead = bytes[position]
    if lead < 0x80 { return Read(scalar: Unicode.Scalar(lead), length: 1) }
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    var value = UInt32(lead) & (0x7F >> UInt32(length))
    guard (0xC2...0xF4).contains(lead), position + length <= end else { return Self.damaged }
    for offset in 1..<length {
      let byte = bytes[position + offset]
      guard byte & 0xC0 == 0x80 else { return Self.damaged }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    let smallest: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000
    guard value >= smallest, let scalar = Unicode.Scalar(value) else { return Self.damaged }
    return Read(scalar: scalar, length: length)
  }

  private static let damaged = Read(scalar: "\u{FFFD}", length: 1)

  /// The class of the scalar at `position`, nil at the end.
  func scalarClass(at position: Int) -> ScalarClass? { read(at: position)?.scalarClass }

  /// The end of the run of scalars of one class that starts at `position`.
  func run(of scalarClass: ScalarClass, from position: Int, atMost limit: Int = .max) -> Int {
    var (position, count) = (position, 0)
    while count < limit, let next = read(at: position), next.scalarClass == scalarClass {
      position += next.length
      count += 1
    }
    return position
  }
}
