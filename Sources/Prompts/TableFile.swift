import Files

/// The rows of a table, CSV, TSV or one JSON array, by the names of their columns in lower case; an empty
/// field is null.
package enum TableFile {
  package struct Row {
    /// On which it begins, from 1.
    package var line: Int
    package var members: [String: JSON]
  }

  /// - Throws: when the file cannot be read or a row is not understood; the error names the line.
  package static func read(_ path: String) throws(Problem) -> [Row] {
    let file = try MappedFile(path)
    var bytes = file.bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(3))
    }
    let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
    return first == UInt8(ascii: "[") ? try array(bytes, path) : try records(bytes, path)
  }

  private static func array(
    _ bytes: UnsafeRawBufferPointer, _ path: String
  ) throws(Problem) -> [Row] {
    var scanner = ArrayScanner(bytes: bytes, path: path)
    var rows: [Row] = []
    while let element = try scanner.next() {
      let json: JSON
      do throws(Problem) {
        json = try JSONReader.parse(
          UnsafeRawBufferPointer(rebasing: bytes[element.range]), file: path)
      } catch {
        throw PromptFile.error(
          error.code, path, element.line, "\(error.place): \(error.problem)",
          "write one JSON array of objects")
      }
      let members = json.object?.members ?? []
      rows.append(
        Row(
          line: element.line,
          members: Dictionary(
            members.map { (String(decoding: $0.key, as: UTF8.self).lowercased(), $0.value) },
            uniquingKeysWith: { first, _ in first })))
    }
    return rows
  }

  private static func records(
    _ bytes: UnsafeRawBufferPointer, _ path: String
  ) throws(Problem) -> [Row] {
    var reader = CSVReader(bytes, path: path, separator: CSVReader.separator(of: bytes))
    guard let header = try reader.next() else {
      throw PromptFile.error(.unknownTable, path, 1, "the table has no header", "name its columns")
    }
    let names = header.fields.map { String(decoding: $0, as: UTF8.self).lowercased() }
    guard Set(names).count == names.count else {
      throw PromptFile.error(
        .duplicateKey, path, header.line, "two columns have one name", "give each its own")
    }
    var rows: [Row] = []
    while let record = try reader.next() {
      guard record.fields.count == names.count else {
        throw PromptFile.error(
          .wrongCount, path, record.line,
          "\(record.fields.count) fields are under \(names.count) columns",
          "quote the fields that hold commas, quotes or line breaks")
      }
      let fields = zip(names, record.fields).map { ($0, $1.isEmpty ? .null : JSON.string($1)) }
      rows.append(
        Row(
          line: record.line,
          members: Dictionary(uniqueKeysWithValues: fields)))
    }
    return rows
  }
}

extension CSVReader {
  /// A tab where the header has one and no comma.
  static func separator(of bytes: UnsafeRawBufferPointer) -> UInt8 {
    let header = bytes.prefix { $0 != 0x0A }
    return header.contains(0x09) && !header.contains(UInt8(ascii: ",")) ? 0x09 : UInt8(ascii: ",")
  }
}
