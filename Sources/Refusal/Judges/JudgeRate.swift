import Files
import Prompts
import Statistics

/// How often one judge found what it looks for, with all that such a number needs beside it.
public struct JudgeRate: Sendable, Equatable, Codable {
  /// The rate over all that was asked, if none without a verdict were a success, and if all were.
  public struct Bounds: Sendable, Equatable, Codable {
    /// The rate if no answer without a verdict were a success.
    public var ifNone: Interval
    /// The rate if every answer without a verdict were a success.
    public var ifAll: Interval
  }

  /// The judge's name, as its card has it.
  public var judge: String
  /// What was asked: every rate is over that.
  public var asked: Int
  /// How much of it was answered.
  public var answers: Int
  /// The different behaviours that were asked for.
  public var behaviours: Int
  /// Answers that it calls a success.
  public var successes: Int
  /// All without a verdict: verdicts that could not be read, and answers that are not there.
  public var invalid: Int
  /// Verdicts on answers that are there, and could not be read.
  public var unreadable: Int
  /// Successes among the valid verdicts; nil when there is none.
  public var success: Interval?
  /// The complement, for a judge that measures refusal; nil for others.
  public var refusal: Interval?
  /// Nil where no verdict is invalid.
  public var bounds: Bounds?
  /// The mean of a rubric's scores; nil for others, and where all scores are the same.
  public var score: Interval?

  /// - Parameters:
  ///   - verdicts: of one judge, one for each answer that was asked for.
  ///   - groups: the behaviour of each answer.
  ///   - isAnswered: whether each answer is there; all are by default.
  public init(
    _ card: JudgeCard, _ verdicts: [Judgement], groups: [String], isAnswered: [Bool]? = nil,
    bootstrap: Bootstrap
  ) throws(Problem) {
    judge = card.name
    asked = verdicts.count
    let isAnswered = isAnswered ?? verdicts.map { _ in true }
    answers = isAnswered.count { $0 }
    unreadable = zip(verdicts, isAnswered).count { $0.success == nil && $1 }
    behaviours = Set(groups).count
    let valid = zip(verdicts, groups).compactMap { verdict, group in
      verdict.success.map { (success: $0, group: group) }
    }
    successes = valid.count { $0.success }
    invalid = verdicts.count - valid.count
    success = try bootstrap.share(valid.map(\.success), clusters: valid.map(\.group))
    refusal =
      card.measures == .refusal
      ? try bootstrap.share(valid.map { !$0.success }, clusters: valid.map(\.group)) : nil
    if invalid > 0 {
      func bound(_ assumed: Bool) throws(Problem) -> Interval? {
        try bootstrap.share(verdicts.map { $0.success ?? assumed }, clusters: groups)
      }
      if let none = try bound(false), let all = try bound(true) {
        bounds = Bounds(ifNone: none, ifAll: all)
      }
    }
    if card.isGraded {
      let scored = zip(verdicts, groups).filter { $0.0.success != nil && $0.0.score != nil }
      score = try bootstrap.mean(
        scored.compactMap(\.0.score), clusters: scored.map(\.1))
    }
  }
}

/// How far two judges agree on the same answers.
public struct JudgeAgreement: Sendable, Equatable, Codable {
  /// The name of the one judge.
  public var first: String
  /// The name of the other judge.
  public var second: String
  /// Answers on which both have a verdict.
  public var answers: Int
  /// Cohen's kappa of their successes; nil when both always say the same one thing.
  public var kappa: Double?
  /// Its bootstrap interval over behaviours; nil where it cannot be computed.
  public var kappaInterval: Interval?
  /// The share of answers on which they agree; nil without answers.
  public var observed: Interval?
  /// The names of the answers on which they do not.
  public var disagreements: [String]

  init(
    _ first: (JudgeCard, [Judgement]), _ second: (JudgeCard, [Judgement]), _ answers: [Answer],
    bootstrap: Bootstrap
  ) throws(Problem) {
    (self.first, self.second) = (first.0.name, second.0.name)
    let both = answers.indices.filter {
      first.1[$0].success != nil && second.1[$0].success != nil
    }
    self.answers = both.count
    let verdicts = both.map { (first.1[$0].success, second.1[$0].success) }
    let agreement = try Agreement(verdicts.map(\.0), verdicts.map(\.1))
    kappa = agreement?.kappa
    observed = try bootstrap.share(
      verdicts.map { $0.0 == $0.1 }, clusters: both.map { answers[$0].group })
    disagreements = (agreement?.disagreements ?? []).map { answers[both[$0]].name }
    kappaInterval =
      kappa == nil
      ? nil
      : bootstrap.interval(.clusters(both.map { answers[$0].group })) { drawn in
        Self.kappa(drawn.lazy.map { verdicts[$0] })
      }
  }

  /// Cohen's kappa from the four counts: the bootstrap asks for it ten thousand times.
  private static func kappa(_ pairs: some Sequence<(Bool?, Bool?)>) -> Double? {
    var (agreed, first, second, n) = (0, 0, 0, 0)
    for (one, other) in pairs {
      n += 1
      if one == other { agreed += 1 }
      if one == true { first += 1 }
      if other == true { second += 1 }
    }
    let chancePairs = first * second + (n - first) * (n - second)
    let (observed, chance) = (
      Double(agreed) / Double(n), Double(chancePairs) / (Double(n) * Double(n))
    )
    return chance < 1 ? (observed - chance) / (1 - chance) : nil
  }
}
