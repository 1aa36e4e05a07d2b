/// A stretch of rendered text with its segment, before it is cut into tokens.
public struct TextSpan: Equatable, Sendable {
  /// UTF-8 bytes; not `String`, whose equality would merge canonical equivalents.
  public var bytes: [UInt8]
  public var segment: Segment
  /// Whether a special token's text, such as `<|im_end|>`, becomes that token. It does in what a
  /// template wrote and does not in what a person wrote: there it is text.
  public var parsesSpecials: Bool

  public init(bytes: [UInt8], segment: Segment, parsesSpecials: Bool) {
    self.bytes = bytes
    self.segment = segment
    self.parsesSpecials = parsesSpecials
  }
}
