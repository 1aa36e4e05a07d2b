/// A value of a GGUF file's metadata, as it was written.
///
/// Strings are UTF-8 bytes, not `String`, for the same reason as in `JSON`: a vocabulary's entries
/// must not be compared by canonical equivalence.
public enum MetadataValue: Sendable, Equatable {
  /// Any of the integer types.
  case integer(Int)
  /// An unsigned 64-bit integer that is larger than `Int.max`.
  case unsigned(UInt64)
  /// A 32-bit or 64-bit float.
  case float(Double)
  case bool(Bool)
  case string([UInt8])
  /// An array of any of the integer types.
  case integers([Int])
  /// An array of 32-bit or 64-bit floats.
  case floats([Double])
  case bools([Bool])
  case strings([[UInt8]])

  /// What the value is, in words, for an error.
  var kind: String {
    switch self {
    case .integer, .unsigned: "an integer"
    case .float: "a float"
    case .bool: "a truth value"
    case .string: "a string"
    case .integers(let values): "an array of \(values.count) integers"
    case .floats(let values): "an array of \(values.count) floats"
    case .bools(let values): "an array of \(values.count) truth values"
    case .strings(let values): "an array of \(values.count) strings"
    }
  }
}
