import Transformer

/// How a head is ablated.
///
///     HeadAblation.zero
///     HeadAblation(.scale, factor: 0.001, rescale: .token)
public struct HeadAblation: Sendable, Equatable, Codable {
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// z times a factor; 0 takes the head out.
    case scale
    /// The head's mean output over all touched tokens of the reference prompts.
    case mean
    /// The output on another prompt, drawn by the prompt's id, at the token that is as far from the
    /// end; its first token where it is shorter.
    case resample
    /// The mean of the values that the head sees: its query scaled to zero (arXiv 2410.13708).
    case uniform
  }

  public var kind: Kind
  /// What z is multiplied with, where it is scaled.
  public var factor: Float
  /// Whether the heads of a token are scaled afterwards so that they keep their norm.
  public var rescale: NormKeeping

  public init(_ kind: Kind, factor: Float = 0, rescale: NormKeeping = .none) {
    (self.kind, self.factor, self.rescale) = (kind, factor, rescale)
  }

  public static let zero = HeadAblation(.scale)
}
