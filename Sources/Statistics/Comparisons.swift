import Files
import Foundation

/// The exact McNemar test (McNemar 1947): the two-sided binomial p value of paired yes-or-no outcomes.
///
/// Only the pairs that disagree count; without any, nothing speaks for a difference and p is 1.
/// - Parameters:
///   - onlyFirst: the number of items where only the first condition succeeded.
///   - onlySecond: the number of items where only the second did.
public func mcNemarTest(onlyFirst: Int, onlySecond: Int) -> Double {
  precondition(onlyFirst >= 0 && onlySecond >= 0, "counts are not negative")
  let n = Double(onlyFirst) + Double(onlySecond)
  var tail = 0.0
  for k in 0...min(onlyFirst, onlySecond) {
    let ways = lgamma(n + 1) - lgamma(Double(k) + 1) - lgamma(n - Double(k) + 1)
    tail += exp(ways - n * log(2))
  }
  return min(1, 2 * tail)
}

/// The exact McNemar test of two conditions on the same items.
/// - Throws: when the series differ in length.
public func mcNemarTest(_ first: [Bool], _ second: [Bool]) throws(Problem) -> Double {
  try requireSameCount(first.count, second.count, "McNemar test")
  return mcNemarTest(
    onlyFirst: zip(first, second).count { $0 && !$1 },
    onlySecond: zip(first, second).count { !$0 && $1 })
}

/// How p values of many tests are adjusted so that they can be compared with 0.05 again.
public enum MultipleComparisons: String, Codable, Sendable {
  /// Holm (1979): bounds the probability of even one false claim. For what is claimed.
  case holm
  /// Benjamini and Hochberg (1995): bounds the share of false ones among the findings. For a screen.
  case benjaminiHochberg

  /// The adjusted p values, in the order given.
  /// - Throws: when a value is not a probability.
  public func adjusted(_ pValues: [Double]) throws(Problem) -> [Double] {
    try requireProbabilities(pValues, "adjusted p values")
    let order = pValues.indices.sorted { pValues[$0] < pValues[$1] }
    let count = Double(pValues.count)
    var result = pValues
    switch self {
    case .holm:
      var largest = 0.0
      for (rank, item) in order.enumerated() {
        largest = max(largest, min(1, pValues[item] * (count - Double(rank))))
        result[item] = largest
      }
    case .benjaminiHochberg:
      var smallest = 1.0
      for (rank, item) in order.enumerated().reversed() {
        smallest = min(smallest, pValues[item] * count / Double(rank + 1))
        result[item] = smallest
      }
    }
    return result
  }
}
