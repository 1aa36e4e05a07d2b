import Tensors

/// GPT-NeoX (Black et al., arXiv 2204.06745) and Pythia: layer norms with biases, rotary embedding of a
/// part of each head, a plain MLP with GELU, which in most models reads what attention reads.
struct GPTNeoX: Architecture {
  static let names: Set<String> = ["gpt_neox", "gptneox"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  var activation: Activation
  /// Whether the MLP reads what attention reads.
  var isParallel: Bool
  /// Whether attention's projections have biases; the MLP's have.
  var attentionBias: Bool
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    shape = try settings.shape()
    guard shape.keyValueHeads == shape.heads else {
      throw settings.error(
        .contradictory, "num_key_value_heads",
        "is \(shape.keyValueHeads), and each of \(shape.heads) heads has keys",
        "check that the file's architecture is the one it claims")
    }
    let parallel = "gptneox.use_parallel_residual"
    guard !settings.isGGUF || settings.checkpoint.metadata[parallel] != nil else {
      throw settings.error(
        .missingField, parallel, "is missing", "the file is incomplete: fetch it again")
    }
    isParallel = try settings.flag("use_parallel_residual", "use_parallel_residual", default: true)
    if isParallel { shape.absentSites.append(.residualMid) }
    normEpsilon = try settings.epsilon("layer_norm_eps", default: 1e-5)
    rotary = try RotarySettings(
      settings, shape,
      theta: RotarySettings.Key(
        huggingFace: "rotary_emb_base", gguf: "rope.freq_base", value: 10_000),
      part: RotarySettings.Key(huggingFace: "rotary_pct", gguf: nil, value: 0.25))
    activation = try settings.activation(default: "gelu")
    attentionBias = try settings.flag("attention_bias", nil, default: true)
    tiesEmbeddings = try settings.flag("tie_word_embeddings", nil, default: false)
  }

  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix> {
    let rotary = rotary.rotary()
    // The causal mask.
    loader.ignore { $0.hasSuffix(".attention.bias") || $0.hasSuffix(".attention.masked_bias") }
    return try loader.network(
      shape, norms: .layer(epsilon: normEpsilon), isTied: tiesEmbeddings,
      names: NetworkNames(
        embedding: TensorName("gpt_neox.embed_in", "token_embd"),
        finalNorm: TensorName("gpt_neox.final_layer_norm", "output_norm"),
        unembedding: TensorName("embed_out", "output"), blocks: "gpt_neox.layers")
    ) { block in
      let (d, dMLP) = (shape.dModel, shape.dMLP)
      return Block(
        attentionNorm: try block.norm("input_layernorm", "attn_norm"),
        attention: try attention(block, rotary),
        mlpNorm: try block.norm("post_attention_layernorm", "ffn_norm"),
        mlp: .plain(
          up: try block.linear("mlp.dense_h_to_4h", "ffn_up", dMLP, d, bias: true),
          down: try block.linear("mlp.dense_4h_to_h", "ffn_down", d, dMLP, bias: true),
          activation),
        isParallel: isParallel)
    }
  }

  private func attention(_ block: BlockLoader, _ rotary: Rotary) throws -> Attention<PackedMatrix> {
    let (d, dHead) = (shape.dModel, shape.dHead)
    let width = shape.heads * dHead
    let isGGUF = block.isGGUF
    /// Hugging Face stores the first head's query, key and value, then the second's; GGUF all queries,
    /// all keys, all values.
    func part(_ index: Int) throws -> Linear<PackedMatrix> {
      let rows = StoredRows(total: 3 * width) { row in
        isGGUF ? index * width + row : (row / dHead * 3 + index) * dHead + row % dHead
      }
      return try block.linear(
        "attention.query_key_value", "attn_qkv", width, d, bias: attentionBias, from: rows)
    }
    return Attention(
      shape: AttentionShape(shape), query: try part(0), key: try part(1), value: try part(2),
      output: try block.linear("attention.dense", "attn_output", d, width, bias: attentionBias),
      rotary: rotary)
  }
}
