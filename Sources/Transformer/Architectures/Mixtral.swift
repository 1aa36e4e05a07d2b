import Tensors

/// Mixtral (Jiang et al., arXiv 2401.04088): Mistral with a mixture of experts for each MLP. GGUF files
/// call it Llama and say how many experts there are.
struct Mixtral: Architecture {
  static let names: Set<String> = ["mixtral"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  var slidingWindow: Int?
  var mixture: MixtureSettings
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    shape = try settings.shape()
    shape.mixtureLayers = Array(0..<shape.layers)
    normEpsilon = try settings.epsilon(default: 1e-5)
    rotary = try RotarySettings(settings, shape, theta: .theta(settings.isGGUF ? 1e4 : 1e6))
    slidingWindow = try settings.optionalCount("sliding_window", nil, missing: nil)
    mixture = try settings.mixture(
      experts: "num_local_experts", top: 2, dExpert: shape.dMLP, isNormalized: true)
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
          AttentionShape(shape, window: slidingWindow), rotary, rotatesNeighbours: true),
        mlpNorm: try block.norm("post_attention_layernorm", "ffn_norm"),
        mlp: try block.mixture(mixture, "block_sparse_moe", ("w1", "w3", "w2")))
    }
  }
}
