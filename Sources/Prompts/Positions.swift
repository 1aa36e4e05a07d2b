/// Which tokens of a sequence are meant, as a value that is resolved sequence by sequence.
///
/// Written `all`, `last`, `7`, `7..` (from there on), `0..3`, `-5..-1` (both ends included, negative numbers count from the
/// end of the prompt), `final`, `end-of-thinking` or a segment's name: `template`, `prompt`, `thinking`, `answer`; several
/// with commas between them, such as `thinking,end-of-thinking`.
public enum Positions: Hashable, Sendable {
  case all
  case last
  /// From the first to the last bound, both included; negative bounds count from the end, -1 is last.
  ///
  /// From another token up to -1 it goes on through generated tokens, as `from(token:)` does.
  case range(Int, Int)
  /// A token, counted from the end of the prompt when negative, and everything after it.
  case from(token: Int)
  case segment(Segment)
  /// The last template token before the answer of the last turn, also where the answer is there: the
  /// end of the end-of-thinking template. Known only when the answer has begun, so that it is read
  /// of transcripts and never changed while a model writes.
  case final
  /// What follows the last turn's thinking. A capture reads the end-of-thinking template; an
  /// intervention changes that template and the answer, while a model writes from the token on that
  /// completes the mark at which thinking ends.
  case endOfThinking
  /// The tokens that any of one or more rules means, each once.
  case union([Positions])

  /// One token, counted from the end when negative.
  public static func index(_ index: Int) -> Positions { .range(index, index) }

  /// The positions that an intervention changes in a sequence, from `start` on, ascending; empty when it
  /// has none of them.
  ///
  /// They are fixed when the prompt is known: negative numbers and `last` count from the end of what
  /// was given, not of what the model has generated behind it. `all`, a range that ends at -1,
  /// segments and the end of thinking go on through generated tokens.
  public func indices(in sequence: TokenSequence, from start: Int = 0) -> [Int] {
    let count = sequence.tokens.count
    let given = count - sequence.generated
    switch self {
    case .all: return Array(min(start, count)..<count)
    case .last: return given > start ? [given - 1] : []
    case .range(let first, let last):
      // A single index outside of the sequence is nothing; a range is cut to the sequence.
      if first == last, first < -given { return [] }
      let low = max(first < 0 ? first + given : first, start)
      let isOpen = last == -1 && first != -1
      let high = min(isOpen ? count : last < 0 ? last + given : last, count - 1)
      return low <= high ? Array(low...high) : []
    case .from(let token):
      let first = max(token < 0 ? token + given : token, start)
      return first < count ? Array(first..<count) : []
    case .segment(let segment):
      return (min(start, count)..<count).filter { sequence.segments[$0] == segment }
    case .final: return LastTurn(sequence.segments).template.suffix(1).filter { $0 >= start }
    case .endOfThinking:
      guard let last = LastTurn(sequence.segments).thinking.last else { return [] }
      return Array(min(max(last + 1, start), count)..<count)
    case .union(let rules):
      return Set(rules.flatMap { $0.indices(in: sequence, from: start) }).sorted()
    }
  }

  /// The positions at which a capture reads a sequence: those of `indices(in:from:)`, but at the end of
  /// thinking its template alone, without the answer.
  public func captured(in sequence: TokenSequence, from start: Int = 0) -> [Int] {
    switch self {
    case .endOfThinking:
      let turn = LastTurn(sequence.segments)
      return turn.thinking.isEmpty ? [] : turn.template.filter { $0 >= start }
    case .union(let rules):
      return Set(rules.flatMap { $0.captured(in: sequence, from: start) }).sorted()
    default: return indices(in: sequence, from: start)
    }
  }

  /// The rules of a union, or the only one.
  package var parts: [Positions] {
    if case .union(let rules) = self { rules.flatMap(\.parts) } else { [self] }
  }
}

extension Positions: LosslessStringConvertible, Codable {
  /// As the command line reads it: `last`, `-5..-1`, `thinking,end-of-thinking`.
  public var description: String {
    switch self {
    case .all: "all"
    case .last: "last"
    case .range(let first, let last): first == last ? "\(first)" : "\(first)..\(last)"
    case .from(let token): "\(token).."
    case .segment(let segment): segment.name
    case .final: "final"
    case .endOfThinking: "end-of-thinking"
    case .union(let rules): rules.map(\.description).joined(separator: ",")
    }
  }

  /// Reads what `description` writes; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    if parts.count > 1 {
      let rules = parts.compactMap { Positions(String($0)) }
      guard rules.count == parts.count else { return nil }
      self = .union(rules)
    } else if text == "all" {
      self = .all
    } else if text == "last" {
      self = .last
    } else if text == "final" {
      self = .final
    } else if text == "end-of-thinking" {
      self = .endOfThinking
    } else if let segment = Segment(name: text) {
      self = .segment(segment)
    } else if let index = Int(text) {
      self = .index(index)
    } else if text.hasSuffix(".."), let token = Int(text.dropLast(2)) {
      self = .from(token: token)
    } else if let dots = text.firstRange(of: ".."), let first = Int(text[..<dots.lowerBound]),
      let last = Int(text[dots.upperBound...])
    {
      self = .range(first, last)
    } else {
      return nil
    }
  }

  /// - Throws: for a text that names no positions.
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let positions = Positions(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "'\(text)' names no positions"))
    }
    self = positions
  }

  /// Writes the rule as one string, as `description` has it.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
