import Files
import Prompts
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
  /// Hooks at which the observer looks, besides those of the plan.
  var watched: Set<HookPoint> = []
  /// From which position on a sequence is read and its changes are counted.
  private let starts: [Int]
  private let predicted: [Int]
  /// For each sequence to be predicted some logits, and which row of them is its last token's.
  private(set) var predictions: [(logits: Matrix, row: Int)] = []
  /// The logits that were read of each sequence so far, row after row.
  private var logits: [[Float]] = []
  private var dVocabulary = 0

  /// - Parameters:
  ///   - starts: for each sequence of the tile, how many of its tokens were read and counted before;
  ///     by default those in its memory.
  ///   - predicted: the sequences of the tile whose next token is to be chosen.
  init(
    device: Device, plan: PreparedPlan, batch: Batch, tile: Tile, from starts: [Int]? = nil,
    predicting predicted: [Int] = []
  ) {
    (self.device, self.plan, self.batch, self.tile) = (device, plan, batch, tile)
    self.starts = starts ?? (0..<tile.sequences.count).map(tile.start)
    self.predicted = predicted
    values = Array(repeating: [:], count: tile.sequences.count)
    positions = Array(repeating: [:], count: tile.sequences.count)
  }

  /// Whether the hook is read.
  func reads(_ hook: HookPoint) -> Bool { plan.captures[hook] != nil }

  /// Whether anything happens at the hook, so that what it takes part in must be computed step by step.
  func asks(_ hook: HookPoint) -> Bool {
    reads(hook) || plan.changes[hook] != nil || watched.contains(hook)
  }

  /// The last hook that is read; nothing after it is computed.
  var last: HookPoint { plan.last }

  /// The tile's `index`-th sequence.
  private func sequence(_ index: Int) -> TokenSequence {
    batch.sequences[tile.sequences.lowerBound + index]
  }

  /// The positions that are read at a hook in the tile's `index`-th sequence, ascending.
  private func wanted(_ hook: HookPoint, _ index: Int) -> [Int] {
    let rules = plan.captures[hook] ?? []
    return (rules.count == 1 ? rules[0] : .union(rules))
      .captured(in: sequence(index), from: starts[index])
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
      let touched = (0..<tile.sequences.count).map {
        rule.indices(in: sequence($0), from: tile.start(of: $0))
      }
      let rows = touched.enumerated().flatMap { self.rows($1, $0) }
      guard !rows.isEmpty else { continue }
      let norms: [Double]
      (x, norms) = device.change(rows, of: x, by: change)
      if let observer { x = observer(.changed(intervention: intervention, rows: rows), x) }
      var first = 0
      for (index, touched) in touched.enumerated() {
        let new = touched.count { $0 >= starts[index] }
        first += touched.count
        guard new > 0 else { continue }
        marks.append(
          EffectMark(
            intervention: intervention, sequence: tile.sequences.lowerBound + index, hook: hook,
            norms: Array(norms[(first - new)..<first])))
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

  /// Reads what is computed for the wanted rows alone.
  /// - Parameter values: from the wanted rows of the tile and all rows of their sequence to one row of
  ///   values each.
  func read(_ hook: HookPoint, _ values: (_ rows: [Int], _ sequence: Range<Int>) -> Matrix) {
    guard reads(hook) else { return }
    for index in 0..<tile.sequences.count {
      let wanted = wanted(hook, index)
      keep(hook, index, wanted, values(rows(wanted, index), tile.rows(of: index)))
    }
  }

  /// The tile's rows whose logits are wanted: to be read, or to predict the next token; ascending.
  var logitRows: [Int] {
    let read = (0..<tile.sequences.count).flatMap { rows(wanted(.logits, $0), $0) }
    return Set(read + predicted.map { tile.rows(of: $0).upperBound - 1 }).sorted()
  }

  /// Makes room for the logits of `logitRows`.
  func expectLogits(columns: Int) {
    guard reads(.logits) else { return }
    dVocabulary = columns
    for index in 0..<tile.sequences.count {
      let wanted = wanted(.logits, index)
      positions[index][.logits] = wanted
      logits.append([])
      logits[index].reserveCapacity(wanted.count * columns)
    }
  }

  /// Takes the logits of the next ones of `logitRows`, a row at a time: they may be large.
  func keepLogits(_ part: Device.Activations, of rows: [Int]) {
    let places = Dictionary(uniqueKeysWithValues: zip(rows, 0...))
    for index in logits.indices {
      for row in self.rows(positions[index][.logits] ?? [], index) {
        guard let place = places[row] else { continue }
        logits[index].append(contentsOf: device.read([place], of: part).values)
      }
    }
    let chosen = predicted.compactMap { places[tile.rows(of: $0).upperBound - 1] }
    guard !chosen.isEmpty else { return }
    let matrix = device.read(chosen, of: part)
    predictions += chosen.indices.map { (matrix, $0) }
  }

  private func keep(
    _ hook: HookPoint, _ index: Int, _ wanted: [Int], _ matrix: Matrix
  ) {
    positions[index][hook] = wanted
    values[index][hook] = matrix
  }

  /// All that was read, by sequence.
  func captures() -> [SequenceCapture] {
    for index in logits.indices {
      values[index][.logits] = Matrix(
        rows: positions[index][.logits]?.count ?? 0, columns: dVocabulary, values: logits[index])
    }
    logits = []
    return tile.sequences.enumerated().map { index, sequence in
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
  ) throws(Problem) -> [Effect] {
    var effects: [Effect] = []
    for (index, intervention) in interventions.enumerated() {
      let mine = marks.filter { $0.intervention == index }
        .sorted { ($0.sequence, $0.hook) < ($1.sequence, $1.hook) }
      let summary = intervention.summary
      guard !mine.isEmpty else {
        throw Problem(
          .noEffect, "intervention \(index) (\(summary))",
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
