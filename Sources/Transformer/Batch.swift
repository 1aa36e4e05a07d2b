import Prompts

/// A ragged batch: sequences of any length, without padding.
public struct Batch: Sendable, Equatable {
  /// In any order: none changes what another one gives.
  public var sequences: [TokenSequence]

  /// - Parameter sequences: captures name them by their place here.
  public init(_ sequences: [TokenSequence]) { self.sequences = sequences }

  /// The number of tokens in all sequences together.
  public var tokenCount: Int { sequences.reduce(0) { $0 + $1.tokens.count } }
}
