import Prompts
import Synchronization
import Tensors

/// The variants of one block for the prompts of a group.
struct LayerWork {
  let rerun: HeadRerun
  let group: SweepGroup
  let runs: [CleanRun]
  let layer: Int
  /// The prompts that are wanted, as places in the group.
  let places: [Int]
  let memory: WorkerMemory

  /// One variant of one sequence, or of its beginning.
  private struct Entry {
    var place: Int
    var variant: HeadVariant
    /// The tokens whose rows are computed.
    var tokens: Range<Int>
    var memory: SequenceMemory<CPUBackend>
    /// Where the reading belongs.
    var slot: Int
  }

  /// - Returns: for each of `places`, one reading per variant.
  func run(_ variants: (HeadRerun.Unit) -> [HeadVariant]) -> [[HeadReading]] {
    let device = memory.device
    let all = places.map { variants(.init(layer: layer, prompt: group.prompts[$0])) }
    let uniform = places.enumerated().map { index, place in
      all[index].contains { $0.change == .uniformAttention }
        ? rerun.uniformAttention(runs[place], layer: layer) : nil
    }
    var readings = all.map { [HeadReading?](repeating: nil, count: $0.count) }
    if group.sharedTokens > 0, let common = all.first {
      for first in stride(from: 0, to: common.count, by: group.variants) {
        let chosen = first..<min(first + group.variants, common.count)
        let beginnings = chosen.map { slot in
          Entry(
            place: places[0], variant: common[slot], tokens: 0..<group.sharedTokens,
            memory: memory.variants[slot - first], slot: slot)
        }
        let begun = advance(beginnings, uniform, device, reads: false).map(\.changeSquared)
        let entries = places.flatMap { place in
          chosen.map { slot in
            Entry(
              place: place, variant: common[slot],
              tokens: group.sharedTokens..<runs[place].sequence.tokens.count,
              memory: memory.variants[slot - first], slot: slot)
          }
        }
        for (entry, reading) in zip(entries, advance(entries, uniform, device, reads: true)) {
          var reading = reading
          reading.changeSquared += begun[entry.slot - first]
          readings[places.firstIndex(of: entry.place) ?? 0][entry.slot] = reading
        }
      }
    } else {
      let entries = places.enumerated().flatMap { index, place in
        all[index].enumerated().map { slot, variant in
          Entry(
            place: place, variant: variant,
            tokens: (runs[place].touched.first ?? 0)..<runs[place].sequence.tokens.count,
            memory: memory.prompts[place], slot: slot)
        }
      }
      for (entry, reading) in zip(entries, advance(entries, uniform, device, reads: true)) {
        readings[places.firstIndex(of: entry.place) ?? 0][entry.slot] = reading
      }
    }
    return readings.map { $0.compactMap(\.self) }
  }

  /// Runs entries in tiles.
  private func advance(
    _ entries: [Entry], _ uniform: [Matrix?], _ device: CPUBackend, reads: Bool
  ) -> [HeadReading] {
    var readings: [HeadReading] = []
    var start = 0
    while start < entries.count {
      var (end, rows) = (start, 0)
      while end < entries.count,
        end == start || rows + entries[end].tokens.count <= Tile.targetRows
      {
        rows += entries[end].tokens.count
        end += 1
      }
      readings += tile(Array(entries[start..<end]), rows, uniform, device, reads: reads)
      start = end
    }
    return readings
  }

