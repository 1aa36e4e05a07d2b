/// One prompt or transcript as tokens, each with its segment.
public struct TokenSequence: Sendable, Equatable, Codable {
  /// The id of the prompt or the conversation that it was made of.
  public var id: String
  /// In reading order, special tokens included.
  public var tokens: [Int32]
  /// One segment per token.
  public var segments: [Segment]
  /// How many tokens at the end the model has generated itself.
  public var generated: Int

  /// - Parameters:
  ///   - segments: one per token; all `.prompt` by default.
  ///   - generated: how many tokens at the end the model has generated.
  /// - Precondition: there are as many segments as tokens.
  public init(id: String, tokens: [Int32], segments: [Segment]? = nil, generated: Int = 0) {
    self.id = id
    self.tokens = tokens
    self.generated = generated
    self.segments = segments ?? Array(repeating: .prompt, count: tokens.count)
    precondition(self.segments.count == tokens.count, "one segment per token")
  }
}
