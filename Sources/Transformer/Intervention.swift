import Prompts
import Tensors

/// One query head of one block.
public struct Head: Hashable, Sendable, Codable {
  /// The block, counted from 0.
  public var layer: Int
  /// The query head in its block, counted from 0.
  public var head: Int

  /// A head by its block and its place there, both counted from 0.
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
  /// The block, counted from 0.
  public var layer: Int
  /// The query head in its block, counted from 0.
  public var head: Int
  /// `[dHead]`.
  public var vector: [Float]

  /// An output for a head, `[dHead]`.
  public init(_ head: Head, vector: [Float]) {
    (layer, self.head, self.vector) = (head.layer, head.head, vector)
  }
}

/// Outputs for one query head, to be put in place of its own token by token.
public struct HeadRows: Hashable, Sendable, Codable {
  /// The block, counted from 0.
  public var layer: Int
  /// The query head in its block, counted from 0.
  public var head: Int
  /// A row for each touched token of a sequence, `[touched tokens, dHead]`.
  public var rows: Matrix

  /// Outputs for a head, `[touched tokens, dHead]`.
  public init(_ head: Head, rows: Matrix) {
    (layer, self.head, self.rows) = (head.layer, head.head, rows)
  }
}

/// How all heads of a token are scaled after a change so that together they keep their norm |z|
/// (arXiv 2510.06036, which takes the norms over the whole batch).
public enum NormKeeping: String, Sendable, Codable, CaseIterable {
  /// Not at all.
  case none
  /// By |z| / |z'| of each token.
  case token
  /// By one factor for all touched tokens of a sequence.
  case sequence
}

/// A change to the forward pass, as a value that can be stored and repeated.
///
///     .add(direction, scale: 4, after: 15, at: .from(token: 7))
///     .scaleHeads([Head(layer: 7, head: 3)], by: 0)
///     .patch(.residual(after: 3), with: rows, at: .range(-3, -1)).only(in: ["p7"])
public struct Intervention: Sendable, Hashable {
  /// What happens to an activation x of the hook's width.
  public enum Change: Sendable, Hashable, Codable {
    /// x + scale * vector.
    case add(vector: [Float], scale: Float)
    /// The vector in place of x.
    case replace(vector: [Float])
    /// x - u (u . x) with u = direction / |direction|.
    case projectOut(direction: [Float])
    /// Row i in place of x at the i-th touched token of a sequence, `[touched tokens, width]`.
    case patch(rows: Matrix)
    /// The outputs of the listed query heads times the factor.
    case scaleHeads([Head], factor: Float)
    /// The given vectors in place of the listed query heads' outputs.
    case replaceHeads([HeadVector])
    /// Rows in place of the listed query heads' outputs, token by token.
    case patchHeads([HeadRows])
    /// The mean of the values that each listed head sees in place of its output, which is what it puts
    /// out when its query is scaled to zero (Zhou et al., arXiv 2410.13708).
    case attendUniformly([Head])

    enum ScaleHeadsCodingKeys: String, CodingKey {
      case _0 = "heads"
      case factor
    }
    enum ReplaceHeadsCodingKeys: String, CodingKey { case _0 = "heads" }
    enum PatchHeadsCodingKeys: String, CodingKey { case _0 = "heads" }
    enum AttendUniformlyCodingKeys: String, CodingKey { case _0 = "heads" }
  }

  /// What happens to the activation.
  public var change: Change
  /// Where it happens, in order; heads are changed at their own `hook_z`.
  public var hooks: [HookPoint]
  /// Which tokens of each sequence it touches.
  public var positions: Positions
  /// What is done to all heads of the touched tokens afterwards; only where heads are changed.
  public var norm: NormKeeping
  /// The sequences that it touches; nil for all.
  public var sequences: Sequences?

  /// A change by its parts; the named ways of making one below state the hooks themselves.
  public init(
    _ change: Change, at hooks: [HookPoint], positions: Positions = .all,
    keepingNorm norm: NormKeeping = .none, in sequences: Sequences? = nil
  ) {
    (self.change, self.hooks, self.positions) = (change, hooks, positions)
    (self.norm, self.sequences) = (norm, sequences)
  }

  /// Some sequences of a batch.
  public enum Sequences: Sendable, Hashable, Codable {
    /// By their places in the batch, counted from 0.
    case places([Int])
    /// By their ids; several sequences may have one.
    case ids([String])
  }

  /// The same in some sequences of a batch, by their places.
  public func only(in places: [Int]) -> Intervention { only(in: .places(places)) }

  /// The same in some sequences of a batch, by their ids.
  public func only(in ids: [String]) -> Intervention { only(in: .ids(ids)) }

