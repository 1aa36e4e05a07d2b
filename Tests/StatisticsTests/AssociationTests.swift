import Files
import Testing

@testable import Statistics

@Suite struct AssociationTests {
  /// Ten answers to two prompts are two trials; bounds by statsmodels.
  @Test func clusteredBinsHaveFewerTrials() throws {
    let labels = (0..<10).map { $0 < 5 }
    let calibration = try #require(
      try Calibration(
        probabilities: labels.map { _ in 0.55 }, labels: labels,
        clusters: labels.map { "\($0)" }))
    let observed = try #require(calibration.bins[5].observed)
    #expect(observed.n == 10 && observed.estimate == 0.5)
    #expect(abs(observed.low - 0.0945312057) < 1e-9 && abs(observed.high - 0.9054687943) < 1e-9)
  }

  @Test func rankCorrelationsAgreeWithScipy() throws {
    for row in try Golden.load().correlation {
      #expect(isClose(try spearman(row.x, row.y), row.spearman))
      #expect(isClose(try kendall(row.x, row.y), row.kendall))
    }
  }

  @Test func aConstantSeriesHasNoCorrelation() throws {
    for undefined in [([1.0, 1, 1], [1.0, 2, 3]), ([1, 2, 3], [4, 4, 4]), ([], []), ([1], [1])] {
      #expect(try spearman(undefined.0, undefined.1) == nil)
      #expect(try kendall(undefined.0, undefined.1) == nil)
    }
    #expect(try spearman([1, 2, 3], [3, 2, 1]) == -1)
    #expect(try kendall([1, 2, 3], [3, 2, 1]) == -1)
    expectProblem(.notFinite) { try spearman([1, .nan], [1, 2]) }
    expectProblem(.differentCounts) { try kendall([1], [1, 2]) }
  }

  @Test func calibrationAgreesWithScikitLearn() throws {
    let golden = try Golden.load().calibration
    let calibration = try #require(
      try Calibration(probabilities: golden.probability, labels: golden.outcome.map { $0 == 1 }))
    #expect(isClose(calibration.brier, golden.brier))
    #expect(isClose(calibration.expectedCalibrationError, golden.ece))
    for (bin, row) in zip(calibration.bins, golden.bins) {
      #expect(bin.n == row.n)
      #expect(isClose(bin.meanPredicted, row.predicted))
      #expect(isClose(bin.observed?.estimate, row.observed))
    }
  }

  @Test func calibrationEdges() throws {
    let edges = try #require(
      try Calibration(probabilities: [0, 1, 0.5], labels: [false, true, true]))
    #expect(edges.bins.map(\.n) == [1, 0, 0, 0, 1, 0, 0, 0, 0, 1])
    #expect(edges.bins[1].observed == nil && edges.bins[1].meanPredicted == nil)
    #expect(isClose(edges.brier, 0.25 / 3))
    #expect(try Calibration(probabilities: [], labels: []) == nil)
    for bad in [Double.nan, -0.01, 1.01] {
      expectProblem(.outOfRange) {
        try Calibration(probabilities: [bad], labels: [true])
      }
    }
  }

  @Test func kappaAgreesWithScikitLearn() throws {
    let golden = try Golden.load().kappa
    let agreement = try #require(try Agreement(golden.first, golden.second))
    #expect(isClose(agreement.kappa, golden.kappa))
    #expect(
      agreement.disagreements
        == golden.first.indices.filter { golden.first[$0] != golden.second[$0] })
    #expect(try Agreement(["no", "no"], ["no", "no"])?.kappa == nil)
    #expect(try Agreement([Int](), []) == nil)
    expectProblem(.differentCounts) { try Agreement([1], [1, 2]) }
  }

  @Test func detectionAgreesWithScipy() throws {
    for row in try Golden.load().detection {
      let detection = Detection(
        hits: row.hits, misses: row.misses, falseAlarms: row.falseAlarms,
        correctRejections: row.correctRejections)
      #expect(isClose(detection.dPrime, row.dPrime))
      #expect(isClose(detection.criterion, row.criterion))
      #expect(isClose(detection.balancedAccuracy, row.balancedAccuracy))
    }
    let half = Detection(hits: 3, misses: 1, falseAlarms: 0, correctRejections: 0)
    #expect(half.dPrime == nil && half.criterion == nil && half.balancedAccuracy == nil)
    #expect(half.hitRate?.estimate == 0.75 && half.falseAlarmRate == nil)
  }
}
