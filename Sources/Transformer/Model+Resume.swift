import Files
import Tensors

/// Keeps what was read from the first sequences of a batch, so that a run that goes on after a kill
/// need not read it again.
public protocol CaptureKeeper {
  /// How many sequences are kept.
  var count: Int { get }
  /// All values of a kept sequence, capture after capture in the order of the plan.
  func values(of sequence: Int) throws -> [Float]
  /// Keeps the values of the sequence behind those that are kept.
  func keep(_ values: [Float]) throws
}

extension Model {
  /// Runs a batch as `run` does, but for the sequences that a keeper has of an earlier run of the same
  /// model, batch and captures; the keeper is given what is new.
  ///
  /// What is received is the same, bit for bit: a sequence does not depend on those beside it.
  /// - Parameters:
  ///   - captures: what to read, each hook named once.
  ///   - receive: called in the order of the batch, never twice at a time.
  /// - Throws: when what was kept does not fit the captures, and what `run` throws.
  public func run(
    _ batch: Batch, capturing captures: [Capture], keeping keeper: (any CaptureKeeper)?,
    threads: Int = defaultThreads, receive: (SequenceCapture) throws -> Void
  ) throws {
    try check(batch)
    guard Set(captures.map(\.hook)).count == captures.count else {
      throw Problem(
        .duplicateHook, "captures", problem: "name a hook twice",
        remedy: "name each with all its positions once")
    }
    let kept = keeper?.count ?? 0
    for sequence in batch.sequences.indices.prefix(kept) {
      let values = try keeper?.values(of: sequence) ?? []
      guard let capture = capture(sequence, of: batch, captures, from: values) else {
        throw Problem(
          .journalDamaged, "kept captures", place: "sequence \(sequence)",
          problem: "are not those of this run",
          remedy: "remove the journal to start again")
      }
      try receive(capture)
    }
    guard kept < batch.sequences.count else { return }
    let rest = Batch(Array(batch.sequences[kept...]))
    _ = try run(rest, Plan(capturing: captures), threads: threads) { capture in
      try keeper?.keep(captures.flatMap { capture.values[$0.hook]?.values ?? [] })
      try receive(
        SequenceCapture(
          sequence: capture.sequence + kept, positions: capture.positions, values: capture.values))
    }
  }

  /// The capture whose values these are; nil when there are more or fewer.
  private func capture(
    _ index: Int, of batch: Batch, _ captures: [Capture], from values: [Float]
  ) -> SequenceCapture? {
    let sequence = batch.sequences[index]
    var positions: [HookPoint: [Int]] = [:]
    var matrices: [HookPoint: Matrix] = [:]
    var start = 0
    for capture in captures {
      let mine = capture.positions.captured(in: sequence)
      let width = shape.width(of: capture.hook.site, tokens: sequence.tokens.count)
      let end = start + mine.count * width
      guard end <= values.count else { return nil }
      positions[capture.hook] = mine
      matrices[capture.hook] = Matrix(
        rows: mine.count, columns: width, values: Array(values[start..<end]))
      start = end
    }
    guard start == values.count else { return nil }
    return SequenceCapture(sequence: index, positions: positions, values: matrices)
  }
}
