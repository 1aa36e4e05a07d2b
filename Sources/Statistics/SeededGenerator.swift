import Foundation

/// A random number generator whose numbers never change: xoshiro256** (Blackman and Vigna 2018),
/// its state filled by SplitMix64 (Steele et al. 2014).
///
/// What is drawn for a prompt depends on the seed and the prompt's id alone, so that batch size,
/// order and threads cannot change a result. `uniform`, `index`, `normal` and `shuffled` are written
/// here because the standard library may change how it turns bits into numbers.
///
///     var generator = SeededGenerator(seed: 42, item: "prompt-7")
///     let direction = (0..<576).map { _ in generator.normal() }
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// The same seed gives the same numbers on every machine and in every version.
  public init(seed: UInt64) {
    var mixer = seed
    state = (splitMix(&mixer), splitMix(&mixer), splitMix(&mixer), splitMix(&mixer))
  }

  /// The generator of one item, independent of every other item's.
  public init(seed: UInt64, item: String) {
    self.init(seed: stableHash(seed: seed, item))
  }

  /// The next 64 bits, every pattern equally likely.
  public mutating func next() -> UInt64 {
    let result = rotate(state.1 &* 5, 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = rotate(state.3, 45)
    return result
  }

  /// A number in [0, 1), a multiple of 2^-53.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A whole number in 0 ..< count, every one equally likely (Lemire 2019).
  public mutating func index(below count: Int) -> Int {
    precondition(count > 0, "nothing to choose from")
    let bound = UInt64(count)
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let threshold = (0 &- bound) % bound
      while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
    }
    return Int(product.high)
  }

  /// A standard normal number (Box and Muller 1958); the last bits depend on the C library's `log` and `cos`.
  public mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }

  /// The values in random order (Fisher and Yates, from the end).
  public mutating func shuffled<Value>(_ values: [Value]) -> [Value] {
    var result = values
    for last in stride(from: result.count - 1, to: 0, by: -1) {
      result.swapAt(last, index(below: last + 1))
    }
    return result
  }
}

/// A hash that is the same in every process, unlike Swift's: FNV-1a over the UTF-8 bytes, then mixed
/// with the seed.
package func stableHash(seed: UInt64, _ text: String) -> UInt64 {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
  var mixer = seed
  mixer = splitMix(&mixer) ^ hash
  return splitMix(&mixer)
}

/// A hash of a series of numbers that is the same in every process.
func stableHash(_ series: ArraySlice<UInt64>) -> UInt64 {
  series.reduce(UInt64(series.count)) { hash, value in
    var mixer = hash ^ value
    return splitMix(&mixer)
  }
}

private func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
  value << count | value >> (64 - count)
}

private func splitMix(_ state: inout UInt64) -> UInt64 {
  state &+= 0x9e37_79b9_7f4a_7c15
  var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
  mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
  return mixed ^ mixed >> 31
}
