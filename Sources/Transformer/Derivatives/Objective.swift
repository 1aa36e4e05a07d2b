import Prompts

/// A number that a forward pass gives for each sequence, to be differentiated: a weighted sum of terms,
/// each summed over its positions.
///
///     let gap = Objective.logitDifference(yes, no) + 0.1 * .logProbability(of: yes)
///     let gradients = try model.gradients(batch, of: gap, at: [.residual(after: 12)])
public struct Objective: Sendable, Equatable, Codable {
  /// What is computed from the values at one position.
  public enum Quantity: Sendable, Equatable, Codable {
    /// The natural logarithm of the probability that the token comes next.
    case logProbability(token: Int32)
    /// The first token's logit minus the second's.
    case logitDifference(token: Int32, other: Int32)
    /// vector . x + bias of the values x at a hook: a probe's score.
    case projection(vector: [Float], bias: Float, hook: HookPoint)
  }

  /// A quantity, summed over positions, times a weight.
  public struct Term: Sendable, Equatable, Codable {
    /// What is summed.
    public var quantity: Quantity
    /// The tokens over which it is summed; for a probability, those that predict.
    public var positions: Positions
    /// What the sum is multiplied with; negative to subtract it.
    public var weight: Double

    /// At the last token with weight 1, unless told otherwise.
    public init(_ quantity: Quantity, at positions: Positions = .last, weight: Double = 1) {
      (self.quantity, self.positions, self.weight) = (quantity, positions, weight)
    }

    /// Where the quantity is read.
    public var hook: HookPoint {
      if case .projection(_, _, let hook) = quantity { hook } else { .logits }
    }
  }

  /// Added up, they are the objective.
  public var terms: [Term]

  /// - Parameter terms: added in this order.
  public init(_ terms: [Term]) { self.terms = terms }

  /// The log probability of a token after each of the positions.
  public static func logProbability(
    of token: Int32, at positions: Positions = .last
  ) -> Objective {
    Objective([Term(.logProbability(token: token), at: positions)])
  }

  /// How much larger the logit of `token` is than that of `other`.
  public static func logitDifference(
    _ token: Int32, _ other: Int32, at positions: Positions = .last
  ) -> Objective {
    Objective([Term(.logitDifference(token: token, other: other), at: positions)])
  }

  /// A probe's score: the inner product with its weights, plus its bias at each position.
  public static func projection(
    _ vector: [Float], bias: Float = 0, at hook: HookPoint, positions: Positions = .last
  ) -> Objective {
    Objective([Term(.projection(vector: vector, bias: bias, hook: hook), at: positions)])
  }

  /// The sum of two objectives, term by term.
  public static func + (left: Objective, right: Objective) -> Objective {
    Objective(left.terms + right.terms)
  }

  /// The left objective minus the right one, whose weights change their signs.
  public static func - (left: Objective, right: Objective) -> Objective { left + -1 * right }

  /// An objective with all its weights multiplied.
  public static func * (factor: Double, objective: Objective) -> Objective {
    Objective(
      objective.terms.map { Term($0.quantity, at: $0.positions, weight: factor * $0.weight) })
  }
}
