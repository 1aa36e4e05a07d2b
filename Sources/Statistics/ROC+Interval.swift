import Files
import Foundation

extension ROC {
  /// The interval to publish: DeLong from 200 items on, below that the stratified BCa bootstrap,
  /// because a normal approximation is not to be trusted there.
  public func interval(seed: UInt64, confidence: Double = 0.95) -> Interval {
    positives + negatives >= 200
      ? deLongInterval(confidence: confidence)
      : bootstrapInterval(Bootstrap(seed: seed, confidence: confidence))
  }

  /// The interval of DeLong, DeLong and Clarke-Pearson (1988) on the logit scale, which keeps it
  /// within 0 and 1; `pairInterval` where the variance is zero or undefined.
  public func deLongInterval(confidence: Double = 0.95) -> Interval {
    guard let variance = deLongVariance, variance > 0, auroc > 0, auroc < 1 else {
      return pairInterval(confidence: confidence)
    }
    let spread = variance.squareRoot() / (auroc * (1 - auroc)) * Normal.critical(confidence)
    let logit = log(auroc / (1 - auroc))
    return Interval(
      estimate: auroc, low: 1 / (1 + exp(spread - logit)), high: 1 / (1 + exp(-logit - spread)),
      confidence: confidence, method: "DeLong on the logit scale", n: positives + negatives)
  }

  /// The bootstrap that resamples within each class; `pairInterval` where the classes are separated
  /// perfectly or every score is equal, because then every resample gives the same area.
  public func bootstrapInterval(_ bootstrap: Bootstrap) -> Interval {
    let plan = Resampling(strata: [positives, negatives])
    var (positivesAt, negativesAt) = (
      [Int](repeating: 0, count: levels.count), [Int](repeating: 0, count: levels.count)
    )
    let influences = [
      positivePlacements.map { $0 - auroc }, negativePlacements.map { $0 - auroc },
    ]
    let interval = bootstrap.interval(
      plan: plan, estimate: auroc, influences: influences, n: positives + negatives,
      name: "stratified by class"
    ) { units in
      for level in levels.indices { (positivesAt[level], negativesAt[level]) = (0, 0) }
      for unit in units {
        if unit < positives {
          positivesAt[positiveLevels[unit]] += 1
        } else {
          negativesAt[negativeLevels[unit - positives]] += 1
        }
      }
      return Self.area(positivesAt, negativesAt, positives: positives, negatives: negatives)
    }
    return interval ?? pairInterval(confidence: bootstrap.confidence)
  }

  /// The Wilson interval of the share of concordant pairs among k = min(positives, negatives) pairs.
  ///
  /// Where one score separates the classes perfectly, DeLong's variance is 0 and every bootstrap
  /// resample gives 1: both would claim certainty. But k disjoint pairs of a positive and a negative
  /// are independent trials with success probability AUROC, so a proportion's interval over k
  /// trials holds, and is wide rather than narrow because it ignores the other pairs.
  public func pairInterval(confidence: Double = 0.95) -> Interval {
    var interval = Interval.wilson(
      share: auroc, trials: min(positives, negatives), confidence: confidence,
      method: "Wilson over \(min(positives, negatives)) disjoint pairs")
    interval.n = positives + negatives
    return interval
  }

  /// DeLong's variance of the area, nil when a class has a single item.
  var deLongVariance: Double? { Self.covariance(self, self) }

  /// DeLong's covariance of the areas of two scores over the same items.
  private static func covariance(_ first: ROC, _ second: ROC) -> Double? {
    guard first.positives > 1, first.negatives > 1 else { return nil }
    func share(_ values: [Double], _ others: [Double]) -> Double {
      let sum = zip(values, others).reduce(0) {
        $0 + ($1.0 - first.auroc) * ($1.1 - second.auroc)
      }
      return sum / Double(values.count - 1) / Double(values.count)
    }
    return share(first.positivePlacements, second.positivePlacements)
      + share(first.negativePlacements, second.negativePlacements)
  }

  /// Two areas over the same items, compared.
  public struct Comparison: Codable, Sendable, Equatable {
    /// The first area minus the second.
    public var difference: Interval
    /// The difference over its standard error, standard normal where the areas are equal.
    public var z: Double
    /// Two-sided.
    public var pValue: Double
  }

  /// DeLong's paired test of two scores of the same items.
  ///
  /// Nil when the difference has no variance (both separate perfectly, or equal rankings), or a
  /// class is missing or has one item: then DeLong's test says nothing.
  public static func compare(
    _ first: [Double], _ second: [Double], labels: [Bool], confidence: Double = 0.95
  ) throws(Problem) -> Comparison? {
    guard let one = try ROC(scores: first, labels: labels),
      let other = try ROC(scores: second, labels: labels),
      let variance = covariance(one, one), let otherVariance = covariance(other, other),
      let shared = covariance(one, other)
    else { return nil }
    let total = variance + otherVariance - 2 * shared
    // The three terms cancel when the rankings agree; what is left then is rounding.
    guard total > 1e-12 * (variance + otherVariance) else { return nil }
    let (difference, error) = (one.auroc - other.auroc, total.squareRoot())
    let half = Normal.critical(confidence) * error
    return Comparison(
      difference: Interval(
        estimate: difference, low: max(difference - half, -1), high: min(difference + half, 1),
        confidence: confidence, method: "paired DeLong", n: labels.count),
      z: difference / error, pValue: Normal.twoSided(difference / error))
  }
}
