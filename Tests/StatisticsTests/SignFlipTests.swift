import Files
import Foundation
import Testing

@testable import Statistics

/// Against scipy: Oracles/record_heads.py.
@Suite struct SignFlipTests {
  struct Recorded: Decodable {
    struct Flips: Decodable {
      var values: [Double]
      var clusters: [String]?
      var p: Double
    }
    struct Direction: Decodable {
      var cosine: Double
      var dimensions: Int
      var p: Double
    }
    struct Beta: Decodable { var x, a, b, value: Double }
    var signFlips: [Flips]
    var clustered, drawn: Flips
    var directions: [Direction]
    var beta: [Beta]
  }

  let recorded: Recorded

  init() throws {
    let url = try #require(
      Bundle.module.url(forResource: "heads", withExtension: "json", subdirectory: "Golden"))
    recorded = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: url))
  }

  @Test func exactPValuesAreScipys() throws {
    let test = SignFlipTest(seed: 1)
    for flips in recorded.signFlips + [recorded.clustered] {
      let names = flips.clusters ?? flips.values.indices.map { "\($0)" }
      #expect(isClose(try test.pValues([flips.values], clusters: names)[0], flips.p))
    }
  }

  /// Tenths are not exact in binary: sums that are equal on paper differ by rounding, and are ties.
  @Test func tiesByRoundingCount() throws {
    for tenths in [[1, 1, 1, -1], [1, 2, 3, 4, -5], [7, -3, 3, 1, 2, 6, -1, 3], [3, 3, 3]] {
      let names = tenths.indices.map { "\($0)" }
      let exact = signFlipTest(tenths)
      let values = tenths.map { Double($0) / 10 }
      #expect(isClose(try SignFlipTest(seed: 1).pValues([values], clusters: names)[0], exact))
    }
    // Too many units to try all patterns; many of those that are drawn have the observed sum.
    let tenths = (0..<40).map { $0 < 18 ? -1 : 1 }
    let drawn = try SignFlipTest(seed: 5, draws: 20_000).pValues(
      [tenths.map { Double($0) / 10 }], clusters: tenths.indices.map { "\($0)" })[0]
    #expect(abs(drawn - signFlipTest(tenths)) < 0.02)
  }

  @Test func drawnPValuesAreClose() throws {
    let names = recorded.drawn.values.indices.map { "\($0)" }
    let test = SignFlipTest(seed: 7, draws: 40_000)
    let p = try test.pValues([recorded.drawn.values], clusters: names)[0]
    #expect(abs(p - recorded.drawn.p) < 0.006)
    #expect(try test.pValues([recorded.drawn.values], clusters: names) == [p])
    #expect(test.leastP(units: 60) == 1.0 / 40_001)
    // As far from 0 as can be: only the observed pattern and its mirror image are.
    let ones = [Double](repeating: 1, count: 60)
    #expect(try test.pValues([ones], clusters: names) == [1.0 / 40_001])
    #expect(try test.pValues([ones.map { _ in 0 }], clusters: names) == [1])
  }

  @Test func theLeastPIsReached() throws {
    let test = SignFlipTest(seed: 1)
    #expect(test.leastP(units: 5) == 2.0 / 32 && test.leastP(units: 0) == 1)
    let p = try test.pValues(
      [[1, 2, 3, 4, 5], [-1, -2, -3, -4, -5]], clusters: ["a", "b", "c", "d", "e"])
    #expect(p == [0.0625, 0.0625])
    #expect(try test.pValues([[]], clusters: []) == [1])
    expectProblem(.notFinite) {
      _ = try test.pValues([[1, .nan]], clusters: ["a", "b"])
    }
    expectProblem(.differentCounts) { _ = try test.pValues([[1]], clusters: ["a", "b"]) }
    #expect(SignFlipTest(seed: 1, tests: 1000).draws == 40_000)
  }

  /// The promise: under no effect, p below 0.05 comes in at most one case of twenty.
  @Test func pValuesAreHonest() throws {
    var generator = SeededGenerator(seed: 3)
    let series = (0..<600).map { _ in (0..<9).map { _ in generator.normal() } }
    let p = try SignFlipTest(seed: 1).pValues(series, clusters: (0..<9).map { "\($0)" })
    let share = Double(p.count { $0 < 0.05 }) / 600
    #expect(share > 0.025 && share < 0.075)
  }

  @Test func randomDirectionsAreStudents() throws {
    for direction in recorded.directions {
      let p = randomDirectionP(cosine: direction.cosine, dimensions: direction.dimensions)
      #expect(
        abs((p ?? 2) - direction.p) <= 1e-10 * direction.p + 1e-300,
        "\(direction.cosine) in \(direction.dimensions): \(p ?? -1), \(direction.p)")
    }
    #expect(randomDirectionP(cosine: 0.5, dimensions: 1) == nil)
    #expect(randomDirectionP(cosine: 1, dimensions: 9) == 0)
    for beta in recorded.beta {
      #expect(
        abs(incompleteBeta(beta.x, beta.a, beta.b) - beta.value) < 1e-11 * max(beta.value, 1e-3))
    }
  }
}
