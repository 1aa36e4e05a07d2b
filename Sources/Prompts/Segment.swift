/// The part of a transcript that a token belongs to.
///
/// A reasoning transcript reads `template | prompt | template | thinking | template | answer`; the
/// template between thinking and answer is where the refusal cliff lives.
public enum Segment: UInt8, Codable, Sendable, CaseIterable {
  /// Role markers, system defaults, thinking markers: everything that the chat template adds.
  case template = 0
  /// What the user, the system message or a tool said.
  case prompt = 1
  /// The model's reasoning before its answer.
  case thinking = 2
  /// The model's answer.
  case answer = 3

  /// The name used on the command line and in figures.
  public var name: String { "\(self)" }

  /// Reads a name such as `thinking`; nil for any other text.
  public init?(name: String) {
    guard let segment = Segment.allCases.first(where: { $0.name == name }) else { return nil }
    self = segment
  }
}
