import Files
import Foundation
import Synchronization
import Tensors

extension Model {
  /// Runs a batch and keeps all that was captured.
  ///
  /// - Parameters:
  ///   - captures: what to read, and at which tokens.
  ///   - interventions: what to change; one that touches nothing is an error.
  ///   - threads: results are the same bytes for any number.
  /// - Throws: `Problem` for a plan or tokens that do not fit the model.
  public func run(
    _ batch: Batch, capturing captures: [Capture], applying interventions: [Intervention] = [],
    threads: Int = defaultThreads
  ) throws -> Run {
    var sequences: [SequenceCapture] = []
    let plan = Plan(capturing: captures, applying: interventions)
    try checkMemory(capturedBytes(batch, captures).reduce(0, +))
    let effects = try run(batch, plan, threads: threads) { sequences.append($0) }
    return Run(sequences: sequences, effects: effects)
  }

  /// Runs a batch and hands over each sequence as soon as it and all before it are done.
  ///
  /// Memory stays bounded whatever the size of the batch.
  /// - Parameter receive: called in the order of the batch, never twice at a time.
  /// - Returns: one effect per intervention.
  public func run(
    _ batch: Batch, _ plan: Plan, threads: Int = defaultThreads,
    receive: (SequenceCapture) throws -> Void
  ) throws -> [Effect] {
    let prepared = try PreparedPlan(plan, shape: shape)
    try check(batch)
    guard threads >= 1 else {
      throw Problem(.invalidArgument, "threads", problem: "is \(threads)", remedy: "use 1 or more")
    }
    try prepared.check(against: batch.sequences)
    // What is read of a tile is held until its turn has come, one tile a thread.
    try checkMemory(
      capturedBytes(batch, plan.captures).sorted(by: >).prefix(threads).reduce(0, +))
    let marks = try withoutActuallyEscaping(receive) { receive in
      try forward(batch, prepared, threads, Unchecked(receive))
    }
    return try Effect.summing(marks, of: plan.interventions)
  }

  /// As many threads as there are processors.
  public static var defaultThreads: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// Refuses what cannot be run.
  func check(_ batch: Batch) throws(Problem) {
    guard !batch.sequences.isEmpty else {
      throw Problem(
        .noPrompts, "batch", problem: "has no sequences", remedy: "give at least one prompt")
    }
    for sequence in batch.sequences {
      guard !sequence.tokens.isEmpty, sequence.tokens.count <= shape.contextLength else {
        throw Problem(
          .promptLength, "prompt '\(sequence.id)'",
          problem: "has \(sequence.tokens.count) tokens, and the model takes 1 to "
            + "\(shape.contextLength)", remedy: "leave it out or shorten it")
      }
      guard sequence.segments.count == sequence.tokens.count else {
        throw Problem(
          .differentCounts, "prompt '\(sequence.id)'",
          problem: "has \(sequence.tokens.count) tokens and \(sequence.segments.count) segments",
          remedy: "give one segment per token")
      }
      if let wrong = sequence.tokens.first(where: { $0 < 0 || $0 >= shape.dVocabulary }) {
        throw Problem(
          .unknownToken, "prompt '\(sequence.id)'",
          problem: "token \(wrong) is not in the vocabulary of \(shape.dVocabulary)",
          remedy: "check that the ids were made for this model")
      }
    }
  }

  private func forward(
    _ batch: Batch, _ plan: PreparedPlan, _ threads: Int,
    _ receive: Unchecked<(SequenceCapture) throws -> Void>
  ) throws -> [EffectMark] {
    let prefix = CommonPrefix(of: batch, plan, network, threads: threads)
    let tiles = Tile.cut(batch, threads: threads, behind: prefix?.count ?? 0)
    let turnstile = Turnstile()
    // A single tile is shared by all threads, operation by operation.
    let device = CPUBackend(threads: max(1, threads / tiles.count))
    let marks = Mutex<[EffectMark]>([])
    parallelFor(tiles.count, threads: threads) { index in
      guard !turnstile.isClosed else { return }
      let starts = prefix.map { Array(repeating: $0.count, count: tiles[index].count) }
      let tile = Tile(batch, tiles[index], starts: starts)
      let taps = Taps(device: device, plan: plan, batch: batch, tile: tile)
      network.run(
        Pass(
          device: device, tile: tile, taps: taps,
          memories: prefix.map { prefix in { prefix.memories(of: $0, for: tile, network) } }))
      marks.withLock { $0 += taps.marks }
      let captures = taps.captures().map { prefix?.completing($0, of: batch) ?? $0 }
      turnstile.pass(index) { try captures.forEach(receive.value) }
    }
    try turnstile.rethrow()
    return marks.withLock { $0 }
  }
}

/// Lets results through in order, one at a time, and closes at the first error.
///
/// A worker whose turn has not come waits. Tiles are taken in order, so the one before is under way.
private final class Turnstile: @unchecked Sendable {
  private let condition = NSCondition()
  private var next = 0
  private var failure: (any Error)?

  var isClosed: Bool {
    condition.lock()
    defer { condition.unlock() }
    return failure != nil
  }

  func pass(_ index: Int, _ body: () throws -> Void) {
    condition.lock()
    defer { condition.unlock() }
    while next < index, failure == nil { condition.wait() }
    guard failure == nil else { return }
    do { try body() } catch { failure = error }
    next = index + 1
    condition.broadcast()
  }

  func rethrow() throws {
    if let failure { throw failure }
  }
}
