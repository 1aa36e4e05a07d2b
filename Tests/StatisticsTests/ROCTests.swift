import Files
import Foundation
import Testing

@testable import Statistics

@Suite struct ROCTests {
  @Test func areaVarianceAndCurveAgreeWithScikitLearnAndPairCounting() throws {
    for row in try Golden.load().roc {
      let roc = try #require(try ROC(scores: row.first, labels: row.isPositive))
      #expect(isClose(roc.auroc, row.auroc))
      #expect(isClose(roc.deLongVariance, row.variance))
      let interval = roc.deLongInterval()
      #expect(isClose(interval.low, row.low) && isClose(interval.high, row.high))
      #expect(interval.n == row.labels.count)
      #expect(zip(roc.points.map(\.falsePositiveRate), row.fpr).allSatisfy { isClose($0, $1) })
      #expect(zip(roc.points.map(\.truePositiveRate), row.tpr).allSatisfy { isClose($0, $1) })
      #expect(roc.points.dropFirst().map(\.threshold) == row.thresholds)
      let comparison = try #require(
        try ROC.compare(row.first, row.second, labels: row.isPositive))
      #expect(isClose(comparison.z, row.z, 1e-10) && isClose(comparison.pValue, row.p, 1e-10))
      #expect(isClose(comparison.difference.estimate, row.auroc - row.secondAuroc))
    }
  }

  @Test func orderOfItemsChangesNoBit() throws {
    let row = try Golden.load().roc[2]
    var generator = SeededGenerator(seed: 5)
    let order = generator.shuffled(Array(row.first.indices))
    let roc = try ROC(scores: row.first, labels: row.isPositive)
    let other = try ROC(
      scores: order.map { row.first[$0] }, labels: order.map { row.isPositive[$0] })
    #expect(roc?.auroc == other?.auroc)
    #expect(roc?.points == other?.points)
    let negated = try ROC(scores: row.first.map(-), labels: row.isPositive)
    #expect(isClose(negated?.auroc, 1 - row.auroc))
  }

  @Test func bootstrapWithinClassesAgreesWithScipy() throws {
    let golden = try Golden.load()
    let row = golden.roc[0]
    let roc = try #require(try ROC(scores: row.first, labels: row.isPositive))
    let interval = roc.bootstrapInterval(Bootstrap(seed: 1))
    #expect(isClose(interval.low, golden.aurocBootstrap[0], 0.02))
    #expect(isClose(interval.high, golden.aurocBootstrap[1], 0.02))
    #expect(interval == roc.interval(seed: 1))
    #expect(interval.method.contains("BCa bootstrap stratified"))
  }

  @Test func generalBootstrapAgreesWithTheFastOne() throws {
    let row = try Golden.load().roc[1]
    let order = row.labels.indices.sorted { (row.labels[$1], $0) < (row.labels[$0], $1) }
    let (scores, labels) = (order.map { row.first[$0] }, order.map { row.isPositive[$0] })
    let bootstrap = Bootstrap(seed: 4, resamples: 500)
    let fast = try #require(try ROC(scores: scores, labels: labels)).bootstrapInterval(bootstrap)
    let plan = Resampling.strata(labels.map { "\($0)" })
    let slow = try #require(
      bootstrap.interval(plan) { items in
        try? ROC(scores: items.map { scores[$0] }, labels: items.map { labels[$0] })?.auroc
      })
    #expect(isClose(fast.low, slow.low) && isClose(fast.high, slow.high))
  }

  @Test func perfectSeparationIsNotCertainty() throws {
    let scores = (0..<20).map(Double.init)
    let labels = (0..<20).map { $0 >= 10 }
    let roc = try #require(try ROC(scores: scores, labels: labels))
    #expect(roc.auroc == 1)
    let wilson = try #require(Interval.wilson(successes: 10, trials: 10))
    for interval in [
      roc.interval(seed: 1), roc.deLongInterval(), roc.bootstrapInterval(Bootstrap(seed: 1)),
    ] {
      #expect(interval.high == 1 && interval.low == wilson.low && interval.n == 20)
      #expect(interval.method == "Wilson over 10 disjoint pairs")
    }
    let reversed = try #require(try ROC(scores: scores.map(-), labels: labels)).deLongInterval()
    #expect(reversed.low == 0 && reversed.high > 0.2)
    let constant = try #require(try ROC(scores: scores.map { _ in 2 }, labels: labels))
    #expect(constant.auroc == 0.5 && constant.deLongInterval().low < 0.3)
    #expect(try ROC.compare(scores, scores, labels: labels) == nil)
    let single = try #require(try ROC(scores: [1, 2, 3], labels: [false, true, false]))
    #expect(single.deLongInterval().high > 0.8 && single.deLongInterval().low < 0.2)
  }

  @Test func unusableInputIsRefused() throws {
    #expect(try ROC(scores: [1, 2], labels: [true, true]) == nil)
    #expect(try ROC(scores: [], labels: []) == nil)
    expectProblem(.differentCounts) { try ROC(scores: [1], labels: [true, false]) }
    for bad in [Double.nan, .infinity] {
      expectProblem(.notFinite) { try ROC(scores: [1, bad], labels: [true, false]) }
    }
  }
}
