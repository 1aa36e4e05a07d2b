import Tokenization

/// Which tokens of a sequence are meant, as a value that is resolved sequence by sequence.
///
/// Written `all`, `last`, `7`, `0..3`, `-5..-1` (both ends included, negative numbers count from the
/// end) or a segment's name: `template`, `prompt`, `thinking`, `answer`.
public enum Positions: Hashable, Sendable {
  case all
  case last
  /// From the first to the last bound, both included; negative bounds count from the end, -1 is last.
  case range(Int, Int)
  case segment(Segment)

  /// One token, counted from the end when negative.
  public static func index(_ index: Int) -> Positions { .range(index, index) }
  /// A token and everything after it.
  public static func from(token: Int) -> Positions { .range(token, -1) }

  /// The positions meant in one sequence, ascending; empty when it has none of them.
  public func indices(in segments: [Segment]) -> [Int] {
    let count = segments.count
    switch self {
    case .all: return Array(0..<count)
    case .last: return count > 0 ? [count - 1] : []
    case .range(let first, let last):
      // A single index outside of the sequence is nothing; a range is cut to the sequence.
      let low = max(first < 0 ? first + count : first, 0)
      let high = min(last < 0 ? last + count : last, count - 1)
      if first == last, first < -count { return [] }
      return low <= high ? Array(low...high) : []
    case .segment(let segment):
      return (0..<count).filter { segments[$0] == segment }
    }
  }
}

extension Positions: LosslessStringConvertible, Codable {
  public var description: String {
    switch self {
    case .all: "all"
    case .last: "last"
    case .range(let first, let last): first == last ? "\(first)" : "\(first)..\(last)"
    case .segment(let segment): segment.name
    }
  }

  public init?(_ text: String) {
    if text == "all" {
      self = .all
    } else if text == "last" {
      self = .last
    } else if let segment = Segment(name: text) {
      self = .segment(segment)
    } else if let index = Int(text) {
      self = .index(index)
    } else if let dots = text.firstRange(of: ".."), let first = Int(text[..<dots.lowerBound]),
      let last = Int(text[dots.upperBound...])
    {
      self = .range(first, last)
    } else {
      return nil
    }
  }

  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let positions = Positions(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "'\(text)' names no positions"))
    }
    self = positions
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
