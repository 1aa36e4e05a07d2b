import Foundation
import Tensors

/// Probes in closed form, from two normal distributions with equal covariance.
enum Discriminant {
  /// The weighted means of both classes, `[width]` each, summed in double precision.
  static func means(
    _ features: Matrix, labels: [Bool], rowWeights: [Double]
  ) -> (positive: [Double], negative: [Double]) {
    let width = features.columns
    var sums = [[Double](repeating: 0, count: width), [Double](repeating: 0, count: width)]
    var totals = [0.0, 0.0]
    for row in 0..<features.rows {
      let side = labels[row] ? 0 : 1
      totals[side] += rowWeights[row]
      for (column, value) in features[row].enumerated() {
        sums[side][column] += rowWeights[row] * Double(value)
      }
    }
    return (sums[0].map { $0 / totals[0] }, sums[1].map { $0 / totals[1] })
  }

  /// Mean of the positives minus mean of the negatives, as a probe.
  static func differenceInMeans(
    _ features: Matrix, labels: [Bool], rowWeights: [Double]
  ) -> LinearFit {
    let (positive, negative) = means(features, labels: labels, rowWeights: rowWeights)
    let direction = zip(positive, negative).map { $0 - $1 }
    let projections = (0..<features.rows).map { row in
      dot(features[row].map { Double($0) }, direction)
    }
    let line = logit(of: projections, labels: labels, rowWeights: rowWeights)
    return LinearFit(weight: direction.map { $0 * line.slope }, bias: line.intercept)
  }

  /// Turns projections on any direction into logits: two normal distributions of equal variance.
  ///
  /// This gives a direction that was not trained, such as a random one, its sign, its unit and its
  /// threshold, so that it can stand beside a trained probe.
  static func logit(
    of projections: [Double], labels: [Bool], rowWeights: [Double]
  ) -> (slope: Double, intercept: Double) {
    var (totals, sums, squares) = ([0.0, 0.0], [0.0, 0.0], 0.0)
    for row in projections.indices {
      totals[labels[row] ? 0 : 1] += rowWeights[row]
      sums[labels[row] ? 0 : 1] += rowWeights[row] * projections[row]
    }
    let (positive, negative) = (sums[0] / totals[0], sums[1] / totals[1])
    for row in projections.indices {
      let difference = projections[row] - (labels[row] ? positive : negative)
      squares += rowWeights[row] * difference * difference
    }
    let gap = positive - negative
    let prior = log(totals[0] / totals[1])
    guard gap != 0 else { return (0, prior) }
    // Without any spread the logit would be infinite; a hundred standard deviations say as much.
    let variance = max(squares / (totals[0] + totals[1]), 1e-4 * gap * gap)
    let slope = gap / variance
    return (slope, prior - slope * (positive + negative) / 2)
  }

  /// The mass-mean probe (Marks and Tegmark 2023), which is linear discriminant analysis: the
  /// difference in means times the inverse of the shrunk covariance within the classes.
  ///
  /// - Parameter features: `[rows, width]`, standardised.
  /// - Parameter shrinkage: the share of the spherical part; after Ledoit and Wolf (2004) by default.
  static func massMean(
    _ features: Matrix, labels: [Bool], rowWeights: [Double], shrinkage: Double? = nil
  ) -> LinearFit {
    let (positive, negative) = means(features, labels: labels, rowWeights: rowWeights)
    let width = features.columns
    var residuals = features
    for row in 0..<features.rows {
      let mean = labels[row] ? positive : negative
      let factor = rowWeights[row].squareRoot()
      for column in 0..<width {
        let difference = Double(features[row, column]) - mean[column]
        residuals[row, column] = Float(factor * difference)
      }
    }
    let covariance = ShrunkCovariance(ofCentred: residuals, shrinkage: shrinkage)
    let gap = zip(positive, negative).map { $0 - $1 }
    let solution = covariance.solve(gap)
    let middle = zip(positive, negative).map { ($0 + $1) / 2 }
    let totals = zip(labels, rowWeights).reduce(into: (0.0, 0.0)) { sums, row in
      if row.0 { sums.0 += row.1 } else { sums.1 += row.1 }
    }
    return LinearFit(
      weight: solution.vector,
      bias: log(totals.0 / totals.1) - dot(middle, solution.vector),
      isConverged: solution.isConverged)
  }
}
