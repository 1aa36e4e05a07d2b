import Files
import Foundation

/// JSON as everything that is written has it: names in snake_case, keys sorted, no character that could deceive
/// a terminal.
package enum RunJSON {
  /// One line.
  /// - Throws: `not-finite` for a number that JSON has no spelling for.
  package static func line(_ value: some Encodable, for file: String) throws(Problem) -> String {
    try text(value, [.sortedKeys, .withoutEscapingSlashes], file)
  }

  /// Indented lines.
  /// - Throws: `not-finite` for a number that JSON has no spelling for.
  package static func page(_ value: some Encodable, for file: String) throws(Problem) -> String {
    try text(value, [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted], file)
  }

  /// Reads what `line` or `page` wrote.
  /// - Throws: `not-json`, `missing-field` or `wrong-type`.
  package static func read<Value: Decodable>(
    _ type: Value.Type, _ bytes: some Sequence<UInt8>, from file: String, at place: String = ""
  ) throws(Problem) -> Value {
    let bytes = Array(bytes)
    // Ours refuses what Foundation's lets through: keys that are there twice, depth without end.
    _ = try JSONReader.parse(bytes, file: file)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .custom { Key(propertyName(of: $0.last?.stringValue ?? "")) }
    do {
      return try decoder.decode(type, from: Data(bytes))
    } catch {
      throw problem(error, file, place)
    }
  }

  private static func text(
    _ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting, _ file: String
  ) throws(Problem) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting
    encoder.keyEncodingStrategy = .convertToSnakeCase
    do {
      return escapingHarmful(String(decoding: try encoder.encode(value), as: UTF8.self))
    } catch {
      throw Problem(
        .notFinite, file, problem: "a result is not a finite number",
        remedy: "look for activations that are out of range", underlying: error)
    }
  }

  /// `weights_sha256` is `weightsSHA256`: Foundation's own way back forgets that it was in capitals.
  private static func propertyName(of key: String) -> String {
    let parts = key.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
    guard let first = parts.first, parts.allSatisfy({ !$0.isEmpty }) else { return key }
    let rest = parts.dropFirst().map { part in
      capitals.contains(part) ? part.uppercased() : part.prefix(1).uppercased() + part.dropFirst()
    }
    return ([first] + rest).joined()
  }

  private static let capitals: Set<String> = ["sha256", "json", "auroc", "id"]

  private static func problem(_ error: any Error, _ file: String, _ place: String) -> Problem {
    func field(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
      let path = (context.codingPath + [last].compactMap(\.self)).map(\.stringValue)
      return ([place] + path).filter { !$0.isEmpty }.joined(separator: ".")
    }
    let (code, place, problem): (Problem.Code, String, String) =
      switch error as? DecodingError {
      case .keyNotFound(let key, let context):
        (.missingField, field(context, key), "is missing")
      case .typeMismatch(_, let context), .valueNotFound(_, let context):
        (.wrongType, field(context), "is of another type")
      case .dataCorrupted(let context): (.damaged, field(context), "has a value that cannot be")
      default: (.damaged, place, "cannot be read")
      }
    return Problem(
      code, file, place: place, problem: problem,
      remedy: "it was changed or is of another version: fetch or compute it again",
      underlying: error)
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }
}
