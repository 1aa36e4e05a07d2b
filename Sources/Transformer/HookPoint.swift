/// A named place in the forward pass where activations are read or changed.
///
/// Printed and read under TransformerLens names (`blocks.20.hook_resid_post`), which is what users
/// know. The final norm's output has no name there and is `ln_final.hook_out`.
///
///     HookPoint.residual(after: 20).description   // "blocks.20.hook_resid_post"
public struct HookPoint: Hashable, Sendable {
  public let site: Site
  /// The block, counted from 0; nil where the site is not in a block.
  public let layer: Int?

  package init(_ site: Site, layer: Int? = nil) {
    precondition(site.isPerLayer == (layer != nil), "\(site) and layer \(layer as Int?) do not fit")
    (self.site, self.layer) = (site, layer)
  }

  public static let embedding = HookPoint(.embedding)
  public static let positionEmbedding = HookPoint(.positionEmbedding)
  public static let finalNormScale = HookPoint(.finalNormScale)
  public static let finalNormalized = HookPoint(.finalNormalized)
  public static let finalNorm = HookPoint(.finalNorm)
  public static let logits = HookPoint(.logits)
  /// The residual stream entering block `layer`.
  public static func residual(before layer: Int) -> Self { Self(.residualBefore, layer: layer) }
  /// The residual stream between attention and MLP of block `layer`.
  public static func residual(mid layer: Int) -> Self { Self(.residualMid, layer: layer) }
  /// The residual stream leaving block `layer`, counted from 0.
  public static func residual(after layer: Int) -> Self { Self(.residualAfter, layer: layer) }
  public static func attentionPattern(layer: Int) -> Self { Self(.attentionPattern, layer: layer) }
  public static func headOutput(layer: Int) -> Self { Self(.headOutput, layer: layer) }
  public static func attentionInput(layer: Int) -> Self { Self(.attentionInput, layer: layer) }
  public static func query(layer: Int) -> Self { Self(.query, layer: layer) }
  public static func key(layer: Int) -> Self { Self(.key, layer: layer) }
  public static func value(layer: Int) -> Self { Self(.value, layer: layer) }
  public static func rotatedQuery(layer: Int) -> Self { Self(.rotatedQuery, layer: layer) }
  public static func rotatedKey(layer: Int) -> Self { Self(.rotatedKey, layer: layer) }
  public static func attentionScores(layer: Int) -> Self { Self(.attentionScores, layer: layer) }
  public static func headResult(layer: Int) -> Self { Self(.headResult, layer: layer) }
  public static func mlpInput(layer: Int) -> Self { Self(.mlpInput, layer: layer) }
  public static func mlpPreActivation(layer: Int) -> Self { Self(.mlpPreActivation, layer: layer) }
  public static func mlpLinear(layer: Int) -> Self { Self(.mlpLinear, layer: layer) }
  public static func attentionOutput(layer: Int) -> Self { Self(.attentionOutput, layer: layer) }
  public static func mlpHidden(layer: Int) -> Self { Self(.mlpHidden, layer: layer) }
  public static func mlpOutput(layer: Int) -> Self { Self(.mlpOutput, layer: layer) }
}

extension HookPoint: LosslessStringConvertible, Codable {
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

  public init(from decoder: any Decoder) throws {
    let name = try decoder.singleValueContainer().decode(String.self)
    guard let hook = HookPoint(name) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "no hook is called '\(name)'"))
    }
    self = hook
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Hooks stand in the order in which the forward pass reaches them.
extension HookPoint: Comparable {
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
