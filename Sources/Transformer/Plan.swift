import Prompts

/// One thing to read: a hook and the tokens at which to read it.
public struct Capture: Hashable, Sendable, Codable {
  public var hook: HookPoint
  public var positions: Positions

  public init(_ hook: HookPoint, at positions: Positions = .all) {
    (self.hook, self.positions) = (hook, positions)
  }

  public static func residual(before layer: Int, at positions: Positions = .all) -> Self {
    Self(.residual(before: layer), at: positions)
  }
  public static func residual(mid layer: Int, at positions: Positions = .all) -> Self {
    Self(.residual(mid: layer), at: positions)
  }
  public static func residual(after layer: Int, at positions: Positions = .all) -> Self {
    Self(.residual(after: layer), at: positions)
  }
  public static func headOutput(layer: Int, at positions: Positions = .all) -> Self {
    Self(.headOutput(layer: layer), at: positions)
  }
  public static func logits(at positions: Positions = .last) -> Self {
    Self(.logits, at: positions)
  }
}

/// All that a run reads and changes, said before it starts.
///
/// The engine computes what the plan needs and nothing else: it stops after the last hook that is read.
public struct Plan: Sendable, Equatable, Codable {
  public var captures: [Capture]
  public var interventions: [Intervention]

  public init(capturing captures: [Capture], applying interventions: [Intervention] = []) {
    (self.captures, self.interventions) = (captures, interventions)
  }
}
