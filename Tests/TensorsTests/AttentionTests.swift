import CKernels
import Files
import Foundation
import Testing

/// Attention's kernel against sums in doubles, one after another.
@Suite("Attention") struct AttentionTests {
  /// One sequence of random queries, keys and values.
  struct Problem {
    var tokens: Int
    var heads: Int
    var keyHeads: Int
    var width: Int
    var window = 0
    var softCap: Float = 0
    let q, k, v: [Float]

    init(
      _ tokens: Int, _ heads: Int, _ keyHeads: Int, _ width: Int, window: Int = 0,
      softCap: Float = 0
    ) {
      (self.tokens, self.heads, self.keyHeads, self.width) = (tokens, heads, keyHeads, width)
      (self.window, self.softCap) = (window, softCap)
      var noise = Noise(state: UInt64(tokens))
      q = noise.floats(tokens * heads * width)
      k = noise.floats(tokens * keyHeads * width)
      v = noise.floats(tokens * keyHeads * width)
    }

    var scale: Float { 1 / Float(width).squareRoot() }

    /// z and the patterns of the last call, computed in pieces of the given numbers of tokens.
    func attend(_ pieces: [Int], capacity: Int? = nil) -> (z: [Float], pattern: [Float]) {
      let attention = bathyscope_attention(
        heads: heads, kv_heads: keyHeads, head_width: width, window: window, scale: scale,
        soft_cap: softCap)
      let capacity = capacity ?? tokens
      var memory = [Float](
        repeating: .nan, count: bathyscope_memory_count(capacity, keyHeads, width))
      // What lies behind the keys must not matter; behind the values it does not get that far.
      for index in memory.indices { memory[index] = index % 3 == 0 ? .nan : 1e30 }
      var (z, last) = ([Float](), [Float]())
      var start = 0
      for count in pieces {
        var part = [Float](repeating: .nan, count: count * heads * width)
        last = Array(repeating: .nan, count: count * heads * (start + count))
        let queries = Array(q[(start * heads * width)...])
        let keys = Array(k[(start * keyHeads * width)...])
        let values = Array(v[(start * keyHeads * width)...])
        for head in 0..<keyHeads {
          bathyscope_attend(
            &part, &last, queries, keys, values, &memory, capacity, start, count, attention, head)
        }
        z += part
        start += count
      }
      return (z, last)
    }
  }

  @Test(arguments: [
    Problem(1, 1, 1, 2), Problem(3, 4, 2, 6), Problem(4, 6, 3, 16), Problem(37, 6, 2, 20),
    Problem(70, 3, 1, 64), Problem(18, 2, 2, 80), Problem(41, 4, 2, 12, window: 7),
    Problem(41, 2, 1, 8, window: 1), Problem(20, 2, 2, 10, window: 64),
    Problem(33, 4, 4, 16, softCap: 0.7), Problem(50, 2, 1, 24, window: 16, softCap: 30),
  ])
  func agreesWithPlainSums(_ p: Problem) {
    let (z, pattern) = p.attend([p.tokens])
    var (worstPattern, worstZ) = (0.0, 0.0)
    for head in 0..<p.heads {
      let keyHead = head / (p.heads / p.keyHeads)
      for t in 0..<p.tokens {
        func key(_ j: Int, _ i: Int) -> Int { (j * p.keyHeads + keyHead) * p.width + i }
        let first = p.window > 0 ? max(0, t + 1 - p.window) : 0
        let scores = (first...t).map { j in
          let score =
            (0..<p.width).reduce(0.0) {
              $0 + Double(p.q[(t * p.heads + head) * p.width + $1]) * Double(p.k[key(j, $1)])
            } * Double(p.scale)
          return p.softCap > 0 ? Double(p.softCap) * tanh(score / Double(p.softCap)) : score
        }
        let largest = scores.max() ?? 0
        let total = scores.reduce(0) { $0 + exp($1 - largest) }
        let row = scores.map { exp($0 - largest) / total }
        for j in 0..<p.tokens {
          let expected = j >= first && j <= t ? row[j - first] : 0
          let value = Double(pattern[(t * p.heads + head) * p.tokens + j])
          worstPattern = max(worstPattern, value.isNaN ? .infinity : abs(value - expected))
          if expected == 0, value != 0 { worstPattern = .infinity }
        }
        for i in 0..<p.width {
          let expected = (first...t).reduce(0.0) { $0 + row[$1 - first] * Double(p.v[key($1, i)]) }
          let value = Double(z[(t * p.heads + head) * p.width + i])
          worstZ = max(worstZ, value.isNaN ? .infinity : abs(value - expected))
        }
      }
    }
    #expect(worstPattern < 2e-6)
    #expect(worstZ < 5e-6)
  }

  /// A query of zeros weighs all tokens alike, so z is the mean of the values; one chain over these
  /// 4,096 would be off by more than 1e-6 of it.
  @Test func manyTokensAreWeighedWithoutLongChains() {
    let tokens = 4096
    var noise = Noise(state: 3)
    let v = noise.floats(tokens * 4).map { 1 + abs($0) }
    let zeros = [Float](repeating: 0, count: tokens * 4)
    var memory = [Float](repeating: 0, count: bathyscope_memory_count(tokens, 1, 4))
    var z = zeros
    let attention = bathyscope_attention(
      heads: 1, kv_heads: 1, head_width: 4, window: 0, scale: 1, soft_cap: 0)
    bathyscope_attend(&z, nil, zeros, zeros, v, &memory, tokens, 0, tokens, attention, 0)
    for i in 0..<4 {
      let mean = (0..<tokens).reduce(0.0) { $0 + Double(v[$1 * 4 + i]) } / Double(tokens)
      let value = Double(z[(tokens - 1) * 4 + i])
      #expect(abs(value - mean) < 3e-7 * mean, "\(value) instead of \(mean)")
    }
  }

  @Test(arguments: [
    Problem(45, 2, 2, 24), Problem(45, 4, 2, 24, window: 9, softCap: 3), Problem(45, 3, 1, 7),
  ])
  func aTokenIsTheSameBitsHoweverTheOnesBeforeItCame(_ p: Problem) {
    let whole = p.attend([45]).z.map(\.bitPattern)
    for tokens in 1..<45 {
      let prefix = p.attend([tokens]).z.map(\.bitPattern)
      #expect(prefix.elementsEqual(whole[..<prefix.count]))
    }
    for pieces in [
      Array(repeating: 1, count: 45), [16, 1, 28], [3, 42], [44, 1], [17, 5, 5, 18],
    ] {
      let same = p.attend(pieces, capacity: 61).z.map(\.bitPattern) == whole
      #expect(same, "\(pieces)")
    }
  }
}
