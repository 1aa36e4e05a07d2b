/// The sizes of a transformer.
public struct ModelShape: Sendable, Equatable, Codable {
  public var layers: Int
  /// Width of the residual stream.
  public var dModel: Int
  /// Query heads in each block.
  public var heads: Int
  /// Key/value heads in each block; each serves `heads / keyValueHeads` query heads.
  public var keyValueHeads: Int
  public var dHead: Int
  /// Width of the MLP's hidden layer.
  public var dMLP: Int
  public var dVocabulary: Int
  /// The longest sequence that the model was made for.
  public var contextLength: Int

  /// The number of values that a hook has at one token of a sequence of `tokens` tokens.
  public func width(of site: HookPoint.Site, tokens: Int) -> Int {
    switch site {
    case .attentionPattern: heads * tokens
    case .headOutput: heads * dHead
    case .mlpHidden: dMLP
    case .logits: dVocabulary
    default: dModel
    }
  }
}
