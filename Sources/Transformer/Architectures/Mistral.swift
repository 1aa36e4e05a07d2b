import Tensors

/// Mistral (Jiang et al., arXiv 2310.06825): Llama whose queries may see a window of the last tokens
/// only. GGUF files call it Llama.
struct Mistral: Architecture {
  static let names: Set<String> = ["mistral"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  /// How many tokens a query sees in every block; nil for all.
  var slidingWindow: Int?
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    shape = try settings.shape()
    normEpsilon = try settings.epsilon(default: 1e-6)
    rotary = try RotarySettings(settings, shape)
    slidingWindow = try settings.optionalCount("sliding_window", nil, missing: 4096)
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
        attention: try block.attention(AttentionShape(shape, window: slidingWindow), rotary),
        mlpNorm: try block.norm("post_attention_layernorm", "ffn_norm"),
        mlp: try block.gatedMLP(.silu))
    }
  }
}
