import CKernels
import Prompts
import Tensors

/// What the variants of one sequence take over from its clean run.
struct CleanRun {
  /// The sequence's place in the batch.
  let place: Int
  let sequence: TokenSequence
  /// What was read, and the rows from token `kept` on at the places that variants go on from.
  let capture: SequenceCapture
  let kept: Int
  /// Whether everything was read that variants read.
  let isRead: Bool
  /// Keys and values of all tokens in every block; nil where all variants begin at the first token.
  let memory: SequenceMemory<CPUBackend>?
  /// What is changed in the clean run itself.
  let base: [HookPoint: [Step]]

  /// The rows of some tokens at a hook.
  func rows(_ hook: HookPoint, _ tokens: Range<Int>) -> ArraySlice<Float> {
    guard let matrix = capture.values[hook],
      let first = capture.positions[hook]?.firstIndex(of: kept)
    else { preconditionFailure("\(hook) was not kept") }
    let start = (first + tokens.lowerBound - kept) * matrix.columns
    return matrix.values[start..<(start + tokens.count * matrix.columns)]
  }

  /// What was read at some of the positions of a hook.
  func read(_ hook: HookPoint, at positions: some Sequence<Int>) -> Matrix {
    guard let matrix = capture.values[hook], let all = capture.positions[hook] else {
      preconditionFailure("\(hook) was not read in the clean run")
    }
    let places = Dictionary(uniqueKeysWithValues: zip(all, 0...))
    return matrix.picking(positions.compactMap { places[$0] })
  }
}

/// What is asked of a clean run.
struct CleanPlan {
  /// Where variants go on from.
  var origins: Set<HookPoint> = []
  /// The first token of the rows that are kept there.
  var kept = Int.max
  /// Whether there are variants that begin after the first token.
  var isRemembered = false
  /// Whether everything is to be read that variants read.
  var isRead = false

  /// The hooks whose rows are kept.
  var hooks: Set<HookPoint> {
    Set(
      origins.subtracting([.embedding]).flatMap { origin in
        origin.site == .headOutput
          ? [origin, .residual(before: origin.layer ?? 0)] : [origin]
      })
  }
}

extension Counterfactuals {
  /// Runs one sequence without changes, apart from those of the base.
  func clean(_ place: Int, _ wanted: CleanPlan, threads: Int) -> CleanRun {
    let sequence = batch.sequences[place]
    let device = CPUBackend(threads: threads)
    let kept = min(wanted.kept, sequence.tokens.count - 1)
    var captures: [HookPoint: [Positions]] = wanted.isRead ? plan.captures : [:]
    for hook in wanted.hooks { captures[hook, default: []].append(.from(token: kept)) }
    let base = basePlan.steps(in: sequence, at: place) { -1 - $0 }
    let memory = wanted.isRemembered ? emptyMemory(capacity: sequence.tokens.count) : nil
    let last = wanted.isRemembered || wanted.isRead ? plan.last : captures.keys.max()
    guard let last else {
      return CleanRun(
        place: place, sequence: sequence,
        capture: SequenceCapture(sequence: place, positions: [:], values: [:]), kept: kept,
        isRead: false, memory: nil, base: base)
    }
    let single = Batch([sequence])
    let tile = Tile(single, 0..<1)
    let taps = Taps(
      device: device, plan: PreparedPlan(reading: captures, until: last), batch: single, tile: tile,
      touches: base.mapValues { steps in steps.map { $0.touch(0, 0..<sequence.tokens.count) } })
    let pass = Pass(
      device: device, tile: tile, taps: taps,
      memories: memory.map { memory in { [memory.layers[$0]] } })
    network.run(pass, from: .embedding) { preconditionFailure("\($0) is computed") }
    let capture = taps.captures()[0]
    return CleanRun(
      place: place, sequence: sequence,
      capture: SequenceCapture(
        sequence: place, positions: capture.positions, values: capture.values),
      kept: kept, isRead: wanted.isRead, memory: memory, base: base)
  }

  func emptyMemory(capacity: Int) -> SequenceMemory<CPUBackend> {
    SequenceMemory(
      layers: network.blocks.map { CPUMemory(capacity: capacity, $0.attention.shape) })
  }
}

extension Step {
  /// The step for a tile that has some of the sequence's tokens.
  /// - Parameter index: the sequence's place in the tile.
  func touch(_ index: Int, _ tokens: Range<Int>) -> Touch {
    let mine = self.tokens.filter(tokens.contains)
    return Touch(
      intervention: intervention, sequence: index, change: change, tokens: mine,
      place: self.tokens.count { $0 < tokens.lowerBound })
  }
}
