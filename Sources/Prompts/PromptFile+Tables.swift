import Files

extension PromptFile {
  /// The prompts of a CSV or TSV table: a published one, or one with a column `prompt` or `text`.
  static func table(
    _ bytes: UnsafeRawBufferPointer, _ path: String
  ) throws(Problem) -> [Prompt] {
    var reader = CSVReader(bytes, path: path, separator: CSVReader.separator(of: bytes))
    guard let header = try reader.next() else {
      throw error(
        .unknownTable, path, 1, "the table has no header", "name its columns in the first line")
    }
    var columns = header.fields.map { String(decoding: $0, as: UTF8.self) }
    // JailbreakBench's harmful file leaves the name of its index column out.
    if columns.first == "" { columns[0] = "Index" }
    let names = columns.map { $0.lowercased() }
    guard Set(names).count == names.count else {
      throw error(
        .duplicateKey, path, header.line, "two columns have one name", "give each its own")
    }
    let published = PublishedTable.known(by: Set(names))
    guard published != nil || names.contains("prompt") || names.contains("text") else {
      let list = columns.joined(separator: ", ").prefix(200)
      throw error(
        .unknownTable, path, header.line, "the columns (\(list)) are not those of a known table",
        "use JSONL, a table with a column 'prompt' or 'text', or AdvBench's, JailbreakBench's, "
          + "HarmBench's, StrongREJECT's, XSTest's, WildJailbreak's or STAR-1's")
    }
    var prompts: [Prompt] = []
    while let record = try reader.next() {
      guard record.fields.count == columns.count else {
        throw error(
          .wrongCount, path, record.line,
          "\(record.fields.count) fields are under \(columns.count) columns",
          "quote the fields that hold commas, quotes or line breaks")
      }
      let number = prompts.count + 1
      var members: [(key: String, value: JSON)] = []
      for (name, field) in zip(names, record.fields) where !field.isEmpty {
        members.append((name, .string(field)))
      }
      if let published { members = published.members(members, number) }
      let row = PromptRow(path: path, line: record.line, number: number, members: members)
      prompts.append(try row.prompt())
    }
    return prompts
  }
}
