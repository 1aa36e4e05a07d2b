import Prompts
import Tensors

/// A tile's way forward to an objective and back.
///
/// Forward, only the residual stream before each block is kept; on the way back every block is computed
/// once more, and its insides are held only until its gradient has passed.
final class GradientSweep {
  private let network: Network<PackedMatrix>
  private let prepared: PreparedDerivative
  private let hooks: Set<HookPoint>
  /// The positions whose gradients are wanted, by sequence.
  private let positions: [[Int]]
  private let device: TapeBackend
  private let tile: Tile
  private var values: [Double]
  private var gradients: [HookPoint: Matrix] = [:]
  /// Gradients with respect to added vectors, by intervention and sequence.
  private var sums: [Int: [[Double]]] = [:]
  /// What is to be read when the tape has run back.
  private var waiting: [(TapEvent, Traced)] = []

  init(
    _ network: Network<PackedMatrix>, _ prepared: PreparedDerivative, at hooks: [HookPoint],
    _ positions: Positions, _ device: CPUBackend, _ tile: Tile
  ) {
    (self.network, self.prepared, self.hooks, self.tile) = (network, prepared, Set(hooks), tile)
    self.positions = prepared.batch.sequences[tile.sequences].map { positions.indices(in: $0) }
    self.device = TapeBackend(device: device)
    values = Array(repeating: 0, count: tile.sequences.count)
  }

  /// - Returns: what the interventions did.
  func run() -> [EffectMark] {
    let top = network.block(of: prepared.objective.last)
    let adding = prepared.scales.keys.flatMap { prepared.plan.interventions[$0].hooks }
    let first = (hooks.union(adding).min() ?? prepared.objective.last)
    let bottom = min(network.block(of: first), top)
    var (kept, marks) = forward(to: top, keeping: bottom)
    let taps = prepared.taps(device, tile)
    taps.observer = { [unowned self] in observe($0, $1) }
    taps.watched = hooks.union(prepared.objective.hooks)
    let pass = Pass(device: device, tile: tile, taps: taps)
    var gradient: CPUActivations?
    for block in stride(from: top, through: bottom, by: -1) {
      let entering = kept.popLast().map { Traced($0) }
      let leaving =
        entering.map { network.block(block, $0, pass) } ?? network.embed(pass)
      if block == top {
        objective(leaving, pass)
        marks += taps.marks
      } else if let gradient {
        leaving.accumulate(gradient, device.device)
      }
      gradient = nil
      device.tape.runBack()
      collect()
      gradient = entering?.gradient
    }
    return marks
  }

  /// The residual stream before the blocks `bottom` to `top`, and what the interventions before `top`
  /// did.
  private func forward(
    to top: Int, keeping bottom: Int
  ) -> (kept: [CPUActivations], marks: [EffectMark]) {
    guard top >= 0 else { return ([], []) }
    let taps = prepared.taps(device.device, tile)
    let pass = Pass(device: device.device, tile: tile, taps: taps)
    var x = network.embed(pass)
    var kept: [CPUActivations] = []
    for block in 0...top {
      if block >= bottom { kept.append(x) }
      if block < top { x = network.block(block, x, pass) }
    }
    return (kept, taps.marks)
  }

  /// Reads what the objective reads behind the last block that it needs.
  private func objective(_ leaving: Traced, _ pass: Pass<TapeBackend>) {
    guard prepared.objective.last >= .finalNormScale else { return }
    let normed = network.finish(leaving, pass)
    let count = device.tape.count
    prepared.logits(normed, network, pass) { logits, readings in
      seed(readings, logits)
      device.tape.runBack(to: count)
    }
  }

  private func seed(_ readings: [PreparedObjective.Reading], _ x: Traced) {
    guard !readings.isEmpty else { return }
    let gradient = PreparedObjective.evaluate(
      readings, of: x.value, into: &values, device.device)
    x.accumulate(gradient, device.device)
  }

  private func observe(_ event: TapEvent, _ activations: Traced) -> Traced {
    var x = activations
    switch event {
    case .passed(let hook):
      // The residual stream itself comes by here, and only what is read of it is meant.
      if [.attentionInput, .mlpInput].contains(hook.site) { x = device.branch(x) }
      if hooks.contains(hook) { keep(event, x) }
      seed(prepared.objective.readings(hook, tile, prepared.batch), x)
    case .changed(let intervention, _):
      if prepared.scales[intervention] != nil { keep(event, x) }
    }
    return x
  }

  private func keep(_ event: TapEvent, _ x: Traced) {
    x.isKept = true
    waiting.append((event, x))
  }

  /// Reads the gradients of the block that the tape has left.
  private func collect() {
    for (event, x) in waiting {
      switch event {
      case .passed(let hook):
        let rows = zip(tile.offsets, positions).flatMap { start, wanted in wanted.map { start + $0 }
        }
        gradients[hook] =
          x.gradient.map { device.device.read(rows, of: $0) }
          ?? Matrix(rows: rows.count, columns: x.columns)
      case .changed(let intervention, let rows):
        for row in rows { add(x, row, to: intervention) }
      }
    }
    waiting = []
  }

  private func add(_ x: Traced, _ row: Int, to intervention: Int) {
    guard let gradient = x.gradient,
      let sequence = (0..<values.count).first(where: { tile.rows(of: $0).contains(row) })
    else { return }
    sums[intervention, default: empty(x.columns)][sequence].withUnsafeMutableBufferPointer { sum in
      for column in sum.indices { sum[column] += Double(gradient.row(row)[column]) }
    }
  }

  private func empty(_ columns: Int) -> [[Double]] {
    Array(repeating: Array(repeating: 0, count: columns), count: values.count)
  }

  /// The results, sequence by sequence.
  var results: [SequenceGradient] {
    var start = 0
    return tile.sequences.enumerated().map { index, sequence in
      let rows = Array(start..<(start + positions[index].count))
      start += rows.count
      return SequenceGradient(
        sequence: sequence, value: values[index], positions: positions[index],
        gradients: gradients.mapValues { $0.picking(rows) }, vectors: vectors(index))
    }
  }

  private func vectors(_ index: Int) -> [Int: [Float]] {
    var vectors: [Int: [Float]] = [:]
    for (intervention, scale) in prepared.scales {
      guard case .add(let vector, _) = prepared.plan.interventions[intervention].change else {
        continue
      }
      let sum = sums[intervention]?[index] ?? vector.map { _ in 0 }
      vectors[intervention] = sum.map { Float($0 * Double(scale)) }
    }
    return vectors
  }
}
