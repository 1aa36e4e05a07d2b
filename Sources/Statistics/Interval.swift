import Files
import Foundation

/// An estimate that never stands alone: with its confidence interval, the number of items and the method.
///
///     Interval.wilson(successes: 7, trials: 10)!.description   // "0.70 [0.40, 0.89] (n = 10)"
public struct Interval: Codable, Sendable, Equatable, CustomStringConvertible {
  /// What was measured on the items, in the unit of the bounds.
  public var estimate: Double
  /// The lower bound.
  public var low: Double
  /// The upper bound.
  public var high: Double
  /// The nominal coverage, 0.95 unless another was asked for.
  public var confidence: Double
  /// How the bounds were found, in words that can be printed in a paper.
  public var method: String
  /// The number of items that the estimate rests on.
  public var n: Int

  /// - Parameter method: printed with the interval, such as `Wilson`.
  public init(
    estimate: Double, low: Double, high: Double, confidence: Double = 0.95, method: String, n: Int
  ) {
    self.estimate = estimate
    self.low = low
    self.high = high
    self.confidence = confidence
    self.method = method
    self.n = n
  }

  /// Whether the value lies within the interval, bounds included.
  public func contains(_ value: Double) -> Bool { low <= value && value <= high }

  /// Rounded so that the width of the interval shows two significant digits: no digit is printed
  /// that the data cannot support.
  public var description: String {
    let digits = decimals
    func text(_ value: Double) -> String { fixed(value, decimals: digits) }
    return "\(text(estimate)) [\(text(low)), \(text(high))] (n = \(n))"
  }

  /// The number of decimals that `description` prints, from 0 to 6.
  public var decimals: Int {
    let width = high - low
    guard width.isFinite, width > 0 else { return 3 }
    return min(max(1 - Int(log10(width).rounded(.down)), 0), 6)
  }
}

/// A number with a fixed count of decimals, the same in every locale, and never "-0.00".
package func fixed(_ value: Double, decimals: Int) -> String {
  let text = String(format: "%.\(decimals)f", value)
  let isZero = text.allSatisfy { $0 == "-" || $0 == "0" || $0 == "." }
  return isZero && text.hasPrefix("-") ? String(text.dropFirst()) : text
}

extension Interval {
  /// The Wilson score interval of a proportion (Wilson 1927), nil without trials.
  ///
  /// It is right where the textbook interval fails: 0 of 100 is [0, 0.037], not [0, 0].
  /// - Precondition: `successes` is from 0 to `trials`.
  public static func wilson(
    successes: Int, trials: Int, confidence: Double = 0.95
  ) -> Interval? {
    precondition(trials >= 0 && (0...trials).contains(successes), "successes of trials")
    guard trials > 0 else { return nil }
    let share = Double(successes) / Double(trials)
    return wilson(share: share, trials: trials, confidence: confidence, method: "Wilson")
  }

  /// The same for a share that need not be a whole number of successes.
  static func wilson(
    share: Double, trials: Int, confidence: Double, method: String
  ) -> Interval {
    let (n, z) = (Double(trials), Normal.critical(confidence))
    let centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    let variance = share * (1 - share) / n + z * z / (4 * n * n)
    let half = z * variance.squareRoot() / (1 + z * z / n)
    // At 0 and 1 the bound is exact; the subtraction would leave a rounding error of 1e-17.
    return Interval(
      estimate: share, low: share == 0 ? 0 : max(centre - half, 0),
      high: share == 1 ? 1 : min(centre + half, 1), confidence: confidence, method: method,
      n: trials)
  }

  /// Wilson's interval of a share that stands for fewer trials than the items that it was taken from.
  /// - Precondition: there are trials, and the share is from 0 to 1.
  package static func wilson(share: Double, trials: Int, n: Int, method: String) -> Interval {
    precondition(trials > 0 && share >= 0 && share <= 1, "a share of trials")
    var interval = wilson(share: share, trials: trials, confidence: 0.95, method: method)
    interval.n = n
    return interval
  }

  /// The share of predictions that agree with the labels, with its Wilson interval.
  public static func accuracy(
    predicted: [Bool], actual: [Bool], confidence: Double = 0.95
  ) throws(Problem) -> Interval? {
    try requireSameCount(predicted.count, actual.count, "accuracy")
    let right = zip(predicted, actual).count { $0 == $1 }
    return wilson(successes: right, trials: actual.count, confidence: confidence)
  }
}
