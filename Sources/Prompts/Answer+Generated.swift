import Files

/// Why a continuation ended.
public enum FinishReason: String, Codable, Sendable, CaseIterable {
  /// The model wrote a token that ends a text or a turn.
  case endToken = "end_token"
  /// A text at which the model was to stop came up.
  case stopText = "stop_text"
  /// There were as many tokens as it was allowed.
  case length
}

extension Answer {
  /// An answer as the model wrote it: its tokens, and all that a file of answers keeps besides its words.
  public struct Generated: Sendable, Equatable {
    /// All generated tokens; `text` is the beginning of what they say.
    public var tokens: [Int32]
    /// One for each token.
    public var segments: [Segment]
    /// How many tokens the request had.
    public var promptTokens: Int?
    /// The seed of the run.
    public var seed: UInt64?
    /// Places in `tokens` that the thinking budget forced in.
    public var forced: [Int]?
    /// Why it ended.
    public var finish: FinishReason?
    /// Thinking and answer as they were written, with the markers; nil where the model has no tokenizer.
    public var text: String?
    /// Whether there is an answer: without it, thinking has not ended.
    public var isAnswered: Bool
    /// What each intervention did, in the form of the room that intervenes.
    public var effects: [JSON]

    package init(
      tokens: [Int32], segments: [Segment], promptTokens: Int?, seed: UInt64?, forced: [Int]?,
      finish: FinishReason?, text: String?, isAnswered: Bool, effects: [JSON]
    ) {
      self.tokens = tokens
      self.segments = segments
      self.promptTokens = promptTokens
      self.seed = seed
      self.forced = forced
      self.finish = finish
      self.text = text
      self.isAnswered = isAnswered
      self.effects = effects
    }

    /// The request with what was generated after it.
    package func transcript(behind prompt: TokenSequence, id: String) -> TokenSequence {
      TokenSequence(
        id: id, tokens: prompt.tokens + tokens, segments: prompt.segments + segments,
        generated: tokens.count)
    }
  }
}
