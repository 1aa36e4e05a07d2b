import Tensors

/// Qwen3 (Yang et al., arXiv 2505.09388), dense: Llama with a norm of each head's queries and keys, and
/// sliding windows in the last blocks where they are switched on.
struct Qwen3: Architecture {
  static let names: Set<String> = ["qwen3"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  /// Each block's sliding window; nil for none.
  var windows: [Int?]
  var attentionBias: Bool
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    shape = try settings.shape(dHead: 128)
    normEpsilon = try settings.epsilon(default: 1e-6)
    rotary = try RotarySettings(settings, shape)
    windows = try settings.switchedWindows(shape)
    attentionBias = try settings.flag("attention_bias", nil, default: false)
    tiesEmbeddings = try settings.flag("tie_word_embeddings", nil, default: false)
    try settings.expect(.silu)
  }

  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix> {
    let rotary = rotary.rotary()
    return try loader.network(
      shape, norms: .rms(epsilon: normEpsilon), isTied: tiesEmbeddings
    ) { block in
      Block(
        attentionNorm: try block.norm("input_layernorm", "attn_norm"),
        attention: try block.attention(
          AttentionShape(shape, window: windows[block.layer]), rotary, bias: attentionBias,
          outputBias: attentionBias
        ).normalizingHeads(block),
        mlpNorm: try block.norm("post_attention_layernorm", "ffn_norm"),
        mlp: try block.gatedMLP(.silu))
    }
  }
}

extension Attention<PackedMatrix> {
  /// The same with norms of queries and keys, as wide as a head.
  func normalizingHeads(_ block: BlockLoader) throws -> Self {
    var attention = self
    attention.queryNorm = try block.norm("self_attn.q_norm", "attn_q_norm", width: shape.dHead)
    attention.keyNorm = try block.norm("self_attn.k_norm", "attn_k_norm", width: shape.dHead)
    return attention
  }
}
