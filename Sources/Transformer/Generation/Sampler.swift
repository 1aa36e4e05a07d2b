import CKernels
import Foundation
import Statistics

/// Chooses the next token from logits: temperature, then top k, then top p, then one draw, which is
/// the order of Hugging Face transformers.
struct Sampler {
  let temperature: Double
  let topK: Int?
  let topP: Double?

  init(_ settings: GenerationSettings) {
    (temperature, topK, topP) = (settings.temperature, settings.topK, settings.topP)
  }

  /// The next token; nil when a logit is no finite number, so that none of them means anything.
  ///
  /// Of equally probable tokens the one with the smaller id counts as the more probable.
  func choose(
    from logits: UnsafeBufferPointer<Float>, _ generator: inout SeededGenerator
  ) -> Int32? {
    Self.areFinite(logits) ? draw(from: logits, &generator) : nil
  }

  static func areFinite(_ logits: UnsafeBufferPointer<Float>) -> Bool {
    guard let start = logits.baseAddress, !logits.isEmpty else { return false }
    return bathyscope_count_nonfinite(start, logits.count) == 0
  }

  /// The same where -infinity stands for what is forbidden; nil when everything is.
  func draw(
    from logits: UnsafeBufferPointer<Float>, _ generator: inout SeededGenerator
  ) -> Int32? {
    let top = Self.largest(logits)
    guard logits[top].isFinite else { return nil }
    guard temperature > 0 else { return Int32(top) }
    let candidates = candidates(logits, largest: logits[top])
    let sum = candidates.reduce(0) { $0 + $1.weight }
    var left = generator.uniform() * sum
    for candidate in candidates {
      left -= candidate.weight
      if left < 0 { return candidate.token }
    }
    // Rounding may leave a rest behind the last one that has any weight.
    return candidates.last { $0.weight > 0 }?.token
  }

  private static func largest(_ logits: UnsafeBufferPointer<Float>) -> Int {
    var best = 0
    for index in 1..<max(logits.count, 1) where logits[index] > logits[best] { best = index }
    return best
  }

  typealias Candidate = (token: Int32, weight: Double)

  /// What may be drawn, each with its probability times a common factor.
  func candidates(_ logits: UnsafeBufferPointer<Float>, largest: Float) -> [Candidate] {
    var kept: [Candidate] = logits.enumerated().map {
      (Int32($0.offset), exp((Double($0.element) - Double(largest)) / temperature))
    }
    if let topK, topK < kept.count {
      // As transformers, keeps all that are as probable as the k-th.
      var heap = SmallestOf(count: topK)
      for logit in logits { heap.offer(logit) }
      kept = kept.filter { logits[Int($0.token)] >= heap.smallest }
    }
    if let topP, topP < 1 { kept = nucleus(kept, topP) }
    return kept
  }

  /// The fewest tokens, the most probable first, that have at least the share `topP`.
  private func nucleus(_ candidates: [Candidate], _ topP: Double) -> [Candidate] {
    let sum = candidates.reduce(0) { $0 + $1.weight }
    // All those below this bound together have less than the share that is left out.
    let bound = (1 - topP) * sum / Double(candidates.count)
    let sorted = candidates.filter { $0.weight >= bound }.sorted {
      ($1.weight, $0.token) < ($0.weight, $1.token)
    }
    var share = 0.0
    let count = sorted.firstIndex { candidate in
      share += candidate.weight
      return share >= topP * sum
    }
    return Array(sorted.prefix((count ?? sorted.count - 1) + 1))
  }
}

/// Keeps the largest of the values offered, as a heap with the smallest of them on top.
private struct SmallestOf {
  private let count: Int
  private var values: [Float] = []

  init(count: Int) { self.count = count }

  /// The smallest of those kept: the `count`-th largest of all.
  var smallest: Float { values.first ?? -.infinity }

  mutating func offer(_ value: Float) {
    guard values.count == count else {
      values.append(value)
      if values.count == count { values.sort() }
      return
    }
    guard value > values[0] else { return }
    var hole = 0
    while true {
      var child = 2 * hole + 1
      guard child < count else { break }
      if child + 1 < count, values[child + 1] < values[child] { child += 1 }
      guard values[child] < value else { break }
      values[hole] = values[child]
      hole = child
    }
    values[hole] = value
  }
}
