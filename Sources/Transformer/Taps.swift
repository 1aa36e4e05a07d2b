import Files
import Prompts
import Tensors

/// Reads and changes the activations of one tile as the forward pass reaches each hook.
final class Taps<Device: Backend> {
  private let device: Device
  private let plan: PreparedPlan
  private let batch: Batch
  private let touches: [HookPoint: [Touch]]
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
  /// Where each row of the tile is among those that are left; nil while all are there.
  private var left: [Int: Int]?

  /// - Parameters:
  ///   - touches: what is changed; by default what the plan's interventions do.
  ///   - starts: for each sequence of the tile, how many of its tokens were read and counted before;
  ///     by default those in its memory.
  ///   - predicted: the sequences of the tile whose next token is to be chosen.
  init(
    device: Device, plan: PreparedPlan, batch: Batch, tile: Tile,
    touches: [HookPoint: [Touch]]? = nil, from starts: [Int]? = nil,
    predicting predicted: [Int] = []
  ) {
    (self.device, self.plan, self.batch, self.tile) = (device, plan, batch, tile)
    self.touches = touches ?? plan.touches(in: tile, of: batch)
    self.starts = starts ?? (0..<tile.sequences.count).map(tile.start)
    self.predicted = predicted
    values = Array(repeating: [:], count: tile.sequences.count)
    positions = Array(repeating: [:], count: tile.sequences.count)
  }

  /// Whether the hook is read.
  func reads(_ hook: HookPoint) -> Bool { plan.captures[hook] != nil }

