import Testing

@testable import Statistics

@Suite struct SeededGeneratorTests {
  private func firstNumbers(_ generator: SeededGenerator) -> [String] {
    var generator = generator
    return (0..<6).map { _ in String(generator.next()) }
  }

  @Test func numbersAreThoseOfAnIndependentImplementation() throws {
    let golden = try Golden.load().generator
    #expect(firstNumbers(SeededGenerator(seed: 42)) == golden.seed42)
    #expect(firstNumbers(SeededGenerator(seed: 0)) == golden.seed0)
    #expect(firstNumbers(SeededGenerator(seed: 42, item: "prompt-7")) == golden.item)
    #expect(firstNumbers(SeededGenerator(seed: 7, item: "\u{e9}")) == golden.accent)
  }

  @Test func helpersNeverChange() throws {
    let golden = try Golden.load().generator.helpers
    var generator = SeededGenerator(seed: 1)
    #expect((0..<8).map { _ in generator.index(below: 10) } == golden.indices)
    #expect(generator.shuffled(Array(0..<6)) == golden.shuffled)
    #expect(generator.uniform() == golden.uniform)
    #expect(isClose(generator.normal(), golden.normal, 1e-14))
  }

  @Test func uniformAndNormalHaveTheirMoments() {
    var generator = SeededGenerator(seed: 3)
    let uniform = (0..<20_000).map { _ in generator.uniform() }
    #expect(uniform.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(uniform.reduce(0, +) / 20_000 - 0.5) < 0.01)
    let normal = (0..<20_000).map { _ in generator.normal() }
    #expect(abs(normal.reduce(0, +) / 20_000) < 0.03)
    #expect(abs(normal.reduce(0) { $0 + $1 * $1 } / 20_000 - 1) < 0.05)
    #expect(normal.allSatisfy { $0.isFinite })
  }

  @Test func indicesAreEquallyLikely() {
    var generator = SeededGenerator(seed: 9)
    var counts = [Int](repeating: 0, count: 3)
    for _ in 0..<30_000 { counts[generator.index(below: 3)] += 1 }
    #expect(counts.allSatisfy { abs($0 - 10_000) < 400 })
    #expect(generator.index(below: 1) == 0)
    #expect((0..<100).allSatisfy { _ in generator.index(below: .max) >= 0 })
  }

  @Test func shufflingKeepsTheValues() {
    var generator = SeededGenerator(seed: 9)
    #expect(generator.shuffled(Array(0..<100)).sorted() == Array(0..<100))
    #expect(generator.shuffled([Int]()).isEmpty)
  }
}
