import Files

/// A published table of prompts, recognised by its columns.
private struct PublishedTable {
  var prefix: String
  /// The columns, in lower case and in any order.
  var columns: Set<String>
  var promptColumn: String
  var isHarmful: Bool

  static let known = [
    PublishedTable(
      prefix: "advbench", columns: ["goal", "target"], promptColumn: "goal", isHarmful: true),
    PublishedTable(
      prefix: "jbb-harmful",
      columns: ["index", "goal", "target", "behavior", "category", "source"],
      promptColumn: "goal", isHarmful: true),
    PublishedTable(
      prefix: "jbb-benign", columns: ["index", "goal", "behavior", "category", "source"],
      promptColumn: "goal", isHarmful: false),
    PublishedTable(
      prefix: "strongreject", columns: ["category", "source", "forbidden_prompt"],
      promptColumn: "forbidden_prompt", isHarmful: true),
  ]

  /// The members that a row has in Bathyscope's own format; its id is the published index, where
  /// there is one, and tells the data sets apart.
  func members(
    _ columns: [(key: String, value: JSON)], _ number: Int
  ) -> [(key: String, value: JSON)] {
    let index = columns.first { $0.key == "index" }?.value.text ?? String(number)
    return columns.map { $0.key == promptColumn ? ("prompt", $0.value) : $0 } + [
      ("id", .string(Array("\(prefix)-\(index)".utf8))), ("harmful", .bool(isHarmful)),
    ]
  }
}

extension PromptFile {
  /// The prompts of a CSV table: a published one, or one with a column `prompt` or `text`.
  static func table(
    _ bytes: UnsafeRawBufferPointer, _ path: String
  ) throws(TokenizationError) -> [Prompt] {
    var reader = CSVReader(bytes, path: path)
    guard let header = try reader.next() else {
      throw error(path, 1, "the table has no header", "name its columns in the first line")
    }
    var columns = header.fields.map { String(decoding: $0, as: UTF8.self) }
    // JailbreakBench's harmful file leaves the name of its index column out.
    if columns.first == "" { columns[0] = "Index" }
    let names = columns.map { $0.lowercased() }
    guard Set(names).count == names.count else {
      throw error(path, header.line, "two columns have one name", "give each its own")
    }
    let published = PublishedTable.known.first { $0.columns == Set(names) }
    guard published != nil || names.contains("prompt") || names.contains("text") else {
      let list = columns.joined(separator: ", ").prefix(200)
      throw error(
        path, header.line, "the columns (\(list)) are not those of a known table",
        "use JSONL, a table with a column 'prompt' or 'text', or AdvBench's, JailbreakBench's or "
          + "StrongREJECT's")
    }
    var prompts: [Prompt] = []
    while let record = try reader.next() {
      guard record.fields.count == columns.count else {
        throw error(
          path, record.line, "\(record.fields.count) fields stand under \(columns.count) columns",
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
