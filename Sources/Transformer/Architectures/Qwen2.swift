import Tensors

/// Qwen2 and 2.5 (Yang et al., arXiv 2407.10671): Llama with biases on queries, keys and values, and
/// sliding windows in the last blocks where they are switched on.
struct Qwen2: Architecture {
  static let names: Set<String> = ["qwen2"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  /// Each block's sliding window; nil for none.
  var windows: [Int?]
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    shape = try settings.shape()
    normEpsilon = try settings.epsilon(default: 1e-6)
    rotary = try RotarySettings(settings, shape)
    windows = try settings.switchedWindows(shape)
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
          AttentionShape(shape, window: windows[block.layer]), rotary, bias: true),
        mlpNorm: try block.norm("post_attention_layernorm", "ffn_norm"),
        mlp: try block.gatedMLP(.silu))
    }
  }
}

extension Settings {
  /// Each block's sliding window as Qwen's files say it: `sliding_window` counts only where
  /// `use_sliding_window` is true.
  func switchedWindows(_ shape: ModelShape) throws -> [Int?] {
    let isOn = try flag("use_sliding_window", nil, default: false)
    let window = try optionalCount("sliding_window", nil, missing: 4096)
    let first = try number("max_window_layers", nil, default: 28)
    return try windows(isOn ? window : nil, shape) { isOn && window != nil && Double($0) >= first }
  }
}
