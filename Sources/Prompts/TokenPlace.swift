/// Where in a transcript a token is, as far as probes and traces tell places apart.
public enum TokenPlace: String, Sendable, Codable, CaseIterable {
  case template
  case prompt
  case thinking
  /// In the end-of-thinking template of the last turn, before its last token.
  case endOfThinking = "end-of-thinking"
  /// The last token of the end-of-thinking template, before the answer of the last turn.
  case final
  case answer
}

extension TokenSequence {
  /// The place of each token; without thinking in the last turn there is no end of it.
  public var places: [TokenPlace] {
    var places = segments.map { segment -> TokenPlace in
      switch segment {
      case .template: .template
      case .prompt: .prompt
      case .thinking: .thinking
      case .answer: .answer
      }
    }
    let turn = LastTurn(segments)
    guard !turn.thinking.isEmpty, let final = turn.template.last else { return places }
    for token in turn.template { places[token] = .endOfThinking }
    places[final] = .final
    return places
  }
}
