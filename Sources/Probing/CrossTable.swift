import Files
import Statistics
import Transformer

/// The test rows of a 2 x 2 design, in which each probe is held against the other's label.
struct CrossTable {
  let harmful: [Bool]
  let refused: [Bool]
  let groups: [String]
  let bootstrap: Bootstrap

  func crossing(
    _ hook: HookPoint, _ refusalScores: [Double], _ harmScores: [Double],
    thresholds: (refusal: Double, harm: Double)
  ) throws(Problem) -> TwoByTwo.Crossing {
    var cells: [TwoByTwo.CellScore] = []
    for (isHarmful, isRefused) in [(true, true), (true, false), (false, true), (false, false)] {
      let rows = harmful.indices.filter {
        harmful[$0] == isHarmful && refused[$0] == isRefused
      }
      let names = rows.map { groups[$0] }
      cells.append(
        TwoByTwo.CellScore(
          harmful: isHarmful, refused: isRefused, n: rows.count,
          refusalScore: try bootstrap.mean(rows.map { refusalScores[$0] }, clusters: names),
          harmScore: try bootstrap.mean(rows.map { harmScores[$0] }, clusters: names)))
    }
    return TwoByTwo.Crossing(
      hook: hook,
      refusalProbeOnHarm: metrics(
        refusalScores, of: harmful, within: refused, threshold: thresholds.refusal),
      harmProbeOnRefusal: metrics(
        harmScores, of: refused, within: harmful, threshold: thresholds.harm), cellScores: cells)
  }

  /// - Parameters:
  ///   - labels: what the probe was not trained to tell.
  ///   - own: what it was trained to tell; figures are taken within either value and averaged.
  private func metrics(
    _ scores: [Double], of labels: [Bool], within own: [Bool], threshold: Double
  ) -> TwoByTwo.CrossMetrics {
    // Two halves, each from the lowest score up.
    let halves = [true, false].map { value in
      scores.indices.filter { own[$0] == value }.sorted { scores[$0] < scores[$1] }
    }
    func mean(
      _ items: [Int], _ statistic: (_ rows: [Int], _ weights: [Double]) -> Double?
    ) -> Double? {
      var weights = [Double](repeating: 0, count: scores.count)
      for item in items { weights[item] += 1 }
      guard let first = statistic(halves[0], weights), let second = statistic(halves[1], weights)
      else { return nil }
      return (first + second) / 2
    }
    func area(_ items: [Int]) -> Double? {
      mean(items) { weightedArea($0, $1, scores: scores, labels: labels) }
    }
    func accuracy(_ items: [Int]) -> Double? {
      mean(items) { balancedAccuracy($0, $1, scores: scores, labels: labels, threshold) }
    }
    // Hundreds of intervals in all: fewer resamples than of a mean.
    var bootstrap = bootstrap
    bootstrap.resamples = min(bootstrap.resamples, 2000)
    return TwoByTwo.CrossMetrics(
      auroc: bootstrap.interval(.clusters(groups), of: area)
        ?? overPairs(area(Array(groups.indices)), labels, own),
      accuracy: bootstrap.interval(.clusters(groups), of: accuracy)
        ?? overPairs(accuracy(Array(groups.indices)), labels, own))
  }

  /// The interval where resampling gives none, because every resample has the same value or too many leave
  /// a cell empty.
  ///
  /// Each half has as many disjoint pairs of groups as its smaller cell has groups; the mean of two halves of
  /// a and b pairs varies as a share of 4 a b / (a + b) trials does. A cell of two groups must not pass for
  /// a certainty because the others are large.
  private func overPairs(_ value: Double?, _ labels: [Bool], _ own: [Bool]) -> Interval? {
    guard let value else { return nil }
    let pairs = [true, false].map { side in
      [true, false].map { label in
        Set(groups.indices.filter { own[$0] == side && labels[$0] == label }.map { groups[$0] })
          .count
      }.min() ?? 0
    }
    let trials = 4 * pairs[0] * pairs[1] / max(pairs[0] + pairs[1], 1)
    guard trials > 0 else { return nil }
    return Interval.wilson(
      share: value, trials: trials, n: groups.count,
      method: "Wilson over \(trials) disjoint pairs of groups, since resampling gives no interval")
  }
}

/// The area under the curve of rows in ascending order of their scores, each counting as often as its
/// weight; nil where one class has no weight.
private func weightedArea(
  _ rows: [Int], _ weights: [Double], scores: [Double], labels: [Bool]
) -> Double? {
  var (below, positives, area) = (0.0, 0.0, 0.0)
  var place = 0
  while place < rows.count {
    // Rows of one score: a tie counts half.
    let score = scores[rows[place]]
    var (tiedPositives, tiedNegatives) = (0.0, 0.0)
    while place < rows.count, scores[rows[place]] == score {
      if labels[rows[place]] {
        tiedPositives += weights[rows[place]]
      } else {
        tiedNegatives += weights[rows[place]]
      }
      place += 1
    }
    area += tiedPositives * (below + tiedNegatives / 2)
    below += tiedNegatives
    positives += tiedPositives
  }
  return positives > 0 && below > 0 ? area / (positives * below) : nil
}

/// The mean over both labels of the share on the right side of the threshold, so that a rare cell counts
/// as much as a common one; nil where one label has no weight.
private func balancedAccuracy(
  _ rows: [Int], _ weights: [Double], scores: [Double], labels: [Bool], _ threshold: Double
) -> Double? {
  var (right, total) = ((0.0, 0.0), (0.0, 0.0))
  for row in rows {
    let isAbove = scores[row] > threshold
    if labels[row] {
      total.0 += weights[row]
      if isAbove { right.0 += weights[row] }
    } else {
      total.1 += weights[row]
      if !isAbove { right.1 += weights[row] }
    }
  }
  guard total.0 > 0, total.1 > 0 else { return nil }
  return (right.0 / total.0 + right.1 / total.1) / 2
}
