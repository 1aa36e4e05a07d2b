import Files
import Tensors

/// Llama 2 and 3 (Touvron et al., arXiv 2302.13971): RMS norms before attention and MLP, rotary
/// embedding, grouped query heads, a gated MLP with SiLU.
struct Llama: Architecture {
  static let names: Set<String> = ["llama"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  /// Whether the unembedding is the embedding.
  var tiesEmbeddings: Bool
  /// Whether attention's and the MLP's projections have biases; nil when only the tensors tell.
  var attentionBias: Bool?
  var mlpBias: Bool?

  init(_ settings: Settings) throws {
    settings.ignore("is_llama_config")
    shape = try settings.shape(contextLength: 2048)
    normEpsilon = try settings.epsilon(default: 1e-6)
    rotary = try RotarySettings(settings, shape)
    tiesEmbeddings = try settings.flag("tie_word_embeddings", nil, default: false)
    attentionBias =
      settings.isGGUF ? nil : try settings.flag("attention_bias", nil, default: false)
    mlpBias = settings.isGGUF ? nil : try settings.flag("mlp_bias", nil, default: false)
    try settings.expect(.silu)
  }

  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix> {
    let rotary = try loader.rotary(rotary)
    return try loader.network(
      shape, norms: .rms(epsilon: normEpsilon), isTied: tiesEmbeddings
    ) { block in
      Block(
        attentionNorm: try block.norm("input_layernorm", "attn_norm"),
        attention: try block.attention(
          AttentionShape(shape), rotary, bias: attentionBias, outputBias: attentionBias,
          rotatesNeighbours: true),
        mlpNorm: try block.norm("post_attention_layernorm", "ffn_norm"),
        mlp: try block.gatedMLP(.silu, bias: mlpBias))
    }
  }
}

extension WeightLoader {
  /// The rotary embedding; GGUF holds what llama3's scaling divides frequencies by as a tensor.
  func rotary(_ settings: RotarySettings) throws -> Rotary {
    let divisors = TensorName("rope_freqs", "rope_freqs")
    guard isGGUF, has(divisors) else { return settings.rotary() }
    guard settings.scaling == .none else {
      throw Problem(
        .contradictory, checkpoint.path, place: "rope.scaling.type",
        problem: "stands beside the tensor 'rope_freqs.weight', which says the scaling as well",
        remedy: "convert the model again")
    }
    return settings.rotary(divisors: try vector(divisors, count: settings.rotated / 2))
  }
}
