import Prompts
import Tensors

/// The tokens with which all sequences of a batch begin, sent through the model once for all of them.
///
/// Prompts of one chat template begin with the same system prompt. A row's bits do not depend on
/// what stands beside it, so that sharing changes none. Its memory is only read once it is made.
struct CommonPrefix: @unchecked Sendable {
  /// How many tokens it has; every sequence has more.
  let count: Int
  private let memory: SequenceMemory<CPUBackend>
  private let capture: SequenceCapture
  private let wanted: [HookPoint: [Positions]]

  /// Rows that are saved; fewer are not worth a pass over the weights.
  private static let fewestRows = 64

  /// - Parameters:
  ///   - places: where each sequence is in the batch that the plan is for; by default they are one.
  ///   - times: how many sequences will use it, where some come several times.
  /// - Returns: nil where too little is the same, is changed on the way, or is read with all tokens in
  ///   view, as attention patterns are.
  init?(
    of batch: Batch, places: [Int]? = nil, times: Int? = nil, _ plan: PreparedPlan,
    _ network: Network<PackedMatrix>, threads: Int
  ) {
    let times = times ?? batch.sequences.count
    // A single prompt with several samples shares all but its last token.
    let same = batch.sequences.count == 1 ? batch.tokenCount - 1 : Self.tokens(of: batch)
    count = Self.unchanged(batch, places, plan, same)
    guard (times - 1) * count >= Self.fewestRows,
      !plan.captures.keys.contains(where: { $0.site.isRagged })
    else { return nil }
    wanted = plan.captures
    var plan = plan
    var read: [[Positions]: [Positions]] = [:]
    for rules in plan.captures.values where read[rules] == nil {
      read[rules] = Self.places(rules, in: batch, before: count)
    }
    plan.captures = plan.captures.mapValues { read[$0] ?? [] }
    let device = CPUBackend(threads: threads)
    let layers = network.blocks.indices.filter { plan.last >= .residual(before: $0) }
    let tokens = Array(batch.sequences[0].tokens.prefix(count))
    let memory = SequenceMemory<CPUBackend>(
      layers: layers.map { layer in
        device.memory(capacity: tokens.count, network.blocks[layer].attention.shape)
      })
    let prefix = Batch([TokenSequence(id: "prefix", tokens: tokens)])
    let tile = Tile(prefix, 0..<1)
    let taps = Taps(device: device, plan: plan, batch: prefix, tile: tile, touches: [:])
    network.run(Pass(device: device, tile: tile, taps: taps) { [memory.layers[$0]] })
    (self.memory, capture) = (memory, taps.captures()[0])
  }

  /// The tokens of the prefix that rules mean in any of the sequences.
  private static func places(
    _ rules: [Positions], in batch: Batch, before count: Int
  ) -> [Positions] {
    var isMeant = Array(repeating: false, count: count)
    for sequence in batch.sequences {
      for rule in rules {
        for place in rule.captured(in: sequence) where place < count { isMeant[place] = true }
      }
      if !isMeant.contains(false) { break }
    }
    return isMeant.indices.filter { isMeant[$0] }.map(Positions.index)
  }

  /// How many tokens at the beginning are the same in all sequences, each of which has one more.
  static func tokens(of batch: Batch) -> Int {
    guard batch.sequences.count > 1, let first = batch.sequences.first?.tokens else { return 0 }
    return batch.sequences.reduce(first.count - 1) { count, sequence in
      let most = min(count, sequence.tokens.count - 1)
      return (0..<most).first { sequence.tokens[$0] != first[$0] } ?? most
    }
  }

  /// The same, and changed in none of them.
  private static func unchanged(
    _ batch: Batch, _ places: [Int]?, _ plan: PreparedPlan, _ count: Int
  ) -> Int {
    batch.sequences.enumerated().reduce(count) { count, item in
      plan.interventions
        .filter { $0.concerns(item.element, at: places?[item.offset] ?? item.offset) }
        .reduce(count) { min($0, $1.positions.indices(in: item.element).first ?? $0) }
    }
  }

  /// A copy of a block's keys and values, with room for more tokens behind them.
  func memory(of layer: Int, _ shape: AttentionShape, capacity: Int) -> CPUMemory {
    CPUMemory(copying: count, of: memory.layers[layer], shape, capacity: capacity)
  }

  /// Memories of a block for a tile's sequences, each with just enough room.
  func memories(
    of layer: Int, for tile: Tile, _ network: Network<PackedMatrix>
  ) -> [CPUMemory] {
    (0..<tile.sequences.count).map {
      memory(
        of: layer, network.blocks[layer].attention.shape,
        capacity: count + tile.rows(of: $0).count)
    }
  }

  /// What was read of a sequence, with what was read of its beginning.
  func completing(_ rest: SequenceCapture, of batch: Batch) -> SequenceCapture {
    let sequence = batch.sequences[rest.sequence]
    var (positions, values) = (rest.positions, rest.values)
    for (hook, rules) in wanted {
      let mine = Positions.union(rules).captured(in: sequence).filter { $0 < count }
      guard !mine.isEmpty else { continue }
      guard let read = capture.positions[hook], let rows = capture.values[hook] else {
        preconditionFailure("\(hook) was not read of the common beginning")
      }
      let places = Dictionary(uniqueKeysWithValues: zip(read, 0...))
      precondition(mine.allSatisfy { places[$0] != nil }, "\(hook) was not read everywhere")
      positions[hook] = mine + (positions[hook] ?? [])
      values[hook] = Matrix.concatenating(
        [rows.picking(mine.compactMap { places[$0] })] + [values[hook]].compactMap(\.self))
    }
    return SequenceCapture(sequence: rest.sequence, positions: positions, values: values)
  }
}
