import Files
import Foundation
import Testing

@testable import Tokenization

/// Whole published vocabularies with the ids that transformers gave their texts. Too large to commit:
/// Oracles/dump_vocabularies.py writes them, and BATHYSCOPE_TEST_VOCABULARIES names their folder.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["BATHYSCOPE_TEST_VOCABULARIES"] != nil,
    "BATHYSCOPE_TEST_VOCABULARIES names no folder of vocabularies"))
struct RealVocabularyTests {
  @Test(arguments: [
    "llama-spm", "phi-3", "llama-bpe", "qwen2", "deepseek-llm", "deepseek-coder", "gpt-2", "mpt",
    "starcoder", "refact",
  ])
  func idsAgreeWithTransformers(name: String) throws {
    let folder = try #require(ProcessInfo.processInfo.environment["BATHYSCOPE_TEST_VOCABULARIES"])
    let path = "\(folder)/\(name).json"
    let root = try JSONReader.parse(try readFile(path), file: path)
    let source = GGUFVocabulary(
      file: path, model: try #require(root["model"]?.text),
      preTokenizer: root["pre"]?.text ?? "default",
      tokens: try #require(root["tokens"]?.array).compactMap(\.bytes),
      tokenTypes: try #require(root["token_type"]?.array).compactMap(\.int),
      merges: (root["merges"]?.array ?? []).compactMap(\.bytes),
      scores: (root["scores"]?.array ?? []).compactMap { $0.double.map { Float($0) } },
      addsBOS: false, addsSpacePrefix: root["add_space_prefix"]?.bool)
    let tokenizer = try Tokenizer(vocabulary: source)
    let cases = try #require(root["cases"]?.array)
    #expect(cases.count > 40)
    for item in cases {
      let text = try #require(item["text"]?.text)
      #expect(
        tokenizer.encode(text) == (try RecordedFamily.ids(try #require(item["ids"]))),
        "\(text.debugDescription)")
    }
  }
}
