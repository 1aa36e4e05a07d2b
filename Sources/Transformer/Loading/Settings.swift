import Checkpoints
import Files
import Synchronization

/// A model's settings, by their name in `config.json` or in GGUF metadata.
///
/// It remembers what was asked for: a setting that nobody read might change numbers, so `finish()`
/// refuses it.
final class Settings: Sendable {
  enum Source: Sendable {
    case huggingFace(JSON)
    /// Keys stand behind the architecture's name and a dot.
    case gguf(prefix: String)
  }

  let checkpoint: Checkpoint
  /// The architecture's name.
  let name: String
  let source: Source
  /// The file that errors name.
  let file: String
  private let asked = Mutex<Set<String>>([])

  /// Settings that do not change a number of the forward pass, or are read elsewhere.
  private static let harmless: Set<String> = [
    "_name_or_path", "architectures", "attention_dropout", "bos_token_id", "dtype", "eos_token_id",
    "initializer_range", "name_or_path", "pad_token_id", "pretraining_tp", "torch_dtype",
    "transformers_version", "transformers.js_config", "use_cache", "output_hidden_states",
    "output_attentions", "return_dict", "unk_token_id", "model_type", "chunk_size_feed_forward",
    "_attn_implementation_autoset", "unsloth_version", "unsloth_fixed",
  ]

  init(_ checkpoint: Checkpoint) throws {
    self.checkpoint = checkpoint
    name = try checkpoint.architectureName()
    switch checkpoint.format {
    case .gguf:
      source = .gguf(prefix: name + ".")
      file = checkpoint.path
    case .safetensors:
      let json = checkpoint.configuration ?? .null
      file = checkpoint.path + "/config.json"
      guard json.object != nil else {
        throw TransformerError(
          file, problem: "is not a JSON object", remedy: "fetch config.json again")
      }
      source = .huggingFace(json)
    }
  }

  private init(_ json: JSON, of parent: Settings, file: String) {
    (checkpoint, name, self.file) = (parent.checkpoint, parent.name, file)
    source = .huggingFace(json)
  }

  var isGGUF: Bool { checkpoint.format == .gguf }

  func error(_ key: String, _ problem: String, _ remedy: String) -> TransformerError {
    TransformerError(file, place: key, problem: problem, remedy: remedy)
  }

  /// The settings inside a setting of `config.json`; nil when it is absent or null.
  func inner(_ key: String) throws(TransformerError) -> Settings? {
    guard let value = json(key) else { return nil }
    guard value.object != nil else {
      throw error(key, "is not a JSON object", "the file is damaged: fetch it again")
    }
    return Settings(value, of: self, file: "\(file): \(key)")
  }

  /// Refuses settings that nobody asked for.
  func finish() throws(TransformerError) {
    let asked = asked.withLock { $0 }
    let unread: String?
    switch source {
    case .huggingFace(let json):
      let keys = json.object?.members.map { String(decoding: $0.key, as: UTF8.self) } ?? []
      unread = keys.first { !asked.contains($0) && !Self.harmless.contains($0) }
    case .gguf(let prefix):
      unread = checkpoint.metadata.keys.sorted().first {
        $0.hasPrefix(prefix) && !asked.contains($0)
      }
    }
    if let unread {
      throw error(
        unread, "is a setting that this engine does not know and that may change numbers",
        "remove it if it is known to have no effect")
    }
  }

  /// Takes settings for known: they are the same for every checkpoint of this architecture, or matter
  /// to training only.
  func ignore(_ keys: String...) { asked.withLock { $0.formUnion(keys) } }

  /// A value of `config.json`; nil when it is absent or null.
  func json(_ key: String) -> JSON? {
    guard case .huggingFace(let json) = source else { return nil }
    asked.withLock { _ = $0.insert(key) }
    let value = json[key] ?? .null
    return value.isNull ? nil : value
  }

  /// The full name of a key of the metadata; nil when it is absent.
  private func metadata(_ key: String?) -> String? {
    guard case .gguf(let prefix) = source, let key else { return nil }
    asked.withLock { _ = $0.insert(prefix + key) }
    return checkpoint.metadata[prefix + key] == nil ? nil : prefix + key
  }

  private func required<Value>(
    _ huggingFace: String, _ gguf: String?, _ fallback: Value?
  ) throws(TransformerError) -> Value {
    if let fallback { return fallback }
    var key = huggingFace
    if case .gguf(let prefix) = source { key = prefix + (gguf ?? huggingFace) }
    throw error(key, "is missing", "the file is incomplete: fetch it again")
  }

  /// A whole number from 1 to 2^31 - 1.
  /// - Parameter gguf: the key's name behind the prefix; nil when the format has none.
  func count(_ huggingFace: String, _ gguf: String?, default fallback: Int? = nil) throws -> Int {
    let range = 1...Int(Int32.max)
    if let key = metadata(gguf) { return try checkpoint.integer(key, in: range) }
    guard let json = json(huggingFace) else { return try required(huggingFace, gguf, fallback) }
    guard let value = json.int, range.contains(value) else {
      throw error(
        huggingFace, "is not a whole number from 1 to 2^31 - 1",
        "the file is damaged: fetch it again")
    }
    return value
  }

  func number(_ huggingFace: String, _ gguf: String?, default fallback: Double? = nil) throws
    -> Double
  {
    if let key = metadata(gguf) { return try checkpoint.float(key) }
    guard let json = json(huggingFace) else { return try required(huggingFace, gguf, fallback) }
    guard let value = json.double, value.isFinite else {
      throw error(huggingFace, "is not a finite number", "the file is damaged: fetch it again")
    }
    return value
  }

  func flag(_ huggingFace: String, _ gguf: String?, default fallback: Bool) throws -> Bool {
    if let key = metadata(gguf) { return try checkpoint.bool(key) }
    guard let json = json(huggingFace) else { return fallback }
    guard let value = json.bool else {
      throw error(huggingFace, "is neither true nor false", "the file is damaged: fetch it again")
    }
    return value
  }

  func text(_ huggingFace: String, _ gguf: String?, default fallback: String) throws -> String {
    if let key = metadata(gguf) { return try checkpoint.string(key) }
    guard let json = json(huggingFace) else { return fallback }
    guard let value = json.text else {
      throw error(huggingFace, "is not a text", "the file is damaged: fetch it again")
    }
    return value
  }

  /// A setting of `config.json` that is offered at one value only.
  func expect(_ key: String, is expected: Bool, default fallback: Bool) throws {
    guard try flag(key, nil, default: fallback) == expected else {
      throw error(key, "is \(!expected), which is not supported", "use another model")
    }
  }
}
