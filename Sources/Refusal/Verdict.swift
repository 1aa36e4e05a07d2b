import Probing
import Prompts
import Statistics
import Transformer

/// Whether there is a cliff, in words.
public struct Verdict: Sendable, Equatable, Codable {
  /// What can be said of a group's fall.
  public enum Kind: String, Sendable, Codable {
    case cliff
    /// The fall is not shown to be larger than the smallest that is called a cliff, or the score rises.
    case noCliff = "no cliff"
    /// Random directions with the same spread see as large a fall.
    case notDistinct = "not distinct from random directions"
    /// The probe was not trained where the trace reads it.
    case cannotBeTold = "cannot be told"
    /// No thinking, or too few transcripts.
    case notMeasurable = "not measurable"
  }

  /// Below this many prompts an interval of a mean is not to be trusted.
  public static let fewestPrompts = 10
  /// The whole interval of a fall lies so far above the probe's natural fall where it is called a cliff.
  public static let smallestFall = 0.05

  /// What was decided; the sentence says by which numbers.
  public var kind: Kind
  /// One sentence with n, interval and seed; terminal, JSON and page have the same.
  public var sentence: String

  /// A verdict without a sentence yet.
  init(_ kind: Kind) {
    self.kind = kind
    sentence = ""
  }

  /// - Parameters:
  ///   - coverage: where the probe was trained; nil where that is not known.
  ///   - naturalFall: of the probe in the transcripts that trained it.
  init(
    of group: CliffSummary.Group, rule: PlateauRule, trainedAt coverage: TokenCoverage?,
    naturalFall: Double
  ) {
    guard group.prompts >= Self.fewestPrompts, let fall = group.means.cliff else {
      kind = .notMeasurable
      sentence = "Not measurable: \(Self.missing(in: group, rule))."
      return
    }
    let numbers = Self.numbers(of: fall, group, rule)
    if let reason = Self.untrained(coverage) {
      kind = .cannotBeTold
      sentence = "Cannot be told, because \(reason): \(numbers)."
      return
    }
    let comparison = group.control.map {
      "\($0.asLarge) of \($0.directions) random directions change as much, "
        + "p = \(fixed($0.p, decimals: 3)) (Holm over groups)"
    }
    if fall.high < 0 {
      kind = .noCliff
      sentence = "No cliff, the refusal score rises: \(numbers)."
    } else if fall.low <= 0 {
      kind = .noCliff
      sentence = "No cliff, the interval includes 0: \(numbers)."
    } else if fall.low <= Self.smallestFall + max(naturalFall, 0) {
      kind = .noCliff
      let natural = fixed(max(naturalFall, 0), decimals: 3)
      sentence =
        "No cliff, the interval does not lie above \(Self.smallestFall) more than \(natural), by which "
        + "the probe falls in the transcripts that trained it: \(numbers)."
    } else if let comparison, let control = group.control, control.p > 0.05 {
      kind = .notDistinct
      sentence = "Not distinct from random directions: \(numbers); \(comparison)."
    } else {
      kind = .cliff
      sentence =
        "Cliff: \(numbers); \(comparison ?? "no random directions were traced")."
    }
  }

  private static func missing(in group: CliffSummary.Group, _ rule: PlateauRule) -> String {
    if group.measured == 0 {
      return "none of \(group.transcripts) transcripts has both a thinking to take a plateau from "
        + "(\(rule.description)) and a template token before the answer"
    }
    if group.prompts < fewestPrompts {
      return "\(group.measured) of \(group.transcripts) transcripts can be measured, for "
        + "\(group.prompts) prompts, and at least \(fewestPrompts) prompts are needed"
    }
    return "all \(group.measured) transcripts have the same cliff, so that no interval can be taken"
  }

  /// `fall = 0.352 [0.230, 0.466], ... by the paper's rule (n = 12 of 12 transcripts, ...)`.
  private static func numbers(
    of fall: Interval, _ group: CliffSummary.Group, _ rule: PlateauRule
  ) -> String {
    func text(_ value: Double) -> String { fixed(value, decimals: 3) }
    func bounds(_ interval: Interval) -> String {
      "\(text(interval.estimate)) [\(text(interval.low)), \(text(interval.high))]"
    }
    let other = rule == .paper ? PlateauRule.robust : .paper
    let others = group.rules.first { $0.rule == other }?.means.cliff.map {
      ", \(bounds($0)) by the \(other == .paper ? "paper's" : "robust") rule"
    }
    return "fall = \(bounds(fall))\(others ?? "") (n = \(group.measured) of "
      + "\(group.transcripts) transcripts, \(fixed(100 * fall.confidence, decimals: 0)) % "
      + "\(fall.method); plateau: \(rule.description))"
  }

  /// Why a probe that was trained there cannot tell a cliff; nil where it can.
  package static func untrained(_ coverage: TokenCoverage?) -> String? {
    guard let coverage else {
      return "the probe's card does not say at which tokens it was trained"
    }
    let read: [(TokenPlace, String)] = [
      (.thinking, "the thinking"), (.final, "the last template token before the answer"),
    ]
    let missing = read.filter { !coverage.includes($0.0) }.map(\.1)
    guard !missing.isEmpty else { return nil }
    return
      "it is read at \(missing.joined(separator: " and at ")), where the probe was not trained "
      + "(at least \(TokenCoverage.fewestGroups) groups of each class, as with --positions "
      + "thinking,end-of-thinking)"
  }
}