  /// Whether anything happens at the hook, so that what it takes part in must be computed step by step.
  func asks(_ hook: HookPoint) -> Bool {
    reads(hook) || touches[hook] != nil || watched.contains(hook)
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

  /// The rows of positions in the tile's `index`-th sequence.
  private func rows(_ positions: [Int], _ index: Int) -> [Int] {
    let shift = tile.offsets[index] - tile.start(of: index)
    guard let left else { return positions.map { $0 + shift } }
    return positions.compactMap { left[$0 + shift] }
  }

  /// The rows at which anything is read or changed after a hook, ascending, when they are not all: from
  /// now on the activations have these alone.
  func narrow(after hook: HookPoint) -> [Int]? {
    var rows = Set(logitRows)
    for other in plan.captures.keys where other > hook && other != .logits {
      for index in 0..<tile.sequences.count {
        rows.formUnion(self.rows(wanted(other, index), index))
      }
    }
    for touch in touches.filter({ $0.key > hook }).values.joined() {
      rows.formUnion(self.rows(touch.tokens, touch.sequence))
    }
    guard rows.count < tile.rows else { return nil }
    let kept = rows.sorted()
    left = Dictionary(uniqueKeysWithValues: zip(kept, 0...))
    return kept
  }

  /// Changes and then reads the activations at a hook.
  /// - Parameter uniform: what uniform attention gives in their place, computed when it is asked for.
  func callAsFunction(
    _ hook: HookPoint, _ x: Device.Activations, uniform: (() -> Device.Activations)? = nil
  ) -> Device.Activations {
    var changed = change(hook, x, uniform)
    if let observer { changed = observer(.passed(hook), changed) }
    if reads(hook) {
      for index in 0..<tile.sequences.count {
        let wanted = wanted(hook, index)
        keep(hook, index, wanted, device.read(rows(wanted, index), of: changed))
      }
    }
    return changed
  }

  private func change(
    _ hook: HookPoint, _ x: Device.Activations, _ uniform: (() -> Device.Activations)?
  ) -> Device.Activations {
    guard let touches = touches[hook] else { return x }
    var x = x
    let uniform = touches.contains { $0.change.attendsUniformly } ? uniform?() : nil
    // Changes of different sequences are made at once, those of one sequence one after another.
    var rest = touches[...]
    while !rest.isEmpty {
      var seen: Set<Int> = []
      let round = rest.prefix { seen.insert($0.sequence).inserted }
      rest = rest.dropFirst(round.count)
      let edits = round.map { touch in
        Edit(
          change: touch.change, rows: rows(touch.tokens, touch.sequence), place: touch.place)
      }
      let sizes: [ChangeSize]
      (x, sizes) = device.change(edits, of: x, uniform: uniform)
      if let observer {
        let places = Dictionary(grouping: edits.indices) {
          touches[round.startIndex + $0].intervention
        }
        for (intervention, edited) in places.sorted(by: { $0.key < $1.key }) {
          x = observer(
            .changed(intervention: intervention, rows: edited.flatMap { edits[$0].rows }), x)
        }
      }
      for (touch, size) in zip(round, sizes) {
        let counted = touch.tokens.count { $0 >= starts[touch.sequence] }
        guard counted > 0 else { continue }
        marks.append(
          EffectMark(
            intervention: touch.intervention,
            sequence: tile.sequences.lowerBound + touch.sequence, hook: hook,
            norms: Array(size.norms.suffix(counted)), squares: size.squares))
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
    return Set(read + predicted.map(lastRow)).sorted()
  }

  private func lastRow(of index: Int) -> Int {
    let row = tile.rows(of: index).upperBound - 1
    return left.map { $0[row] ?? row } ?? row
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
    let chosen = predicted.compactMap { places[lastRow(of: $0)] }
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
  var sequence: Int
  let hook: HookPoint
  /// Norm of the change at each touched position.
  let norms: [Double]
  /// The sum of their squares, taken as one sum over all values.
  let squares: Double
}

/// What an intervention does at a hook in one sequence of a tile.
struct Touch: Sendable {
  /// Its place in the plan.
  var intervention: Int
  /// The sequence's place in the tile.
  var sequence: Int
  var change: PreparedChange
  /// The touched tokens that are in the tile, ascending.
  var tokens: [Int]
  /// How many touched tokens of the sequence come before them.
  var place: Int
}

extension PreparedPlan {
  /// What the interventions do in a tile, hook by hook.
  /// - Parameter places: where each sequence of the batch is in the batch that the plan is for; by
  ///   default they are one.
  func touches(
    in tile: Tile, of batch: Batch, places: [Int]? = nil
  ) -> [HookPoint: [Touch]] {
    let touched = interventions.map { intervention in
      tile.sequences.enumerated().map { index, place -> (tokens: [Int], place: Int) in
        let sequence = batch.sequences[place]
        guard intervention.concerns(sequence, at: places?[place] ?? place) else {
          return ([], 0)
        }
        let start = tile.start(of: index)
        let tokens = intervention.positions.indices(in: sequence, from: start)
        // Only rows depend on how many tokens came before.
        guard start > 0, intervention.rowCount != nil else { return (tokens, 0) }
        return (tokens, intervention.positions.indices(in: sequence).count - tokens.count)
      }
    }
    return changes.mapValues { steps in
      steps.flatMap { step in
        touched[step.intervention].enumerated().compactMap { index, touched in
          touched.tokens.isEmpty
            ? nil
            : Touch(
              intervention: step.intervention, sequence: index, change: step.change,
              tokens: touched.tokens, place: touched.place)
        }
      }
    }.filter { !$0.value.isEmpty }
  }
}

extension Effect {
  /// What the marks say of an intervention, in an order that does not depend on tiles or threads.
  init(of index: Int, _ intervention: Intervention, _ marks: [EffectMark]) {
    let mine = marks.filter { $0.intervention == index }
      .sorted { ($0.sequence, $0.hook) < ($1.sequence, $1.hook) }
    let norms = mine.flatMap(\.norms)
    self.init(
      intervention: index, summary: intervention.summary, fired: norms.count,
      hooks: Set(mine.map(\.hook)).sorted(), sequences: Set(mine.map(\.sequence)).count,
      norm: norms.reduce(0) { $0 + $1 * $1 }.squareRoot(), largestNorm: norms.max() ?? 0)
  }

  /// Sums the marks of a run.
  /// - Throws: when an intervention never fired.
  static func summing(
    _ marks: [EffectMark], of interventions: [Intervention]
  ) throws(Problem) -> [Effect] {
    var effects: [Effect] = []
    for (index, intervention) in interventions.enumerated() {
      let effect = Effect(of: index, intervention, marks)
      guard effect.fired > 0 else {
        throw Problem(
          .noEffect, "intervention \(index) (\(effect.summary))",
          problem: "touched nothing: no sequence has such positions",
          remedy: "check its positions against the prompts' segments and lengths")
      }
      effects.append(effect)
    }
    return effects
  }
}
