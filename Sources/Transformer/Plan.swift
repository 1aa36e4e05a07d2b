import Prompts

/// One thing to read: a hook and the tokens at which to read it.
public struct Capture: Hashable, Sendable, Codable {
  /// Where it is read.
  public var hook: HookPoint
  /// At which tokens of each sequence.
  public var positions: Positions

  /// At every token, unless positions are given.
  public init(_ hook: HookPoint, at positions: Positions = .all) {
    (self.hook, self.positions) = (hook, positions)
  }

  /// The residual stream entering block `layer`, `[T, dModel]`.
  public static func residual(before layer: Int, at positions: Positions = .all) -> Self {
    Self(.residual(before: layer), at: positions)
  }
  /// The residual stream between attention and MLP of block `layer`, `[T, dModel]`.
  public static func residual(mid layer: Int, at positions: Positions = .all) -> Self {
    Self(.residual(mid: layer), at: positions)
  }
  /// The residual stream leaving block `layer`, `[T, dModel]`.
  public static func residual(after layer: Int, at positions: Positions = .all) -> Self {
    Self(.residual(after: layer), at: positions)
  }
  /// z of block `layer`, before the output projection, `[T, H * dHead]`.
  public static func headOutput(layer: Int, at positions: Positions = .all) -> Self {
    Self(.headOutput(layer: layer), at: positions)
  }
  /// The logits, `[T, dVocabulary]`, at the last token unless positions are given.
  public static func logits(at positions: Positions = .last) -> Self {
    Self(.logits, at: positions)
  }
}

/// All that a run reads and changes, said before it starts.
///
/// The engine computes what the plan needs and nothing else: it stops after the last hook that is read.
public struct Plan: Sendable, Equatable, Codable {
  /// What is read; a hook that is not here is not kept.
  public var captures: [Capture]
  /// What is changed, in this order where two of them touch one place.
  public var interventions: [Intervention]

  /// Without interventions, a clean run.
  public init(capturing captures: [Capture], applying interventions: [Intervention] = []) {
    (self.captures, self.interventions) = (captures, interventions)
  }
}
