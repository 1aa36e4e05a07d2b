import Foundation

/// What was chosen from a pool by each method, and why.
public struct SelectionResult: Sendable, Equatable, Codable {
  /// One chosen row.
  public struct Chosen: Sendable, Equatable, Codable {
    public var id: String
    /// Its place among the method's candidates, from 1; duplicates that were passed over count.
    public var rank: Int
    /// In words.
    public var why: String
    /// plateau - final; nil without a trace.
    public var score: Double?
    public var plateau: Double?
    public var final: Double?
    /// What the trace says of the transcripts of its kind, such as `cliff` or `cannot be told`; nil where
    /// that is not known.
    public var verdict: Verdict.Kind?
    /// Verdicts by the judge's name.
    public var votes: [String: Judgement]
    public var category: String?
    public var source: String
    public var sourceDigest: String
    public var sourceRow: Int
    /// `unknown` when nobody says.
    public var licence: String
  }

  /// One way of choosing.
  public struct Method: Sendable, Equatable, Codable {
    public var name: String
    /// How it chooses, in words.
    public var rule: String
    /// Rows that it could have chosen.
    public var candidates: Int
    /// Near-duplicates that it passed over, each with the row that it repeats.
    public var duplicates: [[String]]
    public var chosen: [Chosen]
  }

  /// How much two methods' choices share.
  public struct Overlap: Sendable, Equatable, Codable {
    public var first: String
    public var second: String
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
  public var methods: [Method]
  public var overlaps: [Overlap]
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
