import Files
import Foundation

/// A value of a configuration, whatever its type: what JSON can say.
public enum Setting: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// A whole number above all of `integer`, such as a seed.
  case large(UInt64)
  case number(Double)
  case text(String)
  case list([Setting])
  case object([String: Setting])

  /// Any value as what it is written as.
  /// - Throws: `not-finite` for a number that JSON has no spelling for.
  public init(encoding value: some Encodable, for file: String = "settings") throws(Problem) {
    let line = try RunJSON.line(value, for: file)
    self.init(try JSONReader.parse(Array(line.utf8), file: file))
  }

  init(_ json: JSON) {
    switch json {
    case .null: self = .null
    case .bool(let value): self = .bool(value)
    case .number(let text):
      // A zero keeps its sign, which whole numbers have not.
      if text == "-0" {
        self = .number(-0.0)
      } else {
        self =
          Int64(text).map(Setting.integer) ?? UInt64(text).map(Setting.large)
          ?? .number(Double(text) ?? .nan)
      }
    case .string(let bytes): self = .text(String(decoding: bytes, as: UTF8.self))
    case .array(let values): self = .list(values.map(Setting.init))
    case .object(let object):
      self = .object(
        Dictionary(
          object.members.map { (String(decoding: $0.key, as: UTF8.self), Setting($0.value)) },
          uniquingKeysWith: { $1 }))
    }
  }

  /// Reads what `init(encoding:)` was given.
  public func decoded<Value: Decodable>(
    as type: Value.Type, from file: String, at place: String
  ) throws(Problem) -> Value {
    let line = try RunJSON.line(self, for: file)
    return try RunJSON.read(type, Array(line.utf8), from: file, at: place)
  }

  /// A member of an object; nil for any other value.
  public subscript(name: String) -> Setting? {
    if case .object(let members) = self { members[name] } else { nil }
  }

  /// What differs between two values, each with its place and both values.
  static func differences(_ old: Setting, _ new: Setting, at place: String) -> [String] {
    if case .object(let one) = old, case .object(let other) = new {
      return Set(one.keys).union(other.keys).sorted().flatMap { key in
        let name = printable(key.utf8)
        return differences(
          one[key] ?? .null, other[key] ?? .null, at: place.isEmpty ? name : "\(place).\(name)")
      }
    }
    return old == new ? [] : ["\(place) was \(old.words) and is \(new.words)"]
  }

  private var words: String {
    switch self {
    case .null: "none"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .large(let value): "\(value)"
    case .number(let value): "\(value)"
    case .text(let text): "'\(printable(text.utf8))'"
    case .list(let values): "[" + values.prefix(3).map(\.words).joined(separator: ", ") + "]"
    case .object: "an object"
    }
  }
}

extension Setting: Codable {
  /// A value of any kind.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self),
      value != 0 || (try? container.decode(Double.self))?.sign != .minus
    {
      self = .integer(value)
    } else if let value = try? container.decode(UInt64.self), value > 0 {
      self = .large(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let values = try? container.decode([Setting].self) {
      self = .list(values)
    } else {
      self = .object(try container.decode([String: Setting].self))
    }
  }

  /// As JSON has it.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .large(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .list(let values): try container.encode(values)
    case .object(let members): try container.encode(members)
    }
  }
}
