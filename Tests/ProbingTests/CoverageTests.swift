import Files
import Foundation
import Prompts
import Statistics
import Tensors
import Testing

@testable import Probing
@testable import Transformer

/// Where the rows of a probe were, and what random directions it is held against.
@Suite struct CoverageTests {
  /// Forty groups of a thinking token, a token in its end template and the final one.
  private func features(
    _ places: [TokenPlace]? = [.thinking, .endOfThinking, .final], offset: Float = 0
  ) throws -> FeatureSet {
    var generator = SeededGenerator(seed: 5)
    let examples = (0..<40).map { Example(id: "e\($0)", label: $0 % 2 == 0, group: "g\($0)") }
    var values: [Float] = []
    for example in examples {
      for _ in 0..<3 {
        // The second feature is a thousand times as large as the others.
        values += [
          Float(generator.normal()) + (example.label ? 2 : 0),
          2000 * Float(generator.normal()) + offset, Float(generator.normal()),
        ]
      }
    }
    return try FeatureSet(
      hooks: [.residual(after: 1)], matrices: [Matrix(rows: 120, columns: 3, values: values)],
      examples: examples, rowCounts: examples.map { _ in 3 },
      places: places.map { places in examples.flatMap { _ in places } })
  }

  private func training(_ kind: ProbeKind) -> ProbeTraining {
    ProbeTraining(
      kind: kind, inversePenalties: [0.1], folds: 2, shuffles: 1, randomDirections: 2,
      resamples: 100)
  }

  @Test(arguments: ProbeKind.allCases)
  func theReportSaysWhereTheTrainingRowsWere(kind: ProbeKind) throws {
    let features = try features()
    let report = try training(kind).train(features).report
    let coverage = try #require(report.coverage)
    #expect(coverage.places.map(\.place) == [.thinking, .endOfThinking, .final])
    for place in coverage.places {
      // Sixty percent of forty groups, half of them of each class.
      #expect(place.rows == 24 && place.positiveGroups == 12 && place.negativeGroups == 12)
    }
    #expect(coverage.includes(.thinking) && coverage.includes(.final))
    #expect(!coverage.includes(.answer) && !coverage.includes(.prompt))
    #expect(try training(kind).train(self.features(nil)).report.coverage == nil)
    let copy = try JSONDecoder().decode(ProbeReport.self, from: JSONEncoder().encode(report))
    #expect(copy.coverage == coverage)
  }

  @Test func bothProbesOfADesignAndEachCellOfAMapSayIt() throws {
    let features = try features()
    let refused = features.examples.map(\.label)
    let harmful = features.examples.map { Int($0.id.dropFirst())! % 4 < 2 }
    let design = try training(.massMean).trainTwoByTwo(features, harmful: harmful, refused: refused)
    for report in [design.refusal.report, design.harmfulness.report] {
      let coverage = try #require(report.coverage)
      #expect(coverage.includes(.thinking) && coverage.includes(.final))
      #expect(
        coverage.places.allSatisfy { $0.positiveGroups + $0.negativeGroups == $0.rows })
    }
    let map = try training(.massMean).map(positions: [-2, -1]) { position in
      let rows = (0..<40).map { 3 * $0 + 3 + position }
      return try FeatureSet(
        hooks: features.hooks, matrices: [features.matrices[0].picking(rows)],
        examples: rows.map { features.examples[$0] }, places: rows.map { features.places![$0] })
    }
    #expect(
      map.columns.map { $0.probes.report.coverage?.places.map(\.place) }
        == [[.endOfThinking], [.final]])
  }

  @Test func setsThatAreJoinedKeepTheirPlaces() throws {
    let joined = try FeatureSet(joining: [features(), features([.prompt, .template, .answer])])
    #expect(joined.places?.prefix(3) == [.thinking, .endOfThinking, .final])
    #expect(joined.places?.suffix(3) == [.prompt, .template, .answer])
    // What is not known of one part is not known of the whole.
    #expect(try FeatureSet(joining: [features(), features(nil)]).places == nil)
    expectProblem(.differentCounts) {
      try FeatureSet(
        hooks: [.finalNorm], matrices: [Matrix(rows: 1, columns: 1)],
        examples: [Example(id: "a", label: true)], places: [])
    }
  }

  @Test func aRunKnowsThePlacesOfItsTokens() throws {
    let sequences = (0..<2).map {
      TokenSequence(
        id: "\($0)", tokens: [1, 2, 3, 4],
        segments: [.prompt, .thinking, .template, .answer])
    }
    let captures = sequences.indices.map {
      SequenceCapture(
        sequence: $0, positions: [.finalNorm: [1, 2]],
        values: [.finalNorm: Matrix(rows: 2, columns: 1)])
    }
    let run = Run(sequences: captures, effects: [])
    let examples = sequences.map { Example(id: $0.id, label: $0.id == "0") }
    #expect(
      try FeatureSet(run, of: Batch(sequences), hooks: [.finalNorm], examples: examples).places
        == [.thinking, .final, .thinking, .final])
    #expect(try FeatureSet(run, hooks: [.finalNorm], examples: examples).places == nil)
  }

  /// Random directions spread z over the training rows as the probe does, whatever unit features have.
  @Test(arguments: [ProbeKind.logistic, .differenceInMeans, .massMean])
  func controlsHaveTheProbesSpread(kind: ProbeKind) throws {
    let features = try features(offset: 5000)
    let trained = try training(kind).train(features)
    let spread = try #require(trained.report.evaluations[0].spread)
    let probe = trained.chosen
    let controls = probe.randomControls(200, seed: 1, spread: spread)
    #expect(controls == probe.randomControls(200, seed: 1, spread: spread))
    var (means, deviations) = (0.0, 0.0)
    for control in controls {
      let own = ScoreSpread(try control.score(features.matrices[0]))
      means += own.mean / 200
      deviations += own.deviation / 200
    }
    #expect(abs(means - spread.mean) < 0.3 * spread.deviation)
    #expect(abs(deviations / spread.deviation - 1) < 0.15, "\(kind): \(deviations) \(spread)")
    let norm = { (probe: Probe) in probe.weight.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    let matched = probe.randomControls(1, seed: 1, spread: nil)[0]
    #expect(abs(norm(matched) / norm(probe) - 1) < 1e-5 && matched.bias == probe.bias)
  }

  /// The direction of a difference in means is that of the raw features, however it is written.
  @Test func aDifferenceInMeansKeepsItsDirection() throws {
    let features = try features(offset: 100)
    let trained = try training(.differenceInMeans).train(features)
    let parts = try RowParts(
      features, ProbeTask(labels: features.labels), training(.differenceInMeans))
    let rows = features.matrices[0].selecting(parts.train)
    let labels = parts.train.map { features.labels[$0] }
    let fit = Discriminant.differenceInMeans(
      rows, labels: labels, rowWeights: labels.map { _ in 1 })
    let scores = try trained.chosen.score(rows)
    for row in 0..<rows.rows {
      let z = dot(rows[row].map { Double($0) }, fit.weight) + fit.bias
      #expect(abs(Double(scores[row]) - z) < 1e-3, "\(row)")
    }
    for (one, other) in zip(trained.chosen.direction, fit.weight) {
      #expect(abs(Double(one) - other) < 1e-6)
    }
  }
}
