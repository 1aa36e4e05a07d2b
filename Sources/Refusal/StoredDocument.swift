import Files
import Foundation

/// JSON that a command wrote, read back by name and type.
package enum StoredDocument {
  /// - Parameters:
  ///   - limit: bytes; no document of a command is longer.
  ///   - isSnakeCase: whether its keys are as `Document` writes them.
  /// - Throws: with the file, and the field where one is missing or not of its type.
  package static func read<Value: Decodable>(
    _ type: Value.Type, _ path: String, limit: Int = 256 << 20, isSnakeCase: Bool = true
  ) throws(Problem) -> Value {
    let bytes = try readFile(path, limit: limit)
    return try decode(type, bytes, path, isSnakeCase: isSnakeCase)
  }

  static func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8], _ path: String, isSnakeCase: Bool = false
  ) throws(Problem) -> Value {
    // The strict reader first: Foundation's takes trailing commas and duplicate keys.
    _ = try JSONReader.parse(bytes, file: path)
    do {
      let decoder = JSONDecoder()
      if isSnakeCase { decoder.keyDecodingStrategy = .convertFromSnakeCase }
      return try decoder.decode(type, from: Data(bytes))
    } catch {
      throw Problem(
        .missingField, path, place: (error as? DecodingError).map(place) ?? "",
        problem: "is missing or not of its type",
        remedy: "name a file that this version wrote, or write it again")
    }
  }

  private static func place(of error: DecodingError) -> String {
    let path: [any CodingKey] =
      switch error {
      case .keyNotFound(let key, let context): context.codingPath + [key]
      case .typeMismatch(_, let context), .valueNotFound(_, let context),
        .dataCorrupted(let context):
        context.codingPath
      @unknown default: []
      }
    return printable(
      path.map { $0.intValue.map { "\($0)" } ?? $0.stringValue }.joined(separator: ".").utf8)
  }
}
