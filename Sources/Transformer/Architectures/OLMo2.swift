import Tensors

/// OLMo 2 (OLMo team, arXiv 2501.00656): no norms before attention and MLP but behind them, and norms of
/// all heads' queries and of all heads' keys at once.
struct OLMo2: Architecture {
  static let names: Set<String> = ["olmo2"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  var attentionBias: Bool
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    shape = try settings.shape(contextLength: 2048)
    normEpsilon = try settings.epsilon(default: 1e-5)
    rotary = try RotarySettings(settings, shape)
    attentionBias = try settings.flag("attention_bias", nil, default: false)
    tiesEmbeddings = try settings.flag("tie_word_embeddings", nil, default: false)
    try settings.expect(.silu)
  }

  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix> {
    let rotary = rotary.rotary()
    let (queries, keys) = (shape.heads * shape.dHead, shape.keyValueHeads * shape.dHead)
    return try loader.network(
      shape, norms: .rms(epsilon: normEpsilon), isTied: tiesEmbeddings
    ) { block in
      var attention = try block.attention(
        AttentionShape(shape), rotary, bias: attentionBias, outputBias: attentionBias)
      attention.queryNorm = try block.norm("self_attn.q_norm", "attn_q_norm", width: queries)
      attention.keyNorm = try block.norm("self_attn.k_norm", "attn_k_norm", width: keys)
      return Block(
        attention: attention,
        attentionPostNorm: try block.norm("post_attention_layernorm", "post_attention_norm"),
        mlp: try block.gatedMLP(.silu),
        mlpPostNorm: try block.norm("post_feedforward_layernorm", "post_ffw_norm"))
    }
  }
}
