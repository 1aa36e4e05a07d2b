import Files

/// A published table of prompts, recognised by its columns.
struct PublishedTable {
  /// How the table tells harmful rows from benign ones.
  enum Harm {
    case always(Bool)
    /// Harmful where the test holds for one of the columns that are there.
    case column([String], isHarmful: @Sendable (String) -> Bool)
  }

  var prefix: String
  /// The columns, in lower case and in any order.
  var columns: Set<String>
  /// Columns that may be there besides.
  var optional: Set<String> = []
  /// The first of them that is not empty is the prompt.
  var promptColumns: [String]
  /// What the prompt is about, put before it as HarmBench does.
  var contextColumn: String?
  var idColumn = "index"
  /// Columns that are a reference answer and no answer of the model's: kept as labels.
  var referenceColumns: [String] = []
  var harm: Harm

  static let known = [
    PublishedTable(
      prefix: "advbench", columns: ["goal", "target"], promptColumns: ["goal"],
      harm: .always(true)),
    PublishedTable(
      prefix: "jbb-harmful",
      columns: ["index", "goal", "target", "behavior", "category", "source"],
      promptColumns: ["goal"], harm: .always(true)),
    PublishedTable(
      prefix: "jbb-benign", columns: ["index", "goal", "behavior", "category", "source"],
      promptColumns: ["goal"], harm: .always(false)),
    PublishedTable(
      prefix: "strongreject", columns: ["category", "source", "forbidden_prompt"],
      promptColumns: ["forbidden_prompt"], harm: .always(true)),
    PublishedTable(
      prefix: "harmbench", columns: ["behavior", "functionalcategory", "behaviorid"],
      optional: ["semanticcategory", "tags", "contextstring"], promptColumns: ["behavior"],
      contextColumn: "contextstring", idColumn: "behaviorid", harm: .always(true)),
    // The second version has a label; in the first, the contrasts are the unsafe ones.
    PublishedTable(
      prefix: "xstest", columns: ["prompt", "type", "focus", "note"], optional: ["id", "label"],
      promptColumns: ["prompt"], idColumn: "id",
      harm: .column(["label", "type"]) { $0 == "unsafe" || $0.hasPrefix("contrast_") }),
    PublishedTable(
      prefix: "wildjailbreak", columns: ["adversarial", "data_type"],
      optional: ["vanilla", "completion", "label"], promptColumns: ["adversarial", "vanilla"],
      referenceColumns: ["completion"],
      harm: .column(["data_type"]) { $0.hasSuffix("_harmful") }),
    PublishedTable(
      prefix: "star1", columns: ["question", "category", "source"],
      optional: ["id", "response", "score", "scores", "reasoning"], promptColumns: ["question"],
      idColumn: "id", referenceColumns: ["response", "reasoning"], harm: .always(true)),
  ]

  /// The table with these columns.
  static func known(by names: Set<String>) -> PublishedTable? {
    known.first {
      $0.columns.isSubset(of: names) && names.isSubset(of: $0.columns.union($0.optional))
    }
  }

  /// The members that a row has in Bathyscope's own format; its id is the published index, where
  /// there is one, and tells the data sets apart.
  func members(
    _ columns: [(key: String, value: JSON)], _ number: Int
  ) -> [(key: String, value: JSON)] {
    func bytes(_ name: String) -> [UInt8]? {
      columns.first { $0.key == name }?.value.bytes.flatMap { $0.isEmpty ? nil : $0 }
    }
    let promptColumn = promptColumns.first { bytes($0) != nil }
    let context = contextColumn.flatMap(bytes)
    let identifier = columns.first { $0.key == idColumn }?.value
    let index = identifier?.text ?? identifier?.int.map(String.init) ?? String(number)
    let isHarmful =
      switch harm {
      case .always(let value): value
      case .column(let names, let test):
        names.contains { bytes($0).map { test(String(decoding: $0, as: UTF8.self)) } ?? false }
      }
    let kept = columns.compactMap { key, value -> (key: String, value: JSON)? in
      if key == promptColumn {
        guard let context, let own = value.bytes else { return ("prompt", value) }
        return ("prompt", .string(context + Array("\n\n---\n\n".utf8) + own))
      }
      if key == "id" || key == "prompt" { return nil }
      return (referenceColumns.contains(key) ? "reference_\(key)" : key, Self.flat(value))
    }
    return kept + [
      ("id", .string(Array("\(prefix)-\(index)".utf8))), ("harmful", .bool(isHarmful)),
    ]
  }

  /// A list of texts, such as STAR-1's categories, as one.
  private static func flat(_ value: JSON) -> JSON {
    // Details such as STAR-1's scores are no labels.
    if value.object != nil { return .null }
    guard let items = value.array else { return value }
    let texts = items.compactMap(\.bytes)
    guard texts.count == items.count else { return .null }
    return .string(Array(texts.joined(separator: Array(", ".utf8))))
  }
}
