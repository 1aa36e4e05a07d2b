import Synchronization
import Tensors

/// One worker's own keys and values, and its activations.
final class WorkerMemory {
  let device = CPUBackend()
  /// How many tokens of each slot's memory belong to a beginning that sequences share.
  let sharedTokens: Int
  /// One for each kind that runs side by side, where sequences share their beginning.
  let slots: [SequenceMemory<CPUBackend>]
  private let shapes: [AttentionShape]
  /// Where no token comes before the first touched one, nothing has to outlive a block.
  private let passing: SequenceMemory<CPUBackend>
  private let runs: [CleanRun]
  /// Copies of the clean runs' memories, and from which token on each was written over.
  private var copies: [Int: (memory: SequenceMemory<CPUBackend>, dirty: Int)] = [:]

  init(_ engine: Counterfactuals, _ group: VariantGroup, _ runs: [CleanRun]) {
    let longest = runs.map(\.sequence.tokens.count).max() ?? 0
    sharedTokens = group.sharedTokens
    slots =
      group.sharedTokens > 0
      ? (0..<group.slots).map { _ in engine.emptyMemory(capacity: longest) } : []
    shapes = engine.network.blocks.map(\.attention.shape)
    let largest = shapes.map { CPUMemory(capacity: longest, $0) }
      .max { $0.buffer.count < $1.buffer.count }
    passing = SequenceMemory(layers: shapes.compactMap { _ in largest })
    self.runs = runs
  }

  /// A memory for variants of one sequence.
  func own(_ place: Int) -> SequenceMemory<CPUBackend> {
    if let copy = copies[place] { return copy.memory }
    guard let clean = runs[place].memory else { return passing }
    let count = runs[place].sequence.tokens.count
    let memory = SequenceMemory<CPUBackend>(
      layers: zip(clean.layers, shapes).map {
        CPUMemory(copying: count, of: $0, $1, capacity: count)
      })
    copies[place] = (memory, count)
    return memory
  }

  /// Makes a copy the clean run again as far as the next variants need it.
  /// - Parameter starts: the first token that each of them writes, in their order, which falls.
  func restore(_ place: Int, from run: CleanRun, before starts: [Int]) {
    guard let copy = copies[place], let clean = run.memory, let first = starts.max(),
      let last = starts.min()
    else { return }
    if copy.dirty < first {
      for (layer, shape) in shapes.enumerated() {
        copy.memory.layers[layer].take(first, of: clean.layers[layer], shape)
      }
    }
    copies[place] = (copy.memory, last)
  }

  func sharesBeginnings(_ memory: SequenceMemory<CPUBackend>) -> Bool {
    slots.contains { $0.layers[0] === memory.layers[0] }
  }
}

/// Workers' memories that are used again.
final class Scratch: Sendable {
  private let free = Mutex<[Unchecked<WorkerMemory>]>([])
  private let make: @Sendable () -> Unchecked<WorkerMemory>

  init(_ engine: Counterfactuals, _ group: VariantGroup, _ runs: [CleanRun]) {
    let runs = Unchecked(runs)
    make = { Unchecked(WorkerMemory(engine, group, runs.value)) }
  }

  func take() -> Unchecked<WorkerMemory> { free.withLock { $0.popLast() } ?? make() }
  func give(_ memory: Unchecked<WorkerMemory>) { free.withLock { $0.append(memory) } }
}
