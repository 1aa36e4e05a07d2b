import Foundation
import Testing

/// Text from outside cannot pass for what the tool says: in a line of its own, as a formula in a table, or by
/// turning the text around it.
@Suite struct OutsideTextTests {
  let folder: Scratch
  /// What a hostile file would like to print.
  static let lie = "a\nerror: b\rwritten to c\u{85}d\u{2028}e\u{202E}f\u{1B}[31m\u{9B}2J\u{200B}"
  static let escaped =
    #"a\nerror: b\rwritten to c\u0085d\u2028e\u202ef\u001b[31m\u009b2J\u200b"#
  static let shown =
    #"a\nerror: b\rwritten to c\u{0085}d\u{2028}e\u{202E}f\u{1B}[31m\u{009B}2J\u{200B}"#

  init() throws { folder = try Scratch() }

  private func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: scalar != "\n"
    default: false
    }
  }

  /// One line of error, in which the text is escaped and cut.
  private func expectOneLine(_ outcome: Tool.Outcome, _ status: Int32 = 4) {
    #expect(outcome.status == status && outcome.output.isEmpty, "\(outcome)")
    let lines = outcome.errors.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 2 && lines.last == "", "\(outcome.errors)")
    #expect(!outcome.errors.unicodeScalars.contains(where: isHarmful), "\(outcome.errors)")
    #expect(outcome.errors.utf8.count < 6000)
  }

  private func write(config change: (inout [String: Any]) -> Void) throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("model"), withIntermediateDirectories: true)
    let config = try Data(contentsOf: URL(fileURLWithPath: "\(TinyModel.llama)/config.json"))
    var members = try #require(JSONSerialization.jsonObject(with: config) as? [String: Any])
    change(&members)
    try JSONSerialization.data(withJSONObject: members)
      .write(to: URL(fileURLWithPath: folder.file("model/config.json")))
    try? FileManager.default.copyItem(
      atPath: "\(TinyModel.llama)/model.safetensors",
      toPath: folder.file("model/model.safetensors"))
  }

  @Test func configurations() throws {
    try folder.write("p.jsonl", #"{"token_ids": [1]}"#)
    let words = ["capture", "--model", "model", "--prompts", "p.jsonl", "--out", "a.h5"]
    for value in [Self.lie, "silu\n", String(repeating: "n", count: 100_000)] {
      for key in ["hidden_act", "model_type"] {
        try write { $0[key] = value }
        expectOneLine(try Tool.run(words, in: folder))
      }
    }
  }

  @Test func templates() throws {
    try TalkingModel.write(in: folder)
    try folder.write("p.jsonl", #"{"messages": [{"role": "user", "content": "a"}]}"#)
    let words = ["tokens", "--model", "model", "--prompts", "p.jsonl"]
    for template in [
      "{{ raise_exception('\(Self.escaped)') }}", "{{ x['\(Self.escaped)'].y }}",
      "{{ messages|map('a\\nb') }}", "{{ raise_exception('a\\n' * 50000) }}",
    ] {
      try folder.write("model/chat_template.jinja", template)
      let outcome = try Tool.run(words, in: folder)
      expectOneLine(outcome)
    }
  }

  @Test func namesOfFilesAndWords() throws {
    let model = ["tokens", "--text", "a", "--model"]
    expectOneLine(try Tool.run(model + [Self.lie], in: folder))
    expectOneLine(try Tool.run(model + [String(repeating: "n", count: 100_000)], in: folder))
    for words in [
      ["tokens", "--model=\(Self.lie)"], ["tokens", Self.lie], [Self.lie], ["--\(Self.lie)"],
      ["capture", "--threads", Self.lie], ["capture", "--threads=\(Self.lie)"],
      ["tokens", String(repeating: "n", count: 100_000)],
    ] {
      let outcome = try Tool.run(words, in: folder)
      #expect(outcome.status == 2)
      #expect(!outcome.errors.unicodeScalars.contains(where: isHarmful), "\(outcome.errors)")
      #expect(!outcome.errors.split(separator: "\n").contains { $0.hasPrefix("error: b") })
      #expect(outcome.errors.utf8.count < 6000, "\(outcome.errors.utf8.count)")
    }
  }

  /// Ids that are formulas, lines and turns of direction: tables guard them, JSON keeps them.
  @Test func tablesAndDocuments() throws {
    let starts = ["=cmd|'/c calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", " =1", Self.lie]
    let ids = starts.flatMap { ["\($0)0", "\($0)1"] }
    let encoder = JSONEncoder()
    let rows = try ids.enumerated().map { index, id in
      let text = String(decoding: try encoder.encode(id), as: UTF8.self)
      return #"{"id": \#(text), "token_ids": [\#(10 + index), 3, \#(7 + index % 2), 3], "#
        + #""marked": \#(index % 2 == 0)}"#
    }
    try folder.write("p.jsonl", rows.joined(separator: "\n"))
    let pipeline = try Pipeline.shared.get()
    let common = [
      "--model", TinyModel.llama, "--prompts", "p.jsonl", "--probe",
      pipeline.folder.file("probe"), "--json",
    ]
    let sweep = try Tool.run(
      ["heads", "sweep", "--hook", "blocks.2.hook_resid_post", "--out", "sweep"] + common
        + ["--random-sets", "5", "--resamples", "200"], in: folder)
    let trace = try Tool.run(
      ["trace", "--label", "marked", "--out", "trace"] + common, in: folder)
    for outcome in [sweep, trace] {
      try #require(outcome.status == 0, "\(outcome.errors)")
      #expect(!outcome.output.unicodeScalars.contains(where: isHarmful))
      let names = Self.strings(in: try outcome.json)
      // A trace's document has figures of groups alone.
      #expect(ids.allSatisfy(names.contains) || outcome.output == trace.output)
    }
    let tables = folder.contents.filter { $0.hasSuffix(".csv") }
    #expect(tables.count > 1)
    for table in tables {
      let text = try folder.text(table)
      #expect(!text.unicodeScalars.contains { $0 != "\r" && isHarmful($0) }, "\(table)")
      for line in text.split(whereSeparator: \.isNewline) {
        for cell in line.split(separator: ",") where Double(cell) == nil {
          let start = cell.drop { $0 == " " || $0 == "\"" }.first
          #expect(!"=+-@".contains(start ?? "a"), "\(table): \(line)")
        }
      }
    }
    let lines = try folder.text("sweep/sweep.csv")
    for cell in ["'=cmd|'/c calc'!A00", "'+1+11", "'@SUM(1)0", "\\t=10", "' =11", "\(Self.shown)0"]
    {
      #expect(lines.contains(",\(cell),"), "\(cell)")
    }
  }

  /// All texts of a document, keys too.
  private static func strings(in value: Any) -> Set<String> {
    switch value {
    case let text as String: [text]
    case let values as [Any]: values.reduce(into: []) { $0.formUnion(strings(in: $1)) }
    case let members as [String: Any]:
      members.reduce(into: Set(members.keys)) { $0.formUnion(strings(in: $1.value)) }
    default: []
    }
  }

  @Test(arguments: ["", "now", "-5", "1.5", "1700000000\n", "99999999999999"])
  func datesThatAreNone(value: String) throws {
    try folder.write("p.jsonl", #"{"token_ids": [1]}"#)
    let outcome = try Tool.start(
      ["capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--out", "a.h5"], in: folder,
      environment: ["SOURCE_DATE_EPOCH": value]
    ).outcome()
    expectOneLine(outcome)
    #expect(outcome.errors.contains("SOURCE_DATE_EPOCH"))
    #expect(folder.contents == ["p.jsonl"])
  }

  @Test func filesThatAreNoWholeModel() throws {
    func little(_ number: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }
    func text(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count)) + Array(text.utf8) }
    let head = Array("GGUF".utf8) + little(UInt32(3)) + little(UInt64(0)) + little(UInt64(1))
    for (key, value) in [
      ("split.count", little(UInt32(2)) + little(UInt16(4))),
      ("general.type", little(UInt32(8)) + text("adapter")),
    ] {
      try folder.write("bad.gguf", head + text(key) + value)
      try folder.write("p.jsonl", #"{"token_ids": [1]}"#)
      let capture = ["capture", "--prompts", "p.jsonl", "--out", "a.h5"]
      for words in [capture, ["tokens", "--text", "a"]] {
        let outcome = try Tool.run(words + ["--model", "bad.gguf"], in: folder)
        expectOneLine(outcome)
        #expect(outcome.errors.contains(key), "\(outcome.errors)")
      }
    }
  }
}
