import Statistics
import Tensors
import Testing
import Transformer

@testable import Probing

@Suite("Figures of rows that stand in groups")
struct MetricsTests {
  private func metrics(
    _ scores: [Float], _ labels: [Bool], _ groups: [String]
  ) throws -> ProbeMetrics {
    try ProbeMetrics(
      scores: scores, labels: labels, groups: groups, threshold: 0,
      bootstrap: Bootstrap(seed: 1, resamples: 500))
  }

  /// A probe that always says yes, on pairs of a harmful request and its twin: every resample is half
  /// right, whichever row stands first.
  @Test(arguments: [20, 1]) func halfRightInEveryGroupIsHalfRight(groups: Int) throws {
    let labels = (0..<2 * groups).map { $0 % 2 == 0 }
    let names = labels.indices.map { "\($0 / 2)" }
    for labels in [labels, labels.reversed()] {
      let found = try metrics(labels.map { _ in 1 }, labels, names)
      let accuracy = try #require(found.accuracy)
      #expect(accuracy.estimate == 0.5 && accuracy.n == 2 * groups)
      #expect(accuracy.low < 0.5 && accuracy.high > 0.5)
      #expect(accuracy.method.contains("Wilson over \(groups) clusters"))
      #expect(found.auroc?.estimate == 0.5)
    }
  }

  /// Two groups of 24 are positive: one resample in eight has no positive row.
  @Test func theAreaStaysThatOfTheRows() throws {
    let labels = (0..<480).map { $0 < 40 }
    let scores = labels.indices.map { Float($0 % 20) + (labels[$0] ? 5 : 0) }
    let groups = labels.indices.map { "\($0 / 20)" }
    let area = try #require(
      try ROC(scores: scores.map { Double($0) }, labels: labels)?.auroc)
    let found = try #require(try metrics(scores, labels, groups).auroc)
    #expect(found.estimate == area && area < 0.8)
    #expect(found.n == 480 && found.method.contains("2 disjoint pairs of groups"))
    #expect(found.low < 0.2 && found.high > 0.95, "two groups say little")
  }

  @Test func aBinHasAsManyTrialsAsGroups() throws {
    let labels = [true, true, true, false, false, true]
    let found = try metrics([3, 3, 3, 3, -3, -3], labels, ["a", "a", "b", "b", "a", "b"])
    let bins = try #require(found.calibration).bins.filter { $0.n > 0 }
    #expect(bins.map(\.n) == [2, 4])
    let high = try #require(bins[1].observed)
    let two = Interval.wilson(share: 0.75, trials: 2, n: 4, method: high.method)
    #expect(high == two && high.method == "Wilson over 2 clusters")
    #expect(bins[0].observed?.method == "Wilson")
  }

  /// At some seeds the split by one probe's strata is not the split by the other's.
  @Test func bothProbesOfADesignStandOnOneSplit() throws {
    var training = ProbeTraining(
      kind: .massMean, shuffles: 0, randomDirections: 0, resamples: 100)
    var compared = 0
    for seed in 0..<1000 as Range<UInt64> where compared == 0 {
      var random = SeededGenerator(seed: seed)
      let harmful = (0..<240).map { _ in random.uniform() < 0.5 }
      let refused = harmful.map { random.uniform() < ($0 ? 0.6 : 0.3) }
      var matrix = Matrix(rows: harmful.count, columns: 3)
      for row in harmful.indices {
        for column in 0..<3 { matrix[row, column] = Float(random.normal()) }
      }
      let features = try FeatureSet(
        hooks: [.finalNorm], matrices: [matrix],
        examples: harmful.indices.map {
          Example(id: "\($0)", label: refused[$0], group: "\(seed) \($0 / 4)")
        })
      training.seed = seed
      let task = ProbeTask(labels: refused, other: (harmful, ("harmful", "benign")))
      let second = ProbeTask(labels: harmful, other: (refused, ("refused", "complied")))
      let (parts, others) = (
        try training.parts(features, task), try training.parts(features, second)
      )
      guard parts.test != others.test else { continue }
      compared += 1
      let design = try training.trainTwoByTwo(features, harmful: harmful, refused: refused)
      let expected = try training.train(features, second, parts, threads: 1) {}
      let apart = try training.train(features, second, others, threads: 1) {}
      #expect(design.harmfulness == expected && expected != apart)
    }
    #expect(compared == 1)
  }
}
