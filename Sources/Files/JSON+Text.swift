extension JSON {
  /// The value as indented JSON, members in their order and numbers as they were written.
  package func text(indentation: String = "") -> String {
    let inner = indentation + "  "
    switch self {
    case .null: return "null"
    case .bool(let value): return "\(value)"
    case .number(let text): return text
    case .string(let bytes): return Self.quoted(bytes)
    case .array(let values):
      if values.isEmpty { return "[]" }
      let lines = values.map { inner + $0.text(indentation: inner) }
      return "[\n\(lines.joined(separator: ",\n"))\n\(indentation)]"
    case .object(let object):
      if object.members.isEmpty { return "{}" }
      let lines = object.members.map {
        "\(inner)\(Self.quoted($0.key)): \($0.value.text(indentation: inner))"
      }
      return "{\n\(lines.joined(separator: ",\n"))\n\(indentation)}"
    }
  }

  /// An object with one member set, in its old place where it had one; any other value as it is.
  package func setting(_ key: String, to value: JSON) -> JSON {
    guard case .object(var object) = self else { return self }
    if let index = object.positions[Array(key.utf8)] {
      object.members[index].value = value
    } else {
      _ = object.add(Array(key.utf8), value)
    }
    return .object(object)
  }

  /// A string of JSON in quotes, its control characters as escapes.
  package static func quoted(_ bytes: some Sequence<UInt8>) -> String {
    var result = "\""
    for scalar in String(decoding: Array(bytes), as: UTF8.self).unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
