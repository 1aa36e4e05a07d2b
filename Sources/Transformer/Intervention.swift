import Prompts

/// One query head of one block.
public struct Head: Hashable, Sendable, Codable {
  public var layer: Int
  public var head: Int

  public init(layer: Int, head: Int) { (self.layer, self.head) = (layer, head) }

  /// All heads of the blocks up to one, block by block; of all blocks by default.
  public static func all(of shape: ModelShape, through last: Int? = nil) -> [Head] {
    (0..<max((last ?? shape.layers - 1) + 1, 0)).flatMap { layer in
      (0..<shape.heads).map { Head(layer: layer, head: $0) }
    }
  }
}

/// An output for one query head, to be put in place of its own.
public struct HeadVector: Hashable, Sendable, Codable {
  public var layer: Int
  public var head: Int
  /// `[dHead]`.
  public var vector: [Float]

  public init(_ head: Head, vector: [Float]) {
    (layer, self.head, self.vector) = (head.layer, head.head, vector)
  }
}

/// A change to the forward pass, as a value that can be stored and repeated.
///
///     .add(direction, scale: 4, after: 15, at: .from(token: 7))
///     .scaleHeads([Head(layer: 7, head: 3)], by: 0)
public struct Intervention: Sendable, Equatable, Codable {
  /// What happens to an activation x of the hook's width.
  public enum Change: Sendable, Equatable, Codable {
    /// x + scale * vector.
    case add(vector: [Float], scale: Float)
    /// The vector in place of x.
    case replace(vector: [Float])
    /// x - u (u . x) with u = direction / |direction|.
    case projectOut(direction: [Float])
    /// The outputs of the listed query heads times the factor.
    case scaleHeads([Head], factor: Float)

    /// The same, and then all heads' outputs at that token times |z| / |z'|, so that they keep their
    /// norm (arXiv 2510.06036, which takes the norms over the whole batch).
    case scaleHeadsKeepingNorm([Head], factor: Float)
    /// The given vectors in place of the listed query heads' outputs.
    case replaceHeads([HeadVector])

    enum ScaleHeadsCodingKeys: String, CodingKey {
      case _0 = "heads"
      case factor
    }
    enum ScaleHeadsKeepingNormCodingKeys: String, CodingKey {
      case _0 = "heads"
      case factor
    }
    enum ReplaceHeadsCodingKeys: String, CodingKey { case _0 = "heads" }
  }

  public var change: Change
  /// Where it happens, in order; head scaling happens at the heads' own `hook_z`.
  public var hooks: [HookPoint]
  /// Which tokens of each sequence it touches.
  public var positions: Positions

  public init(_ change: Change, at hooks: [HookPoint], positions: Positions = .all) {
    (self.change, self.hooks, self.positions) = (change, hooks, positions)
  }

  /// Adds `scale` times a vector to the residual stream after a block, counted from 0.
  public static func add(
    _ vector: [Float], scale: Float = 1, after layer: Int, at positions: Positions = .all
  ) -> Intervention {
    Intervention(
      .add(vector: vector, scale: scale), at: [.residual(after: layer)], positions: positions)
  }

  /// Puts a vector in place of the activation.
  public static func replace(
    with vector: [Float], at hook: HookPoint, positions: Positions = .all
  ) -> Intervention {
    Intervention(.replace(vector: vector), at: [hook], positions: positions)
  }

  /// Removes a direction at each of the hooks.
  public static func projectOut(
    _ direction: [Float], at hooks: [HookPoint], positions: Positions = .all
  ) -> Intervention {
    Intervention(.projectOut(direction: direction), at: hooks, positions: positions)
  }

  /// Scales query heads' outputs; 0 ablates them.
  /// - Parameter keepsNorm: scales all heads of the token afterwards, so that they keep their norm.
  public static func scaleHeads(
    _ heads: [Head], by factor: Float, keepingNorm keepsNorm: Bool = false,
    at positions: Positions = .all
  ) -> Intervention {
    Intervention(
      keepsNorm
        ? .scaleHeadsKeepingNorm(heads, factor: factor) : .scaleHeads(heads, factor: factor),
      at: hooks(of: heads.map(\.layer)), positions: positions)
  }

  /// Puts vectors in place of query heads' outputs, such as their means over other prompts.
  public static func replaceHeads(
    _ heads: [HeadVector], at positions: Positions = .all
  ) -> Intervention {
    Intervention(.replaceHeads(heads), at: hooks(of: heads.map(\.layer)), positions: positions)
  }

  private static func hooks(of layers: [Int]) -> [HookPoint] {
    Set(layers).sorted().map { .headOutput(layer: $0) }
  }

  /// A short description for errors and effects: `add at blocks.15.hook_resid_post, all`.
  public var summary: String {
    let name =
      switch change {
      case .add(_, let scale): "add (scale \(scale))"
      case .replace: "replace"
      case .projectOut: "project out"
      case .scaleHeads(let heads, let factor): "scale \(heads.count) heads by \(factor)"
      case .scaleHeadsKeepingNorm(let heads, let factor):
        "scale \(heads.count) heads by \(factor), keeping the norm"
      case .replaceHeads(let heads): "replace \(heads.count) heads"
      }
    let place = hooks.count == 1 ? hooks[0].description : "\(hooks.count) hooks"
    return "\(name) at \(place), positions \(positions)"
  }
}

/// Proof that an intervention happened.
public struct Effect: Sendable, Equatable, Codable {
  /// The intervention's place in the plan, counted from 0.
  public var intervention: Int
  public var summary: String
  /// Number of (hook, token) pairs touched.
  public var fired: Int
  /// The hooks at which it fired.
  public var hooks: [HookPoint]
  /// Number of sequences in which it fired.
  public var sequences: Int
  /// Euclidean norm of the change over everything touched; 0 for an identity.
  public var norm: Double
  /// The largest norm of the change at one token.
  public var largestNorm: Double
}
