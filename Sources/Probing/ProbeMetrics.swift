import Files
import Foundation
import Statistics

/// How well scores tell two classes apart on rows that the probe has not seen.
public struct ProbeMetrics: Sendable, Equatable, Codable {
  /// Rows that were scored.
  public var n: Int
  /// Rows of the class that scores high.
  public var positives: Int
  /// Nil where one class is missing.
  public var auroc: Interval?
  /// The share of rows on the right side of the threshold.
  public var accuracy: Interval?
  /// Mean negative log probability of the true label, in nats.
  public var logLoss: Double
  /// Brier score, expected calibration error and reliability table; nil on selection rows.
  public var calibration: Calibration?
  /// The corners of the ROC curve from (0, 0) to (1, 1); only for the probe that was chosen, on its
  /// test rows, and nil where one class is missing.
  public var roc: [RatePair]?

  /// One corner of a ROC curve.
  public struct RatePair: Sendable, Equatable, Codable {
    /// The share of negatives at or above the corner's score, from 0 to 1.
    public var falsePositiveRate: Double
    /// The share of positives at or above the corner's score, from 0 to 1.
    public var truePositiveRate: Double
  }

  /// - Parameters:
  ///   - scores: z in logits, one per row.
  ///   - groups: rows of one group are resampled together; with one row a group the intervals are
  ///     Wilson's and DeLong's.
  init(
    scores: [Float], labels: [Bool], groups: [String], threshold: Float,
    bootstrap: Bootstrap
  ) throws(Problem) {
    n = labels.count
    positives = labels.count { $0 }
    let scores = scores.map { Double($0) }
    let isRight = zip(scores, labels).map { ($0 > Double(threshold)) == $1 }
    logLoss = meanLogLoss(scores, labels)
    calibration = try Calibration(
      probabilities: scores.map(sigmoid), labels: labels, clusters: groups)
    accuracy = try bootstrap.share(isRight, clusters: groups)
    let roc = try ROC(scores: scores, labels: labels)
    self.roc = roc.map(Self.corners)
    guard let roc else { return }
    if Set(groups).count == n {
      // DeLong's normal approximation is not to be trusted below a few hundred rows.
      auroc = n < 200 ? roc.bootstrapInterval(bootstrap) : roc.deLongInterval()
      return
    }
    // One area takes a sort, so there are fewer resamples than of a mean.
    var bootstrap = bootstrap
    bootstrap.resamples = min(bootstrap.resamples, 2000)
    auroc = bootstrap.interval(.clusters(groups)) { rows in
      (try? ROC(scores: rows.map { scores[$0] }, labels: rows.map { labels[$0] }))??.auroc
    }
    guard auroc == nil else { return }
    // Every resample gives the same area, or many lack a class: pairs of whole groups are independent.
    let pairs =
      [true, false].map { label in
        Set(labels.indices.filter { labels[$0] == label }.map { groups[$0] }).count
      }.min() ?? 0
    auroc = .wilson(
      share: roc.auroc, trials: pairs, n: n,
      method: "Wilson over \(pairs) disjoint pairs of groups, since resampling gives no interval")
  }

  /// The points at which the curve turns.
  private static func corners(_ roc: ROC) -> [RatePair] {
    var corners: [RatePair] = []
    for point in roc.points {
      let next = RatePair(
        falsePositiveRate: point.falsePositiveRate, truePositiveRate: point.truePositiveRate)
      if corners.count > 1 {
        let (last, before) = (corners[corners.count - 1], corners[corners.count - 2])
        let isLevel =
          before.truePositiveRate == last.truePositiveRate
          && last.truePositiveRate == next.truePositiveRate
        let isUpright =
          before.falsePositiveRate == last.falsePositiveRate
          && last.falsePositiveRate == next.falsePositiveRate
        if isLevel || isUpright { corners.removeLast() }
      }
      corners.append(next)
    }
    return corners
  }
}

extension Probe {
  /// How well the probe tells labelled rows apart that it was not trained on.
  ///
  /// - Parameter features: hold the probe's hook.
  /// - Throws: when the hook is missing or has another width.
  public func evaluate(
    on features: FeatureSet, seed: UInt64, resamples: Int = 10_000
  ) throws(Problem) -> ProbeMetrics {
    guard let index = features.hooks.firstIndex(of: hook) else {
      throw Problem(
        .notCaptured, "probe at \(hook)", problem: "there are no features of its hook",
        remedy: "capture \(hook)")
    }
    let scores = try score(features.matrices[index])
    return try ProbeMetrics(
      scores: scores, labels: features.labels, groups: features.groups, threshold: threshold,
      bootstrap: Bootstrap(seed: seed, resamples: resamples))
  }
}

/// Mean of log(1 + exp(-y z)) with y = +-1.
func meanLogLoss(_ scores: [Double], _ labels: [Bool]) -> Double {
  let sum = zip(scores, labels).reduce(0.0) { sum, row in
    let z = row.1 ? row.0 : -row.0
    return sum + max(-z, 0) + log1p(exp(-abs(z)))
  }
  return sum / Double(max(labels.count, 1))
}

/// What probes that cannot know anything reach on the same rows: shuffled labels, random directions.
public struct ControlMetrics: Sendable, Equatable, Codable {
  /// One area per control probe.
  public var auroc: [Double]
  /// One share of right rows per control probe.
  public var accuracy: [Double]

  /// The mean over the control probes; 0 without any.
  public var meanAUROC: Double { auroc.reduce(0, +) / Double(max(auroc.count, 1)) }

  /// - Parameter scores: one list per control probe, with the labels that it is measured against.
  init(_ controls: [(scores: [Float], labels: [Bool])]) throws(Problem) {
    (auroc, accuracy) = ([], [])
    for (scores, labels) in controls {
      if let roc = try ROC(scores: scores.map { Double($0) }, labels: labels) {
        auroc.append(roc.auroc)
      }
      let right = zip(scores, labels).count { ($0 > 0) == $1 }
      accuracy.append(Double(right) / Double(max(labels.count, 1)))
    }
  }
}
