import Statistics

/// Mean and standard deviation of z over a probe's training rows, in logits.
public struct ScoreSpread: Sendable, Equatable, Codable {
  /// Of z over the rows.
  public var mean: Double
  /// Of z over the rows, divided by their number.
  public var deviation: Double

  /// Of one or more scores; 0 and 0 of none.
  public init(_ scores: [Float]) {
    let count = Double(max(scores.count, 1))
    let mean = scores.reduce(0) { $0 + Double($1) } / count
    self.mean = mean
    deviation =
      (scores.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count).squareRoot()
  }
}

extension Probe {
  /// Probes of random directions in the space of standardised features: what a trace of this probe is to
  /// be compared with.
  ///
  /// A direction along which features vary together spreads z farther than a random one of the same
  /// norm, and falls farther by itself. So the norm is the deviation of this probe's z over its training
  /// rows, and the bias their mean.
  /// - Parameter spread: of this probe; nil takes the norm of the weight and the bias.
  public func randomControls(_ count: Int, seed: UInt64, spread: ScoreSpread?) -> [Probe] {
    var generator = SeededGenerator(seed: seed, item: "random controls \(hook)")
    let norm =
      spread?.deviation ?? weight.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    return (0..<max(count, 0)).map { _ in
      let values = (0..<width).map { _ in generator.normal() }
      let factor = norm / dot(values, values).squareRoot()
      var control = self
      control.weight = values.map { Float($0 * factor) }
      if let spread { control.bias = Float(spread.mean) }
      return control
    }
  }
}
