/// A JSON value as it stood in the file.
///
/// Strings are UTF-8 bytes, not `String`: Swift's string equality is canonical, so two vocabulary
/// entries that differ in their normal form would become one. Numbers keep their text, so that no
/// integer is rounded on its way through a double.
public enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  case number(String)
  case string([UInt8])
  case array([JSON])
  case object(Object)

  /// Members in the order of the file, with a lookup by key.
  public struct Object: Sendable, Equatable {
    public internal(set) var members: [(key: [UInt8], value: JSON)] = []
    var positions: [[UInt8]: Int] = [:]

    /// The member of this name; nil where there is none.
    public subscript(key: String) -> JSON? { self[Array(key.utf8)] }

    /// The member whose name has these UTF-8 bytes; nil where there is none.
    public subscript(key: [UInt8]) -> JSON? {
      positions[key].map { members[$0].value }
    }

    /// Adds a member; false when the key is already there.
    mutating func add(_ key: [UInt8], _ value: JSON) -> Bool {
      let (index, isNew) = (members.count, positions[key] == nil)
      guard isNew else { return false }
      positions[key] = index
      members.append((key, value))
      return true
    }

    /// Whether both have the same members, in any order.
    public static func == (left: Object, right: Object) -> Bool {
      left.members.count == right.members.count
        && left.members.allSatisfy { right[$0.key] == $0.value }
    }
  }

  /// The member of an object, nil for any other value or when absent.
  public subscript(key: String) -> JSON? { object?[key] }

  /// The members; nil for any other value.
  public var object: Object? { if case .object(let value) = self { value } else { nil } }
  /// The elements; nil for any other value.
  public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  /// The UTF-8 bytes of a string; nil for any other value.
  public var bytes: [UInt8]? { if case .string(let value) = self { value } else { nil } }
  /// The string as text, what is no UTF-8 replaced; nil for any other value.
  public var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
  /// `true` or `false`; nil for any other value.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// Whether it is `null`, which is not the same as absent.
  public var isNull: Bool { self == .null }

  /// An integer that was written as one: `3`, not `3.0`, and within 64 bits.
  public var int: Int? { if case .number(let text) = self { Int(text) } else { nil } }

  /// Any number, rounded to the nearest double; nil when it overflows.
  public var double: Double? {
    guard case .number(let text) = self, let value = Double(text), value.isFinite else {
      return nil
    }
    return value
  }
}
