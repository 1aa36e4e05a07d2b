import Files

/// Reads lists of prompts: JSONL, and the published files of the safety data sets as they are.
///
/// A JSONL row has exactly one of `text` (given to the model as it is), `prompt` (a user's message),
/// `messages` or `token_ids`; besides, `id`, `thinking`, `response`, and any number of labels. The
/// published files (AdvBench, JailbreakBench, HarmBench, StrongREJECT, XSTest, WildJailbreak, STAR-1,
/// Self-Instruct, MT-bench and Vicuna), CSV, TSV, JSONL or one JSON array, are recognised by their
/// columns and get the label `harmful`.
public enum PromptFile {
  /// Bytes of one row: a longer one is no prompt.
  static let longestRow = 16 << 20

  /// The prompts of a file, in its order.
  ///
  /// - Throws: when the file cannot be read, a row is not understood, or two rows have one id; the
  ///   error names the line.
  public static func read(_ path: String) throws(Problem) -> [Prompt] {
    let file = try MappedFile(path)
    return try prompts(in: file.bytes, path)
  }

  static func prompts(
    in bytes: UnsafeRawBufferPointer, _ path: String
  ) throws(Problem) -> [Prompt] {
    var bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(3))
    }
    guard let first = bytes.first(where: { !$0.isLineSpace }) else {
      throw Problem(
        .noRows, path, problem: "the file is empty", remedy: "give one prompt a line")
    }
    let prompts =
      switch first {
      case UInt8(ascii: "{"): try linesOfJSON(bytes, path)
      case UInt8(ascii: "["): try arrayOfJSON(bytes, path)
      default: try table(bytes, path)
      }
    guard !prompts.isEmpty else {
      throw Problem(
        .noRows, path, problem: "the file has a header and no prompts", remedy: "add some rows")
    }
    try requireUniqueIDs(prompts, path)
    return prompts
  }

  static func error(
    _ code: Problem.Code, _ path: String, _ line: Int, _ problem: String, _ remedy: String
  ) -> Problem {
    Problem(code, path, place: "line \(line)", problem: problem, remedy: remedy)
  }

  private static func requireUniqueIDs(
    _ prompts: [Prompt], _ path: String
  ) throws(Problem) {
    // Keyed by bytes: two ids that differ in their normal form are two ids.
    var lines: [[UInt8]: Int] = [:]
    for prompt in prompts {
      if let line = lines.updateValue(prompt.row, forKey: Array(prompt.id.utf8)) {
        throw error(
          .duplicateID, path, prompt.row,
          "the id '\(prompt.id.prefix(80))' is on line \(line) already",
          "give every row an id of its own, or none at all")
      }
    }
  }

  private static func linesOfJSON(
    _ bytes: UnsafeRawBufferPointer, _ path: String
  ) throws(Problem) -> [Prompt] {
    var prompts: [Prompt] = []
    var (start, line) = (0, 0)
    while start < bytes.count {
      line += 1
      var end = start
      while end < bytes.count, bytes[end] != 0x0A {
        end += 1
        guard end - start <= longestRow else {
          throw error(
            .tooLarge, path, line, "the line is longer than \(longestRow) bytes",
            "shorten or remove it")
        }
      }
      let row = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      start = end + 1
      guard !row.allSatisfy(\.isLineSpace) else { continue }
      prompts.append(try prompt(row, path, line, number: prompts.count + 1))
    }
    return prompts
  }

  /// One JSON object that is a row.
  static func prompt(
    _ bytes: UnsafeRawBufferPointer, _ path: String, _ line: Int, number: Int
  ) throws(Problem) -> Prompt {
    let json: JSON
    do throws(Problem) {
      json = try JSONReader.parse(bytes, file: path)
    } catch {
      throw self.error(
        error.code, path, line, "\(error.place): \(error.problem)", "write one JSON object a line")
    }
    guard let object = json.object else {
      throw error(
        .wrongType, path, line, "the row is not a JSON object", "write one JSON object a line")
    }
    var members = object.members.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }
    let names = Set(members.map { $0.0.lowercased() })
    if names.count == members.count, names.isDisjoint(with: PromptRow.sources),
      let published = PublishedTable.known(by: names)
    {
      members = published.members(members.map { ($0.0.lowercased(), $0.1) }, number)
    }
    return try PromptRow(path: path, line: line, number: number, members: members).prompt()
  }
}

extension UInt8 {
  fileprivate var isLineSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0D || self == 0x0A }
}
