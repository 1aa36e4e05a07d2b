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
  /// In the order of the batch.
  public let sequences: [SequenceCapture]
  /// In the order of the plan's interventions.
  public let effects: [Effect]

  /// A hook's rows of all sequences one below the other, `[rows, width]`; nil when it was not captured,
  /// and for attention's scores and patterns, whose width differs between sequences: read those by
  /// sequence.
  public subscript(hook: HookPoint) -> Matrix? {
    let parts = sequences.compactMap { $0.values[hook] }
    guard parts.count == sequences.count, !hook.site.isRagged else { return nil }
    return Matrix.concatenating(parts)
  }
}

extension SequenceCapture {
  /// What was read at a hook taken apart by heads, `[tokens, heads, width]`; nil where it was not
  /// captured or its rows are not of heads.
  public func byHead(_ hook: HookPoint, in shape: ModelShape) -> HeadView? {
    guard let heads = shape.headCount(of: hook.site), let matrix = values[hook],
      matrix.columns % heads == 0
    else { return nil }
    return matrix.byHead(heads)
  }
}

extension Run {
  /// A hook's rows of all sequences taken apart by heads, `[rows, heads, width]`; nil where `self[hook]`
  /// is or its rows are not of heads.
  public func byHead(_ hook: HookPoint, in shape: ModelShape) -> HeadView? {
    guard let heads = shape.headCount(of: hook.site), let matrix = self[hook],
      matrix.columns % heads == 0
    else { return nil }
    return matrix.byHead(heads)
  }
}
