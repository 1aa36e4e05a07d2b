import Files

/// The paired permutation test of a mean against 0 by flipping signs (Fisher 1935), two-sided.
///
/// It asks how often the mean is as far from 0 when each unit's values might as well have had the other
/// sign. Values of one cluster are flipped together. All sign patterns are tried where there are at most
/// `draws` of them; else `draws` are drawn, and the observed one is counted with them.
public struct SignFlipTest: Sendable, Equatable {
  /// Decides which sign patterns are drawn where not all are tried.
  public var seed: UInt64
  /// The most sign patterns that are tried.
  public var draws: Int

  /// - Precondition: `draws` is at least 1.
  public init(seed: UInt64, draws: Int = 10_000) {
    precondition(draws >= 1, "at least one pattern")
    (self.seed, self.draws) = (seed, draws)
  }

  /// Enough draws for the least p value to be below 0.05 after a correction over so many tests.
  public init(seed: UInt64, tests: Int) {
    self.init(seed: seed, draws: max(10_000, 40 * tests))
  }

  /// The least p value that so many units can give, whatever the values.
  public func leastP(units: Int) -> Double {
    isExact(units) ? (units == 0 ? 1 : 2 / Double(1 << units)) : 1 / Double(draws + 1)
  }

  private func isExact(_ units: Int) -> Bool { units < 40 && 1 << units <= draws }

  /// The p value of each series; all series have the same items.
  ///
  /// The same sign patterns serve all of them. A series of zeros has p 1.
  /// - Parameter clusters: one name per item.
  /// - Throws: when the series differ in length or a value is not finite.
  public func pValues(
    _ series: [[Double]], clusters: [String]
  ) throws(Problem) -> [Double] {
    for values in series {
      try requireSameCount(values.count, clusters.count, "sign-flip test")
      try requireFinite(values, "sign-flip test")
    }
    let units = Resampling.clusters(clusters).units
    let sums = series.map { values in units.map { $0.reduce(0) { $0 + values[$1] } } }
    return isExact(units.count) ? sums.map(exact) : drawn(sums, units.count)
  }

  /// Walks through all patterns, one flip at a time; by symmetry the first unit keeps its sign.
  private func exact(_ sums: [Double]) -> Double {
    guard !sums.isEmpty else { return 1 }
    var sum = sums.reduce(0, +)
    let limit = abs(sum) - Self.slack(sums)
    let patterns = 1 << (sums.count - 1)
    // The Gray code: pattern k differs from the one before in the place of k's lowest bit.
    var doubled = sums.dropFirst().map { 2 * $0 }
    var asFar = 1
    doubled.withUnsafeMutableBufferPointer { doubled in
      var pattern = 1
      while pattern < patterns {
        let flipped = pattern.trailingZeroBitCount
        sum -= doubled[flipped]
        doubled[flipped] = -doubled[flipped]
        if abs(sum) >= limit { asFar += 1 }
        pattern += 1
      }
    }
    return Double(asFar) / Double(patterns)
  }

  private func drawn(_ sums: [[Double]], _ units: Int) -> [Double] {
    let limits = sums.map { abs($0.reduce(0, +)) - Self.slack($0) }
    var asFar = [Int](repeating: 1, count: sums.count)
    var generator = SeededGenerator(seed: seed, item: "sign flips")
    var signs = [Double](repeating: 1, count: units)
    for _ in 0..<draws {
      var bits: UInt64 = 0
      for unit in 0..<units {
        if unit % 64 == 0 { bits = generator.next() }
        signs[unit] = bits & 1 == 0 ? 1 : -1
        bits >>= 1
      }
      signs.withUnsafeBufferPointer { signs in
        for index in sums.indices {
          sums[index].withUnsafeBufferPointer { values in
            var sum = 0.0
            for unit in 0..<units { sum += signs[unit] * values[unit] }
            if abs(sum) >= limits[index] { asFar[index] += 1 }
          }
        }
      }
    }
    return asFar.map { Double($0) / Double(draws + 1) }
  }

  /// Sums that differ by rounding alone count as equal; rounding adds up over the patterns.
  private static func slack(_ sums: [Double]) -> Double {
    1e-10 * sums.reduce(0) { $0 + abs($1) }
  }
}

/// The exact sign-flip test of paired differences (Fisher 1935): the two-sided p value of their sum when
/// each difference could as well have had the other sign.
///
/// Differences are whole numbers, so all 2^n sums are counted exactly, by adding one difference after
/// another. With one answer to each behaviour they are -1, 0 and 1, and it is the exact McNemar test; with
/// several, a behaviour's answers change their sign together.
/// - Parameter differences: one for each unit, such as successes under one condition minus successes under
///   the other, summed over a behaviour's samples.
public func signFlipTest(_ differences: [Int]) -> Double {
  let sizes = differences.filter { $0 != 0 }.map { Int($0.magnitude) }
  let most = sizes.reduce(0, +)
  let observed = Int(differences.reduce(0, +).magnitude)
  // weights[sum + most]: the probability of a sum of the differences so far.
  var weights = [Double](repeating: 0, count: 2 * most + 1)
  weights[most] = 1
  var reached = 0
  for size in sizes {
    var next = [Double](repeating: 0, count: weights.count)
    for sum in -reached...reached where weights[sum + most] > 0 {
      next[sum + size + most] += weights[sum + most] / 2
      next[sum - size + most] += weights[sum + most] / 2
    }
    reached += size
    weights = next
  }
  var tail = 0.0
  for sum in -most...most where abs(sum) >= observed { tail += weights[sum + most] }
  return min(1, tail)
}
