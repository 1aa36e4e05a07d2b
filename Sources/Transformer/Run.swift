import Tensors

/// What was read from one sequence.
public struct SequenceCapture: Sendable, Equatable {
  /// The sequence's place in the batch.
  public let sequence: Int
  /// The token positions of the rows, by hook.
  public let positions: [HookPoint: [Int]]
  /// One row per position; the columns are given with each `HookPoint.Site`.
  public let values: [HookPoint: Matrix]
}

/// The outcome of a run: captures by sequence and one effect per intervention.
public struct Run: Sendable {
  public let sequences: [SequenceCapture]
  public let effects: [Effect]

  /// A hook's rows of all sequences one below the other, `[rows, width]`; nil when it was not captured
  /// or is an attention pattern, whose width differs between sequences: read those by sequence.
  public subscript(hook: HookPoint) -> Matrix? {
    let parts = sequences.compactMap { $0.values[hook] }
    guard parts.count == sequences.count, hook.site != .attentionPattern else { return nil }
    return Matrix.concatenating(parts)
  }
}
