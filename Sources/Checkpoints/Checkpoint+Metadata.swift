import Files

// Metadata by key and type: what a model's configuration and tokenizer are read from.
extension Checkpoint {
  /// Refuses a GGUF file that says itself that it is no whole model.
  /// - Throws: for one of several parts, and for an adapter, a projector, an importance matrix and the like.
  package func requireModel() throws(Problem) {
    guard format == .gguf else { return }
    if metadata["split.count"] != nil {
      let count = try integer("split.count", in: 0...(.max))
      guard count <= 1 else {
        throw Problem(
          .unsupported, path, place: "key 'split.count'",
          problem: "is one of \(count) parts of a model",
          remedy: "join them with llama-gguf-split --merge, and name the joined file")
      }
    }
    if metadata["general.type"] != nil {
      let type = try string("general.type")
      guard type == "model" else {
        throw Problem(
          .notAModel, path, place: "key 'general.type'",
          problem: "is '\(printable(type.utf8))', and not a model",
          remedy: type == "adapter"
            ? "name the model, and give the adapter with --adapter as the folder that PEFT wrote"
            : "name the model's own file")
      }
    }
  }

  /// The integer at a key, within what makes sense for it.
  package func integer(_ key: String, in range: ClosedRange<Int>) throws(Problem) -> Int {
    let value = try value(key)
    guard case .integer(let integer) = value else { throw wrongKind(key, value, "an integer") }
    guard range.contains(integer) else {
      throw .damaged(
        .outOfRange, path, "key '\(key)'",
        "\(integer) is not from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  /// The finite float at a key.
  package func float(_ key: String) throws(Problem) -> Double {
    let value = try value(key)
    guard case .float(let float) = value else { throw wrongKind(key, value, "a float") }
    guard float.isFinite else {
      throw .damaged(.notFinite, path, "key '\(key)'", "\(float) is not finite")
    }
    return float
  }

  package func bool(_ key: String) throws(Problem) -> Bool {
    let value = try value(key)
    guard case .bool(let bool) = value else { throw wrongKind(key, value, "a truth value") }
    return bool
  }

  /// The text at a key, which must be valid UTF-8.
  package func string(_ key: String) throws(Problem) -> String {
    let value = try value(key)
    guard case .string(let bytes) = value else { throw wrongKind(key, value, "a string") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .damaged(.notUTF8, path, "key '\(key)'", "is not valid UTF-8")
    }
    return text
  }

  /// The array of strings at a key, of a given length where one is given.
  package func strings(_ key: String, count: Int? = nil) throws(Problem) -> [[UInt8]] {
    let value = try value(key)
    guard case .strings(let strings) = value else {
      throw wrongKind(key, value, "an array of strings")
    }
    try check(key, strings.count, count)
    return strings
  }

  /// The array of integers at a key, of a given length where one is given.
  package func integers(_ key: String, count: Int? = nil) throws(Problem) -> [Int] {
    let value = try value(key)
    guard case .integers(let integers) = value else {
      throw wrongKind(key, value, "an array of integers")
    }
    try check(key, integers.count, count)
    return integers
  }

  /// The array of floats at a key, of a given length where one is given.
  package func floats(_ key: String, count: Int? = nil) throws(Problem) -> [Double] {
    let value = try value(key)
    guard case .floats(let floats) = value else {
      throw wrongKind(key, value, "an array of floats")
    }
    try check(key, floats.count, count)
    return floats
  }

  private func value(_ key: String) throws(Problem) -> MetadataValue {
    guard let value = metadata[key] else {
      throw Problem(
        .missingField, path, place: "key '\(key)'", problem: "is missing",
        remedy: "convert the model again with a current tool")
    }
    return value
  }

  private func wrongKind(
    _ key: String, _ value: MetadataValue, _ expected: String
  ) -> Problem {
    .damaged(.wrongType, path, "key '\(key)'", "\(value.kind) is there and not \(expected)")
  }

  private func check(_ key: String, _ count: Int, _ expected: Int?) throws(Problem) {
    guard let expected, count != expected else { return }
    throw .damaged(
      .wrongCount, path, "key '\(key)'", "has \(count) elements where \(expected) are expected")
  }
}
