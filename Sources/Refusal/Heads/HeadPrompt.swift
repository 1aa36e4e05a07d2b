import Files
import Prompts
import Transformer

/// One prompt of a study of heads: a sequence that ends with the token at which it is scored.
public struct HeadPrompt: Sendable, Equatable {
  /// The token T at which scores and contributions are taken.
  public enum End: String, Sendable, Codable, CaseIterable {
    case last
    /// The last template token before the answer.
    case template
  }

  /// Up to and including T.
  public let sequence: TokenSequence
  /// The behaviour that several prompts may stand for; they are resampled and split together.
  public let group: String
  /// The tokens at which heads are ablated, counted from T.
  public let touched: Positions

  /// Cuts a sequence behind T.
  /// - Throws: when the transcript has no such token, or none of the tokens to be touched.
  public init(
    _ sequence: TokenSequence, group: String? = nil, end: End = .last,
    ablating positions: Positions = .all
  ) throws(Problem) {
    func missing(_ what: String) -> Problem {
      Problem(
        .noSuchPosition, "prompt \(sequence.id)", problem: "has no \(what)",
        remedy: "leave it out, or give transcripts whose thinking ends")
    }
    let landmarks = Landmarks(sequence.segments)
    let last: Int
    switch end {
    case .last: last = sequence.tokens.count - 1
    case .template:
      guard let final = landmarks.final else { throw missing("template token before an answer") }
      last = final
    }
    guard last >= 0 else { throw missing("tokens") }
    self.sequence = TokenSequence(
      id: sequence.id, tokens: Array(sequence.tokens[...last]),
      segments: Array(sequence.segments[...last]))
    self.group = group ?? sequence.id
    var rules: [Positions] = []
    for rule in positions.parts {
      guard rule == .endOfThinking else {
        rules.append(rule)
        continue
      }
      guard let first = landmarks.endOfThinking.first, first <= last else {
        throw missing("end-of-thinking template")
      }
      rules.append(.from(token: first - (last + 1)))
    }
    touched = rules.count == 1 ? rules[0] : .union(rules)
    guard !touched.indices(in: self.sequence).isEmpty else { throw missing("tokens '\(touched)'") }
  }
}
