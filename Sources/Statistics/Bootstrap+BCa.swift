import Foundation

/// The parts of the BCa interval (Efron 1987; Davison and Hinkley 1997, section 5.3.2).
extension Bootstrap {
  /// The quantiles of the resampled values that stand for the tails once bias and skew are corrected:
  /// Phi(z0 + (z0 + z) / (1 - a (z0 + z))).
  ///
  /// Nil when the estimate lies outside of all resampled values, where no correction is finite; the
  /// interval is then the percentile one, and says so.
  static func correctedLevels(
    tail: Double, below: Double, acceleration: Double
  ) -> (low: Double, high: Double)? {
    guard below > 0, below < 1 else { return nil }
    let bias = Normal.quantile(below)
    func corrected(_ level: Double) -> Double? {
      let shifted = bias + Normal.quantile(level)
      let scale = 1 - acceleration * shifted
      return scale > 0 ? Normal.cumulative(bias + shifted / scale) : nil
    }
    guard let low = corrected(tail), let high = corrected(1 - tail) else { return nil }
    return (low, high)
  }

  /// a = sum l^3 / n^3 / (6 (sum l^2 / n^2)^(3/2)), summed over strata of n units with influences l.
  static func acceleration(_ influences: [[Double]]) -> Double {
    var (cubes, squares) = (0.0, 0.0)
    for stratum in influences where !stratum.isEmpty {
      let n = Double(stratum.count)
      cubes += stratum.reduce(0) { $0 + $1 * $1 * $1 } / (n * n * n)
      squares += stratum.reduce(0) { $0 + $1 * $1 } / (n * n)
    }
    return squares > 0 ? cubes / (6 * squares * squares.squareRoot()) : 0
  }

  /// The share of the sorted values below the estimate, a tie counting half; what differs by rounding
  /// alone is a tie.
  static func shareBelow(_ estimate: Double, _ sorted: [Double]) -> Double {
    let slack = 1e-12 * max(abs(sorted.first ?? 0), abs(sorted.last ?? 0))
    let below = sorted.count { $0 < estimate - slack }
    let equal = sorted.count { abs($0 - estimate) <= slack }
    return (Double(below) + Double(equal) / 2) / Double(sorted.count)
  }

  /// The quantile of sorted values, linear between neighbours (type 7 of Hyndman and Fan 1996).
  static func quantile(_ sorted: [Double], _ level: Double) -> Double {
    let position = level * Double(sorted.count - 1)
    let lower = min(max(Int(position), 0), sorted.count - 1)
    let upper = min(lower + 1, sorted.count - 1)
    return sorted[lower] + (position - Double(lower)) * (sorted[upper] - sorted[lower])
  }
}
