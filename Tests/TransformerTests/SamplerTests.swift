import Foundation
import Statistics
import Testing

@testable import Transformer

@Suite("Choosing the next token")
struct SamplerTests {
  private func candidates(
    _ logits: [Float], temperature: Double = 1, topK: Int? = nil, topP: Double? = nil
  ) -> [Int32: Double] {
    var settings = GenerationSettings()
    (settings.temperature, settings.topK, settings.topP) = (temperature, topK, topP)
    let found = logits.withUnsafeBufferPointer {
      Sampler(settings).candidates($0, largest: logits.max() ?? 0)
    }
    let sum = found.reduce(0) { $0 + $1.weight }
    return Dictionary(uniqueKeysWithValues: found.map { ($0.token, $0.weight / sum) })
  }

  /// By transformers 5.23: TemperatureLogitsWarper(0.7), TopKLogitsWarper(5), TopPLogitsWarper(0.8), in
  /// this order, then softmax, of these logits.
  static let logits: [Float] = [1.5, -0.25, 2, 0.75, 1.75, -3, 0.5, 2.25, 0, -1]
  static let expected: [Int32: Double] = [2: 0.319599854, 4: 0.223615241, 7: 0.456784905]

  @Test func greedyTakesTheFirstOfTheLargest() {
    var generator = SeededGenerator(seed: 1)
    let sampler = Sampler(GenerationSettings())
    func choose(_ logits: [Float]) -> Int32? {
      logits.withUnsafeBufferPointer { sampler.choose(from: $0, &generator) }
    }
    #expect(choose([0, 3, 1, 3]) == 1)
    #expect(choose([-2, -1]) == 1)
    for odd in [Float.nan, .infinity, -.infinity] { #expect(choose([0, odd, 1]) == nil) }
    #expect(choose([]) == nil)
  }

  @Test func orderIsThatOfTransformers() {
    let found = candidates(Self.logits, temperature: 0.7, topK: 5, topP: 0.8)
    #expect(Set(found.keys) == Set(Self.expected.keys))
    for (token, probability) in Self.expected {
      #expect(abs((found[token] ?? 0) - probability) < 1e-6, "\(token)")
    }
  }

  @Test func topKKeepsAllThatAreEqualToTheLast() {
    #expect(Set(candidates([1, 2, 2, 2, 0], topK: 2).keys) == [1, 2, 3])
    #expect(candidates([1, 2, 3], topK: 3).count == 3)
    #expect(candidates([1, 2, 3], topK: 9).count == 3)
    let many = (0..<1000).map { Float(($0 * 7919) % 1009) }
    let kept = candidates(many, temperature: 100, topK: 37)
    let bound = many.sorted(by: >)[36]
    #expect(Set(kept.keys) == Set((0..<1000).filter { many[$0] >= bound }.map { Int32($0) }))
  }

  @Test func nucleusIsTheSmallestSetOfThatShare() {
    // Probabilities 0.5, 0.25, 0.125, 0.125.
    let logits = [Float(0.5), 0.25, 0.125, 0.125].map { log($0) }
    #expect(Set(candidates(logits, topP: 0.4).keys) == [0])
    #expect(Set(candidates(logits, topP: 0.6).keys) == [0, 1])
    #expect(Set(candidates(logits, topP: 0.8).keys) == [0, 1, 2])
    #expect(candidates(logits, topP: 0.9).count == 4)
    #expect(candidates(logits, topP: 1).count == 4)
    #expect(Set(candidates(logits, topP: 1e-300).keys) == [0])
    #expect(candidates(Array(repeating: 0, count: 100), topP: 0.305).count == 31)
  }

  /// Frequencies of 20,000 draws lie within five deviations of the probabilities.
  @Test func drawsFollowTheProbabilities() {
    let expected = candidates(Self.logits, temperature: 1.3)
    var settings = GenerationSettings()
    settings.temperature = 1.3
    let sampler = Sampler(settings)
    var generator = SeededGenerator(seed: 7, item: "draws")
    var counts: [Int32: Int] = [:]
    let count = 20_000
    for _ in 0..<count {
      let token = Self.logits.withUnsafeBufferPointer { sampler.choose(from: $0, &generator) }
      counts[token ?? -1, default: 0] += 1
    }
    for (token, probability) in expected {
      let deviation = (probability * (1 - probability) / Double(count)).squareRoot()
      let frequency = Double(counts[token] ?? 0) / Double(count)
      #expect(abs(frequency - probability) < 5 * deviation, "\(token)")
    }
    #expect(counts.values.reduce(0, +) == count && counts[-1] == nil)
  }
}
