import Files
import Foundation

/// Confidence intervals by resampling with replacement (Efron 1979), the same for the same seed.
///
///     let bootstrap = Bootstrap(seed: 42)
///     bootstrap.mean(cliffs)                                     // BCa, 10,000 resamples
///     bootstrap.mean(differences, clusters: behaviours)          // paired, resampling whole behaviours
///     bootstrap.interval(.items(n)) { items in spearman(of: items) }
public struct Bootstrap: Sendable {
  /// How resampled values become bounds.
  public enum Method: String, Codable, Sendable {
    /// Bias-corrected and accelerated (Efron 1987).
    case bca = "BCa"
    /// The plain quantiles of the resampled statistic.
    case percentile = "percentile"
  }

  /// Decides every draw; the same seed gives the same bounds.
  public var seed: UInt64
  /// How often units are drawn, at least 100.
  public var resamples: Int
  /// The nominal coverage of the intervals, such as 0.95.
  public var confidence: Double
  /// BCa unless another was asked for.
  public var method: Method

  /// - Precondition: `resamples` is at least 100.
  public init(
    seed: UInt64, resamples: Int = 10_000, confidence: Double = 0.95, method: Method = .bca
  ) {
    precondition(resamples >= 100, "an interval needs at least 100 resamples")
    self.seed = seed
    self.resamples = resamples
    self.confidence = confidence
    self.method = method
  }

  /// The interval of any statistic of the items.
  ///
  /// `statistic` gets the indices of the items in one resample, with repetitions, and returns nil
  /// where it is undefined; it is called `resamples` times, and once for each unit left out.
  ///
  /// Nil when there are fewer than two units to draw, the statistic is undefined on the items or on
  /// more than one resample in twenty, or every resample gives the same value: a width of zero
  /// would claim a certainty that the data do not have.
  public func interval(
    _ plan: Resampling, of statistic: ([Int]) -> Double?
  ) -> Interval? {
    let all = plan.items(of: plan.strata.flatMap(Array.init))
    guard let estimate = statistic(all), estimate.isFinite else { return nil }
    var influences: [[Double]] = []
    if method == .bca {
      for stratum in plan.strata {
        let others = plan.strata.filter { $0 != stratum }.flatMap(Array.init)
        var values: [Double] = []
        for left in stratum where stratum.count > 1 {
          guard let value = statistic(plan.items(of: others + stratum.filter { $0 != left })),
            value.isFinite
          else { return nil }
          values.append(value)
        }
        let mean = values.reduce(0, +) / Double(max(values.count, 1))
        influences.append(values.map { Double(stratum.count - 1) * (mean - $0) })
      }
    }
    return interval(
      plan: plan, estimate: estimate, influences: influences, n: all.count, name: plan.name
    ) { statistic(plan.items(of: $0)) }
  }

  /// The mean of the values, or of all values of the drawn clusters, without a call per resample.
  public func mean(
    _ values: [Double], clusters: [String]? = nil
  ) throws(Problem) -> Interval? {
    try requireFinite(values, "bootstrap of a mean")
    if let clusters {
      try requireSameCount(values.count, clusters.count, "bootstrap of a mean")
    }
    guard !values.isEmpty else { return nil }
    let plan = clusters.map(Resampling.clusters) ?? .items(values.count)
    let sums = plan.units.map { $0.reduce(0) { $0 + values[$1] } }
    let counts = plan.units.map { Double($0.count) }
    let (total, count) = (sums.reduce(0, +), Double(values.count))
    let influences = sums.indices.map { sums[$0] - counts[$0] * total / count }
    return interval(
      plan: plan, estimate: total / count, influences: [influences], n: values.count,
      name: plan.name
    ) { units in
      var (sum, size) = (0.0, 0.0)
      for unit in units {
        sum += sums[unit]
        size += counts[unit]
      }
      return sum / size
    }
  }

  /// The interval from a statistic of drawn units.
  ///
  /// - Parameter influences: how much each unit pulls the statistic, one list for each stratum: the
  ///   mean of the leave-one-out values minus the unit's own, times the stratum's size less one.
  func interval(
    plan: Resampling, estimate: Double, influences: [[Double]], n: Int, name: String,
    statistic: ([Int]) -> Double?
  ) -> Interval? {
    guard plan.strata.contains(where: { $0.count > 1 }) else { return nil }
    var generator = SeededGenerator(seed: seed, item: "bootstrap")
    var units = [Int](repeating: 0, count: plan.units.count)
    var values: [Double] = []
    values.reserveCapacity(resamples)
    for _ in 0..<resamples {
      plan.draw(into: &units, using: &generator)
      if let value = statistic(units), value.isFinite { values.append(value) }
    }
    guard values.count * 20 >= resamples * 19 else { return nil }
    values.sort()
    guard let first = values.first, let last = values.last,
      last - first > 1e-12 * max(abs(first), abs(last))
    else { return nil }
    let tail = (1 - confidence) / 2
    var (levels, used) = ((low: tail, high: 1 - tail), Method.percentile)
    if method == .bca,
      let corrected = Self.correctedLevels(
        tail: tail, below: Self.shareBelow(estimate, values),
        acceleration: Self.acceleration(influences))
    {
      (levels, used) = (corrected, .bca)
    }
    return Interval(
      estimate: estimate, low: Self.quantile(values, levels.low),
      high: Self.quantile(values, levels.high), confidence: confidence,
      method: "\(used.rawValue) bootstrap \(name), \(resamples) resamples, seed \(seed)", n: n)
  }
}
