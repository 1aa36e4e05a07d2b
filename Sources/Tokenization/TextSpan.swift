/// A stretch of a text before it is cut into tokens.
package struct TextSpan: Equatable, Sendable {
  /// UTF-8 bytes; not `String`, whose equality would merge canonical equivalents.
  package var bytes: [UInt8]
  /// Whether a special token's text, such as `<|im_end|>`, becomes that token. It does in what a
  /// template wrote and does not in what a person wrote: there it is text.
  package var parsesSpecials: Bool

  package init(bytes: [UInt8], parsesSpecials: Bool) {
    self.bytes = bytes
    self.parsesSpecials = parsesSpecials
  }
}
