import Statistics
import Transformer

/// What was found about one head.
///
/// A suppression head is claimed where two things hold at once, after Holm's correction over all heads:
/// its value has the same sign from prompt to prompt (a sign-flip test over groups), and it points along
/// the score's direction more than random directions of the same norm do. The larger of the two p
/// values is the head's.
public struct HeadFinding: Sendable, Equatable, Codable {
  /// The block, from 0.
  public var layer: Int
  /// Its index in the block, from 0.
  public var head: Int
  /// The mean over prompts.
  public var mean: Double
  /// Of the mean, over groups of prompts; nil with fewer than two groups or where all have one value.
  public var interval: Interval?
  /// Of the sign-flip test, two-sided.
  public var signFlipP: Double
  /// The cosine of the mean change, or of the mean output, with the score's direction; nil where the
  /// score has none or the head changes nothing.
  public var cosine: Double?
  /// The share of random directions with at least this cosine.
  public var randomDirectionP: Double?
  /// The larger of both, adjusted by Holm's method over all heads: for claims.
  public var holmP: Double
  /// The same adjusted by Benjamini and Hochberg's: for a screen, not for a claim.
  public var screenP: Double
  /// Whether it is claimed that the head suppresses refusal.
  public var isSuppressor: Bool

  /// Block and index together, as interventions take them.
  public var place: Head { Head(layer: layer, head: head) }

  /// The level of claims.
  public static let level = 0.05

  /// - Parameters:
  ///   - values: `[heads][prompts]`.
  ///   - suppressingSign: the sign of a suppression head's mean; nil where none is to be claimed.
  static func judge(
    _ heads: [Head], _ values: [[Double]], groups: [String], cosines: [Double?]?,
    dimensions: Int, suppressingSign: Double?, seed: UInt64, resamples: Int
  ) throws -> [HeadFinding] {
    let test = SignFlipTest(seed: seed, tests: heads.count)
    let flips = try test.pValues(values, clusters: groups)
    let directions = heads.indices.map { index in
      (cosines?[index]).flatMap { $0 }.flatMap {
        Statistics.randomDirectionP(cosine: $0, dimensions: dimensions)
      }
    }
    // Without a direction to compare with there is nothing to be claimed.
    let joint = zip(flips, directions).map { max($0, $1 ?? 1) }
    let holm = try MultipleComparisons.holm.adjusted(joint)
    let screen = try MultipleComparisons.benjaminiHochberg.adjusted(joint)
    let bootstrap = Bootstrap(seed: seed, resamples: resamples)
    return try heads.indices.map { index in
      let mean = values[index].reduce(0, +) / Double(max(values[index].count, 1))
      let sign = suppressingSign ?? 0
      return HeadFinding(
        layer: heads[index].layer, head: heads[index].head, mean: mean,
        interval: try bootstrap.mean(values[index], clusters: groups), signFlipP: flips[index],
        cosine: cosines?[index], randomDirectionP: directions[index], holmP: holm[index],
        screenP: screen[index], isSuppressor: holm[index] < level && mean * sign > 0)
    }
  }
}

extension [Head] {
  /// The heads with the largest mean in some prompts first; of equal ones the first in the model.
  /// - Parameters:
  ///   - values: `[heads][prompts]`.
  ///   - sign: -1 to put the least first.
  func ranked(by values: [[Double]], on prompts: [Int], sign: Double) -> [Head] {
    let sums = values.map { row in prompts.reduce(0) { $0 + row[$1] } * sign }
    return indices.sorted { (sums[$1], $0) < (sums[$0], $1) }.map { self[$0] }
  }
}
