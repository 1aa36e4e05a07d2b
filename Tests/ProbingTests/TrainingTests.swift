import Files
import Statistics
import Tensors
import Testing
import Transformer

@testable import Probing

struct TrainingTests {
  private static let quick = ProbeTraining(
    seed: 7, inversePenalties: [0.01, 1], folds: 3, shuffles: 2, randomDirections: 5,
    resamples: 200)

  @Test(arguments: ProbeKind.allCases)
  func theInformativeHookIsChosen(kind: ProbeKind) throws {
    let features = try SyntheticFeatures.labelled(rows: 240, gaps: [0, 4, 0])
    var training = Self.quick
    training.kind = kind
    let report = try training.train(features).report
    #expect(report.chosen == 1)
    let best = report.evaluations[1]
    let test = try #require(best.test.auroc)
    // 25 Adam steps of 0.001 leave the paper's probe near where it started.
    if kind != .paper {
      #expect(test.estimate > 0.95)
      #expect(test.low > 0.8)
      #expect(try #require(best.selectivity).low > 0.2)
    }
    #expect(best.test.n == report.testRows)
    #expect(report.trainingRows + report.selectionRows + report.testRows == 240)
    for evaluation in report.evaluations {
      #expect(evaluation.shuffled.auroc.count == 2)
      #expect(abs(evaluation.shuffled.meanAUROC - 0.5) < 0.25)
      #expect(evaluation.random.auroc.count == 5)
      #expect(evaluation.isConverged)
    }
    let useless = try #require(report.evaluations[0].test.auroc)
    if kind != .paper { #expect(useless.contains(0.5)) }
    #expect(report.sentence.contains("blocks.1.hook_resid_post"))
    #expect(report.sentence.contains("seed 7"))
  }

  @Test func anyNumberOfThreadsGivesTheSameBits() throws {
    let features = try SyntheticFeatures.labelled(rows: 90, gaps: [0, 1, 2, 3, 1])
    let one = try Self.quick.train(features, threads: 1)
    let three = try Self.quick.train(features, threads: 3)
    #expect(one == three)
  }

  @Test func groupsNeverStandOnTwoSides() throws {
    let features = try SyntheticFeatures.labelled(rows: 120, gaps: [1], rowsPerGroup: 4)
    let parts = try RowParts(features, ProbeTask(labels: features.labels), Self.quick)
    let sides = [parts.train, parts.selection, parts.test]
    #expect(sides.flatMap { $0 }.sorted() == Array(0..<120))
    let groups = sides.map { Set($0.map { features.groups[$0] }) }
    #expect(groups[0].isDisjoint(with: groups[1]))
    #expect(groups[0].isDisjoint(with: groups[2]))
    #expect(groups[1].isDisjoint(with: groups[2]))
    for fold in parts.folds {
      #expect(Set(fold.train + fold.test) == Set(parts.train))
      let held = Set(fold.test.map { features.groups[$0] })
      #expect(held.isDisjoint(with: fold.train.map { features.groups[$0] }))
    }
  }

  @Test func testRowsDoNotReachTheWeights() throws {
    let features = try SyntheticFeatures.labelled(rows: 120, gaps: [2])
    let parts = try RowParts(features, ProbeTask(labels: features.labels), Self.quick)
    var changed = features.matrices[0]
    for row in parts.test + parts.selection {
      for column in 0..<changed.columns { changed[row, column] *= -3 }
    }
    let other = try FeatureSet(
      hooks: features.hooks, matrices: [changed], examples: features.examples)
    for kind in ProbeKind.allCases {
      var training = Self.quick
      training.kind = kind
      let (one, two) = (try training.train(features), try training.train(other))
      #expect(one.probes == two.probes)
      #expect(one.report != two.report)
    }
  }

  @Test func rowsOfOneGroupWidenTheInterval() throws {
    var generator = SeededGenerator(seed: 5)
    let labels = (0..<80).map { $0 % 2 == 0 }
    let scores = labels.map { Float(generator.normal() + ($0 ? 1 : 0)) }
    let repeated = (0..<5).flatMap { _ in scores }
    func metrics(_ groups: [String], _ copies: Int) throws -> ProbeMetrics {
      try ProbeMetrics(
        scores: copies == 1 ? scores : repeated,
        labels: (0..<copies).flatMap { _ in labels }, groups: groups, threshold: 0,
        bootstrap: Bootstrap(seed: 1, resamples: 500))
    }
    let single = try #require(try metrics((0..<80).map { "\($0)" }, 1).auroc)
    let clustered = try #require(try metrics((0..<400).map { "\($0 % 80)" }, 5).auroc)
    #expect(abs(clustered.estimate - single.estimate) < 1e-12)
    let ratio = (clustered.high - clustered.low) / (single.high - single.low)
    #expect(ratio > 0.85 && ratio < 1.2)
  }

  @Test func shufflesKeepTheGroups() {
    let groups = (0..<60).map { "g\($0 / 3)" }
    // Groups 0 to 9 are uniform, the others hold one positive each.
    let labels = (0..<60).map { $0 < 30 ? $0 / 3 % 2 == 0 : $0 % 3 == 0 }
    let shuffled = shuffledLabels(labels, groups: groups, seed: 1, number: 0)
    #expect(shuffled != labels)
    #expect(shuffled != shuffledLabels(labels, groups: groups, seed: 1, number: 1))
    #expect(shuffled.count { $0 } == labels.count { $0 })
    for group in 0..<10 { #expect(Set(shuffled[(3 * group)..<(3 * group + 3)]).count == 1) }
    for group in 10..<20 {
      #expect(shuffled[(3 * group)..<(3 * group + 3)].count { $0 } == 1)
    }
  }

  @Test func twoFactorsAreToldApart() throws {
    let data = try SyntheticFeatures.twoFactors(rows: 400)
    var training = Self.quick
    training.kind = .differenceInMeans
    let result = try training.trainTwoByTwo(
      data.features, harmful: data.harmful, refused: data.refused)
    #expect(abs(result.cosines[0]) < 0.2)
    let refusal = result.refusal.probes[0].direction
    #expect(abs(refusal[0]) < 0.15 * refusal[1])
    let harm = result.harmfulness.probes[0].direction
    #expect(abs(harm[1]) < 0.15 * harm[0])
    let within = try #require(result.refusal.report.evaluations[0].byOtherFactor)
    #expect(Set(within.keys) == ["harmful", "benign"])
    #expect(try #require(within["benign"]?.auroc).estimate > 0.9)
    // Without the balance the topic leaks into the refusal direction.
    let naive = try training.train(data.features).probes[0].direction
    #expect(naive[0] > 0.3 * naive[1])
    #expect(result.cells.harmfulRefused > 3 * result.cells.harmfulComplied)
  }

  @Test func emptyCellsAndSmallClassesAreErrors() throws {
    let data = try SyntheticFeatures.twoFactors(rows: 40)
    let error = expectProblem(.emptyCell) {
      try Self.quick.trainTwoByTwo(data.features, harmful: data.refused, refused: data.refused)
    }
    #expect(error?.problem.contains("cell is empty") == true)
    let few = try SyntheticFeatures.labelled(rows: 4, gaps: [1])
    expectProblem(.tooFew) { try Self.quick.train(few) }
    let same = try FeatureSet(
      hooks: [.finalNorm], matrices: [Matrix(rows: 30, columns: 2)],
      examples: (0..<30).map { Example(id: "\($0)", label: true) })
    let single = expectProblem(.oneClass) { try Self.quick.train(same) }
    #expect(single?.problem.contains("same label") == true)
  }

  @Test func featuresThatDoNotFitAreErrors() throws {
    let examples = [Example(id: "a", label: true), Example(id: "b", label: false)]
    let matrix = Matrix(rows: 2, columns: 2, values: [1, 2, .nan, 4])
    let error = expectProblem(.notFinite) {
      try FeatureSet(hooks: [.finalNorm], matrices: [matrix], examples: examples)
    }
    #expect(error?.place == "row 1 (b), column 0")
    expectProblem(.differentCounts) {
      try FeatureSet(hooks: [.finalNorm], matrices: [], examples: examples)
    }
    expectProblem(.differentCounts) {
      try FeatureSet(
        hooks: [.finalNorm], matrices: [Matrix(rows: 3, columns: 2)], examples: examples)
    }
    let repeated = try FeatureSet(
      hooks: [.finalNorm], matrices: [Matrix(rows: 3, columns: 2)], examples: examples,
      rowCounts: [2, 1])
    #expect(repeated.examples.map(\.id) == ["a", "a", "b"])
  }
}
