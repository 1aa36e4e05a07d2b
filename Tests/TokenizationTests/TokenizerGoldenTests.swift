import Files
import Foundation
import Testing

@testable import Tokenization

/// Ids recorded from Hugging Face `tokenizers`, by Oracles/record_tokenizer.py.
struct TokenizerGoldenTests {
  @Test(arguments: ["gpt2", "digits", "llama3", "qwen2"])
  func idsAgreeWithTheReference(name: String) throws {
    let recorded = try RecordedText.all(in: "tokenizer_\(name)_ids.json")
    #expect(recorded.count >= 200)
    try expectAgreement(of: smallTokenizer(name), with: recorded)
  }

  /// What is not NFC and what has other kinds of added tokens than GGUF knows differs in GGUF itself.
  @Test(arguments: [("digits", "smollm"), ("llama3", "llama-bpe")])
  func bothFileFormatsGiveTheSame(name: String, preTokenizer: String) throws {
    var source = try ggufVocabulary(
      fromJSON: goldenBytes("tokenizer_\(name).json"), preTokenizer: preTokenizer)
    let fromJSON = try smallTokenizer(name)
    source.bosID = fromJSON.bosID.map { Int($0) }
    source.addsBOS = fromJSON.addsBOS
    let tokenizer = try Tokenizer(vocabulary: source)
    try expectAgreement(
      of: tokenizer, with: RecordedText.all(in: "tokenizer_\(name)_ids.json"))
    #expect(tokenizer.sha256 == fromJSON.sha256)
    source.eosID = 0
    #expect(try Tokenizer(vocabulary: source).sha256 != fromJSON.sha256)
  }

  /// Set BATHYSCOPE_TEST_TOKENIZER to the tokenizer.json of SmolLM2-135M-Instruct. The same ids are
  /// checked through its GGUF file in the tests of Transformer.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["BATHYSCOPE_TEST_TOKENIZER"] != nil,
      "BATHYSCOPE_TEST_TOKENIZER names no tokenizer.json of SmolLM2"))
  func idsOfSmolLM2AgreeWithTheReference() throws {
    let path = try #require(ProcessInfo.processInfo.environment["BATHYSCOPE_TEST_TOKENIZER"])
    let bytes = try readFile(path)
    let recorded = try RecordedText.all(in: "tokenizer_smollm2.json")
    let tokenizer = try Tokenizer(tokenizerJSON: bytes, file: path)
    try expectAgreement(of: tokenizer, with: recorded)
    let source = try ggufVocabulary(fromJSON: bytes, preTokenizer: "smollm")
    let other = try Tokenizer(vocabulary: source)
    try expectAgreement(of: other, with: recorded)
    #expect(other.sha256 == tokenizer.sha256)
  }

  private func expectAgreement(of tokenizer: Tokenizer, with recorded: [RecordedText]) throws {
    for row in recorded {
      let text = String(decoding: row.text, as: UTF8.self)
      #expect(tokenizer.encode(text, parsesSpecials: true) == row.ids, "\(text.debugDescription)")
      #expect(tokenizer.encode(text) == row.plainIDs, "\(text.debugDescription) as plain text")
    }
  }
}
