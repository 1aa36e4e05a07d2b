import Tensors

/// Gemma 2 (Gemma team, arXiv 2408.00118): norms before and behind attention and MLP, soft caps on
/// scores and logits, a sliding window in every second block, scaled embeddings, a gate with GELU.
struct Gemma2: Architecture {
  static let names: Set<String> = ["gemma2"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  /// Each block's sliding window; nil for none.
  var windows: [Int?]
  /// What scores are multiplied with.
  var attentionScale: Float
  var attentionSoftCap: Float?
  var logitSoftCap: Float?
  var attentionBias: Bool
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    shape = try settings.shape(dHead: 256)
    normEpsilon = try settings.epsilon(default: 1e-6)
    rotary = try RotarySettings(settings, shape)
    let window = try settings.optionalCount(
      "sliding_window", "attention.sliding_window", missing: 4096)
    windows = try settings.windows(window, shape) { $0 % 2 == 0 }
    attentionScale = try settings.gemmaScale(shape, ofShare: 46)
    attentionSoftCap = try settings.optionalNumber(
      "attn_logit_softcapping", "attn_logit_softcapping", missing: 50)
    logitSoftCap = try settings.optionalNumber(
      "final_logit_softcapping", "final_logit_softcapping", missing: 30)
    attentionBias = try settings.flag("attention_bias", nil, default: false)
    tiesEmbeddings = try settings.flag("tie_word_embeddings", nil, default: true)
    settings.ignore("hidden_act")
    try settings.expect(.geluTanh, "hidden_activation")
  }

  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix> {
    let rotary = rotary.rotary()
    var network = try loader.network(
      shape, norms: .gemma(loader, epsilon: normEpsilon), isTied: tiesEmbeddings
    ) { block in
      let shape = AttentionShape(
        shape, window: windows[block.layer], scale: attentionScale, softCap: attentionSoftCap)
      return try block.gemma(
        attention: try block.attention(
          shape, rotary, bias: attentionBias, outputBias: attentionBias))
    }
    network.embeddingScale = Float(shape.dModel).squareRoot()
    network.logitSoftCap = logitSoftCap
    return network
  }
}

extension Settings {
  /// What Gemma's scores are multiplied with.
  ///
  /// GGUF has no key for it: it is 1 / sqrt(dHead) but in the 27B models, which llama.cpp knows by their
  /// number of blocks, too.
  func gemmaScale(_ shape: ModelShape, ofShare layers: Int) throws -> Float {
    let share = shape.layers == layers ? shape.dModel / shape.heads : shape.dHead
    let scalar = try number(
      "query_pre_attn_scalar", nil, default: isGGUF ? Double(share) : 256)
    guard scalar > 0 else {
      throw error(
        .outOfRange, "query_pre_attn_scalar", "is not positive",
        "the file is damaged: fetch it again")
    }
    return Float(1 / scalar.squareRoot())
  }
}

extension NormStyle {
  /// GGUF stores Gemma's gains as they are, Hugging Face less 1.
  static func gemma(_ loader: WeightLoader, epsilon: Float) -> NormStyle {
    loader.isGGUF ? .rms(epsilon: epsilon) : .rmsOfGainLessOne(epsilon: epsilon)
  }
}

extension BlockLoader {
  /// A block with norms before and behind attention and MLP.
  func gemma(attention: Attention<PackedMatrix>) throws -> Block<PackedMatrix> {
    Block(
      attentionNorm: try norm("input_layernorm", "attn_norm"), attention: attention,
      attentionPostNorm: try norm("post_attention_layernorm", "post_attention_norm"),
      mlpNorm: try norm("pre_feedforward_layernorm", "ffn_norm"), mlp: try gatedMLP(.geluTanh),
      mlpPostNorm: try norm("post_feedforward_layernorm", "post_ffw_norm"))
  }
}
