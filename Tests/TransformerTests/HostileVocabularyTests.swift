import Checkpoints
import Files
import Foundation
import Prompts
import Statistics
import Testing

@testable import Transformer

@Suite("GGUF vocabularies that contradict themselves")
struct HostileVocabularyTests {
  /// Metadata values as GGUF writes them: type and bytes.
  enum Value {
    case text(String)
    case integer(UInt32)
    case texts([String])
    case integers([Int32])
    case floats([Float])

    var bytes: [UInt8] {
      switch self {
      case .text(let text): number(UInt32(8)) + Self.string(text)
      case .integer(let value): number(UInt32(4)) + number(value)
      case .texts(let texts): Self.array(8, texts.count) + texts.flatMap(Self.string)
      case .integers(let values): Self.array(5, values.count) + values.flatMap { number($0) }
      case .floats(let values):
        Self.array(6, values.count) + values.flatMap { number($0.bitPattern) }
      }
    }

    static func string(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + text.utf8 }

    static func array(_ type: UInt32, _ count: Int) -> [UInt8] {
      number(UInt32(9)) + number(type) + number(UInt64(count))
    }
  }

  static let good: [String: Value] = [
    "tokenizer.ggml.model": .text("gpt2"), "tokenizer.ggml.pre": .text("smollm"),
    "tokenizer.ggml.tokens": .texts(["a", "b", "ab", "<e>"]),
    "tokenizer.ggml.scores": .floats([0, 0, 0, 0]),
    "tokenizer.ggml.token_type": .integers([1, 1, 1, 3]),
    "tokenizer.ggml.merges": .texts(["a b"]), "tokenizer.ggml.eos_token_id": .integer(3),
  ]

  private func encoder(_ values: [String: Value]) throws -> PromptEncoder {
    try withCheckpoint(values) { try PromptEncoder($0) }
  }

