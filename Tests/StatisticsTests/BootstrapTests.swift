import Files
import Foundation
import Testing

@testable import Statistics

@Suite struct BootstrapTests {
  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  @Test func meanAgreesWithScipy() throws {
    let golden = try Golden.load().bootstrap
    let bca = try #require(try Bootstrap(seed: 1).mean(golden.values))
    #expect(isClose(bca.low, golden.meanBCa[0], 0.02) && isClose(bca.high, golden.meanBCa[1], 0.02))
    let plain = try #require(try Bootstrap(seed: 1, method: .percentile).mean(golden.values))
    #expect(isClose(plain.low, golden.meanPercentile[0], 0.02))
    #expect(isClose(plain.high, golden.meanPercentile[1], 0.02))
    #expect(bca.method == "BCa bootstrap of items, 10000 resamples, seed 1")
    #expect(bca.low > plain.low && bca.high > plain.high)  // The data are skewed to the right.
  }

  @Test func anyStatisticAgreesWithScipy() throws {
    let golden = try Golden.load().bootstrap
    let values = golden.values
    let interval = try #require(
      Bootstrap(seed: 2, resamples: 4000).interval(.items(values.count)) { items in
        let drawn = items.map { values[$0] }
        return mean(drawn.map { ($0 - mean(drawn)) * ($0 - mean(drawn)) }).squareRoot()
      })
    #expect(isClose(interval.low, golden.deviationBCa[0], 0.03))
    #expect(isClose(interval.high, golden.deviationBCa[1], 0.03))
  }

  @Test func fastMeanEqualsTheGeneralOne() throws {
    let values = [0.1, 0.5, 0.2, 0.9, 0.4, 0.35]
    let clusters = ["a", "b", "b", "c", "d", "d"]
    let bootstrap = Bootstrap(seed: 7, resamples: 1000)
    let general = bootstrap.interval(.items(6)) { mean($0.map { values[$0] }) }
    let fast = try bootstrap.mean(values)
    #expect(isClose(fast?.low, try #require(general).low))
    #expect(isClose(fast?.high, try #require(general).high))
    let plain = Bootstrap(seed: 7, resamples: 1000, method: .percentile)
    let clustered = plain.interval(.clusters(clusters)) { mean($0.map { values[$0] }) }
    #expect(isClose(try plain.mean(values, clusters: clusters)?.high, try #require(clustered).high))
    #expect(clustered?.method.contains("of 4 clusters") == true && clustered?.n == 6)
  }

  /// Ten answers to each of four prompts are four units and not forty.
  @Test func sharesAreOfClusters() throws {
    let clusters = (0..<40).map { "prompt \($0 / 10)" }
    let outcomes = (0..<40).map { $0 < 20 || $0 == 25 }
    let bootstrap = Bootstrap(seed: 3, resamples: 2000)
    let share = try #require(try bootstrap.share(outcomes, clusters: clusters))
    let mean = try #require(try bootstrap.mean(outcomes.map { $0 ? 1 : 0 }, clusters: clusters))
    #expect(share == mean && share.n == 40 && share.method.contains("of 4 clusters"))
    let rows = try #require(Interval.wilson(successes: 21, trials: 40))
    #expect(share.high - share.low > 2 * (rows.high - rows.low))
    // Every resample is 1: as many trials as there are prompts.
    let all = try #require(try bootstrap.share(outcomes.map { _ in true }, clusters: clusters))
    #expect(isClose(all.low, try #require(Interval.wilson(successes: 4, trials: 4)).low))
    // One answer to a prompt.
    let names = clusters.indices.map { "\($0)" }
    let single = try bootstrap.share(outcomes, clusters: names)
    #expect(single == rows)
  }

  /// Worked by hand: for 1, 2, 6 the deviations are -2, -1, 3, so a = 18 / (6 * 14^1.5).
  @Test func accelerationAndCorrectionFollowTheFormula() throws {
    let a = Bootstrap.acceleration([[-2, -1, 3]])
    #expect(isClose(a, 18 / (6 * pow(14, 1.5))))
    #expect(Bootstrap.acceleration([[0, 0]]) == 0 && Bootstrap.acceleration([]) == 0)
    let none = try #require(Bootstrap.correctedLevels(tail: 0.025, below: 0.5, acceleration: 0))
    #expect(isClose(none.low, 0.025) && isClose(none.high, 0.975))
    let some = try #require(Bootstrap.correctedLevels(tail: 0.025, below: 0.6, acceleration: 0.1))
    let (bias, z) = (0.2533471031357997, 1.959963984540054)
    let low = bias + (bias - z) / (1 - 0.1 * (bias - z))
    let high = bias + (bias + z) / (1 - 0.1 * (bias + z))
    #expect(
      isClose(some.low, Normal.cumulative(low)) && isClose(some.high, Normal.cumulative(high)))
    #expect(Bootstrap.correctedLevels(tail: 0.025, below: 0, acceleration: 0) == nil)
    #expect(Bootstrap.quantile([1, 2, 4], 0.75) == 3 && Bootstrap.quantile([1, 2, 4], 1) == 4)
    #expect(Bootstrap.shareBelow(2, [1, 2, 2, 3]) == 0.5)
  }

  @Test func clustersWidenWhatIsDependent() throws {
    // Ten clusters of ten equal values are ten items, not a hundred.
    let names = (0..<100).map { "\($0 / 10)" }
    let values = (0..<100).map { Double($0 / 10) }
    let bootstrap = Bootstrap(seed: 3, resamples: 2000)
    let naive = try #require(try bootstrap.mean(values))
    let clustered = try #require(try bootstrap.mean(values, clusters: names))
    let few = try #require(try bootstrap.mean((0..<10).map(Double.init)))
    #expect(clustered.high - clustered.low > 2.5 * (naive.high - naive.low))
    #expect(clustered.low == few.low && clustered.high == few.high)
  }

  @Test func nothingIsClaimedWithoutSpread() throws {
    let bootstrap = Bootstrap(seed: 1, resamples: 200)
    #expect(try bootstrap.mean([]) == nil)
    #expect(try bootstrap.mean([0.7]) == nil)
    #expect(try bootstrap.mean([0.7, 0.7, 0.7]) == nil)
    #expect(try bootstrap.mean([1, 2, 3], clusters: ["a", "a", "a"]) == nil)
    #expect(bootstrap.interval(.items(9)) { $0.contains(0) ? 1 : nil } == nil)
    #expect(bootstrap.interval(.items(0)) { _ in 1 } == nil)
    expectProblem(.notFinite) { try bootstrap.mean([1, .nan]) }
    expectProblem(.differentCounts) { try bootstrap.mean([1, 2], clusters: ["a"]) }
  }

  /// Drawn by cluster, each position is the mean that `mean` resamples by the same clusters.
  @Test func aBandOfClustersIsTheIntervalOfTheMean() throws {
    let clusters = ["a", "b", "a", "c", "c", "c", "d", "b"]
    var generator = SeededGenerator(seed: 8)
    let curves = clusters.map { _ in (0..<3).map { Double($0) + generator.normal() } }
    let bootstrap = Bootstrap(seed: 5, resamples: 500, method: .percentile)
    let band = try bootstrap.band(curves: curves.map { $0.map { $0 } }, clusters: clusters)
    for position in 0..<3 {
      let mean = try #require(try bootstrap.mean(curves.map { $0[position] }, clusters: clusters))
      let point = try #require(band[position].interval)
      #expect(abs(point.low - mean.low) < 1e-12 && abs(point.high - mean.high) < 1e-12)
      #expect(point.contains(point.estimate) && band[position].n == 8)
    }
  }

  @Test func bandMasksAbsentPositions() throws {
    let curves: [[Double?]] = [[1, nil, 3, nil], [2, 4, nil], [3, 6, 9, nil, 5]]
    let bootstrap = Bootstrap(seed: 5, resamples: 3000)
    let band = try bootstrap.band(curves: curves)
    #expect(band.map(\.n) == [3, 2, 2, 0, 1])
    #expect(band.map(\.mean) == [2, 5, 6, nil, 5])
    #expect(band.map { $0.interval == nil } == [false, false, false, true, true])
    #expect(band[1].interval?.low == 4 && band[1].interval?.high == 6)
    #expect(try bootstrap.band(curves: []).isEmpty)
    expectProblem(.notFinite) { try bootstrap.band(curves: [[1], [.infinity]]) }
  }

  @Test func bandOfFullCurvesEqualsTheMeanAtEachPosition() throws {
    var generator = SeededGenerator(seed: 8)
    let curves: [[Double?]] = (0..<12).map { _ in (0..<70).map { _ in generator.normal() } }
    let bootstrap = Bootstrap(seed: 5, resamples: 300, method: .percentile)
    let band = try bootstrap.band(curves: curves)
    for position in [0, 63, 64, 69] {
      let single = try #require(try bootstrap.mean(curves.compactMap { $0[position] }))
      #expect(isClose(band[position].interval?.low, single.low))
      #expect(isClose(band[position].interval?.high, single.high))
    }
  }
}
