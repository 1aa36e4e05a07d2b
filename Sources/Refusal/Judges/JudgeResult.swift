import Files
import Prompts
import Statistics

/// All that judges said about a file of answers.
///
///     let result = try JudgeResult(answers, judges: cards, verdicts: verdicts, seed: 42)
///     result.agreements[0].kappa
public struct JudgeResult: Sendable, Equatable, Codable {
  /// One answer, by name and digest, with one verdict of each judge.
  public struct Row: Sendable, Equatable, Codable {
    /// The request's id.
    public var id: String
    /// Counts the answers to one request, from 0.
    public var sample: Int
    /// The behaviour that the request asks for; answers of one group are resampled together.
    public var group: String
    /// Whether the request is harmless; nil when nobody says.
    public var isBenign: Bool?
    /// SHA-256 of the answer's text.
    public var answerDigest: String
    /// One for each of `judges`, in their order.
    public var verdicts: [Judgement]
    /// True where no file has the answer.
    public var isMissing: Bool?
  }

  /// In the order in which rates and verdicts are.
  public var judges: [JudgeCard]
  /// Rates over all requests that are not known to be benign, answered or not, one for each judge.
  public var rates: [JudgeRate]
  /// Rates over the benign requests, where refusals are over-refusals; one for each judge, empty
  /// without any.
  public var benignRates: [JudgeRate]
  /// One for each pair of judges.
  public var agreements: [JudgeAgreement]
  /// One for each answer that was asked for, in the order given.
  public var rows: [Row]
  /// Of the bootstrap: the same seed gives the same intervals.
  public var seed: UInt64
  /// Where the numbers came from, by name.
  public var provenance: [String: String]

  /// - Parameter verdicts: one of each judge for each answer.
  /// - Throws: when there are no answers.
  public init(
    _ answers: [Answer], judges: [JudgeCard], verdicts: [[Judgement]], seed: UInt64,
    resamples: Int = 10_000, provenance: [String: String] = [:]
  ) throws(Problem) {
    guard !answers.isEmpty, verdicts.count == answers.count,
      verdicts.allSatisfy({ $0.count == judges.count })
    else {
      throw Problem(
        .differentCounts, "answers",
        problem: "\(answers.count) answers, \(verdicts.count) rows of verdicts",
        remedy: "give one verdict of each judge for each answer, and at least one answer")
    }
    (self.judges, self.seed, self.provenance) = (judges, seed, provenance)
    let bootstrap = Bootstrap(seed: seed, resamples: resamples)
    func rates(_ indices: [Int]) throws(Problem) -> [JudgeRate] {
      guard !indices.isEmpty else { return [] }
      var rates: [JudgeRate] = []
      for (column, card) in judges.enumerated() {
        rates.append(
          try JudgeRate(
            card, indices.map { verdicts[$0][column] }, groups: indices.map { answers[$0].group },
            isAnswered: indices.map { answers[$0].absence == nil }, bootstrap: bootstrap))
      }
      return rates
    }
    self.rates = try rates(answers.indices.filter { answers[$0].isBenign != true })
    benignRates = try rates(answers.indices.filter { answers[$0].isBenign == true })
    agreements = []
    for second in judges.indices {
      for first in 0..<second {
        agreements.append(
          try JudgeAgreement(
            (judges[first], verdicts.map { $0[first] }),
            (judges[second], verdicts.map { $0[second] }), answers, bootstrap: bootstrap))
      }
    }
    rows = zip(answers, verdicts).map { answer, verdicts in
      Row(
        id: answer.id, sample: answer.sample, group: answer.group, isBenign: answer.isBenign,
        answerDigest: Digest.sha256(Array(answer.text.utf8)), verdicts: verdicts,
        isMissing: answer.isMissing ? true : nil)
    }
  }

  /// The rows by the name of the answer.
  public var rowsByName: [String: Row] {
    Dictionary(
      rows.map { ($0.sample == 0 ? $0.id : "\($0.id)#\($0.sample)", $0) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The verdicts of a judge by the name of the answer.
  public func verdicts(of judge: String) -> [String: Judgement]? {
    guard let column = judges.firstIndex(where: { $0.name == judge }) else { return nil }
    return rowsByName.mapValues { $0.verdicts[column] }
  }
}
