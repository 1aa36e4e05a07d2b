import Files
import Foundation

/// Whether predicted probabilities mean what they say.
public struct Calibration: Codable, Sendable, Equatable {
  /// One row of the reliability table.
  public struct Bin: Codable, Sendable, Equatable {
    /// The bin holds predictions above `low` up to and including `high`; the first also holds 0.
    public var low: Double
    /// The highest prediction that the bin holds.
    public var high: Double
    /// Items with a prediction in the bin.
    public var n: Int
    /// Nil in an empty bin, as is `observed`.
    public var meanPredicted: Double?
    /// The share of positives with Wilson's interval, over clusters where there are fewer than items.
    public var observed: Interval?
  }

  /// The mean squared distance of prediction and outcome (Brier 1950): 0 is perfect, 0.25 a constant 0.5.
  public var brier: Double
  /// The mean distance of prediction and observed share, bins weighted by size (Naeini et al. 2015).
  public var expectedCalibrationError: Double
  /// Ten bins of equal width.
  public var bins: [Bin]
  /// Items in all bins together.
  public var n: Int

  /// Nil without items.
  ///
  /// - Parameter clusters: one name per item; a bin has no more trials than it has clusters.
  /// - Throws: when the series differ in length or a prediction is not a probability.
  public init?(
    probabilities: [Double], labels: [Bool], clusters: [String]? = nil
  ) throws(Problem) {
    try requireSameCount(probabilities.count, labels.count, "calibration")
    if let clusters { try requireSameCount(clusters.count, labels.count, "calibration") }
    try requireProbabilities(probabilities, "calibration")
    guard !labels.isEmpty else { return nil }
    var sums = [(predicted: Double, positives: Int, n: Int)](repeating: (0, 0, 0), count: 10)
    var (squares, error) = (0.0, 0.0)
    var members = [Set<String>](repeating: [], count: sums.count)
    for (index, (probability, label)) in zip(probabilities, labels).enumerated() {
      let distance = probability - (label ? 1 : 0)
      squares += distance * distance
      let bin = max(Int((probability * 10).rounded(.up)) - 1, 0)
      sums[bin].predicted += probability
      sums[bin].positives += label ? 1 : 0
      sums[bin].n += 1
      members[bin].insert(clusters?[index] ?? "\(index)")
    }
    var bins: [Bin] = []
    for (index, sum) in sums.enumerated() {
      error += abs(sum.predicted - Double(sum.positives))
      let trials = members[index].count
      bins.append(
        Bin(
          low: Double(index) / 10, high: Double(index + 1) / 10, n: sum.n,
          meanPredicted: sum.n > 0 ? sum.predicted / Double(sum.n) : nil,
          observed: trials > 0
            ? .wilson(
              share: Double(sum.positives) / Double(sum.n), trials: trials, n: sum.n,
              method: trials == sum.n ? "Wilson" : "Wilson over \(trials) clusters") : nil))
    }
    n = labels.count
    brier = squares / Double(n)
    expectedCalibrationError = error / Double(n)
    self.bins = bins
  }
}