  /// From the changed heads of the block to the last token's state.
  ///
  /// Sequences of one memory write their own keys and values over those of the one before, behind the
  /// tokens that they share: attention takes them one after another.
  private func tile(
    _ entries: [Entry], _ rows: Int, _ uniform: [Matrix?], _ device: CPUBackend, reads: Bool
  ) -> [HeadReading] {
    let batch = Batch(
      entries.map { entry in
        let sequence = runs[entry.place].sequence
        let end = entry.tokens.upperBound
        return TokenSequence(
          id: sequence.id, tokens: Array(sequence.tokens[..<end]),
          segments: Array(sequence.segments[..<end]))
      })
    let tile = Tile(batch, 0..<entries.count, starts: entries.map(\.tokens.lowerBound))
    let taps = Taps(device: device, plan: rerun.basePlan, batch: batch, tile: tile)
    let pass = Pass(
      device: device, tile: tile, taps: taps
    ) { layer in entries.map { $0.memory.layers[layer] } }
    let (network, dHead) = (rerun.model.network, rerun.model.shape.dHead)
    var x = device.make(rows, rerun.model.shape.dModel)
    var z = device.make(rows, rerun.model.shape.heads * dHead)
    var squared: [Double] = []
    for (index, entry) in entries.enumerated() {
      let (run, target) = (runs[entry.place], tile.rows(of: index))
      let source = (entry.tokens.lowerBound - run.kept)..<(entry.tokens.upperBound - run.kept)
      rerun.fill(x, at: target.lowerBound, from: run.streams[layer], source)
      rerun.fill(z, at: target.lowerBound, from: run.heads[layer], source)
      squared.append(
        entry.variant.apply(
          to: z, rows: target, tokens: entry.tokens, touched: run.touched, dHead: dHead,
          uniform: uniform[places.firstIndex(of: entry.place) ?? 0]))
    }
    let lastRows = entries.indices.map { tile.rows(of: $0).upperBound - 1 }
    for block in layer...rerun.end {
      if block > layer { z = network.heads(block, x, pass) }
      if block == rerun.end {
        guard reads else { break }
        (x, z) = (device.pick(lastRows, of: x), device.pick(lastRows, of: z))
      }
      x = network.leave(block, x, heads: z, pass)
    }
    guard reads else {
      return squared.map { HeadReading(state: [], logits: [], changeSquared: $0) }
    }
    return zip(rerun.read(x, pass), squared).map { reading, squared in
      var reading = reading
      reading.changeSquared = squared
      return reading
    }
  }
}

/// One worker's own keys and values, and its activations.
final class WorkerMemory {
  let device = CPUBackend()
  /// One for each prompt of the group.
  let prompts: [SequenceMemory<CPUBackend>]
  /// One for each variant that runs side by side, where prompts share their beginning.
  let variants: [SequenceMemory<CPUBackend>]

  init(_ rerun: HeadRerun, _ group: SweepGroup, _ runs: [CleanRun]) {
    let longest = runs.map(\.sequence.tokens.count).max() ?? 0
    if group.sharedTokens > 0 {
      prompts = []
      variants = (0..<group.variants).map { _ in rerun.emptyMemory(capacity: longest) }
      return
    }
    variants = []
    // Where no token is before the first touched one, nothing has to outlive a block.
    let blocks = rerun.model.network.blocks
    let passing = blocks.map { CPUMemory(capacity: longest, $0.attention.shape) }
      .max { $0.buffer.count < $1.buffer.count }
    prompts = runs.map { run in
      if let memory = run.memory {
        return SequenceMemory(
          layers: zip(memory.layers, blocks).map { memory, block in
            CPUMemory(
              copying: run.touched.first ?? 0, of: memory, block.attention.shape,
              capacity: memory.capacity)
          })
      }
      return SequenceMemory(layers: blocks.map { _ in passing }.compactMap(\.self))
    }
  }
}

/// Workers' memories that are used again.
final class Scratch: Sendable {
  private let free = Mutex<[Unchecked<WorkerMemory>]>([])
  private let make: @Sendable () -> Unchecked<WorkerMemory>

  init(_ rerun: HeadRerun, _ group: SweepGroup, _ runs: [CleanRun]) {
    let runs = Unchecked(runs)
    make = { Unchecked(WorkerMemory(rerun, group, runs.value)) }
  }

  func take() -> Unchecked<WorkerMemory> { free.withLock { $0.popLast() } ?? make() }
  func give(_ memory: Unchecked<WorkerMemory>) { free.withLock { $0.append(memory) } }
}
