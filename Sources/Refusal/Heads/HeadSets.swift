import Files
import Statistics
import Transformer

/// Sets of heads chosen on some prompts and reported on others, beside random sets of the same size.
public struct HeadSetReport: Sendable, Equatable, Codable {
  /// The largest share of heads first chosen, and what it does.
  public struct Chosen: Sendable, Equatable, Codable {
    /// The share of all heads that was asked for; nil for a set that a search found.
    public var share: Double?
    /// In the order of the ranking; in that of blocks for a set that a search found.
    public var heads: [Head]
    /// The mean effect on the prompts that choose; optimistic, because it was chosen for.
    public var selectionMean: Double
    /// The mean effect on the report's prompts; nil where no interval can be taken.
    public var effect: Interval?
    /// The same mean without an interval, which is always there.
    public var mean: Double
    /// Nil where there are no random sets.
    public var control: Control?
  }

  /// What random sets of the same size do on the same prompts.
  public struct Control: Sendable, Equatable, Codable {
    /// How many were drawn.
    public var sets: Int
    /// The mean over the sets of their mean effects.
    public var mean: Double
    /// The least mean effect of a set.
    public var lowest: Double
    /// The greatest mean effect of a set.
    public var highest: Double
    /// Sets whose mean effect is at least as large in the wanted direction.
    public var asLarge: Int
    /// (asLarge + 1) / (sets + 1), one-sided, adjusted by Holm's method over the sizes.
    public var p: Double
  }

  /// Prompts that chose, and prompts that are reported on; no group is in both.
  public var selectionPrompts: Int
  /// Prompts on which the sets are reported.
  public var reportPrompts: Int
  /// Groups among the prompts that chose.
  public var selectionGroups: Int
  /// Groups among the prompts that are reported on; intervals are over these.
  public var reportGroups: Int
  /// In the order in which they were asked for.
  public var sets: [Chosen]
}

/// How sets are cut from a ranking and compared.
public struct HeadSetPlan: Sendable, Equatable, Codable {
  /// Shares of all L x H heads, n = round(share L H), at least 1 head.
  public var shares: [Double]
  /// Random sets of each size; with 19 or fewer no p value can be below 0.05.
  public var randomSets: Int
  /// The share of prompts that choose.
  public var selectionShare: Double
  /// Of split, bootstrap and random sets: the same seed gives the same report.
  public var seed: UInt64
  /// How often groups are drawn for an interval.
  public var resamples: Int

  /// With 63 random sets a p value can be as small as 1 / 64, before its correction.
  public init(
    shares: [Double] = [0.015, 0.03, 0.1], randomSets: Int = 63, selectionShare: Double = 0.5,
    seed: UInt64, resamples: Int = 10_000
  ) {
    (self.shares, self.randomSets, self.selectionShare) = (shares, randomSets, selectionShare)
    (self.seed, self.resamples) = (seed, resamples)
  }

  /// The prompts that choose and those that are reported on.
  /// - Throws: with fewer than two groups.
  public func split(_ prompts: [HeadPrompt]) throws(Problem) -> GroupedSplit {
    let groups = prompts.map(\.group)
    return try GroupedSplit(
      groups: groups, labels: groups.map { _ in "" }, testShare: 1 - selectionShare, seed: seed)
  }

  /// The number of heads that a share means.
  public func count(_ share: Double, of heads: Int) -> Int {
    min(max(Int((share * Double(heads)).rounded()), 1), heads)
  }

  /// Random sets of a size; the same for the same seed.
  public func randomSets(of size: Int, from heads: [Head]) -> [[Head]] {
    (0..<randomSets).map { index in
      var generator = SeededGenerator(seed: seed, item: "random heads \(size) \(index)")
      return generator.shuffled(heads).prefix(size).sorted {
        ($0.layer, $0.head) < ($1.layer, $1.head)
      }
    }
  }

  /// Cuts sets from a ranking and compares them.
  ///
  /// - Parameters:
  ///   - ranking: all heads, the best first, as the selection prompts have it.
  ///   - total: L x H, of which shares are taken.
  ///   - sign: 1 where a larger effect is wanted, -1 where a smaller one is.
  ///   - effects: the effect of a set in each of the given prompts.
  public func report(
    _ prompts: [HeadPrompt], ranking: [Head], total: Int, sign: Double,
    effects: (_ set: [Head], _ prompts: [Int]) throws -> [Double]
  ) throws -> HeadSetReport {
    let sets = shares.map { share in
      (share: share as Double?, heads: Array(ranking.prefix(count(share, of: total))))
    }
    return try report(prompts, sets, from: ranking, sign: sign, effects: effects)
  }

  /// Compares sets that were chosen on the selection prompts.
  public func report(
    _ prompts: [HeadPrompt], _ sets: [(share: Double?, heads: [Head])], from heads: [Head],
    sign: Double, effects: (_ set: [Head], _ prompts: [Int]) throws -> [Double]
  ) throws -> HeadSetReport {
    let split = try split(prompts)
    let groups = split.test.map { prompts[$0].group }
    let bootstrap = Bootstrap(seed: seed, resamples: resamples)
    func mean(_ values: [Double]) -> Double {
      values.reduce(0, +) / Double(max(values.count, 1))
    }
    var report = HeadSetReport(
      selectionPrompts: split.train.count, reportPrompts: split.test.count,
      selectionGroups: Set(split.train.map { prompts[$0].group }).count,
      reportGroups: Set(groups).count, sets: [])
    for set in sets {
      let values = try effects(set.heads, split.test)
      let control = try self.control(mean(values), set.heads.count, heads, sign) {
        mean(try effects($0, split.test))
      }
      report.sets.append(
        .init(
          share: set.share, heads: set.heads,
          selectionMean: mean(try effects(set.heads, split.train)),
          effect: try bootstrap.mean(values, clusters: groups), mean: mean(values),
          control: control))
    }
    let places = report.sets.indices.filter { report.sets[$0].control != nil }
    let adjusted = try MultipleComparisons.holm.adjusted(
      places.compactMap { report.sets[$0].control?.p })
    for (place, p) in zip(places, adjusted) { report.sets[place].control?.p = p }
    return report
  }

  private func control(
    _ mean: Double, _ size: Int, _ heads: [Head], _ sign: Double,
    _ effect: ([Head]) throws -> Double
  ) throws -> HeadSetReport.Control? {
    let means = try randomSets(of: size, from: heads).map(effect)
    guard let lowest = means.min(), let highest = means.max() else { return nil }
    // Another set of the same heads sums in another order: equal but for rounding is equal.
    let slack = 1e-12 * (abs(lowest) + abs(highest) + abs(mean))
    let asLarge = means.count { $0 * sign >= mean * sign - slack }
    return .init(
      sets: means.count, mean: means.reduce(0, +) / Double(means.count), lowest: lowest,
      highest: highest, asLarge: asLarge, p: Double(asLarge + 1) / Double(means.count + 1))
  }
}
