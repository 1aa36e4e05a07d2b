import Foundation

/// The standard normal distribution.
enum Normal {
  /// P(Z <= x).
  static func cumulative(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }

  /// P(|Z| >= |z|).
  static func twoSided(_ z: Double) -> Double { erfc(abs(z) / 2.0.squareRoot()) }

  /// The x with P(Z <= x) = p, for 0 < p < 1.
  ///
  /// Bisection on the complementary error function: exact to the last bits without a table of
  /// coefficients, and called only a few times per interval.
  static func quantile(_ p: Double) -> Double {
    precondition(p > 0 && p < 1, "a probability strictly between 0 and 1")
    if p > 0.5 { return -quantile(1 - p) }
    var (low, high) = (-39.0, 0.0)
    while true {
      let middle = (low + high) / 2
      guard middle > low, middle < high else { return middle }
      if cumulative(middle) < p { low = middle } else { high = middle }
    }
  }

  /// The z beyond which lies `1 - confidence` of the distribution, both tails together.
  static func critical(_ confidence: Double) -> Double {
    precondition(confidence > 0 && confidence < 1, "a confidence strictly between 0 and 1")
    return -quantile((1 - confidence) / 2)
  }
}
