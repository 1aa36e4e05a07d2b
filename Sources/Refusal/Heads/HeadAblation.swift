import Transformer

/// How a head is ablated.
///
///     HeadAblation.zero
///     HeadAblation(.scale, factor: 0.001, rescale: .token)
public struct HeadAblation: Sendable, Equatable, Codable {
  /// What takes the place of z, the head's output before the output projection.
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

  /// What takes the place of the head's output.
  public var kind: Kind
  /// What z is multiplied with, where it is scaled.
  public var factor: Float
  /// Over what the norm of z is kept, if at all.
  public var rescale: NormKeeping

  /// Takes heads out with `.scale` and its default factor of 0.
  public init(_ kind: Kind, factor: Float = 0, rescale: NormKeeping = .none) {
    (self.kind, self.factor, self.rescale) = (kind, factor, rescale)
  }

  /// z times 0: the head is taken out.
  public static let zero = HeadAblation(.scale)
}
