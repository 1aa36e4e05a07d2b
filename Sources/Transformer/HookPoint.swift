/// A named place in the forward pass where activations are read or changed.
///
/// Printed and read under TransformerLens names (`blocks.20.hook_resid_post`), which is what users
/// know. The final norm's output has no name there and is `ln_final.hook_out`.
///
///     HookPoint.residual(after: 20).description   // "blocks.20.hook_resid_post"
public struct HookPoint: Hashable, Sendable {
  /// What is read there, the same in every block.
  public let site: Site
  /// The block, counted from 0; nil where the site is not in a block.
  public let layer: Int?

  package init(_ site: Site, layer: Int? = nil) {
    precondition(site.isPerLayer == (layer != nil), "\(site) and layer \(layer as Int?) do not fit")
    (self.site, self.layer) = (site, layer)
  }

  /// Token embeddings as they enter the residual stream, `[T, dModel]`.
  public static let embedding = HookPoint(.embedding)
  /// Learned embeddings of the positions, `[T, dModel]`; absent where positions are rotary.
  public static let positionEmbedding = HookPoint(.positionEmbedding)
  /// What the final norm divides by, `[T, 1]`.
  public static let finalNormScale = HookPoint(.finalNormScale)
  /// The residual stream, normalised, before the final norm's gain and bias, `[T, dModel]`.
  public static let finalNormalized = HookPoint(.finalNormalized)
  /// The residual stream after the final norm and its gain, `[T, dModel]`.
  public static let finalNorm = HookPoint(.finalNorm)
  /// The logits over the vocabulary, `[T, dVocabulary]`.
  public static let logits = HookPoint(.logits)
  /// The residual stream entering block `layer`.
  public static func residual(before layer: Int) -> Self { Self(.residualBefore, layer: layer) }
  /// The residual stream between attention and MLP of block `layer`.
  public static func residual(mid layer: Int) -> Self { Self(.residualMid, layer: layer) }
  /// The residual stream leaving block `layer`, counted from 0.
  public static func residual(after layer: Int) -> Self { Self(.residualAfter, layer: layer) }
  /// Softmax weights by query head and key, `[T, H * T]`; read only.
  public static func attentionPattern(layer: Int) -> Self { Self(.attentionPattern, layer: layer) }
  /// z, the query heads' outputs before the output projection, `[T, H * dHead]`.
  public static func headOutput(layer: Int) -> Self { Self(.headOutput, layer: layer) }
  /// What attention reads, before its norm, `[T, dModel]`.
  public static func attentionInput(layer: Int) -> Self { Self(.attentionInput, layer: layer) }
  /// Queries as projected, before norm and rotary embedding, `[T, H * dHead]`.
  public static func query(layer: Int) -> Self { Self(.query, layer: layer) }
  /// Keys as projected, before norm and rotary embedding, `[T, G * dHead]`.
  public static func key(layer: Int) -> Self { Self(.key, layer: layer) }
  /// Values, one for each key/value head, `[T, G * dHead]`.
  public static func value(layer: Int) -> Self { Self(.value, layer: layer) }
  /// Queries after norm and rotary embedding, `[T, H * dHead]`.
  public static func rotatedQuery(layer: Int) -> Self { Self(.rotatedQuery, layer: layer) }
  /// Keys after norm and rotary embedding, `[T, G * dHead]`.
  public static func rotatedKey(layer: Int) -> Self { Self(.rotatedKey, layer: layer) }
  /// Scaled scores before the softmax, `[T, H * T]`; -infinity where a query does not look.
  public static func attentionScores(layer: Int) -> Self { Self(.attentionScores, layer: layer) }
  /// The query heads' shares of the output projection, without its bias, `[T, H * dModel]`.
  public static func headResult(layer: Int) -> Self { Self(.headResult, layer: layer) }
  /// What the MLP reads, before its norm, `[T, dModel]`.
  public static func mlpInput(layer: Int) -> Self { Self(.mlpInput, layer: layer) }
  /// What the MLP's activation function is applied to, `[T, dMLP]`; not in mixtures of experts.
  public static func mlpPreActivation(layer: Int) -> Self { Self(.mlpPreActivation, layer: layer) }
  /// What the MLP's gate is multiplied with, `[T, dMLP]`; only in MLPs with a gate.
  public static func mlpLinear(layer: Int) -> Self { Self(.mlpLinear, layer: layer) }
  /// What attention adds to the residual stream, `[T, dModel]`.
  public static func attentionOutput(layer: Int) -> Self { Self(.attentionOutput, layer: layer) }
  /// The MLP's neurons, entering its last projection, `[T, dMLP]`; not in mixtures of experts.
  public static func mlpHidden(layer: Int) -> Self { Self(.mlpHidden, layer: layer) }
  /// What the MLP adds to the residual stream, `[T, dModel]`.
  public static func mlpOutput(layer: Int) -> Self { Self(.mlpOutput, layer: layer) }
}

extension HookPoint: LosslessStringConvertible, Codable {
  /// The TransformerLens name, such as `blocks.20.hook_resid_post`.
  public var description: String {
    layer.map { "blocks.\($0).\(site.rawValue)" } ?? site.rawValue
  }

  /// Reads a TransformerLens name; nil for anything else.
  public init?(_ name: String) {
    if let site = Site(rawValue: name), !site.isPerLayer {
      self.init(site)
      return
    }
    let parts = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "blocks", let layer = Int(parts[1]), layer >= 0,
      String(layer) == parts[1], let site = Site(rawValue: String(parts[2])), site.isPerLayer
    else { return nil }
    self.init(site, layer: layer)
  }

  /// - Throws: for a text that is no TransformerLens name.
  public init(from decoder: any Decoder) throws {
    let name = try decoder.singleValueContainer().decode(String.self)
    guard let hook = HookPoint(name) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "no hook is called '\(name)'"))
    }
    self = hook
  }

  /// Writes the TransformerLens name as one string.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Hooks stand in the order in which the forward pass reaches them.
extension HookPoint: Comparable {
  /// Whether the forward pass reaches the left one first.
  public static func < (left: HookPoint, right: HookPoint) -> Bool { left.order < right.order }

  private var order: (Int, Int) {
    let block: Int
    switch site {
    case .embedding, .positionEmbedding: block = -1
    case .finalNormScale, .finalNormalized, .finalNorm, .logits: block = Int.max
    default: block = layer ?? -1
    }
    return (block, Site.allCases.firstIndex(of: site) ?? 0)
  }
}
