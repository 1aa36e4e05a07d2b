import Tensors

/// One sequence of a batch with some interventions: a forward pass that differs from a clean one in known
/// places.
///
///     Variant(of: 3, [.patch(.residual(after: 12), with: rows, at: .last)])
public struct Variant: Sendable, Hashable, Codable {
  /// The sequence's place in the batch.
  public var sequence: Int
  /// What is changed; nothing for the clean run itself.
  public var interventions: [Intervention]

  /// Changes to one sequence of a batch, by its place there, counted from 0.
  public init(of sequence: Int, _ interventions: [Intervention]) {
    (self.sequence, self.interventions) = (sequence, interventions)
  }
}

/// What came of a variant: the same bits as a run of its sequence with its interventions.
public struct Trial: Sendable {
  /// The variant's place among all that were given.
  public let variant: Int
  /// What was read.
  public let capture: SequenceCapture
  let interventions: [Intervention]
  let marks: [EffectMark]

  /// The rows of a hook, one for each position that was read; nil where it was not.
  public subscript(hook: HookPoint) -> Matrix? { capture.values[hook] }

  /// Proof of effect, one for each intervention.
  public var effects: [Effect] {
    interventions.indices.map { Effect(of: $0, interventions[$0], marks) }
  }

  /// The squared Euclidean norm of all changes together, in one sum over all changed values.
  package var changeSquared: Double { marks.reduce(0) { $0 + $1.squares } }
}
