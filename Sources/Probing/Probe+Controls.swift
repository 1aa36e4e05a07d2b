import Statistics

extension Probe {
  /// Probes of random directions of the same norm with the same bias: what a trace of this probe is
  /// to be compared with.
  ///
  /// Norms are those of the weight, in the space of standardised features.
  public func randomControls(_ count: Int, seed: UInt64) -> [Probe] {
    var generator = SeededGenerator(seed: seed, item: "random controls \(hook)")
    let norm = weight.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    return (0..<count).map { _ in
      let values = (0..<width).map { _ in generator.normal() }
      let factor = norm / dot(values, values).squareRoot()
      var control = self
      control.weight = values.map { Float($0 * factor) }
      return control
    }
  }
}
