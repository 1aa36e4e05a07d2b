/// The sizes of a transformer.
public struct ModelShape: Sendable, Equatable, Codable {
  /// The number of blocks.
  public var layers: Int
  /// Width of the residual stream.
  public var dModel: Int
  /// Query heads in each block.
  public var heads: Int
  /// Key/value heads in each block; each serves `heads / keyValueHeads` query heads.
  public var keyValueHeads: Int
  /// Width of one head, of queries, keys and values alike.
  public var dHead: Int
  /// Width of the MLP's hidden layer.
  public var dMLP: Int
  /// The number of tokens that have a logit.
  public var dVocabulary: Int
  /// The longest sequence that the model was made for.
  public var contextLength: Int
  /// Places of the forward pass that this architecture does not have.
  public var absentSites: [HookPoint.Site] = [.positionEmbedding]
  /// Blocks whose MLP is a mixture of experts, which has no one hidden layer to read; ascending.
  public var mixtureLayers: [Int] = []

  /// Whether the model has such a hook.
  public func has(_ hook: HookPoint) -> Bool {
    guard !absentSites.contains(hook.site) else { return false }
    guard let layer = hook.layer else { return true }
    return (0..<layers).contains(layer)
      && !([.mlpPreActivation, .mlpLinear, .mlpHidden].contains(hook.site)
        && mixtureLayers.contains(layer))
  }

  /// The number of values that a hook has at one token of a sequence of `tokens` tokens.
  public func width(of site: HookPoint.Site, tokens: Int) -> Int {
    switch site {
    case .attentionScores, .attentionPattern: heads * tokens
    case .query, .rotatedQuery, .headOutput: heads * dHead
    case .key, .value, .rotatedKey: keyValueHeads * dHead
    case .headResult: heads * dModel
    case .mlpPreActivation, .mlpLinear, .mlpHidden: dMLP
    case .attentionNormScale, .attentionPostNormScale, .mlpNormScale, .mlpPostNormScale,
      .finalNormScale:
      1
    case .logits: dVocabulary
    default: dModel
    }
  }

  /// How many heads a hook's rows hold one after another; nil where rows are not of heads.
  public func headCount(of site: HookPoint.Site) -> Int? {
    switch site {
    case .query, .rotatedQuery, .attentionScores, .attentionPattern, .headOutput, .headResult: heads
    case .key, .value, .rotatedKey: keyValueHeads
    default: nil
    }
  }
}
