import Prompts

/// Where thinking ends and the answer begins in the last turn of a transcript.
///
/// The last turn is what follows the last token of a prompt. A transcript without thinking has no
/// plateau, one whose thinking was cut off has no final token: nothing else is put in their place.
public struct Landmarks: Sendable, Equatable, Codable {
  /// The tokens of the thinking before the answer, ascending; empty without thinking.
  public var thinking: [Int]
  /// The template tokens between thinking and answer; empty without thinking.
  public var endOfThinking: [Int]
  /// The last template token before the answer, or before the answer to come where the transcript
  /// ends with the template; nil where no template token stands between thinking, or else the
  /// prompt, and the answer.
  public var final: Int?

  /// Finds them in the segment of each token of a transcript.
  public init(_ segments: [Segment]) {
    let turn = LastTurn(segments)
    thinking = turn.thinking
    endOfThinking = turn.thinking.isEmpty ? [] : turn.template
    final = turn.template.last
  }
}
