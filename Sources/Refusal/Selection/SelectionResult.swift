import Foundation

/// What was chosen from a pool by each method, and why.
public struct SelectionResult: Sendable, Equatable, Codable {
  /// One chosen row.
  public struct Chosen: Sendable, Equatable, Codable {
    /// The pool row's id.
    public var id: String
    /// Its place among the method's candidates, from 1; duplicates that were passed over count.
    public var rank: Int
    /// In words.
    public var why: String
    /// plateau - final; nil without a trace.
    public var score: Double?
    /// The height of s during thinking, from 0 to 1; nil where no trace has it.
    public var plateau: Double?
    /// s at the last template token before the answer, from 0 to 1; nil where no trace has it.
    public var final: Double?
    /// What the trace says of the transcripts of its kind, such as `cliff` or `cannot be told`; nil where
    /// that is not known.
    public var verdict: Verdict.Kind?
    /// Verdicts by the judge's name.
    public var votes: [String: Judgement]
    /// The label by which quotas are kept; nil without one.
    public var category: String?
    /// The name of the file that the row is from.
    public var source: String
    /// SHA-256 of that file.
    public var sourceDigest: String
    /// The line of that file on which the row begins, or its place in a list, from 1.
    public var sourceRow: Int
    /// `unknown` when nobody says.
    public var licence: String
  }

  /// One way of choosing.
  public struct Method: Sendable, Equatable, Codable {
    /// `cliff`, `random`, `rule`, `judge` or `all`.
    public var name: String
    /// How it chooses, in words.
    public var rule: String
    /// Rows that it could have chosen.
    public var candidates: Int
    /// Near-duplicates that it passed over, each with the row that it repeats.
    public var duplicates: [[String]]
    /// In the order of their ranks.
    public var chosen: [Chosen]
  }

  /// How much two methods' choices share.
  public struct Overlap: Sendable, Equatable, Codable {
    /// The name of the one method.
    public var first: String
    /// The name of the other method.
    public var second: String
    /// Rows that both chose.
    public var both: Int
    /// Rows of both over rows of either; nil when both are empty.
    public var jaccard: Double?
  }

  /// Rows that could be chosen.
  public var pool: Int
  /// Rows that could not, by reason.
  public var unusable: [String: Int]
  /// Rows of the pool that do not say whether their request is harmful.
  public var unlabelled: Int?
  /// What the trace says of each kind of transcripts, in one sentence each.
  public var verdicts: [String]?
  /// How many each method was to choose.
  public var wanted: Int
  /// How duplicates were found; nil when they were kept.
  public var duplicateRule: String?
  /// How quotas were kept; nil without.
  public var quotaRule: String?
  /// The cliff first, then the baselines; `judge` only where one was given.
  public var methods: [Method]
  /// One for each pair of methods.
  public var overlaps: [Overlap]
  /// Of the random orders: the same seed gives the same choice.
  public var seed: UInt64
  /// Where the numbers came from, by name.
  public var provenance: [String: String]

  /// Why the cliff's choice may not be one by a cliff, in words; nil where the trace calls every row's kind
  /// a cliff.
  public var caution: String? {
    let chosen = methods.first { $0.name == "cliff" }?.chosen ?? []
    let others = chosen.count { $0.verdict != .cliff }
    guard others > 0 else { return nil }
    return
      "\(others) of \(chosen.count) rows that the cliff chose are of transcripts that the trace does "
      + "not call a cliff: they are ranked by a fall that may mean nothing."
  }
}
