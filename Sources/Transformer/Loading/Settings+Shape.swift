import Checkpoints

extension Settings {
  /// The sizes that all architectures have, under the names that most of them use.
  func shape(contextLength: Int? = nil) throws -> ModelShape {
    let heads = try count("num_attention_heads", "attention.head_count")
    let dModel = try count("hidden_size", "embedding_length")
    return ModelShape(
      layers: try count("num_hidden_layers", "block_count"), dModel: dModel, heads: heads,
      keyValueHeads: try count(
        "num_key_value_heads", "attention.head_count_kv", default: heads),
      dHead: try headWidth(default: dModel / heads),
      dMLP: try count("intermediate_size", "feed_forward_length"),
      dVocabulary: try vocabulary(),
      contextLength: try count(
        "max_position_embeddings", "context_length",
        default: isGGUF ? nil : contextLength))
  }

  /// The width of a head's queries, keys and values, which all are the same here.
  func headWidth(default fallback: Int) throws -> Int {
    let width = try count("head_dim", "attention.key_length", default: fallback)
    guard try count("head_dim", "attention.value_length", default: width) == width else {
      throw error(
        "attention.value_length", "differs from key_length, which is not supported",
        "use another model")
    }
    return width
  }

  /// The size of the vocabulary; GGUF files may leave it to their list of tokens.
  func vocabulary() throws -> Int {
    let list = "tokenizer.ggml.tokens"
    let tokens =
      checkpoint.metadata[list] == nil ? nil : try checkpoint.strings(list).count
    return try count("vocab_size", "vocab_size", default: tokens)
  }

  /// What an MLP does between its projections; GGUF files leave it to the architecture.
  func activation(_ key: String = "hidden_act", default fallback: String) throws -> Activation {
    switch try text(key, nil, default: fallback) {
    case "silu", "swish": .silu
    case "gelu": .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": .geluTanh
    case "relu": .relu
    case let other:
      throw error(
        key, "'\(other)' is not an activation that this engine knows", "use another model")
    }
  }

  func epsilon(_ huggingFace: String = "rms_norm_eps", default fallback: Double? = nil) throws
    -> Float
  {
    let gguf =
      huggingFace.contains("rms")
      ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"
    return Float(try number(huggingFace, gguf, default: fallback))
  }

  /// Refuses sizes that cannot belong together, or would not fit into memory.
  func check(_ shape: ModelShape, epsilon: Float) throws(TransformerError) {
    let damaged = "the file is damaged: fetch it again"
    guard shape.heads % shape.keyValueHeads == 0 else {
      throw error(
        "key/value heads",
        "\(shape.heads) query heads are not a multiple of \(shape.keyValueHeads)", damaged)
    }
    guard shape.dHead >= 2, shape.dHead % 2 == 0, epsilon >= 0, epsilon.isFinite else {
      throw error("head width", "is odd, or the norms' epsilon is negative", damaged)
    }
    let limits = [
      ("blocks", shape.layers, 10_000), ("heads", shape.heads, 10_000),
      ("width", shape.dModel, 1 << 20), ("head width", shape.dHead, 1 << 16),
      ("MLP width", shape.dMLP, 1 << 24), ("vocabulary", shape.dVocabulary, 1 << 26),
    ]
    for (name, value, limit) in limits where value > limit {
      throw error(name, "\(value) is more than any model has", damaged)
    }
  }
}
