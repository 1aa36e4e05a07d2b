import Files
import Foundation
import Probing
import Prompts
import Statistics
import Transformer

/// The final score when the thinking is cut to shares of its length, its end-of-thinking template kept.
///
/// A model that was aligned and unlearnt it refuses again once it may not think: its final score rises
/// as the thinking is cut to nothing (arXiv 2510.06036).
///
///     let cut = try ThinkingCuts.cut(sequence, to: 0.4)
public struct ThinkingCuts: Sendable, Equatable, Codable {
  /// The final scores of one transcript, one for each share.
  public struct Scores: Sendable, Equatable, Codable {
    /// The transcript's id, as its trace has it.
    public var id: String
    /// The prompt or behaviour; scores of one group are resampled together.
    public var group: String
    /// What kind of prompt it is, such as `harmful`; nil when unknown.
    public var label: String?
    /// s at the last template token.
    public var finals: [Double]

    /// - Parameter finals: one for each of `ThinkingCuts.shares`, in that order.
    public init(id: String, group: String, label: String?, finals: [Double]) {
      (self.id, self.group, self.label, self.finals) = (id, group, label, finals)
    }
  }

  /// The transcripts of one label.
  public struct Group: Sendable, Equatable, Codable {
    /// The kind of prompt, such as `harmful`; `unlabelled` where the scores have none.
    public var label: String
    /// Transcripts with thinking that could be cut.
    public var transcripts: Int
    /// The mean final score with its band over prompts, one for each share.
    public var points: [Point]
    /// The final score without thinking minus that with all of it, paired; nil with fewer than two
    /// prompts, or where all have the same value.
    public var rise: Interval?
  }

  /// The mean final score at one share.
  public struct Point: Sendable, Equatable, Codable {
    /// Of the thinking that is left, from 1 to 0.
    public var share: Double
    /// Transcripts in the mean.
    public var n: Int
    /// Mean of s at the last template token, from 0 to 1.
    public var mean: Double
    /// Nil with fewer than two prompts, or where all have the same value.
    public var low: Double?
    /// The upper bound; nil where `low` is.
    public var high: Double?
  }

  /// How much of the thinking is kept, from all of it to none.
  public static let shares = [1, 0.8, 0.6, 0.4, 0.2, 0]

  /// The version of the format that `cuts.json` has.
  public var schema = "bathyscope-thinking-cuts-1"
  /// Where the probe reads s.
  public var hook: HookPoint
  /// Of the bootstrap over prompts: the same seed gives the same intervals.
  public var seed: UInt64
  /// The nominal coverage of the bands, such as 0.95.
  public var confidence: Double
  /// One per label in alphabetical order.
  public var groups: [Group]

  /// - Parameter scores: of transcripts with thinking, one final score for each of `shares`.
  public init(
    _ scores: [Scores], at hook: HookPoint, seed: UInt64, resamples: Int = 10_000
  ) throws(Problem) {
    let bootstrap = Bootstrap(seed: seed, resamples: resamples)
    (self.hook, self.seed, confidence, groups) = (hook, seed, bootstrap.confidence, [])
    let byLabel = Dictionary(grouping: scores) { $0.label ?? "unlabelled" }
    for (label, scores) in byLabel.sorted(by: { $0.key < $1.key }) {
      let names = scores.map(\.group)
      let band = try bootstrap.band(curves: scores.map(\.finals), clusters: names)
      let points = zip(Self.shares, band).map { share, point in
        Point(
          share: share, n: point.n, mean: point.mean ?? 0, low: point.interval?.low,
          high: point.interval?.high)
      }
      let rises = scores.map { $0.finals[$0.finals.count - 1] - $0.finals[0] }
      groups.append(
        Group(
          label: label, transcripts: scores.count, points: points,
          rise: try bootstrap.mean(rises, clusters: names)))
    }
  }

  /// A transcript up to the token before its answer, with only the first tokens of its thinking; nil
  /// where it has no thinking or the thinking never ends.
  ///
  /// Tokens are cut, not text: the model reads what it wrote.
  public static func cut(_ sequence: TokenSequence, to share: Double) -> TokenSequence? {
    let landmarks = Landmarks(sequence.segments)
    guard let first = landmarks.thinking.first, let last = landmarks.thinking.last,
      let end = landmarks.endOfThinking.first, let final = landmarks.final,
      landmarks.thinking.count == last - first + 1,
      landmarks.endOfThinking.count == final - end + 1
    else { return nil }
    let kept = Int((share * Double(landmarks.thinking.count)).rounded())
    let places = Array(0..<(first + kept)) + landmarks.endOfThinking
    return TokenSequence(
      id: sequence.id, tokens: places.map { sequence.tokens[$0] },
      segments: places.map { sequence.segments[$0] })
  }
}
