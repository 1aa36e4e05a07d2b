import Prompts
import Tensors

/// A tile's way forward to an objective, with the derivative in a direction.
final class TangentSweep {
  private let network: Network<PackedMatrix>
  private let prepared: PreparedDerivative
  private let directions: [Direction]
  private let device: TangentBackend
  private let tile: Tile
  private var values: [Double]
  private var derivatives: [Double]

  init(
    _ network: Network<PackedMatrix>, _ prepared: PreparedDerivative,
    along directions: [Direction], _ device: CPUBackend, _ tile: Tile
  ) {
    (self.network, self.prepared, self.directions) = (network, prepared, directions)
    (self.device, self.tile) = (TangentBackend(device: device), tile)
    values = Array(repeating: 0, count: tile.sequences.count)
    derivatives = values
  }

  /// - Returns: what the interventions did.
  func run() -> [EffectMark] {
    let taps = prepared.taps(device, tile)
    taps.observer = { [unowned self] in observe($0, $1) }
    taps.watched = Set(directions.map(\.hook)).union(prepared.objective.hooks)
    let pass = Pass(device: device, tile: tile, taps: taps)
    let last = prepared.objective.last
    var x = network.embed(pass)
    for block in 0..<(network.block(of: last) + 1) { x = network.block(block, x, pass) }
    if last >= .finalNormScale {
      let normed = network.finish(x, pass)
      prepared.logits(normed, network, pass) { read($1, $0) }
    }
    return taps.marks
  }

  private func observe(_ event: TapEvent, _ x: Dual) -> Dual {
    guard case .passed(let hook) = event else { return x }
    var x = x
    for direction in directions where direction.hook == hook {
      x = device.move(rows(direction.positions), of: x, along: direction.vector)
    }
    read(prepared.objective.readings(hook, tile, prepared.batch), x)
    return x
  }

  private func rows(_ positions: Positions) -> [Int] {
    prepared.batch.sequences[tile.sequences].enumerated().flatMap { index, sequence in
      positions.indices(in: sequence).map { $0 + tile.offsets[index] }
    }
  }

  private func read(_ readings: [PreparedObjective.Reading], _ x: Dual) {
    guard !readings.isEmpty else { return }
    let gradient = PreparedObjective.evaluate(
      readings, of: x.value, into: &values, device.device)
    guard let tangent = x.tangent else { return }
    for reading in readings {
      let (slope, change) = (gradient.row(reading.row), tangent.row(reading.row))
      derivatives[reading.sequence] += (0..<x.columns).reduce(0) {
        $0 + Double(slope[$1]) * Double(change[$1])
      }
    }
  }

  /// The results, sequence by sequence.
  var results: [SequenceDerivative] {
    tile.sequences.enumerated().map { index, sequence in
      SequenceDerivative(
        sequence: sequence, value: values[index], derivative: derivatives[index])
    }
  }
}
