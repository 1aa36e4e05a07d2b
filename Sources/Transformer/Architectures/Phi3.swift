import Tensors

/// Phi-3 (Abdin et al., arXiv 2404.14219): Llama with queries, keys and values in one matrix, gate and
/// up projection in another, and rotary embedding of a part of each head in some models.
struct Phi3: Architecture {
  static let names: Set<String> = ["phi3"]

  var shape: ModelShape
  var normEpsilon: Float
  var rotary: RotarySettings
  /// How many tokens a query sees in every block; nil for all.
  var slidingWindow: Int?
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    shape = try settings.shape()
    normEpsilon = try settings.epsilon(default: 1e-5)
    rotary = try RotarySettings(
      settings, shape,
      part: RotarySettings.Key(huggingFace: "partial_rotary_factor", gguf: nil, value: 1))
    guard rotary.scaling == .none else {
      throw settings.error(
        .unsupported, "rope_scaling",
        "is taken for longrope in this architecture, which is not supported",
        "use a model without it, such as Phi-3-mini-4k-instruct")
    }
    slidingWindow = try settings.optionalCount(
      "sliding_window", "attention.sliding_window", missing: nil)
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
        attention: try attention(block, rotary),
        mlpNorm: try block.norm("post_attention_layernorm", "ffn_norm"), mlp: try mlp(block))
    }
  }

  private func attention(_ block: BlockLoader, _ rotary: Rotary) throws -> Attention<PackedMatrix> {
    let (d, queries) = (shape.dModel, shape.heads * shape.dHead)
    let keys = shape.keyValueHeads * shape.dHead
    func part(_ rows: Range<Int>) throws -> Linear<PackedMatrix> {
      try block.linear(
        "self_attn.qkv_proj", "attn_qkv", rows.count, d,
        from: .slice(rows, of: queries + 2 * keys))
    }
    return Attention(
      shape: AttentionShape(shape, window: slidingWindow), query: try part(0..<queries),
      key: try part(queries..<(queries + keys)),
      value: try part((queries + keys)..<(queries + 2 * keys)),
      output: try block.linear("self_attn.o_proj", "attn_output", d, queries), rotary: rotary)
  }

  private func mlp(_ block: BlockLoader) throws -> MLP<PackedMatrix> {
    let (d, dMLP) = (shape.dModel, shape.dMLP)
    func part(_ rows: Range<Int>) throws -> Linear<PackedMatrix> {
      try block.linear(
        "mlp.gate_up_proj", "ffn_up", dMLP, d, from: .slice(rows, of: 2 * dMLP))
    }
    return .gated(
      gate: try part(0..<dMLP), up: try part(dMLP..<(2 * dMLP)),
      down: try block.linear("mlp.down_proj", "ffn_down", d, dMLP), .silu)
  }
}
