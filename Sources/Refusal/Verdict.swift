import Statistics

/// Whether there is a cliff, in words.
public struct Verdict: Sendable, Equatable, Codable {
  public enum Kind: String, Sendable, Codable {
    case cliff
    /// The interval includes 0, or the score rises.
    case noCliff = "no cliff"
    /// Random directions of the same norm see as large a cliff.
    case notDistinct = "not distinct from random directions"
    /// No thinking, or too few transcripts.
    case notMeasurable = "not measurable"
  }

  /// Below this many prompts an interval of a mean is not to be trusted.
  public static let fewestPrompts = 10

  public var kind: Kind
  /// One sentence with n, interval and seed.
  public var sentence: String

  /// - Parameters:
  ///   - cliff: the mean cliff with its interval; nil where it could not be computed.
  ///   - control: what random directions see; nil where they were not traced.
  ///   - total: transcripts in all.
  ///   - measured: those with both a plateau and a final token.
  ///   - prompts: the prompts that the measured ones answer.
  init(
    cliff: Interval?, control: CliffControl?, total: Int, measured: Int, prompts: Int,
    rule: PlateauRule
  ) {
    guard prompts >= Self.fewestPrompts, let cliff else {
      kind = .notMeasurable
      let reason =
        if measured == 0 {
          "none of \(total) transcripts has both a thinking to take a plateau from "
            + "(\(rule.description)) and a template token before the answer"
        } else if prompts < Self.fewestPrompts {
          "\(measured) of \(total) transcripts can be measured, for \(prompts) prompts, and at "
            + "least \(Self.fewestPrompts) prompts are needed"
        } else {
          "all \(measured) transcripts have the same cliff, so that no interval can be taken"
        }
      sentence = "Not measurable: \(reason)."
      return
    }
    func text(_ value: Double) -> String { fixed(value, decimals: 3) }
    let numbers =
      "\(text(cliff.estimate)), \(fixed(100 * cliff.confidence, decimals: 0)) % interval "
      + "\(text(cliff.low)) to \(text(cliff.high)) (n = \(measured) of \(total) transcripts, "
      + "\(cliff.method); plateau: \(rule.description))"
    let comparison = control.map {
      "\($0.asLarge) of \($0.directions) random directions of the same norm change as much, "
        + "p = \(fixed($0.p, decimals: 3)) (Holm over groups)"
    }
    if cliff.low > 0, let control, let comparison, control.p > 0.05 {
      kind = .notDistinct
      sentence =
        "Not distinct from random directions: the score falls by \(numbers), but \(comparison)."
    } else if cliff.low > 0 {
      kind = .cliff
      sentence =
        "Cliff: the refusal score falls from plateau to final token by \(numbers)"
        + (comparison.map { "; \($0)." } ?? "; no random directions were traced.")
    } else if cliff.high < 0 {
      kind = .noCliff
      sentence = "No cliff: the refusal score rises, its fall is \(numbers)."
    } else {
      kind = .noCliff
      sentence = "No cliff: the interval includes 0, the mean fall is \(numbers)."
    }
  }
}
