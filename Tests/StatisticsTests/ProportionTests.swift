import Files
import Foundation
import Testing

@testable import Statistics

@Suite struct ProportionTests {
  @Test func normalDistributionAgreesWithScipy() throws {
    let golden = try Golden.load()
    for row in golden.normal {
      #expect(abs(Normal.cumulative(row.x) - row.cdf) <= 1e-13 * row.cdf)
    }
    for row in golden.quantile { #expect(isClose(Normal.quantile(row.p), row.x, 1e-13)) }
  }

  @Test func wilsonAgreesWithStatsmodels() throws {
    for row in try Golden.load().wilson {
      let interval = try #require(
        Interval.wilson(
          successes: row.successes, trials: row.trials, confidence: row.confidence))
      #expect(isClose(interval.low, row.low) && isClose(interval.high, row.high))
      #expect(interval.n == row.trials && interval.contains(interval.estimate))
    }
    #expect(Interval.wilson(successes: 0, trials: 0) == nil)
    #expect(Interval.wilson(successes: 0, trials: 9)?.low == 0)
    #expect(Interval.wilson(successes: 9, trials: 9)?.high == 1)
  }

  @Test func intervalsPrintWhatTheyCanSupport() throws {
    #expect(
      Interval.wilson(successes: 7, trials: 10)?.description == "0.70 [0.40, 0.89] (n = 10)")
    #expect(
      Interval.wilson(successes: 0, trials: 100)?.description == "0.000 [0.000, 0.037] (n = 100)")
    let wide = Interval(estimate: 1234.5, low: 1100, high: 1400.4, method: "", n: 3)
    #expect(wide.description == "1234 [1100, 1400] (n = 3)")
    #expect(fixed(-0.0001, decimals: 2) == "0.00")
    let copy = try JSONDecoder().decode(Interval.self, from: JSONEncoder().encode(wide))
    #expect(copy == wide)
    #expect(wide.contains(1100) && !wide.contains(1099.9) && !wide.contains(.nan))
  }

  @Test func accuracyCountsAgreement() throws {
    let predicted = [true, true, false, false]
    let actual = [true, false, false, false]
    #expect(try Interval.accuracy(predicted: predicted, actual: actual)?.estimate == 0.75)
    #expect(try Interval.accuracy(predicted: [], actual: []) == nil)
    expectProblem(.differentCounts) {
      try Interval.accuracy(predicted: [true], actual: actual)
    }
  }

  @Test func mcNemarAgreesWithStatsmodels() throws {
    for row in try Golden.load().mcnemar {
      let p = mcNemarTest(onlyFirst: row.first, onlySecond: row.second)
      #expect(isClose(p, row.p, 1e-10))
      #expect(p == mcNemarTest(onlyFirst: row.second, onlySecond: row.first))
    }
    #expect(try mcNemarTest([true, true, false], [false, false, false]) == 0.5)
    expectProblem(.differentCounts) { try mcNemarTest([true], []) }
  }

  @Test func adjustedValuesAgreeWithStatsmodels() throws {
    for row in try Golden.load().adjusted {
      let holm = try MultipleComparisons.holm.adjusted(row.p)
      let screen = try MultipleComparisons.benjaminiHochberg.adjusted(row.p)
      #expect(zip(holm, row.holm).allSatisfy { isClose($0, $1) })
      #expect(zip(screen, row.bh).allSatisfy { isClose($0, $1) })
    }
    #expect(try MultipleComparisons.holm.adjusted([]) == [])
    for bad in [Double.nan, -0.1, 1.1] {
      expectProblem(.outOfRange) { try MultipleComparisons.holm.adjusted([0.1, bad]) }
    }
  }
}
