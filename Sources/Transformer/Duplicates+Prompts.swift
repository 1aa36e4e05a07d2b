import Prompts
import Statistics
import Tokenization

extension Duplicates.Contents {
  /// What prompts say: their own tokens, without the template's and the model's answer, as text where
  /// there is a tokenizer to read them with.
  public static func prompts(
    of sequences: [TokenSequence], tokenizer: Tokenizer?
  ) -> Duplicates.Contents {
    let tokens = sequences.map { sequence in
      zip(sequence.tokens, sequence.segments).filter { $0.1 == .prompt }.map(\.0)
    }
    guard let tokenizer else { return .tokens(tokens) }
    return .texts(tokens.map(tokenizer.decode))
  }
}
