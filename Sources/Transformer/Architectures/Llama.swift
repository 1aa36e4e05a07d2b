import Checkpoints
import Tensors

/// Llama 2 and 3 (Touvron et al., arXiv 2302.13971) and Mistral (Jiang et al., arXiv 2310.06825): RMS
/// norms before attention and MLP, rotary embedding, grouped query heads, a gated MLP with SiLU;
/// Mistral's queries may see a window of the last tokens only.
struct Llama: Architecture {
  static let names: Set<String> = ["llama", "mistral"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  var slidingWindow: Int?
  /// Whether the unembedding is the embedding.
  var tiesEmbeddings: Bool
  /// Whether attention's and the MLP's projections have biases; nil when only the tensors tell.
  var attentionBias: Bool?
  var mlpBias: Bool?

  init(_ settings: Settings) throws {
    settings.ignore("is_llama_config", "llama.vocab_size")
    shape = try settings.shape(contextLength: 2048)
    normEpsilon = try settings.epsilon(default: 1e-6)
    rotary = try RotarySettings(settings, dHead: shape.dHead)
    guard rotary.rotated == shape.dHead else {
      throw settings.error(
        "rotary embedding", "of a part of each head is not part of this architecture",
        "check that the file's architecture is the one it claims")
    }
    if settings.name == "mistral", settings.json("sliding_window") != nil {
      slidingWindow = try settings.count("sliding_window", nil)
    }
    tiesEmbeddings = try settings.flag("tie_word_embeddings", nil, default: false)
    attentionBias =
      settings.isGGUF ? nil : try settings.flag("attention_bias", nil, default: false)
    mlpBias = settings.isGGUF ? nil : try settings.flag("mlp_bias", nil, default: false)
    try settings.expect("rope_interleaved", is: false, default: false)
    guard try settings.activation(default: "silu") == .silu else {
      throw settings.error("hidden_act", "is not silu", "use another model")
    }
    try settings.check(shape, epsilon: normEpsilon)
  }

  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix> {
    let (d, queries) = (shape.dModel, shape.heads * shape.dHead)
    let keys = shape.keyValueHeads * shape.dHead
    let attention = AttentionShape(
      heads: shape.heads, keyValueHeads: shape.keyValueHeads, dHead: shape.dHead,
      scale: 1 / Float(shape.dHead).squareRoot(), window: slidingWindow)
    // GGUF files hold the factors of llama3's scaling as a tensor.
    let factors = TensorName("rope_freqs", "rope_freqs")
    let divisors =
      loader.isGGUF && loader.has(factors)
      ? try loader.vector(factors, count: rotary.rotated / 2) : nil
    let rotary = rotary.rotary(divisors: divisors)
    let blocks = try loader.blocks(shape.layers) { layer in
      func linear(
        _ huggingFace: String, _ gguf: String, _ outputs: Int, _ inputs: Int, bias: Bool?,
        heads: Int? = nil
      ) throws -> Linear<PackedMatrix> {
        try loader.linear(
          .block(layer, huggingFace, gguf), outputs, inputs, bias: bias,
          from: heads.flatMap { rowOrder(heads: $0, loader) })
      }
      func norm(_ huggingFace: String, _ gguf: String) throws -> Norm {
        try loader.rmsNorm(.block(layer, huggingFace, gguf), d, epsilon: normEpsilon)
      }
      return Block(
        attentionNorm: try norm("input_layernorm", "attn_norm"),
        attention: Attention(
          shape: attention,
          query: try linear(
            "self_attn.q_proj", "attn_q", queries, d, bias: attentionBias, heads: shape.heads),
          key: try linear(
            "self_attn.k_proj", "attn_k", keys, d, bias: attentionBias,
            heads: shape.keyValueHeads),
          value: try linear("self_attn.v_proj", "attn_v", keys, d, bias: attentionBias),
          output: try linear("self_attn.o_proj", "attn_output", d, queries, bias: attentionBias),
          rotary: rotary),
        mlpNorm: try norm("post_attention_layernorm", "ffn_norm"),
        mlp: .gated(
          gate: try linear("mlp.gate_proj", "ffn_gate", shape.dMLP, d, bias: mlpBias),
          up: try linear("mlp.up_proj", "ffn_up", shape.dMLP, d, bias: mlpBias),
          down: try linear("mlp.down_proj", "ffn_down", d, shape.dMLP, bias: mlpBias), .silu))
    }
    let (embedding, unembedding) = try loader.embeddings(
      shape,
      isTied: loader.isGGUF
        ? !loader.has(TensorName("lm_head", "output")) : tiesEmbeddings)
    return Network(
      shape: shape, embedding: embedding, blocks: blocks,
      finalNorm: try loader.rmsNorm(
        TensorName("model.norm", "output_norm"), d, epsilon: normEpsilon),
      unembedding: unembedding)
  }

  /// GGUF stores the rows of query and key for rotation of neighbours; this engine, like Hugging Face,
  /// rotates halves. Row `half * (dHead / 2) + i` of a head is stored at `2 * i + half`.
  private func rowOrder(heads: Int, _ loader: WeightLoader) -> StoredRows? {
    guard loader.isGGUF else { return nil }
    let order = (0..<(heads * shape.dHead)).map { row in
      let (head, inside) = row.quotientAndRemainder(dividingBy: shape.dHead)
      let (half, index) = inside.quotientAndRemainder(dividingBy: shape.dHead / 2)
      return head * shape.dHead + 2 * index + half
    }
    return StoredRows(total: order.count, order: order)
  }
}
