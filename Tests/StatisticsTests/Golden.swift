import Foundation
import Testing

/// What Oracles/record_statistics.py recorded.
struct Golden: Decodable {
  struct Generator: Decodable {
    struct Helpers: Decodable {
      var indices, shuffled: [Int]
      var uniform, normal: Double
    }
    var helpers: Helpers
    var seed42, seed0, item, accent: [String]
  }
  struct Normal: Decodable { var x, cdf: Double }
  struct Quantile: Decodable { var p, x: Double }
  struct Wilson: Decodable {
    var successes, trials: Int
    var confidence, low, high: Double
  }
  struct Curve: Decodable {
    var labels: [Int]
    var first, second: [Double]
    var auroc, secondAuroc, variance, low, high, z, p: Double
    var fpr, tpr, thresholds: [Double]
    var isPositive: [Bool] { labels.map { $0 == 1 } }
  }
  struct Resampled: Decodable { var values, meanBCa, meanPercentile, deviationBCa: [Double] }
  struct McNemar: Decodable {
    var first, second: Int
    var p: Double
  }
  struct Adjusted: Decodable { var p, holm, bh: [Double] }
  struct Correlation: Decodable {
    var x, y: [Double]
    var spearman, kendall: Double
  }
  struct Reliability: Decodable {
    struct Row: Decodable {
      var n: Int
      var predicted, observed: Double
    }
    var probability: [Double]
    var outcome: [Int]
    var brier, ece: Double
    var bins: [Row]
  }
  struct Kappa: Decodable {
    var first, second: [Int]
    var kappa: Double
  }
  struct Detected: Decodable {
    var hits, misses, falseAlarms, correctRejections: Int
    var dPrime, criterion, balancedAccuracy: Double
  }

  var generator: Generator
  var normal: [Normal]
  var quantile: [Quantile]
  var wilson: [Wilson]
  var roc: [Curve]
  var aurocBootstrap: [Double]
  var bootstrap: Resampled
  var mcnemar: [McNemar]
  var adjusted: [Adjusted]
  var correlation: [Correlation]
  var calibration: Reliability
  var kappa: Kappa
  var detection: [Detected]

  static func load() throws -> Golden {
    let url = try #require(
      Bundle.module.url(forResource: "statistics", withExtension: "json", subdirectory: "Golden"))
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
  }
}

func isClose(_ a: Double?, _ b: Double, _ tolerance: Double = 1e-12) -> Bool {
  guard let a else { return false }
  return abs(a - b) <= tolerance * max(1, abs(b))
}
