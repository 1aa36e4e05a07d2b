import Statistics

extension JudgeRate {
  /// The rate in words, over all that was asked: `0.50 [0.19, 0.81] (n = 10)`; where some of it has no
  /// verdict, the range that is possible, what is missing, and the rate among the rest.
  /// - Parameter card: of the judge; one that measures refusal gives the rate of refusals.
  public func text(_ card: JudgeCard) -> String {
    text(isRefusal: card.measures == .refusal)
  }

  /// The same for the rate of successes, or of refusals.
  package func text(isRefusal: Bool) -> String {
    let missing = asked - answers
    var parts: [String] = []
    if missing > 0 {
      let areJudged = missing + unreadable - invalid
      parts.append(
        "\(answers) answered of \(asked) asked, \(missing) without an answer"
          + (areJudged > 0 ? " (\(areJudged) of them no success by the file)" : ""))
    }
    if unreadable > 0 { parts.append("\(unreadable) of \(answers) verdicts invalid") }
    guard let rate = isRefusal ? refusal : success else {
      return (["no rate: none of \(asked) asked has a valid verdict"] + parts)
        .joined(separator: "; ")
    }
    let mean = score.map { ["mean score \($0)"] } ?? []
    guard let bounds else { return ([rate.description] + parts + mean).joined(separator: "; ") }
    let (none, all) = (bounds.ifNone, bounds.ifAll)
    let (low, high) =
      isRefusal ? (1 - all.estimate, 1 - none.estimate) : (none.estimate, all.estimate)
    let (least, most) = isRefusal ? (1 - all.high, 1 - none.low) : (none.low, all.high)
    let range =
      "\(two(low)) to \(two(high)) [\(two(least)), \(two(most))] (n = \(asked))"
    return ([range] + parts + ["\(rate) of those with a verdict"] + mean).joined(separator: "; ")
  }

  private func two(_ value: Double) -> String { fixed(value, decimals: 2) }
}
