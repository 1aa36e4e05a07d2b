import Files

/// Reads the records of a CSV file as RFC 4180 has them: quoted fields may hold commas, doubled
/// quotes and line breaks; lines end with LF or CRLF.
///
/// With tabs for commas it reads TSV; there, as the readers of published TSV have it, a quote that does
/// not open its field is a quote.
struct CSVReader {
  struct Record {
    var fields: [[UInt8]]
    /// On which it begins.
    var line: Int
  }

  private let bytes: UnsafeRawBufferPointer
  private let path: String
  private let separator: UInt8
  private var position = 0
  private var line = 1
  private var recordStart = 0

  init(
    _ bytes: UnsafeRawBufferPointer, path: String, separator: UInt8 = UInt8(ascii: ",")
  ) {
    self.bytes = bytes
    self.path = path
    self.separator = separator
  }

  /// The next record that is not an empty line; nil at the end.
  mutating func next() throws(Problem) -> Record? {
    while position < bytes.count {
      recordStart = position
      let record = try record()
      if record.fields != [[]] { return record }
    }
    return nil
  }

  private func error(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
    PromptFile.error(code, path, line, problem, remedy)
  }

  private mutating func record() throws(Problem) -> Record {
    var record = Record(fields: [], line: line)
    while true {
      let field = bytes.element(position) == UInt8(ascii: "\"") ? try quoted() : try plain()
      guard field.withUnsafeBytes(isValidUTF8) else {
        throw error(.notUTF8, "a field is not valid UTF-8", "save the file as UTF-8")
      }
      record.fields.append(field)
      if bytes.element(position) == 0x0D, bytes.element(position + 1) == 0x0A { position += 1 }
      guard let byte = bytes.element(position) else { return record }
      guard byte == 0x0A || byte == separator else {
        throw error(
          .notCSV, "something comes after a closing quote", "double the quotes in a field")
      }
      position += 1
      guard byte == separator else {
        line += 1
        return record
      }
    }
  }

  private mutating func advance() throws(Problem) {
    position += 1
    guard position - recordStart <= PromptFile.longestRow else {
      throw error(
        .tooLarge, "a row is longer than \(PromptFile.longestRow) bytes", "shorten or remove it")
    }
  }

  private mutating func plain() throws(Problem) -> [UInt8] {
    let start = position
    while let byte = bytes.element(position), byte != separator, byte != 0x0A {
      if byte == 0x0D, bytes.element(position + 1) == 0x0A { break }
      guard byte != UInt8(ascii: "\"") || separator == 0x09 else {
        throw error(.notCSV, "a quote is in a field without quotes", "quote the whole field")
      }
      try advance()
    }
    return Array(bytes[start..<position])
  }

  private mutating func quoted() throws(Problem) -> [UInt8] {
    let opening = line
    var field: [UInt8] = []
    try advance()
    while let byte = bytes.element(position) {
      try advance()
      if byte == UInt8(ascii: "\"") {
        guard bytes.element(position) == byte else { return field }
        try advance()
      }
      if byte == 0x0A { line += 1 }
      field.append(byte)
    }
    line = opening
    throw error(.notCSV, "a quoted field is not closed", "add its closing quote")
  }
}

extension UnsafeRawBufferPointer {
  /// The byte at an offset; nil behind the end.
  fileprivate func element(_ offset: Int) -> UInt8? { offset < count ? self[offset] : nil }
}
