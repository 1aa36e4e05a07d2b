import Files
import Foundation
import Statistics
import Tensors
import Testing
import Transformer

@testable import Probing

struct CrossTableTests {
  private let harmful = (0..<40).map { $0 % 4 < 2 }
  private let refused = (0..<40).map { $0 % 3 == 0 }
  private let scores = (0..<40).map { (index: Int) -> Double in
    let level: Double = index % 4 < 2 ? 0.7 : -0.3
    let value = sin(Double(index) * 1.7) * 2 + level
    return (value * 10).rounded(.toNearestOrEven) / 10
  }

  private func table(groups: [String]? = nil) -> CrossTable {
    CrossTable(
      harmful: harmful, refused: refused, groups: groups ?? harmful.indices.map { "\($0)" },
      bootstrap: Bootstrap(seed: 1, resamples: 500))
  }

  /// The values of Oracles/record_crossings.py.
  @Test func figuresAreThoseOfScikitLearn() throws {
    let crossing = try table().crossing(.finalNorm, scores, scores, thresholds: (0.2, 0.2))
    let (harm, refusal) = (crossing.refusalProbeOnHarm, crossing.harmProbeOnRefusal)
    #expect(abs(try #require(harm.auroc).estimate - 0.6754920903272552) < 1e-12)
    #expect(abs(try #require(harm.accuracy).estimate - 0.5934065934065934) < 1e-12)
    #expect(abs(try #require(refusal.auroc).estimate - 0.4038461538461538) < 1e-12)
    #expect(abs(try #require(refusal.accuracy).estimate - 0.5) < 1e-12)
    #expect(crossing.cellScores.map(\.n) == [7, 13, 7, 13])
    let means = [0.44285714285714295, 0.8307692307692307, -0.5142857142857143, -0.061538461538]
    for (cell, mean) in zip(crossing.cellScores, means) {
      let interval = try #require(cell.refusalScore)
      #expect(abs(interval.estimate - mean) < 1e-9 && interval.low < interval.high)
    }
    for interval in [harm.auroc, harm.accuracy, refusal.auroc].compactMap({ $0 }) {
      #expect(interval.low <= interval.estimate && interval.estimate <= interval.high)
      #expect(interval.n == 40)
    }
  }

  /// A probe that reads the other label alone is found out, also where resampling has no spread.
  @Test func aPerfectConfoundIsSeen() throws {
    let harm = harmful.map { $0 ? 1.0 : -1 }
    let crossing = try table().crossing(.finalNorm, harm, harm, thresholds: (0, 0))
    let area = try #require(crossing.refusalProbeOnHarm.auroc)
    #expect(area.estimate == 1 && area.low < 1 && area.low > 0.8)
    #expect(area.method.contains("18 disjoint pairs") && area.n == 40)
    // The other way round it says nothing: within one value of harm all scores are equal.
    #expect(crossing.harmProbeOnRefusal.auroc?.estimate == 0.5)
  }

  /// A cell of two rows stays as uncertain as two rows are, whatever the size of the others.
  @Test func aSmallCellIsNoCertainty() throws {
    let rows = 0..<60
    let harmful = rows.map { $0 < 30 }
    let refused = rows.map { $0 < 28 || $0 > 57 }
    let scores = rows.map { sin(Double($0) * 1.7) + (harmful[$0] ? 0.4 : 0) }
    let crossing = try CrossTable(
      harmful: harmful, refused: refused, groups: rows.map { "\($0)" },
      bootstrap: Bootstrap(seed: 1, resamples: 500)
    ).crossing(.finalNorm, scores, scores, thresholds: (0, 0))
    for interval in [crossing.refusalProbeOnHarm.auroc, crossing.harmProbeOnRefusal.auroc] {
      let interval = try #require(interval)
      // Too many resamples leave a cell empty: two pairs in each half.
      #expect(interval.method.contains("4 disjoint pairs"))
      #expect(interval.high - interval.low > 0.5 && interval.n == 60)
    }
  }

  @Test func probesOfTwoLabelsCross() throws {
    var generator = SeededGenerator(seed: 4)
    let count = 160
    let harmful = (0..<count).map { $0 % 2 == 0 }
    let refused = (0..<count).map { $0 / 2 % 2 == 0 }
    var matrix = Matrix(rows: count, columns: 4)
    for row in 0..<count {
      matrix[row, 0] = Float(generator.normal() + (harmful[row] ? 3 : -3))
      matrix[row, 1] = Float(generator.normal() + (refused[row] ? 3 : -3))
      matrix[row, 2] = Float(generator.normal())
      matrix[row, 3] = Float(generator.normal())
    }
    let features = try FeatureSet(
      hooks: [.finalNorm], matrices: [matrix],
      examples: (0..<count).map { Example(id: "\($0)", label: refused[$0]) })
    let design = try ProbeTraining(kind: .massMean, resamples: 300)
      .trainTwoByTwo(features, harmful: harmful, refused: refused)
    let crossing = try #require(design.crossings.first)
    #expect(abs(design.cosines[0]) < 0.3)
    // Neither tells the other's label.
    let areas = [crossing.refusalProbeOnHarm.auroc, crossing.harmProbeOnRefusal.auroc]
    for area in areas { #expect(try #require(area).contains(0.5)) }
    let cells = crossing.cellScores
    let refusal = cells.map { $0.refusalScore?.estimate ?? 0 }
    #expect(refusal[0] > 0 && refusal[1] < 0 && refusal[2] > 0 && refusal[3] < 0)
  }

  @Test func ratiosAreThoseOfAnyStatistic() throws {
    let tops = (0..<15).map { 1 + cos(Double($0)) }
    let bottoms = (0..<15).map { 2 + sin(Double($0)) }
    let clusters = (0..<15).map { "\($0 / 2)" }
    let bootstrap = Bootstrap(seed: 3, resamples: 400)
    let fast = try #require(try bootstrap.ratio(tops, over: bottoms, clusters: clusters))
    let slow = try #require(
      bootstrap.interval(.clusters(clusters)) { items in
        items.reduce(0) { $0 + tops[$1] } / items.reduce(0) { $0 + bottoms[$1] }
      })
    #expect(abs(fast.estimate - slow.estimate) < 1e-12)
    // A resample that draws each cluster once is the estimate but for the order of its sums.
    let tolerance = 0.02 * (slow.high - slow.low)
    #expect(abs(fast.low - slow.low) < tolerance && abs(fast.high - slow.high) < tolerance)
    #expect(fast.method == slow.method && fast.n == slow.n)
    #expect(try bootstrap.ratio([1, 1], over: [0, 0]) == nil)
    #expect(try bootstrap.ratio([], over: []) == nil)
    expectProblem(.differentCounts) { try bootstrap.ratio([1], over: [1, 2]) }
  }
}
