import Files
import Synchronization
import Tensors

/// Runs continuations side by side: finished ones leave, and waiting ones take their places.
struct Generator {
  let model: Model
  let jobs: [GenerationJob]
  let batch: Batch
  let setup: GenerationSetup
  /// How many sequences run at a time.
  let slots: Int
  let threads: Int
  /// Whether keys and values are kept. Without, each step runs the whole sequence again, to the same
  /// bytes: a check of the memory.
  let usesMemory: Bool
  private let device = CPUBackend()
  /// The tokens with which all prompts begin; their keys and values are copied to every sequence.
  private let prefix: CommonPrefix?

  init(
    _ model: Model, _ jobs: [GenerationJob], of batch: Batch, _ setup: GenerationSetup, slots: Int,
    threads: Int, usesMemory: Bool
  ) {
    (self.model, self.batch, self.setup) = (model, batch, setup)
    (self.slots, self.threads, self.usesMemory) = (slots, threads, usesMemory)
    self.jobs = jobs
    let places = Set(jobs.map(\.prompt)).sorted()
    let prompts = places.map { prompt in
      var sequence = batch.sequences[prompt]
      sequence.generated = 0
      return sequence
    }
    prefix =
      usesMemory
      ? CommonPrefix(
        of: Batch(prompts), places: places, times: jobs.count, setup.plan, model.network,
        threads: threads) : nil
  }

  /// - Parameter receive: gets each continuation as soon as it is done.
  func run(receive: (Generation) throws -> Void) throws {
    var waiting = jobs[...]
    var active: [Decoding] = []
    while true {
      let admitted = waiting.prefix(slots - active.count).map(start)
      waiting = waiting.dropFirst(admitted.count)
      guard !(admitted.isEmpty && active.isEmpty) else { return }
      if !admitted.isEmpty {
        let prompts = Batch(admitted.map(\.sequence))
        let tiles = Tile.cut(prompts, threads: threads, behind: prefix?.count ?? 0)
        try pass(admitted, prompts, tiles)
      }
      active = try release(active + admitted, receive)
      guard !active.isEmpty else { continue }
      let sequences = Batch(active.map(\.sequence))
      let tiles = usesMemory ? [0..<active.count] : Tile.cut(sequences, threads: threads)
      try pass(active, sequences, tiles)
      active = try release(active, receive)
    }
  }

  private func start(_ job: GenerationJob) -> Decoding {
    let sequence = batch.sequences[job.prompt]
    // The last token needs a place only if it is read.
    let capacity = sequence.tokens.count + setup.settings.maxNewTokens
    guard usesMemory else { return Decoding(job, sequence, setup, memory: nil) }
    let layers = model.network.blocks.indices.map { layer in
      let shape = model.network.blocks[layer].attention.shape
      return prefix?.memory(of: layer, shape, capacity: capacity)
        ?? device.memory(capacity: capacity, shape)
    }
    return Decoding(
      job, sequence, setup, memory: SequenceMemory(layers: layers), done: prefix?.count ?? 0)
  }

  /// Hands over those that are done and returns the others.
  private func release(
    _ active: [Decoding], _ receive: (Generation) throws -> Void
  ) rethrows -> [Decoding] {
    for decoding in active where !decoding.isUnderWay { try receive(decoding.result()) }
    return active.filter(\.isUnderWay)
  }

  /// Sends the sequences' new tokens through the model and chooses the next ones.
  private func pass(_ active: [Decoding], _ batch: Batch, _ tiles: [Range<Int>]) throws {
    let failure = Mutex<Problem?>(nil)
    let share = max(1, threads / tiles.count)
    parallelFor(tiles.count, threads: threads) { index in
      do throws(Problem) {
        try pass(active, batch, tiles[index], threads: share)
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  private func pass(
    _ active: [Decoding], _ batch: Batch, _ range: Range<Int>, threads: Int
  ) throws(Problem) {
    var device = device
    device.threads = threads
    let decodings = Array(active[range])
    let done = decodings.map(\.done)
    let open = decodings.indices.filter { decodings[$0].isOpen }
    let tile = Tile(batch, range, starts: usesMemory ? done : nil)
    let taps = Taps(
      device: device, plan: setup.plan, batch: batch, tile: tile,
      touches: setup.plan.touches(in: tile, of: batch, places: active.map(\.prompt)), from: done,
      predicting: open)
    model.network.run(
      Pass(
        device: device, tile: tile, taps: taps,
        memories: usesMemory ? { layer in decodings.compactMap { $0.memory?.layers[layer] } } : nil)
    )
    for (index, capture) in taps.captures().enumerated() {
      let marks = taps.marks.filter { $0.sequence == range.lowerBound + index }
      let isNew = decodings[index].sequence.generated == 0
      decodings[index].take(
        isNew ? prefix?.completing(capture, of: batch) ?? capture : capture, marks)
    }
    try choose(open.map { decodings[$0] }, taps, threads: threads)
  }

  private func choose(
    _ open: [Decoding], _ taps: Taps<CPUBackend>, threads: Int
  ) throws(Problem) {
    let predictions = taps.predictions
    guard predictions.count == open.count else { return }
    let failure = Mutex<Problem?>(nil)
    let sampler = Sampler(setup.settings)
    parallelFor(open.count, threads: threads) { index in
      let (logits, row) = predictions[index]
      let start = row * logits.columns
      do throws(Problem) {
        try logits.values.withUnsafeBufferPointer { (values) throws(Problem) in
          let row = values[start..<(start + logits.columns)]
          try open[index].advance(UnsafeBufferPointer(rebasing: row), sampler)
        }
      } catch {
        failure.withLock { $0 = $0 ?? error }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }
}
