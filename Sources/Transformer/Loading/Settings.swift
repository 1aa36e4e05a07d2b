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

  init(_ checkpoint: Checkpoint) throws {
    self.checkpoint = checkpoint
    name = try checkpoint.architectureName()
    switch checkpoint.format {
    case .gguf:
      source = .gguf(prefix: try checkpoint.string("general.architecture") + ".")
      file = checkpoint.path
    case .safetensors:
      let json = checkpoint.configuration ?? .null
      file = checkpoint.path + "/config.json"
      guard json.object != nil else {
        throw Problem(
          .wrongType, file, problem: "is not a JSON object", remedy: "fetch config.json again")
      }
      source = .huggingFace(json)
    }
  }

  private init(_ json: JSON, of parent: Settings, file: String) {
    (checkpoint, name, self.file) = (parent.checkpoint, parent.name, file)
    source = .huggingFace(json)
  }

  var isGGUF: Bool { checkpoint.format == .gguf }

  func error(_ code: Problem.Code, _ key: String, _ problem: String, _ remedy: String) -> Problem {
    Problem(code, file, place: key, problem: problem, remedy: remedy)
  }

  /// The settings inside a setting of `config.json`; nil when it is absent or null.
  func inner(_ key: String) throws(Problem) -> Settings? {
    guard let value = json(key) else { return nil }
    guard value.object != nil else {
      throw error(.wrongType, key, "is not a JSON object", "the file is damaged: fetch it again")
    }
    return Settings(value, of: self, file: "\(file): \(key)")
  }

  /// Refuses settings that nobody asked for.
  func finish() throws(Problem) {
    let asked = asked.withLock { $0 }
    let unread: String?
    switch source {
    case .huggingFace(let json):
      let members = json.object?.members ?? []
      unread =
        members.lazy.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }
        .first { !asked.contains($0) && !Self.isHarmless($0, $1) }?.0
    case .gguf(let prefix):
      unread = checkpoint.metadata.keys.sorted().first {
        $0.hasPrefix(prefix) && !asked.contains($0)
      }
    }
    if let unread {
      throw error(
        .unknownKey, unread,
        "is a setting that this engine does not know and that may change numbers",
        "remove it if it is known to have no effect")
    }
  }

  /// Takes settings for known: they are the same for every checkpoint of this architecture, or matter
  /// to training only.
  func ignore(_ keys: String...) {
    if case .gguf(let prefix) = source {
      asked.withLock { $0.formUnion(keys.map { prefix + $0 }) }
    } else {
      asked.withLock { $0.formUnion(keys) }
    }
  }

  /// A value of `config.json`; nil when it is absent or null.
  func json(_ key: String) -> JSON? {
    guard case .huggingFace(let json) = source else { return nil }
    asked.withLock { _ = $0.insert(key) }
    let value = json[key] ?? .null
    return value.isNull ? nil : value
  }

  /// The full name of a key of the metadata; nil when it is absent.
  func metadata(_ key: String?) -> String? {
    guard case .gguf(let prefix) = source, let key else { return nil }
    asked.withLock { _ = $0.insert(prefix + key) }
    return checkpoint.metadata[prefix + key] == nil ? nil : prefix + key
  }
}
