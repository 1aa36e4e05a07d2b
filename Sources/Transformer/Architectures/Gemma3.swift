import Tensors

/// Gemma 3 (Gemma team, arXiv 2503.19786), text: Gemma 2 with norms of each head's queries and keys in
/// place of soft caps, and five blocks with a window and a rotary embedding of their own to each one
/// without.
///
/// Of a model that sees images, the part that reads text: without images its numbers are the same.
struct Gemma3: Architecture {
  static let names: Set<String> = ["gemma3_text", "gemma3"]

  var shape: ModelShape
  var normEpsilon: Float
  /// Rotary embedding of blocks without a window, and of those with one.
  var globalRotary: RotarySettings
  var localRotary: RotarySettings
  /// Each block's sliding window; nil for none.
  var windows: [Int?]
  /// What scores are multiplied with.
  var attentionScale: Float
  var logitSoftCap: Float?
  var attentionBias: Bool
  var tiesEmbeddings: Bool
  /// Whether the model sees images.
  var isMultimodal: Bool

  init(_ outer: Settings) throws {
    let inner = outer.name == "gemma3" ? try outer.inner("text_config") : nil
    isMultimodal = inner != nil
    if isMultimodal {
      outer.ignore(
        "boi_token_index", "eoi_token_index", "image_token_index", "mm_tokens_per_image",
        "vision_config")
      inner?.ignore("tie_word_embeddings")
    }
    let settings = inner ?? outer
    shape = try settings.shape(
      dModel: 2304, heads: 8, keyValueHeads: 4, dHead: 256, dMLP: 9216, dVocabulary: 262_208,
      contextLength: 131_072)
    normEpsilon = try settings.epsilon(default: 1e-6)
    (globalRotary, localRotary) = try Self.rotary(settings, shape)
    let window = try settings.optionalCount(
      "sliding_window", "attention.sliding_window", missing: 4096)
    settings.ignore("_sliding_window_pattern")
    let pattern = try settings.count(
      "sliding_window_pattern", "attention.sliding_window_pattern", default: 6)
    windows = try settings.windows(window, shape) { ($0 + 1) % pattern != 0 }
    attentionScale = try settings.gemmaScale(shape, ofShare: 62)
    // It is stored with the model and used by no version of its code that is known.
    guard try settings.optionalNumber("attn_logit_softcapping", nil, missing: nil) == nil else {
      throw settings.error(
        .unsupported, "attn_logit_softcapping", "is given, and Gemma 3 has no such cap",
        "use another model")
    }
    logitSoftCap = try settings.optionalNumber(
      "final_logit_softcapping", "final_logit_softcapping", missing: nil)
    attentionBias = try settings.flag("attention_bias", nil, default: false)
    tiesEmbeddings = try outer.flag("tie_word_embeddings", nil, default: true)
    settings.ignore("hidden_act")
    try settings.expect(.geluTanh, "hidden_activation")
    try inner?.finish()
  }

  private static func rotary(
    _ settings: Settings, _ shape: ModelShape
  ) throws -> (global: RotarySettings, local: RotarySettings) {
    let layered = try settings.inner("rope_parameters")
    let global = try RotarySettings(
      settings, shape, theta: .theta(1_000_000),
      parameters: layered?.inner("full_attention") ?? settings.inner("rope_scaling"))
    var local = try RotarySettings(
      settings, shape,
      theta: RotarySettings.Key(
        huggingFace: "rope_local_base_freq", gguf: "rope.freq_base_swa", value: 10_000),
      parameters: layered?.inner("sliding_attention"))
    try layered?.finish()
    // The metadata's scaling is that of blocks without a window.
    if settings.isGGUF { local.scaling = .none }
    return (global, local)
  }

  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix> {
    let (global, local) = (globalRotary.rotary(), localRotary.rotary())
    var names = NetworkNames()
    if isMultimodal {
      names.embedding.huggingFace = "language_model.model.embed_tokens"
      names.finalNorm.huggingFace = "language_model.model.norm"
      names.unembedding.huggingFace = "language_model.lm_head"
      names.blocks = "language_model.model.layers"
      loader.ignore(warning: "belong to images, and only text is read") {
        $0.hasPrefix("vision_tower.") || $0.hasPrefix("multi_modal_projector.")
      }
    }
    var network = try loader.network(
      shape, norms: .gemma(loader, epsilon: normEpsilon), isTied: tiesEmbeddings, names: names
    ) { block in
      let window = windows[block.layer]
      let shape = AttentionShape(
        shape, window: window, scale: attentionScale)
      return try block.gemma(
        attention: try block.attention(
          shape, window == nil ? global : local, bias: attentionBias, outputBias: attentionBias
        ).normalizingHeads(block))
    }
    network.embeddingScale = Float(shape.dModel).squareRoot()
    network.logitSoftCap = logitSoftCap
    return network
  }
}
