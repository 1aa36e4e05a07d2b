import Files

extension PromptFile {
  /// The prompts of a file that is one JSON array of objects.
  ///
  /// It is cut into its elements first, so that a row's error names its line and the tree of only one
  /// row is in memory.
  static func arrayOfJSON(
    _ bytes: UnsafeRawBufferPointer, _ path: String
  ) throws(Problem) -> [Prompt] {
    var scanner = ArrayScanner(bytes: bytes, path: path)
    var prompts: [Prompt] = []
    while let element = try scanner.next() {
      let row = UnsafeRawBufferPointer(rebasing: bytes[element.range])
      prompts.append(try prompt(row, path, element.line, number: prompts.count + 1))
    }
    return prompts
  }
}

/// Finds where the objects of an array begin and end; whether they are well-formed is not its matter.
struct ArrayScanner {
  let bytes: UnsafeRawBufferPointer
  let path: String
  private var position = 0
  private var line = 1
  private var isFirst = true

  init(bytes: UnsafeRawBufferPointer, path: String) { (self.bytes, self.path) = (bytes, path) }

  /// The next object, from its brace to its brace; nil behind the last.
  mutating func next() throws(Problem) -> (range: Range<Int>, line: Int)? {
    if isFirst {
      skipSpace()
      position += 1
    }
    skipSpace()
    guard position < bytes.count else { throw error("the array is not closed") }
    if bytes[position] == UInt8(ascii: "]") {
      position += 1
      skipSpace()
      guard position == bytes.count else { throw error("something stands behind the array") }
      return nil
    }
    if !isFirst {
      guard bytes[position] == UInt8(ascii: ",") else { throw error("',' or ']' is expected") }
      position += 1
      skipSpace()
    }
    isFirst = false
    guard position < bytes.count, bytes[position] == UInt8(ascii: "{") else {
      throw error("an object is expected", .wrongType)
    }
    let (start, startLine) = (position, line)
    try skipObject(from: start)
    return (start..<position, startLine)
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0D, 0x0A].contains(bytes[position]) { advance() }
  }

  private mutating func advance() {
    if bytes[position] == 0x0A { line += 1 }
    position += 1
  }

  private mutating func skipObject(from start: Int) throws(Problem) {
    var (depth, isText) = (0, false)
    while position < bytes.count {
      let byte = bytes[position]
      advance()
      guard position - start <= PromptFile.longestRow else {
        throw error("a row is longer than \(PromptFile.longestRow) bytes", .tooLarge)
      }
      if isText {
        if byte == UInt8(ascii: "\\"), position < bytes.count { advance() }
        if byte == UInt8(ascii: "\"") { isText = false }
      } else if byte == UInt8(ascii: "\"") {
        isText = true
      } else if byte == UInt8(ascii: "{") {
        depth += 1
      } else if byte == UInt8(ascii: "}") {
        depth -= 1
        if depth == 0 { return }
      }
    }
    throw error("an object is not closed")
  }

  private func error(_ problem: String, _ code: Problem.Code = .notJSON) -> Problem {
    PromptFile.error(code, path, line, problem, "write one JSON array of objects, or JSONL")
  }
}
