import Tensors

/// GPT-2 (Radford et al., 2019): layer norms with biases before attention and MLP, learned embeddings
/// of the positions, a plain MLP with GELU.
struct GPT2: Architecture {
  static let names: Set<String> = ["gpt2"]

  var shape: ModelShape
  var normEpsilon: Float
  var activation: Activation
  var tiesEmbeddings: Bool

  init(_ settings: Settings) throws {
    settings.ignore("n_ctx")
    func count(_ huggingFace: String, _ gguf: String, _ fallback: Int) throws -> Int {
      try settings.count(huggingFace, gguf, default: settings.isGGUF ? nil : fallback)
    }
    let d = try count("n_embd", "embedding_length", 768)
    let heads = try count("n_head", "attention.head_count", 12)
    shape = ModelShape(
      layers: try count("n_layer", "block_count", 12), dModel: d, heads: heads,
      keyValueHeads: heads, dHead: d / heads,
      dMLP: try count("n_inner", "feed_forward_length", 4 * d),
      dVocabulary: try settings.vocabulary(default: 50_257),
      contextLength: try count("n_positions", "context_length", 1024))
    shape.absentSites = []
    try settings.check(shape)
    guard d % heads == 0 else {
      throw settings.error(
        .contradictory, "n_embd", "\(d) cannot be shared among \(heads) heads",
        "the file is damaged: fetch it again")
    }
    normEpsilon = try settings.epsilon("layer_norm_epsilon", default: 1e-5)
    activation = try settings.activation("activation_function", default: "gelu_new")
    tiesEmbeddings = try settings.flag("tie_word_embeddings", nil, default: true)
    guard try settings.flag("scale_attn_weights", nil, default: true) else {
      throw settings.error(.unsupported, "scale_attn_weights", "is false", "use another model")
    }
  }

  func network(_ loader: WeightLoader) throws -> Network<PackedMatrix> {
    // The published files leave out what newer ones begin with.
    let isNew = loader.has(TensorName("transformer.wte", "token_embd"))
    let stem = isNew ? "transformer." : ""
    // The causal mask.
    loader.ignore { $0.hasSuffix(".attn.bias") || $0.hasSuffix(".attn.masked_bias") }
    var network = try loader.network(
      shape, norms: .layer(epsilon: normEpsilon), isTied: tiesEmbeddings,
      names: NetworkNames(
        embedding: TensorName(stem + "wte", "token_embd"),
        finalNorm: TensorName(stem + "ln_f", "output_norm"), blocks: stem + "h")
    ) { block in
      Block(
        attentionNorm: try block.norm("ln_1", "attn_norm"), attention: try attention(block),
        mlpNorm: try block.norm("ln_2", "ffn_norm"),
        mlp: .plain(
          up: try linear(block, "mlp.c_fc", "ffn_up", shape.dMLP, shape.dModel),
          down: try linear(block, "mlp.c_proj", "ffn_down", shape.dModel, shape.dMLP),
          activation))
    }
    network.positionEmbedding = try loader.weight(
      TensorName(stem + "wpe", "position_embd"), shape.contextLength, shape.dModel)
    return network
  }

  private func attention(_ block: BlockLoader) throws -> Attention<PackedMatrix> {
    let d = shape.dModel
    func part(_ index: Int) throws -> Linear<PackedMatrix> {
      try linear(
        block, "attn.c_attn", "attn_qkv", d, d, .slice((index * d)..<((index + 1) * d), of: 3 * d))
    }
    return Attention(
      shape: AttentionShape(shape), query: try part(0), key: try part(1), value: try part(2),
      output: try linear(block, "attn.c_proj", "attn_output", d, d))
  }

  /// A projection, which Hugging Face stores as `[inputs, outputs]`.
  private func linear(
    _ block: BlockLoader, _ huggingFace: String, _ gguf: String, _ outputs: Int, _ inputs: Int,
    _ rows: StoredRows? = nil
  ) throws -> Linear<PackedMatrix> {
    try block.linear(
      huggingFace, gguf, outputs, inputs, bias: true, from: rows, isTransposed: !block.isGGUF)
  }
}
