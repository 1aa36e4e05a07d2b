import Files

extension Bootstrap {
  /// The mean curve at one position.
  public struct BandPoint: Codable, Sendable, Equatable {
    /// The number of curves that have a value here.
    public var n: Int
    /// Nil where no curve has a value.
    public var mean: Double?
    /// Nil where fewer than two curves have a value, or all have the same.
    public var interval: Interval?
  }

  /// The mean of curves at each position with a pointwise percentile band, drawing whole curves, or
  /// whole clusters of them.
  ///
  /// A position where a curve has no value is left out of that curve's share of the mean; it never
  /// counts as zero. Curves may have different lengths. The same resamples serve every position.
  ///
  /// - Parameter clusters: one name per curve; curves of one name are drawn together.
  /// - Throws: when a value is not finite or there is not one cluster per curve.
  public func band(
    curves: [[Double?]], clusters: [String]? = nil
  ) throws(Problem) -> [BandPoint] {
    guard clusters == nil || clusters?.count == curves.count else {
      throw Problem(
        .differentCounts, "bootstrap band", problem: "there is not one cluster per curve",
        remedy: "give one name for each")
    }
    let plan = clusters.map { Resampling.clusters($0) } ?? .items(curves.count)
    for (index, curve) in curves.enumerated() {
      guard curve.allSatisfy({ $0?.isFinite ?? true }) else {
        throw Problem(
          .notFinite, "bootstrap band", place: "curve \(index)", problem: "a value is not finite",
          remedy: "find out where it comes from, or leave the position out with nil")
      }
    }
    let length = curves.map(\.count).max() ?? 0
    var points: [BandPoint] = []
    // Blocks bound the memory: 10,000 resamples of 64 positions are 5 MB, of 8,000 would be 640.
    for start in stride(from: 0, to: length, by: 64) {
      points += band(curves, start..<min(start + 64, length), plan)
    }
    return points
  }

  private func band(
    _ curves: [[Double?]], _ positions: Range<Int>, _ plan: Resampling
  ) -> [BandPoint] {
    let width = positions.count
    // A row for each unit that is drawn: the sum over its curves, and how many have a value.
    var values = [Double](repeating: 0, count: plan.units.count * width)
    var present = values
    for (unit, members) in plan.units.enumerated() {
      for curve in members.map({ curves[$0] }) {
        for position in positions where position < curve.count {
          guard let value = curve[position] else { continue }
          values[unit * width + position - positions.lowerBound] += value
          present[unit * width + position - positions.lowerBound] += 1
        }
      }
    }
    let all = Self.masked(Array(plan.units.indices), values, present, width)
    var resampled = [[Double]](repeating: [], count: width)
    var generator = SeededGenerator(seed: seed, item: "bootstrap")
    var drawn = [Int](repeating: 0, count: plan.units.count)
    for _ in 0..<resamples {
      plan.draw(into: &drawn, using: &generator)
      let (sums, counts) = Self.masked(drawn, values, present, width)
      for position in 0..<width where counts[position] > 0 {
        resampled[position].append(sums[position] / counts[position])
      }
    }
    let tail = (1 - confidence) / 2
    return (0..<width).map { position in
      let n = Int(all.counts[position])
      guard n > 0 else { return BandPoint(n: 0, mean: nil, interval: nil) }
      let mean = all.sums[position] / all.counts[position]
      let sorted = resampled[position].sorted()
      guard n > 1, let first = sorted.first, let last = sorted.last,
        last - first > 1e-12 * max(abs(first), abs(last))
      else { return BandPoint(n: n, mean: mean, interval: nil) }
      let interval = Interval(
        estimate: mean, low: Self.quantile(sorted, tail), high: Self.quantile(sorted, 1 - tail),
        confidence: confidence,
        method: "pointwise percentile bootstrap of curves, \(resamples) resamples, seed \(seed)",
        n: n)
      return BandPoint(n: n, mean: mean, interval: interval)
    }
  }

  /// The sums and the counts of present values over the drawn rows of `[units, width]`.
  private static func masked(
    _ drawn: [Int], _ values: [Double], _ present: [Double], _ width: Int
  ) -> (sums: [Double], counts: [Double]) {
    var sums = [Double](repeating: 0, count: width)
    var counts = sums
    values.withUnsafeBufferPointer { values in
      present.withUnsafeBufferPointer { present in
        for row in drawn {
          for position in 0..<width {
            sums[position] += values[row * width + position]
            counts[position] += present[row * width + position]
          }
        }
      }
    }
    return (sums, counts)
  }
}
