import Files
import Foundation
import Testing

@testable import Tokenization

/// One recorded text with the ids that `tokenizers` gives it.
struct RecordedText {
  var text: [UInt8]
  var ids: [Int32]
  var plainIDs: [Int32]

  static func all(in name: String) throws -> [RecordedText] {
    let rows = try #require(try JSONReader.parse(goldenBytes(name), file: name).array)
    return try rows.map { row in
      RecordedText(
        text: try #require(row["text"]?.bytes), ids: try ids(row["ids"]),
        plainIDs: try ids(row["ids_as_plain"]))
    }
  }

  private static func ids(_ value: JSON?) throws -> [Int32] {
    try #require(value?.array).map { Int32(try #require($0.int)) }
  }
}

func goldenBytes(_ name: String) throws -> [UInt8] {
  let url = try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: nil))
  return try readFile(url.path)
}

func smallTokenizer(_ name: String) throws -> Tokenizer {
  let file = "tokenizer_\(name).json"
  return try Tokenizer(tokenizerJSON: goldenBytes(file), file: file)
}

/// The same tokenizer as it would stand in a GGUF file.
func ggufVocabulary(fromJSON bytes: [UInt8], preTokenizer: String) throws -> GGUFVocabulary {
  let root = try JSONReader.parse(bytes, file: "tokenizer.json")
  let model = try #require(root["model"])
  var tokens: [Int: [UInt8]] = [:]
  for (text, id) in try #require(model["vocab"]?.object).members {
    tokens[try #require(id.int)] = text
  }
  var types: [Int: Int] = [:]
  for token in root["added_tokens"]?.array ?? [] {
    let id = try #require(token["id"]?.int)
    tokens[id] = try #require(token["content"]?.bytes)
    types[id] = token["special"]?.bool == true ? 3 : 4
  }
  let merges = try #require(model["merges"]?.array).map { merge -> [UInt8] in
    if let text = merge.bytes { return text }
    return Array(try #require(merge.array).compactMap(\.bytes).joined(separator: Array(" ".utf8)))
  }
  let ids = 0..<tokens.count
  return GGUFVocabulary(
    file: "model.gguf", model: "gpt2", preTokenizer: preTokenizer,
    tokens: try ids.map { try #require(tokens[$0]) }, tokenTypes: ids.map { types[$0] ?? 1 },
    merges: merges)
}

/// A recorded file of `Golden/`.
func golden(_ name: String) throws -> JSON {
  try JSONReader.parse(try goldenBytes(name), file: name)
}

/// The whole text in spans of which only the marked parts may hold special tokens.
func span(_ text: String, specials: Bool = false) -> TextSpan {
  TextSpan(bytes: Array(text.utf8), parsesSpecials: specials)
}

/// The processor's time that this thread has taken: other tests run beside it.
func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
