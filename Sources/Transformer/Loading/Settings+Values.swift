import Checkpoints
import Files

// Settings by kind of value, from either format.
extension Settings {
  private func required<Value>(
    _ huggingFace: String, _ gguf: String?, _ fallback: Value?
  ) throws(Problem) -> Value {
    if let fallback { return fallback }
    var key = huggingFace
    if case .gguf(let prefix) = source { key = prefix + (gguf ?? huggingFace) }
    throw error(.missingField, key, "is missing", "the file is incomplete: fetch it again")
  }

  /// A whole number from 1 to 2^31 - 1.
  /// - Parameter gguf: the key's name behind the prefix; nil when the format has none.
  func count(_ huggingFace: String, _ gguf: String?, default fallback: Int? = nil) throws -> Int {
    let range = 1...Int(Int32.max)
    if let key = metadata(gguf) { return try checkpoint.integer(key, in: range) }
    guard let json = json(huggingFace) else { return try required(huggingFace, gguf, fallback) }
    guard let value = json.int, range.contains(value) else {
      throw error(
        .outOfRange, huggingFace, "is not a whole number from 1 to 2^31 - 1",
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
      throw error(
        .notFinite, huggingFace, "is not a finite number", "the file is damaged: fetch it again")
    }
    return value
  }

  func flag(_ huggingFace: String, _ gguf: String?, default fallback: Bool) throws -> Bool {
    if let key = metadata(gguf) { return try checkpoint.bool(key) }
    guard let json = json(huggingFace) else { return fallback }
    guard let value = json.bool else {
      throw error(
        .wrongType, huggingFace, "is neither true nor false", "the file is damaged: fetch it again")
    }
    return value
  }

  func text(_ huggingFace: String, _ gguf: String?, default fallback: String) throws -> String {
    if let key = metadata(gguf) { return try checkpoint.string(key) }
    guard let json = json(huggingFace) else { return fallback }
    guard let value = json.text else {
      throw error(.wrongType, huggingFace, "is not a text", "the file is damaged: fetch it again")
    }
    return value
  }

  /// A whole number that a file may say there is none of: null, or 0 in GGUF.
  /// - Parameter missing: what leaving it out means.
  func optionalCount(_ huggingFace: String, _ gguf: String?, missing: Int?) throws -> Int? {
    if isNull(huggingFace) { return nil }
    if let key = metadata(gguf), checkpoint.metadata[key] == .integer(0) { return nil }
    if json(huggingFace) == nil, metadata(gguf) == nil { return missing }
    return try count(huggingFace, gguf)
  }

  /// A number above 0 that a file may say there is none of, by null.
  func optionalNumber(_ huggingFace: String, _ gguf: String?, missing: Double?) throws -> Float? {
    if isNull(huggingFace) { return nil }
    if json(huggingFace) == nil, metadata(gguf) == nil { return missing.map { Float($0) } }
    let value = Float(try number(huggingFace, gguf))
    guard value > 0, value.isFinite else {
      throw error(.outOfRange, huggingFace, "is not above 0", "the file is damaged: fetch it again")
    }
    return value
  }

  /// Whether a setting of `config.json` stands there as null.
  private func isNull(_ key: String) -> Bool {
    guard case .huggingFace(let json) = source, let value = json[key] else { return false }
    return value.isNull
  }

  /// A list in `config.json`; nil when it is absent or null.
  func list<Element>(
    _ key: String, of kind: String, _ element: (JSON) -> Element?
  ) throws -> [Element]? {
    guard let json = json(key) else { return nil }
    let elements = json.array?.map(element)
    guard let elements, !elements.contains(where: { $0 == nil }) else {
      throw error(
        .wrongType, key, "is not a list of \(kind)", "the file is damaged: fetch it again")
    }
    return elements.compactMap(\.self)
  }
}
