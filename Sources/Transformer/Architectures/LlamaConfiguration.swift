import Checkpoints
import Files

/// The settings of a Llama-family model, from `config.json` or GGUF metadata.
struct LlamaConfiguration: Sendable, Equatable, Codable {
  var shape: ModelShape
  var normEpsilon: Float
  var ropeTheta: Float
  /// Whether the unembedding is the embedding.
  var tiesEmbeddings: Bool
  /// Whether attention's and the MLP's projections have biases; nil when only the tensors tell.
  var attentionBias: Bool?
  var mlpBias: Bool?
}

extension LlamaConfiguration {
  /// Settings that do not change a number of the forward pass, or are read elsewhere.
  private static let harmless: Set<String> = [
    "_name_or_path", "architectures", "attention_dropout", "bos_token_id", "dtype", "eos_token_id",
    "initializer_range", "is_llama_config", "name_or_path", "pad_token_id", "pretraining_tp",
    "torch_dtype", "transformers_version", "transformers.js_config", "use_cache",
    "output_hidden_states", "output_attentions", "return_dict", "unk_token_id",
  ]
  private static let known: Set<String> = [
    "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "head_dim", "intermediate_size", "vocab_size",
    "max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_parameters", "rope_scaling",
    "rope_interleaved", "hidden_act", "attention_bias", "mlp_bias", "tie_word_embeddings",
  ]

  /// Reads `config.json` as Hugging Face transformers writes it.
  /// - Throws: for a missing or impossible value, and for a key that might change numbers.
  init(huggingFace json: JSON, file: String) throws(TransformerError) {
    let reader = SettingReader(file: file, json: json)
    guard let object = json.object else {
      throw reader.error("", "is not a JSON object", "fetch config.json again")
    }
    for member in object.members {
      let key = String(decoding: member.key, as: UTF8.self)
      if !Self.known.contains(key), !Self.harmless.contains(key) {
        throw reader.error(
          key, "is a setting that this engine does not know and that may change numbers",
          "remove it if it is known to have no effect")
      }
    }
    try reader.expect("hidden_act", is: "silu", default: "silu")
    guard try !reader.flag("rope_interleaved") else {
      throw reader.error("rope_interleaved", "is not supported", "use another model")
    }
    let parameters = json["rope_parameters"] ?? .null
    for source in [json["rope_scaling"] ?? .null, parameters] {
      let kind = (source["rope_type"] ?? source["type"])?.text ?? "default"
      guard source.isNull || kind == "default" else {
        throw reader.error(
          "rope_scaling", "'\(kind)' rotary scaling is not supported", "use an unscaled model")
      }
    }
    let heads = try reader.count("num_attention_heads")
    let dModel = try reader.count("hidden_size")
    shape = ModelShape(
      layers: try reader.count("num_hidden_layers"), dModel: dModel, heads: heads,
      keyValueHeads: try reader.count("num_key_value_heads", default: heads),
      dHead: try reader.count("head_dim", default: dModel / heads),
      dMLP: try reader.count("intermediate_size"), dVocabulary: try reader.count("vocab_size"),
      contextLength: try reader.count("max_position_embeddings", default: 2048))
    normEpsilon = Float(try reader.number("rms_norm_eps", default: 1e-6))
    let theta = try reader.number("rope_theta", default: 10_000)
    let rotary = SettingReader(file: file, json: parameters)
    ropeTheta = Float(try rotary.number("rope_theta", default: theta))
    tiesEmbeddings = try reader.flag("tie_word_embeddings")
    attentionBias = try reader.flag("attention_bias")
    mlpBias = try reader.flag("mlp_bias")
    try reader.check(shape, theta: ropeTheta, epsilon: normEpsilon)
  }

  /// Reads the metadata of a GGUF file of architecture `llama`.
  /// - Throws: for a missing or impossible value, and for settings beyond this architecture.
  init(gguf checkpoint: Checkpoint) throws {
    let reader = SettingReader(file: checkpoint.path, json: .null)
    func count(_ key: String, default fallback: Int? = nil) throws -> Int {
      if let fallback, checkpoint.metadata["llama." + key] == nil { return fallback }
      return try checkpoint.integer("llama." + key, in: 1...Int(Int32.max))
    }
    for key in checkpoint.metadata.keys.sorted() {
      if key == "llama.rope.scaling.type", try checkpoint.string(key) == "none" { continue }
      if key.hasPrefix("llama.rope.scaling") || key.hasPrefix("llama.expert") {
        throw reader.error(
          key, "is a setting that this architecture does not have", "use an unscaled, dense model")
      }
    }
    let heads = try count("attention.head_count")
    let dModel = try count("embedding_length")
    let tokenList = "tokenizer.ggml.tokens"
    let tokens =
      checkpoint.metadata[tokenList] == nil
      ? nil : try checkpoint.strings(tokenList).count
    shape = ModelShape(
      layers: try count("block_count"), dModel: dModel, heads: heads,
      keyValueHeads: try count("attention.head_count_kv", default: heads),
      dHead: try count("attention.key_length", default: dModel / heads),
      dMLP: try count("feed_forward_length"),
      dVocabulary: try count("vocab_size", default: tokens),
      contextLength: try count("context_length"))
    normEpsilon = Float(try checkpoint.float("llama.attention.layer_norm_rms_epsilon"))
    let theta = "llama.rope.freq_base"
    ropeTheta = checkpoint.metadata[theta] == nil ? 10_000 : Float(try checkpoint.float(theta))
    tiesEmbeddings = !checkpoint.names.contains("output.weight")
    let rotated = try count("rope.dimension_count", default: shape.dHead)
    let values = try count("attention.value_length", default: shape.dHead)
    guard rotated == shape.dHead, values == shape.dHead else {
      throw reader.error(
        "llama.rope.dimension_count", "partial rotation is not part of this architecture",
        "check the file's architecture")
    }
    try reader.check(shape, theta: ropeTheta, epsilon: normEpsilon)
  }
}
