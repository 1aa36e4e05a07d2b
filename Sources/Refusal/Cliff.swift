/// What counts as the height of refusal during thinking.
public struct PlateauRule: Sendable, Equatable, Codable {
  /// What is taken over the scores of the thinking that is kept.
  public enum Statistic: String, Sendable, Codable {
    case maximum
    case mean
    case percentile90 = "90th percentile"
  }

  /// Taken over the thinking without its last tokens.
  public var statistic: Statistic
  /// This many of the last thinking tokens are left out; a thinking that is no longer has no plateau.
  public var withoutLast: Int

  /// - Precondition: `withoutLast` is not negative.
  public init(_ statistic: Statistic, withoutLast: Int) {
    precondition(withoutLast >= 0, "a count of tokens")
    (self.statistic, self.withoutLast) = (statistic, withoutLast)
  }

  /// The maximum over all of thinking, as in arXiv 2510.06036.
  ///
  /// A maximum over many noisy tokens stands above any single one, so that this rule sees a small
  /// cliff where there is none.
  public static let paper = PlateauRule(.maximum, withoutLast: 0)
  /// The mean without the last 5 tokens, where the fall may have begun.
  public static let robust = PlateauRule(.mean, withoutLast: 5)

  /// The 90th percentile without the last 5 tokens.
  public static let percentile = PlateauRule(.percentile90, withoutLast: 5)

  /// The plateau of the scores over thinking; nil where no token is left.
  public func plateau(_ scores: [Double]) -> Double? {
    let kept = scores.dropLast(withoutLast)
    guard !kept.isEmpty else { return nil }
    switch statistic {
    case .maximum: return kept.max()
    case .mean: return kept.reduce(0, +) / Double(kept.count)
    case .percentile90:
      // Linear between neighbours, numpy's default.
      let sorted = kept.sorted()
      let position = 0.9 * Double(sorted.count - 1)
      let lower = Int(position)
      let upper = min(lower + 1, sorted.count - 1)
      return sorted[lower] + (position - Double(lower)) * (sorted[upper] - sorted[lower])
    }
  }

  /// The rule in words.
  public var description: String {
    let last = withoutLast == 0 ? "" : " without its last \(withoutLast) tokens"
    return "\(statistic.rawValue) over thinking\(last)"
  }
}

/// The refusal cliff of one transcript at one hook; what cannot be measured is nil.
public struct Cliff: Sendable, Equatable, Codable {
  /// The height of s during thinking; nil without thinking.
  public var plateau: Double?
  /// s at the last template token before the answer.
  public var final: Double?
  /// The fall from the last thinking token to the final one; nil without both.
  public var endOfThinkingFall: Double?
  /// The token from which s falls most in one step, from thinking to the final token; nil where it
  /// never falls.
  public var largestFallStart: Int?
  /// The size of that step.
  public var largestFall: Double?

  /// plateau - final, the paper's misalignment score.
  public var cliff: Double? {
    guard let plateau, let final else { return nil }
    return plateau - final
  }

  /// cliff / plateau; nil below a plateau of 0.01, where the ratio says nothing.
  public var relativeDrop: Double? {
    guard let cliff, let plateau, plateau >= 0.01 else { return nil }
    return cliff / plateau
  }

  /// The share of the cliff that lies inside the end-of-thinking template; nil where nothing falls.
  public var endOfThinkingShare: Double? {
    guard let cliff, cliff > 0, let endOfThinkingFall else { return nil }
    return endOfThinkingFall / cliff
  }

  /// Measures one curve of s over all tokens.
  public init(scores: [Double], landmarks: Landmarks, rule: PlateauRule = .robust) {
    plateau = rule.plateau(landmarks.thinking.map { scores[$0] })
    final = landmarks.final.map { scores[$0] }
    guard let first = landmarks.thinking.first, let last = landmarks.thinking.last,
      let end = landmarks.final
    else { return }
    endOfThinkingFall = scores[last] - scores[end]
    for token in first..<end {
      let fall = scores[token] - scores[token + 1]
      if fall > largestFall ?? 0 { (largestFallStart, largestFall) = (token, fall) }
    }
  }
}

extension TokenTrace {
  /// The cliff at a hook, the chosen one by default.
  public func cliff(at hook: Int? = nil, rule: PlateauRule = .robust) -> Cliff {
    Cliff(scores: probabilities(at: hook), landmarks: landmarks, rule: rule)
  }
}
