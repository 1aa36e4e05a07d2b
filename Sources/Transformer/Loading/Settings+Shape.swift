import Checkpoints
import Files

extension Settings {
  /// The sizes that all architectures have, under the names that most of them use.
  ///
  /// The parameters are what transformers takes where `config.json` does not say it; what it does not
  /// take either is required.
  func shape(
    dModel: Int? = nil, heads: Int? = nil, keyValueHeads: Int? = nil, dHead: Int? = nil,
    dMLP: Int? = nil, dVocabulary: Int? = nil, contextLength: Int? = nil
  ) throws -> ModelShape {
    func count(_ huggingFace: String, _ gguf: String, _ fallback: Int?) throws -> Int {
      try self.count(huggingFace, gguf, default: isGGUF ? nil : fallback)
    }
    let heads = try count("num_attention_heads", "attention.head_count", heads)
    let dModel = try count("hidden_size", "embedding_length", dModel)
    let shape = ModelShape(
      layers: try count("num_hidden_layers", "block_count", nil), dModel: dModel, heads: heads,
      keyValueHeads: try self.count(
        "num_key_value_heads", "attention.head_count_kv",
        default: isGGUF ? heads : keyValueHeads ?? heads),
      dHead: try headWidth(default: isGGUF ? dModel / heads : dHead ?? dModel / heads),
      dMLP: try count("intermediate_size", "feed_forward_length", dMLP),
      dVocabulary: try vocabulary(default: dVocabulary),
      contextLength: try count("max_position_embeddings", "context_length", contextLength))
    try check(shape)
    return shape
  }

  /// The width of a head's queries, keys and values, which all are the same here.
  private func headWidth(default fallback: Int) throws -> Int {
    let width = try count("head_dim", "attention.key_length", default: fallback)
    guard try count("head_dim", "attention.value_length", default: width) == width else {
      throw error(
        .unsupported, "attention.value_length", "differs from key_length, which is not supported",
        "use another model")
    }
    return width
  }

  /// The size of the vocabulary; GGUF files may leave it to their list of tokens.
  func vocabulary(default fallback: Int? = nil) throws -> Int {
    let list = "tokenizer.ggml.tokens"
    guard isGGUF else { return try count("vocab_size", nil, default: fallback) }
    let tokens = checkpoint.metadata[list] == nil ? nil : try checkpoint.strings(list).count
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
        .unsupported, key, "'\(other)' is not an activation that this engine knows",
        "use another model")
    }
  }

  /// Refuses another activation than the one that all models of an architecture have.
  func expect(_ activation: Activation, _ key: String = "hidden_act") throws {
    let fallback = activation == .silu ? "silu" : "gelu_pytorch_tanh"
    guard try self.activation(key, default: fallback) == activation else {
      throw error(.unsupported, key, "is not \(fallback)", "use another model")
    }
  }

  /// What is added to the variance in norms.
  func epsilon(_ huggingFace: String = "rms_norm_eps", default fallback: Double) throws -> Float {
    let gguf =
      huggingFace.contains("rms")
      ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"
    let epsilon = Float(try number(huggingFace, gguf, default: isGGUF ? nil : fallback))
    guard epsilon >= 0, epsilon.isFinite else {
      throw error(
        .outOfRange, huggingFace, "is negative or too large", "the file is damaged: fetch it again")
    }
    return epsilon
  }

  /// Each block's sliding window; nil where attention reaches back to the first token.
  /// - Parameter isLocal: tells which blocks have one where `layer_types` does not.
  func windows(_ window: Int?, _ shape: ModelShape, isLocal: (Int) -> Bool) throws -> [Int?] {
    let key = "layer_types"
    let listed = try list(key, of: "texts") { $0.text }
    if let listed, listed.count != shape.layers {
      throw error(
        .wrongCount, key, "has \(listed.count) entries for \(shape.layers) blocks",
        "the file is damaged: fetch it again")
    }
    return try (0..<shape.layers).map { layer in
      switch listed?[layer] ?? (isLocal(layer) ? "sliding_attention" : "full_attention") {
      case "full_attention": return nil
      case "sliding_attention" where window != nil: return window
      case let kind:
        throw error(
          .unsupported, key, "block \(layer) has '\(kind)', which is not offered or has no window",
          "use another model")
      }
    }
  }

  /// Refuses sizes that cannot belong together, or would not fit into memory.
  func check(_ shape: ModelShape) throws(Problem) {
    let damaged = "the file is damaged: fetch it again"
    guard shape.heads % shape.keyValueHeads == 0 else {
      throw error(
        .contradictory, "key/value heads",
        "\(shape.heads) query heads are not a multiple of \(shape.keyValueHeads)", damaged)
    }
    guard shape.dHead >= 2, shape.dHead % 2 == 0 else {
      throw error(.outOfRange, "head width", "is odd", damaged)
    }
    let limits = [
      ("blocks", shape.layers, 10_000), ("heads", shape.heads, 10_000),
      ("width", shape.dModel, 1 << 20), ("head width", shape.dHead, 1 << 16),
      ("MLP width", shape.dMLP, 1 << 24), ("vocabulary", shape.dVocabulary, 1 << 26),
    ]
    for (name, value, limit) in limits where value > limit {
      throw error(.tooLarge, name, "\(value) is more than any model has", damaged)
    }
  }
}