  private func withCheckpoint<Outcome>(
    _ values: [String: Value], _ body: (Checkpoint) throws -> Outcome
  ) throws -> Outcome {
    var bytes = Array("GGUF".utf8) + number(UInt32(3)) + number(UInt64(0))
    bytes += number(UInt64(values.count))
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      bytes += Value.string(key) + value.bytes
    }
    let path = NSTemporaryDirectory() + "bathyscope-\(UUID().uuidString).gguf"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try body(Checkpoint.open(path))
  }

  @Test func theGoodOneIsRead() throws {
    let tokenizer = try encoder(Self.good).tokenizer
    #expect(tokenizer.encode("ab<e>") != [2, 3])
    #expect(tokenizer.encode("ab<e>", parsesSpecials: true) == [2, 3])
    #expect(tokenizer.eosID == 3)
  }

  /// A chat template can write every token that the file gives a role, and no other.
  @Test func aTemplateWritesEveryRole() throws {
    var values = Self.good
    let roles = ["bos", "unknown", "seperator", "padding", "cls", "mask"]
    values["tokenizer.ggml.tokens"] = .texts(["a", "b", "ab", "<e>"] + roles.map { "<\($0)>" })
    values["tokenizer.ggml.scores"] = .floats([Float](repeating: 0, count: 10))
    values["tokenizer.ggml.token_type"] = .integers([1, 1, 1, 3, 3, 3, 3, 3, 3, 3])
    for (index, role) in roles.enumerated() {
      values["tokenizer.ggml.\(role)_token_id"] = .integer(UInt32(4 + index))
    }
    let names = ["bos", "eos", "unk", "sep", "pad", "cls", "mask", "image"]
    values["tokenizer.chat_template"] = .text(names.map { "{{ \($0)_token }}" }.joined())
    let conversation = Conversation(
      id: "1", source: .messages([Message(role: "user", content: "a")]))
    #expect(try encoder(values).encode(conversation).tokens == [4, 3, 5, 6, 7, 8, 9])
    values["tokenizer.ggml.mask_token_id"] = .integer(10)
    expectProblem(.outOfRange) { try encoder(values) }
  }

  /// A chat model's file that names the end of a text only still stops where a turn ends.
  @Test(arguments: [("<end_of_turn>", 3, true), ("<end_of_turn>", 1, false), ("<x>", 3, false)])
  func theEndOfATurnIsKnownByItsName(name: String, type: Int32, isFound: Bool) throws {
    var values = Self.good
    values["tokenizer.ggml.tokens"] = .texts(["a", "b", "ab", "<e>", name])
    values["tokenizer.ggml.scores"] = .floats([0, 0, 0, 0, 0])
    values["tokenizer.ggml.token_type"] = .integers([1, 1, 1, 3, type])
    func ends() throws -> Set<Int32> {
      try withCheckpoint(values) {
        try Model.endTokens($0, try PromptEncoder($0).tokenizer, vocabulary: 5)
      }
    }
    #expect(try ends() == (isFound ? [3, 4] : [3]))
    values["tokenizer.ggml.eot_token_id"] = .integer(2)
    #expect(try ends() == [2, 3], "what the file says counts")
  }

  /// 20,000 of them with values in the place of others, or without them; one that is read also encodes.
  @Test func mutantsAreReadOrRefused() throws {
    var random = SeededGenerator(seed: 6)
    func pick<Element>(_ values: [Element]) -> Element { values[random.index(below: values.count)] }
    let words = ["", "a", "b", "ab", "<e>", "<0x41>", "\u{120}", "\u{2581}a", "a b", "b  ab", "é"]
    let numbers: [UInt32] = [0, 1, 2, 3, 4, 5, 6, 7, .max, 1 << 31]
    let keys = [
      "model", "pre", "tokens", "scores", "token_type", "merges", "eos_token_id", "bos_token_id",
      "unknown_token_id", "padding_token_id",
    ]
    let conversation = Conversation(id: "a", source: .text("ab<e> é"))
    var accepted = 0
    for _ in 0..<20_000 {
      var values = Self.good
      for _ in 0...random.index(below: 2) {
        let key = "tokenizer.ggml." + pick(keys)
        let count = random.index(below: 6)
        switch (random.index(below: 3), values[key]) {
        case (0, _): values[key] = nil
        case (1, .texts(var texts)?) where !texts.isEmpty:
          texts[random.index(below: texts.count)] = pick(words)
          values[key] = .texts(texts)
        case (1, .integers(var integers)?) where !integers.isEmpty:
          integers[random.index(below: integers.count)] = Int32(bitPattern: pick(numbers))
          values[key] = .integers(integers)
        case (1, .floats(var floats)?) where !floats.isEmpty:
          floats[random.index(below: floats.count)] = pick([.nan, .infinity, -1, 1e30, 0])
          values[key] = .floats(floats)
        default:
          values[key] = pick([
            .text(pick(["llama", "gpt2", "qwen2", "tekken", "default", "olmo", ""])),
            .integer(pick(numbers)), .texts((0..<count).map { _ in pick(words) }),
            .integers((0..<count).map { _ in Int32(bitPattern: pick(numbers)) }),
            .floats([Float](repeating: 0, count: count)),
          ])
        }
      }
      guard let encoder = try? encoder(values) else { continue }
      accepted += 1
      guard let sequence = try? encoder.encode(conversation) else { continue }
      #expect(sequence.tokens.allSatisfy { $0 >= 0 && $0 < encoder.tokenizer.vocabularyCount })
      _ = encoder.tokenizer.decode(sequence.tokens)
    }
    #expect((500..<19_500).contains(accepted), "\(accepted)")
  }

  @Test(
    arguments: [
      ("tokens", .texts(["a", "b", "ab"]), .wrongCount),
      ("tokens", .integers([1, 2, 3, 4]), .wrongType),
      ("tokens", .text("a"), .wrongType), ("tokens", .texts([]), .wrongCount),
      ("scores", .floats([0, 0, 0]), .wrongCount),
      ("scores", .texts(["a", "b", "c", "d"]), .wrongType),
      ("token_type", .integers([1, 1, 1]), .wrongCount),
      ("token_type", .integers([1, 1, 1, 3, 1]), .wrongCount),
      ("token_type", .floats([1, 1, 1, 3]), .wrongType),
      ("token_type", .integers([1, 1, -1, 3]), .outOfRange),
      ("merges", .integers([1]), .wrongType), ("merges", .texts(["a z"]), .invalidMerge),
      ("eos_token_id", .integer(4), .outOfRange),
      ("eos_token_id", .integer(.max), .outOfRange),
      ("eos_token_id", .text("3"), .wrongType), ("bos_token_id", .integer(9), .outOfRange),
      ("add_bos_token", .integer(1), .wrongType), ("pre", .text("\u{1B}[2J"), .unknownTokenizer),
      ("model", .text("llama2"), .unknownTokenizer),
    ] as [(String, Value, Problem.Code)])
  func aFieldThatCannotBeIsNamed(field: String, value: Value, code: Problem.Code) throws {
    var values = Self.good
    values["tokenizer.ggml.\(field)"] = value
    let error = expectProblem(code) { _ = try encoder(values) }
    let message = error.map { "\($0)" } ?? ""
    #expect(message.contains(".gguf: ") && message.contains("tokenizer.ggml."), "\(message)")
    #expect(!message.contains("\u{1B}"), "\(message)")
  }
}

private func number(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
