import Foundation

/// A stretch of text in normal form C, with the way back to the bytes it came from.
struct NormalizedText {
  let bytes: [UInt8]
  /// For each byte, the bytes of the original text that it came from.
  private let origins: [Range<Int>]

  /// Nil when the range is in normal form C already, which nearly all text is.
  init?(_ range: Range<Int>, of text: UnsafeBufferPointer<UInt8>) {
    // Below U+0300, whose first byte is 0xCC, every text is in normal form C.
    guard text[range].contains(where: { $0 >= 0xCC }) else { return nil }
    let original = UnsafeBufferPointer(rebasing: text[range])
    let string = String(decoding: original, as: UTF8.self)
    guard string.utf8.elementsEqual(original),
      !string.precomposedStringWithCanonicalMapping.utf8.elementsEqual(original)
    else { return nil }
    var bytes: [UInt8] = []
    var origins: [Range<Int>] = []
    var position = range.lowerBound
    // No composition reaches over the border of a grapheme cluster (UAX 29), so that each can be
    // normalised alone and its bytes traced back.
    for character in string {
      let origin = position..<(position + character.utf8.count)
      let composed = String(character).precomposedStringWithCanonicalMapping
      bytes.append(contentsOf: composed.utf8)
      origins.append(contentsOf: repeatElement(origin, count: composed.utf8.count))
      position = origin.upperBound
    }
    (self.bytes, self.origins) = (bytes, origins)
  }

  /// The bytes of the original text that a range of the normalised text came from.
  func origin(of range: Range<Int>) -> Range<Int> {
    origins[range.lowerBound].lowerBound..<origins[range.upperBound - 1].upperBound
  }

  /// Normal form C of a whole text.
  static func composed(_ text: [UInt8]) -> [UInt8] {
    Array(String(decoding: text, as: UTF8.self).precomposedStringWithCanonicalMapping.utf8)
  }
}
