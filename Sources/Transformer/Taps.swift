import Tensors

/// Reads and changes the activations of one tile as the forward pass reaches each hook.
final class Taps<Device: Backend> {
  private let device: Device
  private let plan: PreparedPlan
  private let batch: Batch
  let tile: Tile
  private var values: [[HookPoint: Matrix]]
  private var positions: [[HookPoint: [Int]]]
  /// What each intervention did in each sequence of the tile.
  private(set) var marks: [EffectMark] = []
  /// Sees what is changed and what is passed on, and may pass on something else; nil but in derivatives.
  var observer: ((TapEvent, Device.Activations) -> Device.Activations)?

  init(device: Device, plan: PreparedPlan, batch: Batch, tile: Tile) {
    (self.device, self.plan, self.batch, self.tile) = (device, plan, batch, tile)
    values = Array(repeating: [:], count: tile.sequences.count)
    positions = Array(repeating: [:], count: tile.sequences.count)
  }

  /// Whether the hook is read.
  func reads(_ hook: HookPoint) -> Bool { plan.captures[hook] != nil }

  /// The last hook that is read; nothing after it is computed.
  var last: HookPoint { plan.last }

  /// The positions of new tokens meant by rules in the tile's `index`-th sequence, ascending.
  private func meant(by rules: [Positions], _ index: Int) -> [Int] {
    let sequence = batch.sequences[tile.sequences.lowerBound + index]
    let start = tile.start(of: index)
    if rules.count == 1 { return rules[0].indices(in: sequence, from: start) }
    return Set(rules.flatMap { $0.indices(in: sequence, from: start) }).sorted()
  }

  private func wanted(_ hook: HookPoint, _ index: Int) -> [Int] {
    meant(by: plan.captures[hook] ?? [], index)
  }

  /// The tile's rows of positions in its `index`-th sequence.
  private func rows(_ positions: [Int], _ index: Int) -> [Int] {
    let shift = tile.offsets[index] - tile.start(of: index)
    return positions.map { $0 + shift }
  }

  /// Changes and then reads the activations at a hook.
  func callAsFunction(_ hook: HookPoint, _ x: Device.Activations) -> Device.Activations {
    var changed = change(hook, x)
    if let observer { changed = observer(.passed(hook), changed) }
    if reads(hook) {
      for index in 0..<tile.sequences.count {
        let wanted = wanted(hook, index)
        keep(hook, index, wanted, device.read(rows(wanted, index), of: changed))
      }
    }
    return changed
  }

  private func change(_ hook: HookPoint, _ x: Device.Activations) -> Device.Activations {
    var x = x
    for (intervention, change, rule) in plan.changes[hook] ?? [] {
      let touched = (0..<tile.sequences.count).map { meant(by: [rule], $0) }
      let rows = touched.enumerated().flatMap { self.rows($1, $0) }
      guard !rows.isEmpty else { continue }
      let norms: [Double]
      (x, norms) = device.change(rows, of: x, by: change)
      if let observer { x = observer(.changed(intervention: intervention, rows: rows), x) }
      var first = 0
      for (index, touched) in touched.enumerated() where !touched.isEmpty {
        marks.append(
          EffectMark(
            intervention: intervention, sequence: tile.sequences.lowerBound + index, hook: hook,
            norms: Array(norms[first..<(first + touched.count)])))
        first += touched.count
      }
    }
    return x
  }

  /// Reads one sequence's attention pattern, `[tokens, H * tokens]`.
  func readPattern(_ hook: HookPoint, _ index: Int, _ pattern: Matrix) {
    let wanted = wanted(hook, index)
    let start = tile.start(of: index)
    keep(hook, index, wanted, pattern.picking(wanted.map { $0 - start }))
  }

  /// The tile's rows at which a hook is read, sequence by sequence.
  func wantedRows(_ hook: HookPoint) -> [Int] {
    (0..<tile.sequences.count).flatMap { index in
      rows(wanted(hook, index), index)
    }
  }

  /// Takes the values of `wantedRows(hook)`.
  func keepRows(_ hook: HookPoint, _ rows: Matrix) {
    var start = 0
    for index in 0..<tile.sequences.count {
      let wanted = wanted(hook, index)
      let part = rows.values[(start * rows.columns)..<((start + wanted.count) * rows.columns)]
      keep(
        hook, index, wanted,
        Matrix(rows: wanted.count, columns: rows.columns, values: Array(part)))
      start += wanted.count
    }
  }

  private func keep(
    _ hook: HookPoint, _ index: Int, _ wanted: [Int], _ matrix: Matrix
  ) {
    positions[index][hook] = wanted
    values[index][hook] = matrix
  }

  /// All that was read, by sequence.
  func captures() -> [SequenceCapture] {
    tile.sequences.enumerated().map { index, sequence in
      SequenceCapture(sequence: sequence, positions: positions[index], values: values[index])
    }
  }
}

/// What happens at a hook.
enum TapEvent {
  /// An intervention, by its place in the plan, has changed rows of the tile.
  case changed(intervention: Int, rows: [Int])
  /// These are the activations that the rest of the network reads.
  case passed(HookPoint)
}

/// One firing of an intervention in one sequence at one hook.
struct EffectMark: Sendable {
  let intervention: Int
  let sequence: Int
  let hook: HookPoint
  /// Norm of the change at each touched position.
  let norms: [Double]
}

extension Effect {
  /// Sums the marks of a run, in an order that does not depend on tiles or threads.
  /// - Throws: when an intervention never fired.
  static func summing(
    _ marks: [EffectMark], of interventions: [Intervention]
  ) throws(TransformerError) -> [Effect] {
    var effects: [Effect] = []
    for (index, intervention) in interventions.enumerated() {
      let mine = marks.filter { $0.intervention == index }
        .sorted { ($0.sequence, $0.hook) < ($1.sequence, $1.hook) }
      let summary = intervention.summary
      guard !mine.isEmpty else {
        throw TransformerError(
          "intervention \(index) (\(summary))",
          problem: "touched nothing: no sequence has such positions",
          remedy: "check its positions against the prompts' segments and lengths")
      }
      let norms = mine.flatMap(\.norms)
      effects.append(
        Effect(
          intervention: index, summary: summary, fired: norms.count,
          hooks: Set(mine.map(\.hook)).sorted(), sequences: Set(mine.map(\.sequence)).count,
          norm: norms.reduce(0) { $0 + $1 * $1 }.squareRoot(), largestNorm: norms.max() ?? 0))
    }
    return effects
  }
}
