import Foundation
import Statistics
import Tensors
import Testing
import Transformer

@testable import Probing

/// A whole training against scikit-learn, from activations to the report; see Oracles/record_probe_study.py.
@Suite struct StudyOracleTests {
  private struct Recorded: Decodable {
    struct Metrics: Decodable {
      var n: Int
      var positives: Int
      var auroc: [Double]
      var accuracy: [Double]
      var logLoss: Double
      var brier: Double
      var calibrationError: Double
    }
    struct Control: Decodable {
      var auroc: [Double]
      var accuracy: [Double]
    }
    struct Evaluation: Decodable {
      var inversePenalty: Double?
      var norm: Double
      var selection: Metrics
      var test: Metrics
      var shuffled: Control
      var random: Control
      var selectivity: [Double]
    }
    struct Study: Decodable {
      var kind: ProbeKind
      var evaluations: [Evaluation]
      var chosen: Int
      var external: Metrics
    }
    var seed: UInt64
    var resamples: Int
    var folds: Int
    var shuffles: Int
    var randomDirections: Int
    var shares: [Double]
    var inversePenalties: [Double]
    var hooks: [String]
    var groups: [String]
    var labels: [Bool]
    var matrices: [[Float]]
    var otherGroups: [String]
    var otherLabels: [Bool]
    var otherMatrices: [[Float]]
    var training: [Int]
    var selection: [Int]
    var test: [Int]
    var studies: [Study]
  }

  private let recorded: Recorded
  private let features: FeatureSet
  private let others: FeatureSet

  init() throws {
    let url = try #require(
      Bundle.module.url(forResource: "Golden/probe_study", withExtension: "json"))
    recorded = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: url))
    let hooks = try recorded.hooks.map { try #require(HookPoint($0)) }
    func set(_ labels: [Bool], _ groups: [String], _ values: [[Float]]) throws -> FeatureSet {
      try FeatureSet(
        hooks: hooks,
        matrices: values.map {
          Matrix(rows: labels.count, columns: $0.count / labels.count, values: $0)
        },
        examples: labels.indices.map {
          Example(id: "\($0)", label: labels[$0], group: groups[$0])
        })
    }
    features = try set(recorded.labels, recorded.groups, recorded.matrices)
    others = try set(recorded.otherLabels, recorded.otherGroups, recorded.otherMatrices)
  }

  private func training(_ kind: ProbeKind) -> ProbeTraining {
    ProbeTraining(
      kind: kind, seed: recorded.seed, shares: recorded.shares,
      inversePenalties: recorded.inversePenalties, folds: recorded.folds,
      shuffles: recorded.shuffles, randomDirections: recorded.randomDirections,
      resamples: recorded.resamples)
  }

  @Test func partsAreTheDocumentedOnes() throws {
    let parts = try RowParts(
      features, ProbeTask(labels: features.labels), training(.differenceInMeans))
    #expect(parts.train == recorded.training)
    #expect(parts.selection == recorded.selection)
    #expect(parts.test == recorded.test)
  }

  @Test(arguments: [ProbeKind.logistic, .differenceInMeans])
  func everyFigureIsTheOracles(kind: ProbeKind) throws {
    let expected = try #require(recorded.studies.first { $0.kind == kind })
    let trained = try training(kind).train(features, threads: 2)
    let report = trained.report
    #expect(report.chosen == expected.chosen)
    #expect(report.trainingRows == recorded.training.count)
    #expect(report.trainingPositives == recorded.training.count { recorded.labels[$0] })
    #expect(report.selectionRows == recorded.selection.count)
    #expect(report.testRows == recorded.test.count)
    for (evaluation, expected) in zip(report.evaluations, expected.evaluations) {
      #expect(evaluation.inversePenalty == expected.inversePenalty)
      compare(evaluation.selection, expected.selection)
      compare(evaluation.test, expected.test)
      #expect(evaluation.test.calibration != nil && evaluation.selection.calibration == nil)
      compare(evaluation.shuffled, expected.shuffled)
      compare(evaluation.random, expected.random)
      #expect(distance(evaluation.selectivity, expected.selectivity) < 1e-9)
    }
    let external = try trained.chosen.evaluate(
      on: others, seed: recorded.seed, resamples: recorded.resamples)
    compare(external, expected.external)
    let auroc = try #require(report.evaluations[report.chosen].test.auroc)
    #expect(
      report.sentence.contains("\(recorded.selection.count) selection rows: AUROC \(auroc) on"))
  }

  /// The selection rows like the last of these cells best, the test rows another one.
  @Test func cellsAreChosenOnSelectionRows() throws {
    let map = try training(.differenceInMeans).map(positions: [-3, -2, -1]) { position in
      try FeatureSet(
        hooks: [.finalNorm], matrices: [features.matrices[position + 3]],
        examples: features.examples)
    }
    #expect(map.best.position == -1)
    let tests = map.columns.map { $0.probes.report.evaluations[0].test.auroc?.estimate ?? 0 }
    #expect(tests[1] > tests[2])
  }

  /// A control of another norm would say nothing about a probe's scores.
  @Test(arguments: [ProbeKind.logistic, .differenceInMeans])
  func randomDirectionsHaveTheProbesNorm(kind: ProbeKind) throws {
    let expected = try #require(recorded.studies.first { $0.kind == kind })
    let (training, task) = (training(kind), ProbeTask(labels: features.labels))
    let parts = try RowParts(features, task, training)
    for index in features.hooks.indices {
      let (probes, _) = try HookTraining(training, features, task, parts, index)
        .probes([], penalty: expected.evaluations[index].inversePenalty)
      #expect(probes.count == 1 + recorded.randomDirections)
      for probe in probes {
        // In the space in which the weights were found.
        let vector = kind == .logistic ? probe.weight : probe.direction
        let norm = vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(norm / expected.evaluations[index].norm - 1) < 1e-4)
      }
    }
  }

  private func compare(_ metrics: ProbeMetrics, _ expected: Recorded.Metrics) {
    #expect(metrics.n == expected.n && metrics.positives == expected.positives)
    #expect(distance(metrics.auroc, expected.auroc) < 1e-9)
    #expect(distance(metrics.accuracy, expected.accuracy) < 1e-9)
    #expect(abs(metrics.logLoss - expected.logLoss) < 1e-5)
    guard let calibration = metrics.calibration else { return }
    #expect(abs(calibration.brier - expected.brier) < 1e-5)
    #expect(abs(calibration.expectedCalibrationError - expected.calibrationError) < 1e-5)
  }

  private func compare(_ control: ControlMetrics, _ expected: Recorded.Control) {
    #expect(zip(control.auroc, expected.auroc).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(zip(control.accuracy, expected.accuracy).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(control.auroc.count == expected.auroc.count)
  }

  /// The largest distance of estimate and bounds.
  private func distance(_ interval: Interval?, _ expected: [Double]) -> Double {
    guard let interval else { return .infinity }
    return zip([interval.estimate, interval.low, interval.high], expected)
      .map { abs($0 - $1) }.max() ?? .infinity
  }
}
