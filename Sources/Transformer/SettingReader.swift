import Files

/// Reads a model's settings from `config.json`, with errors that name file and key.
struct SettingReader {
  let file: String
  let json: JSON

  func error(_ key: String, _ problem: String, _ remedy: String) -> TransformerError {
    TransformerError(file, place: key, problem: problem, remedy: remedy)
  }

  private func has(_ key: String) -> Bool { !(json[key] ?? .null).isNull }

  /// A whole number from 1 to 2^31 - 1.
  func count(_ key: String, default fallback: Int? = nil) throws(TransformerError) -> Int {
    guard has(key) else {
      if let fallback { return fallback }
      throw error(key, "is missing", "the file is incomplete: fetch it again")
    }
    guard let value = json[key]?.int, value > 0, value <= Int32.max else {
      throw error(
        key, "is not a whole number from 1 to 2^31 - 1", "the file is damaged: fetch it again")
    }
    return value
  }

  func number(_ key: String, default fallback: Double? = nil) throws(TransformerError) -> Double {
    guard has(key) else {
      if let fallback { return fallback }
      throw error(key, "is missing", "the file is incomplete: fetch it again")
    }
    guard let value = json[key]?.double, value.isFinite else {
      throw error(key, "is not a finite number", "the file is damaged: fetch it again")
    }
    return value
  }

  func expect(
    _ key: String, is expected: String, default fallback: String
  ) throws(TransformerError) {
    let value = has(key) ? json[key]?.text ?? "of another type" : fallback
    guard value == expected else {
      throw error(key, "is '\(value)', and only '\(expected)' is supported", "use another model")
    }
  }

  /// A truth value; false when absent.
  func flag(_ key: String) throws(TransformerError) -> Bool {
    guard has(key) else { return false }
    guard let value = json[key]?.bool else {
      throw error(key, "is neither true nor false", "the file is damaged: fetch it again")
    }
    return value
  }

  /// Sizes that cannot belong together, or would not fit into memory.
  func check(
    _ shape: ModelShape, theta: Float, epsilon: Float
  ) throws(TransformerError) {
    guard shape.heads % shape.keyValueHeads == 0 else {
      throw error(
        "key/value heads",
        "\(shape.heads) query heads are not a multiple of "
          + "\(shape.keyValueHeads)", "the file is damaged: fetch it again")
    }
    guard shape.dHead >= 2, shape.dHead % 2 == 0, theta > 0, theta.isFinite, epsilon >= 0,
      epsilon.isFinite
    else {
      throw error(
        "rotary embedding", "the head width is odd or a constant is not positive",
        "the file is damaged: fetch it again")
    }
    let limits = [
      ("blocks", shape.layers, 10_000), ("heads", shape.heads, 10_000),
      ("width", shape.dModel, 1 << 20), ("head width", shape.dHead, 1 << 16),
      ("MLP width", shape.dMLP, 1 << 24), ("vocabulary", shape.dVocabulary, 1 << 26),
    ]
    for (name, value, limit) in limits where value > limit {
      throw error(
        name, "\(value) is more than any model has", "the file is damaged: fetch it again")
    }
  }
}
