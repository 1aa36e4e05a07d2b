import Files

/// How well a score separates positives from negatives: the receiver operating characteristic.
///
///     let roc = try ROC(scores: scores, labels: isRefusal)
///     print(roc?.auroc, roc?.interval(seed: 42))
public struct ROC: Sendable {
  /// One corner of the curve.
  public struct Point: Codable, Sendable, Equatable {
    /// Scores at or above it count as positive; infinite for the curve's start.
    public var threshold: Double
    /// The share of negatives at or above the threshold, from 0 to 1.
    public var falsePositiveRate: Double
    /// The share of positives at or above the threshold, from 0 to 1.
    public var truePositiveRate: Double
  }

  /// The area under the curve: the probability that a positive outscores a negative, a tie counting half.
  public let auroc: Double
  /// Items whose label is true.
  public let positives: Int
  /// Items whose label is false.
  public let negatives: Int

  /// Of each positive the share of negatives below it, in the order of the items (DeLong's V10).
  let positivePlacements: [Double]
  /// Of each negative the share of positives above it (V01).
  let negativePlacements: [Double]
  /// The distinct scores in ascending order with how often each occurs in either class.
  let levels: [Level]
  /// Of each positive, and of each negative, the index of its level.
  let positiveLevels: [Int]
  let negativeLevels: [Int]

  struct Level {
    var score: Double
    var positives = 0
    var negatives = 0
  }

  /// Nil when one of the two classes has no item: no curve exists.
  /// - Throws: when the series differ in length or a score is not finite.
  public init?(scores: [Double], labels: [Bool]) throws(Problem) {
    try requireSameCount(scores.count, labels.count, "AUROC")
    try requireFinite(scores, "AUROC")
    var levels: [Level] = []
    var levelOfItem = [Int](repeating: 0, count: scores.count)
    for item in scores.indices.sorted(by: { scores[$0] < scores[$1] }) {
      if levels.last?.score != scores[item] { levels.append(Level(score: scores[item])) }
      levelOfItem[item] = levels.count - 1
      if labels[item] {
        levels[levels.count - 1].positives += 1
      } else {
        levels[levels.count - 1].negatives += 1
      }
    }
    let (positives, negatives) = (labels.count { $0 }, labels.count { !$0 })
    guard positives > 0, negatives > 0 else { return nil }

    var (positivesAbove, negativesBelow) = (Double(positives), 0.0)
    var (shareBelow, shareAbove): ([Double], [Double]) = ([], [])
    for level in levels {
      let (here, others) = (Double(level.positives), Double(level.negatives))
      positivesAbove -= here
      shareBelow.append((negativesBelow + others / 2) / Double(negatives))
      shareAbove.append((positivesAbove + here / 2) / Double(positives))
      negativesBelow += others
    }
    self.levels = levels
    self.positives = positives
    self.negatives = negatives
    positiveLevels = labels.indices.filter { labels[$0] }.map { levelOfItem[$0] }
    negativeLevels = labels.indices.filter { !labels[$0] }.map { levelOfItem[$0] }
    positivePlacements = positiveLevels.map { shareBelow[$0] }
    negativePlacements = negativeLevels.map { shareAbove[$0] }
    auroc = Self.area(
      levels.map(\.positives), levels.map(\.negatives), positives: positives, negatives: negatives)
  }

  /// The curve from (0, 0) to (1, 1), one point for each distinct score.
  public var points: [Point] {
    var (truePositives, falsePositives) = (0, 0)
    var points = [Point(threshold: .infinity, falsePositiveRate: 0, truePositiveRate: 0)]
    for level in levels.reversed() {
      truePositives += level.positives
      falsePositives += level.negatives
      points.append(
        Point(
          threshold: level.score,
          falsePositiveRate: Double(falsePositives) / Double(negatives),
          truePositiveRate: Double(truePositives) / Double(positives)))
    }
    return points
  }

  /// Twice the area is a whole number of pairs, so that it is exact whatever the order of the items.
  static func area(
    _ positivesAt: [Int], _ negativesAt: [Int], positives: Int, negatives: Int
  ) -> Double {
    var (below, doubled) = (0, 0)
    for level in positivesAt.indices {
      doubled += positivesAt[level] * (2 * below + negativesAt[level])
      below += negativesAt[level]
    }
    return Double(doubled) / (2 * Double(positives) * Double(negatives))
  }
}
