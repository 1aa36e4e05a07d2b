import Prompts

/// A ragged batch: sequences of any length, without padding.
public struct Batch: Sendable, Equatable {
  public var sequences: [TokenSequence]

  public init(_ sequences: [TokenSequence]) { self.sequences = sequences }

  /// The number of tokens in all sequences together.
  public var tokenCount: Int { sequences.reduce(0) { $0 + $1.tokens.count } }
}
