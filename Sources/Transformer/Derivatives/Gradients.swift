import Prompts
import Tensors

/// The gradients of an objective in one sequence.
public struct SequenceGradient: Sendable, Equatable {
  /// The sequence's place in the batch.
  public let sequence: Int
  /// The objective.
  public let value: Double
  /// The token positions of the gradients' rows.
  public let positions: [Int]
  /// By hook, one row per position: how much the objective grows per unit added there to what the rest
  /// of the network reads, `[positions, width]`.
  public let gradients: [HookPoint: Matrix]
  /// By an intervention's place in the list, for those that add a vector: the gradient with respect to
  /// that vector, over all hooks and positions at which it is added and with its scale.
  public let vectors: [Int: [Float]]
}

/// The gradients of an objective in every sequence of a batch, and one effect per intervention.
public struct Gradients: Sendable {
  /// In the order of the batch.
  public let sequences: [SequenceGradient]
  /// In the order of the interventions.
  public let effects: [Effect]

  /// A hook's rows of all sequences one below the other, `[rows, width]`; nil when it was not asked for.
  public subscript(hook: HookPoint) -> Matrix? {
    let parts = sequences.compactMap { $0.gradients[hook] }
    return parts.count == sequences.count ? Matrix.concatenating(parts) : nil
  }
}

/// A vector that is added to a hook at some positions while an objective is differentiated.
public struct Direction: Sendable, Equatable, Codable {
  /// As wide as the hook; the derivative is by a factor in front of it, at 0.
  public var vector: [Float]
  /// Where it is added.
  public var hook: HookPoint
  /// The tokens at which it is added.
  public var positions: Positions

  /// At every token, unless positions are given.
  public init(_ vector: [Float], at hook: HookPoint, positions: Positions = .all) {
    (self.vector, self.hook, self.positions) = (vector, hook, positions)
  }
}

/// The derivative of an objective in one sequence.
public struct SequenceDerivative: Sendable, Equatable {
  /// The sequence's place in the batch.
  public let sequence: Int
  /// The objective.
  public let value: Double
  /// How fast the objective grows when all directions are followed at once.
  public let derivative: Double
}

/// The derivatives of an objective in every sequence of a batch, and one effect per intervention.
public struct Derivatives: Sendable {
  /// In the order of the batch.
  public let sequences: [SequenceDerivative]
  /// In the order of the interventions.
  public let effects: [Effect]
}
