import Files
import Statistics

/// How much farther one model falls than another on the same prompts.
///
/// Prompts are paired: on each, the mean cliff of the one model's transcripts minus that of the other's.
public struct CliffDifference: Sendable, Equatable, Codable {
  /// The kind of prompt, such as `harmful`; `unlabelled` where the traces have none.
  public var label: String
  /// Prompts on which both models have a cliff to measure.
  public var prompts: Int
  /// The mean over prompts, with a bootstrap interval over them; nil with fewer than two, or where all
  /// differ alike.
  public var mean: Interval?

  /// - Parameters:
  ///   - comparisons: how many are made together; each interval is so much wider that all hold at once
  ///     (Bonferroni).
  /// - Returns: one for each label that both have.
  public static func between(
    _ traces: [TokenTrace], and reference: [TokenTrace], rule: PlateauRule, comparisons: Int,
    seed: UInt64, resamples: Int = 10_000
  ) throws(Problem) -> [CliffDifference] {
    let (one, other) = (cliffs(traces, rule), cliffs(reference, rule))
    let labels = Set(one.keys).intersection(other.keys).sorted()
    var bootstrap = Bootstrap(seed: seed, resamples: resamples)
    bootstrap.confidence = 1 - 0.05 / Double(max(comparisons, 1))
    var differences: [CliffDifference] = []
    for label in labels {
      let (mine, theirs) = (one[label] ?? [:], other[label] ?? [:])
      let shared = Set(mine.keys).intersection(theirs.keys).sorted()
      let values = shared.map { mean(mine[$0] ?? []) - mean(theirs[$0] ?? []) }
      differences.append(
        .init(
          label: label, prompts: shared.count,
          mean: try bootstrap.mean(values, clusters: shared)))
    }
    return differences
  }

  /// The cliffs of each label's prompts.
  private static func cliffs(
    _ traces: [TokenTrace], _ rule: PlateauRule
  ) -> [String: [String: [Double]]] {
    var cliffs: [String: [String: [Double]]] = [:]
    for trace in traces {
      guard let cliff = trace.cliff(rule: rule).cliff else { continue }
      cliffs[trace.label ?? "unlabelled", default: [:]][trace.group, default: []].append(cliff)
    }
    return cliffs
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(values.count, 1))
  }
}
