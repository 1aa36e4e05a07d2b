import Tensors

/// Qwen3 (Yang et al., arXiv 2505.09388) with a mixture of experts for the MLP of all or some blocks.
struct Qwen3MoE: Architecture {
  static let names: Set<String> = ["qwen3_moe", "qwen3moe"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  var mixture: MixtureSettings
  var attentionBias: Bool
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    shape = try settings.shape()
    normEpsilon = try settings.epsilon(default: 1e-6)
    rotary = try RotarySettings(settings, shape)
    // Where use_sliding_window is true, which is refused, versions of transformers disagree about them.
    settings.ignore("sliding_window", "max_window_layers")
    mixture = try settings.mixture(
      experts: settings.json("num_experts") == nil ? "num_local_experts" : "num_experts", top: 8,
      dExpert: try settings.count(
        "moe_intermediate_size", "expert_feed_forward_length", default: 768),
      isNormalized: try settings.flag(
        "norm_topk_prob", "expert_weights_norm", default: settings.isGGUF))
    shape.mixtureLayers = try Self.mixtureLayers(settings, shape)
    attentionBias = try settings.flag("attention_bias", nil, default: false)
    tiesEmbeddings = try settings.flag("tie_word_embeddings", nil, default: false)
    try settings.expect(.silu)
  }

  /// Every `decoder_sparse_step`-th block, but for those in `mlp_only_layers`.
  private static func mixtureLayers(_ settings: Settings, _ shape: ModelShape) throws -> [Int] {
    let step = try settings.count("decoder_sparse_step", nil, default: 1)
    let dense = try settings.list("mlp_only_layers", of: "whole numbers") { $0.int } ?? []
    return (0..<shape.layers).filter { ($0 + 1) % step == 0 && !dense.contains($0) }
  }

  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix> {
    let rotary = rotary.rotary()
    return try loader.network(
      shape, norms: .rms(epsilon: normEpsilon), isTied: tiesEmbeddings
    ) { block in
      Block(
        attentionNorm: try block.norm("input_layernorm", "attn_norm"),
        attention: try block.attention(
          AttentionShape(shape), rotary, bias: attentionBias, outputBias: attentionBias
        ).normalizingHeads(block),
        mlpNorm: try block.norm("post_attention_layernorm", "ffn_norm"),
        mlp: shape.mixtureLayers.contains(block.layer)
          ? try block.mixture(mixture, "mlp", ("gate_proj", "up_proj", "down_proj"))
          : try block.gatedMLP(.silu))
    }
  }
}