  private func only(in sequences: Sequences) -> Intervention {
    var limited = self
    limited.sequences = sequences
    return limited
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
  /// - Parameter norm: scales all heads afterwards, so that they keep their norm.
  public static func scaleHeads(
    _ heads: [Head], by factor: Float, keepingNorm norm: NormKeeping = .none,
    at positions: Positions = .all
  ) -> Intervention {
    Intervention(
      .scaleHeads(heads, factor: factor), at: hooks(of: heads.map(\.layer)), positions: positions,
      keepingNorm: norm)
  }

  /// Puts vectors in place of query heads' outputs, such as their means over other prompts.
  /// - Parameter norm: scales all heads afterwards, so that they keep their norm.
  public static func replaceHeads(
    _ heads: [HeadVector], keepingNorm norm: NormKeeping = .none, at positions: Positions = .all
  ) -> Intervention {
    Intervention(
      .replaceHeads(heads), at: hooks(of: heads.map(\.layer)), positions: positions,
      keepingNorm: norm)
  }

  /// Lets query heads attend to all tokens that they see alike.
  /// - Parameter norm: scales all heads afterwards, so that they keep their norm.
  public static func attendUniformly(
    _ heads: [Head], keepingNorm norm: NormKeeping = .none, at positions: Positions = .all
  ) -> Intervention {
    Intervention(
      .attendUniformly(heads), at: hooks(of: heads.map(\.layer)), positions: positions,
      keepingNorm: norm)
  }

  static func hooks(of layers: [Int]) -> [HookPoint] {
    Set(layers).sorted().map { .headOutput(layer: $0) }
  }

  /// A short description for errors and effects: `add at blocks.15.hook_resid_post, all`.
  public var summary: String {
    let name =
      switch change {
      case .add(_, let scale): "add (scale \(scale))"
      case .replace: "replace"
      case .projectOut: "project out"
      case .patch(let rows): "patch \(rows.rows) rows"
      case .scaleHeads(let heads, let factor): "scale \(heads.count) heads by \(factor)"
      case .replaceHeads(let heads): "replace \(heads.count) heads"
      case .patchHeads(let heads): "patch \(heads.count) heads"
      case .attendUniformly(let heads): "uniform attention of \(heads.count) heads"
      }
    let kept =
      switch norm {
      case .none: ""
      case .token: ", keeping the norm"
      case .sequence: ", keeping the sequence's norm"
      }
    let limit =
      switch sequences {
      case nil: ""
      case .places(let places): ", sequences \(places.map { "\($0)" }.joined(separator: ","))"
      case .ids(let ids): ", sequences \(ids.joined(separator: ","))"
      }
    let place = hooks.count == 1 ? hooks[0].description : "\(hooks.count) hooks"
    return "\(name)\(kept) at \(place), positions \(positions)\(limit)"
  }
}

extension Intervention {
  /// The heads that it changes, in its order; none where it changes whole activations.
  public var heads: [Head] {
    switch change {
    case .scaleHeads(let heads, _), .attendUniformly(let heads): heads
    case .replaceHeads(let heads): heads.map { Head(layer: $0.layer, head: $0.head) }
    case .patchHeads(let heads): heads.map { Head(layer: $0.layer, head: $0.head) }
    case .add, .replace, .projectOut, .patch: []
    }
  }

  /// Whether it touches a sequence at this place of a batch, if it has such positions.
  func concerns(_ sequence: TokenSequence, at place: Int) -> Bool {
    switch sequences {
    case nil: true
    case .places(let places): places.contains(place)
    case .ids(let ids): ids.contains(sequence.id)
    }
  }
}

extension Intervention: Codable {
  private enum CodingKeys: CodingKey { case change, hooks, positions, norm, sequences }

  /// As `encode` writes it; `norm` may be missing.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    change = try container.decode(Change.self, forKey: .change)
    hooks = try container.decode([HookPoint].self, forKey: .hooks)
    positions = try container.decode(Positions.self, forKey: .positions)
    norm = try container.decodeIfPresent(NormKeeping.self, forKey: .norm) ?? .none
    sequences = try container.decodeIfPresent(Sequences.self, forKey: .sequences)
  }

  /// What is as usual is left out.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(change, forKey: .change)
    try container.encode(hooks, forKey: .hooks)
    try container.encode(positions, forKey: .positions)
    if norm != .none { try container.encode(norm, forKey: .norm) }
    try container.encodeIfPresent(sequences, forKey: .sequences)
  }
}

/// Proof that an intervention happened.
public struct Effect: Sendable, Equatable, Codable {
  /// The intervention's place in the plan, counted from 0.
  public var intervention: Int
  /// What the intervention does, in a few words.
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
