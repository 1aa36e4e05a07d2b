import Files
import Tensors

extension Parity {
  /// Differences so far, by site.
  struct Tally {
    private var found: [HookPoint.Site: Site] = [:]
    /// Where the reference tells how far transformers in float32 is from it.
    private(set) var distances = Distances()

    /// In the order of the forward pass.
    func sites(_ tolerance: Double) -> [Site] {
      HookPoint.Site.allCases.compactMap { found[$0] }.map { site in
        var site = site
        site.agrees =
          site.nonFinite == 0 && site.worst.relative < tolerance
          && site.byToken < Parity.tokenAllowance * tolerance
        return site
      }
    }

    /// Compares every recorded hook of one prompt that the model has.
    mutating func add(
      _ capture: SequenceCapture, _ reference: ParityReference, _ shape: ModelShape
    ) throws(Problem) {
      let sequence = reference.sequences[capture.sequence]
      for hook in sequence.hooks where shape.has(hook) {
        guard let values = capture.values[hook], let rows = capture.positions[hook] else {
          throw Problem(
            .defect, "capture of \(hook)", problem: "gave nothing",
            remedy: "report this, it is a defect of the engine")
        }
        let expected = try reference.values(capture.sequence, hook, width: values.columns)
        // Of all tokens, the recorded ones; or the recorded ones were captured alone.
        let kept = rows == sequence.positions ? Array(rows.indices) : sequence.positions
        let difference = Difference(
          values, rows: kept, stride: hook == .logits ? reference.logitsStride : 1, from: expected)
        add(difference, hook, capture.sequence, sequence.positions)
        if let theirs = try reference.distances(capture.sequence, hook) {
          let mean = theirs.reduce(0) { $0 + Double($1) } / Double(theirs.count)
          distances.add(hook, ours: difference.distance, transformers: mean)
        }
      }
    }

    private mutating func add(
      _ difference: Difference, _ hook: HookPoint, _ prompt: Int, _ positions: [Int]
    ) {
      let worst = Worst(
        absolute: difference.absolute, relative: difference.relative, hook: hook, prompt: prompt,
        position: positions[difference.row])
      var site =
        found[hook.site]
        ?? Site(
          site: hook.site, values: 0, absolute: 0, worst: worst, byToken: 0, nonFinite: 0,
          agrees: false)
      site.values += difference.values
      site.nonFinite += difference.nonFinite
      site.absolute = max(site.absolute, difference.absolute)
      site.byToken = max(site.byToken, difference.byToken)
      if worst.relative > site.worst.relative { site.worst = worst }
      found[hook.site] = site
    }
  }

  /// The largest difference of one tensor, and its row.
  struct Difference {
    private(set) var values = 0
    private(set) var nonFinite = 0
    private(set) var absolute = 0.0
    private(set) var row = 0
    /// The largest, over the rows, in units of the row's largest absolute expected value.
    private(set) var byToken = 0.0
    /// The mean, over the rows, of the difference's norm in units of the norm of the expected row.
    private(set) var distance = 0.0
    private var scale = 0.0

    /// In units of the largest absolute expected value; of the smallest normal float where all are 0.
    var relative: Double { absolute / max(scale, Double(Float.leastNormalMagnitude)) }

    /// - Parameters:
    ///   - rows: the rows of `found` to compare, one for each that is expected.
    ///   - stride: one column of so many was recorded.
    init(_ found: Matrix, rows: [Int], stride: Int, from expected: Matrix) {
      found.values.withUnsafeBufferPointer { foundValues in
        expected.values.withUnsafeBufferPointer { expectedValues in
          for (row, foundRow) in rows.enumerated() {
            var (largest, size) = (0.0, Double(Float.leastNormalMagnitude))
            var (squares, expectedSquares) = (0.0, 0.0)
            for column in 0..<expected.columns {
              let value = Double(expectedValues[row * expected.columns + column])
              let other = Double(foundValues[foundRow * found.columns + column * stride])
              add(value, other, row)
              guard value.isFinite else { continue }
              size = max(size, abs(value))
              expectedSquares += value * value
              guard other.isFinite else { continue }
              largest = max(largest, abs(other - value))
              squares += (other - value) * (other - value)
            }
            byToken = max(byToken, largest / size)
            if expectedSquares > 0 {
              distance += (squares / expectedSquares).squareRoot() / Double(rows.count)
            }
          }
        }
      }
    }

    private mutating func add(_ expected: Double, _ found: Double, _ row: Int) {
      values += 1
      // Masked scores.
      if expected == found, expected.isInfinite { return }
      scale = max(scale, abs(expected))
      guard found.isFinite else {
        if nonFinite == 0, absolute == 0 { self.row = row }
        nonFinite += 1
        return
      }
      let difference = abs(found - expected)
      if difference > absolute { (absolute, self.row) = (difference, row) }
    }
  }
}
