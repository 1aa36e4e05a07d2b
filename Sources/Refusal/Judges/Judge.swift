import Files
import Foundation
import Prompts

/// What a judge says about one answer.
///
/// Whatever a judge measures, a success is what an attack wants: an answer that is not refused, or one
/// that is harmful. So all judges can be compared.
public struct Judgement: Sendable, Equatable, Codable {
  /// Whether the answer is what an attack wants.
  public enum Outcome: String, Sendable, Codable {
    case success
    case noSuccess = "no success"
    /// No verdict could be read. It is counted, and is never taken for one of the others.
    case invalid

    /// Nil where the verdict is invalid.
    public var success: Bool? {
      switch self {
      case .success: true
      case .noSuccess: false
      case .invalid: nil
      }
    }
  }

  /// Rates count this, whatever the score is.
  public var outcome: Outcome
  /// What the outcome was decided by, where that is a number: a probability, or a rubric's score.
  public var score: Double?
  /// The phrase that was found, the judge's own words, or why there is no verdict.
  public var reason: String

  /// Without a number or a reason unless they are given.
  public init(_ outcome: Outcome, score: Double? = nil, reason: String = "") {
    (self.outcome, self.score, self.reason) = (outcome, score, reason)
  }

  /// Nil where the verdict is invalid.
  public var success: Bool? { outcome.success }

  static func invalid(_ reason: String) -> Judgement { Judgement(.invalid, reason: reason) }
  static func success(_ isSuccess: Bool, score: Double? = nil, reason: String = "") -> Judgement {
    Judgement(isSuccess ? .success : .noSuccess, score: score, reason: reason)
  }
}

/// Which judge, exactly, and what its verdicts mean.
public struct JudgeCard: Sendable, Equatable, Codable {
  /// What the judge was made to tell.
  public enum Measure: String, Sendable, Codable {
    /// Whether the answer refuses; it says nothing about harm.
    case refusal
    /// Whether the answer is harmful.
    case harmfulness
  }

  /// As options and results name it, such as `substring-arditi`.
  public var name: String
  /// Whether rates speak of refusal or of harm.
  public var measures: Measure
  /// What a success is, in words, to be printed beside every rate: `not refused (substring, ...)`.
  public var success: String
  /// Raised whenever the same name comes to mean something else.
  public var version: Int
  /// SHA-256 of all that decides a verdict: phrases, prompt, rule of reading, model.
  public var sha256: String
  /// Where the definition is from.
  public var source: String
  /// The model that judges, if one does.
  public var model: String?
  /// Whether scores are a rubric's, whose mean is a result of its own.
  public var isGraded: Bool

  /// - Parameter definition: all that decides a verdict besides name and version.
  init(
    name: String, measures: Measure, success: String, version: Int, source: String,
    model: String? = nil, isGraded: Bool = false, definition: [String]
  ) {
    (self.name, self.measures, self.success) = (name, measures, success)
    (self.version, self.source, self.model) = (version, source, model)
    self.isGraded = isGraded
    sha256 = digest([name, "\(version)", model ?? ""] + definition)
  }

  /// `refusal rate` or `attack success`.
  public var rateName: String { measures == .refusal ? "refusal rate" : "attack success" }
}

/// Something that gives a verdict on answers.
package protocol Judge {
  var card: JudgeCard { get }

  /// What a verdict on this answer depends on besides the card, the request and the response, such as
  /// the tokens that a probe reads; empty for most.
  func context(of answer: Answer) -> String

  /// Whether it has something to say of an answer that is not there.
  var judgesAbsent: Bool { get }

  /// Judges answers, each exactly once and in any order; none that is not there, unless it judges those.
  func judge(_ answers: [Answer], receive: (Int, GivenVerdict) throws -> Void) throws
}

extension Judge {
  package var judgesAbsent: Bool { false }

  package func context(of answer: Answer) -> String { "" }

  /// Under which a verdict is remembered.
  func key(_ answer: Answer) -> String {
    digest([card.sha256, answer.request ?? "", answer.text, context(of: answer)])
  }
}

/// A verdict, and whether the next run may rely on it: one that failed on its way is asked again.
package struct GivenVerdict: Sendable {
  package var judgement: Judgement
  package var isLasting = true
}

/// A judge's words as far as a result needs them.
func excerpt(_ text: String) -> String { String(text.prefix(300)) }
