import Files
import Foundation
import Testing

@testable import Tokenization

/// A whole tokenizer.json of eleven tokens.
func tinyTokenizer(
  vocabulary: String =
    #""a":0,"b":1,"c":2,"ab":3,"Ġ":4,"Ġa":5,"e":6,"<":7,">":8,"x":9,"aa":10"#,
  merges: String = #""a b","Ġ a","a a""#,
  added: String = #"{"id":11,"content":"<e>","special":true}"#,
  normalizer: String = "null",
  preTokenizer: String = #"{"type":"ByteLevel","add_prefix_space":false}"#,
  postProcessor: String = "null",
  model: String = #""type":"BPE","#
) -> String {
  """
  {"added_tokens":[\(added)],"normalizer":\(normalizer),"pre_tokenizer":\(preTokenizer),
  "post_processor":\(postProcessor),"decoder":{"type":"ByteLevel"},
  "model":{\(model)"vocab":{\(vocabulary)},"merges":[\(merges)]}}
  """
}

struct TokenizerHostileTests {
  private func failure(
    _ json: String, _ code: Problem.Code = .unknownTokenizer
  ) throws -> Problem {
    try requireProblem(code) {
      try Tokenizer(tokenizerJSON: Array(json.utf8), file: "bad.json")
    }
  }

  @Test func theTinyTokenizerIsSound() throws {
    let tokenizer = try Tokenizer(tokenizerJSON: Array(tinyTokenizer().utf8), file: "tiny.json")
    #expect(tokenizer.encode("ab a<e>", parsesSpecials: true) == [3, 5, 11])
    // Bytes without a token are left out, and their neighbours close up, as in the reference.
    #expect(tokenizer.encode("azb") == [3])
  }

  /// Each file with the place that its error must name.
  private static let badFiles: [(json: String, place: String, code: Problem.Code)] = [
    ("{}", "model", .missingField), ("[]", "model", .missingField),
    (#"{"model":null}"#, "model", .missingField), ("{", "byte", .notJSON), ("", "byte", .notJSON),
    (#"{"model":{"vocab":{},"merges":[]}}"#, "model.vocab", .missingField),
    (tinyTokenizer(vocabulary: #""a":-1"#), "model.vocab['a']", .outOfRange),
    (tinyTokenizer(vocabulary: #""a":0,"b":0"#), "model.vocab['b']", .duplicateToken),
    (tinyTokenizer(vocabulary: #""a":0,"a":1"#), "byte", .duplicateKey),
    (tinyTokenizer(vocabulary: #""a":2147483648"#), "model.vocab['a']", .outOfRange),
    (tinyTokenizer(vocabulary: #""a":9223372036854775808"#), "model.vocab['a']", .wrongType),
    (tinyTokenizer(vocabulary: #""a":1000000000"#), "model.vocab['a']", .outOfRange),
    (tinyTokenizer(vocabulary: #""a":1.5"#), "model.vocab['a']", .wrongType),
    (tinyTokenizer(vocabulary: #""a":"0""#), "model.vocab['a']", .wrongType),
    (tinyTokenizer(vocabulary: "\"\\u001b[2J\":-1"), "model.vocab['\u{FFFD}[2J']", .outOfRange),
    (tinyTokenizer(merges: #""a z""#), "model.merges[0]", .invalidMerge),
    (tinyTokenizer(merges: #""a b","b c""#), "model.merges[1]", .invalidMerge),
    (tinyTokenizer(merges: #""a ""#), "model.merges[0]", .invalidMerge),
    (tinyTokenizer(merges: #"["a",""]"#), "model.merges[0]", .invalidMerge),
    (tinyTokenizer(merges: #""ab""#), "model.merges[0]", .invalidMerge),
    (tinyTokenizer(merges: #""a b c""#), "model.merges[0]", .invalidMerge),
    (tinyTokenizer(merges: #"["a","b","c"]"#), "model.merges[0]", .wrongType),
    (tinyTokenizer(merges: #""a b","a b""#), "model.merges[1]", .invalidMerge),
    (tinyTokenizer(merges: "3"), "model.merges[0]", .wrongType),
    (tinyTokenizer(added: #"{"id":0,"content":"<e>"}"#), "added_tokens[0]", .duplicateToken),
    (tinyTokenizer(added: #"{"id":1,"content":"a"}"#), "added_tokens[0]", .duplicateToken),
    (
      tinyTokenizer(added: #"{"id":11,"content":"<e>"},{"id":11,"content":"<f>"}"#),
      "added_tokens[1]", .duplicateToken
    ),
    (
      tinyTokenizer(added: #"{"id":11,"content":"<e>"},{"id":11,"content":"<e>"}"#),
      "added_tokens[1]", .duplicateToken
    ),
    (tinyTokenizer(added: #"{"id":-1,"content":"<e>"}"#), "added_tokens[0].id", .outOfRange),
    (
      tinyTokenizer(added: #"{"id":2147483648,"content":"<e>"}"#), "added_tokens[0].id", .outOfRange
    ),
    (tinyTokenizer(added: #"{"id":11,"content":""}"#), "added_tokens[0].content", .wrongType),
    (tinyTokenizer(added: #"{"id":11}"#), "added_tokens[0].content", .wrongType),
    (tinyTokenizer(added: "7"), "added_tokens[0].id", .outOfRange),
    (
      tinyTokenizer(added: #"{"id":11,"content":"<e>","single_word":0}"#),
      "added_tokens[0].single_word", .wrongType
    ),
    (
      tinyTokenizer(added: #"{"id":11,"content":"<e>","special":1}"#), "added_tokens[0].special",
      .wrongType
    ),
    (tinyTokenizer(normalizer: #"{"type":"NFKC"}"#), "normalizer.type", .unknownTokenizer),
    (tinyTokenizer(normalizer: "{}"), "normalizer.type", .unknownTokenizer),
    (tinyTokenizer(normalizer: #"{"type":"Prepend"}"#), "normalizer Prepend.prepend", .wrongType),
    (
      tinyTokenizer(normalizer: #"{"type":"Replace","pattern":{"Regex":" +"},"content":""}"#),
      "normalizer Replace.pattern", .unknownTokenizer
    ),
    (
      tinyTokenizer(normalizer: #"{"type":"Replace","pattern":{"String":""},"content":""}"#),
      "normalizer Replace.pattern", .unknownTokenizer
    ),
    (tinyTokenizer(preTokenizer: "null"), "decoder.type", .unknownTokenizer),
    (
      tinyTokenizer(preTokenizer: #"{"type":"Whitespace"}"#), "pre_tokenizer.type",
      .unknownTokenizer
    ),
    (
      tinyTokenizer(preTokenizer: #"{"type":"Metaspace"}"#), "pre_tokenizer Metaspace.replacement",
      .wrongType
    ),
    (
      tinyTokenizer(
        preTokenizer: #"{"type":"Metaspace","replacement":"_","prepend_scheme":"last"}"#),
      "pre_tokenizer Metaspace.prepend_scheme", .unknownTokenizer
    ),
    (tinyTokenizer(preTokenizer: #"{"type":"Sequence"}"#), "pre_tokenizer.type", .unknownTokenizer),
    (
      tinyTokenizer(preTokenizer: #"{"type":"ByteLevel","add_prefix_space":1}"#),
      "pre_tokenizer ByteLevel.add_prefix_space", .wrongType
    ),
    (
      tinyTokenizer(preTokenizer: splitting(#"(a+)+$"#)), "pre_tokenizer Split.pattern",
      .unknownTokenizer
    ),
    (
      tinyTokenizer(preTokenizer: splitting("[b-a]+")), "pre_tokenizer Split.pattern",
      .unknownTokenizer
    ),
    (
      tinyTokenizer(preTokenizer: splitting("[^a]+")), "pre_tokenizer Split.pattern",
      .unknownTokenizer
    ),
    (
      tinyTokenizer(preTokenizer: splitting("[a")), "pre_tokenizer Split.pattern", .unknownTokenizer
    ),
    (
      tinyTokenizer(preTokenizer: splitting("[a]").replacing("Isolated", with: "Removed")),
      "pre_tokenizer Split.behavior", .unknownTokenizer
    ),
    (
      tinyTokenizer(postProcessor: #"{"type":"BertProcessing"}"#), "post_processor.type",
      .unknownTokenizer
    ),
    (
      tinyTokenizer(
        postProcessor: #"""
          {"type":"TemplateProcessing",
          "single":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"<e>"}},{"Sequence":{"id":"A"}}]}
          """#
      ), "post_processor TemplateProcessing.single: more than a token on either side",
      .unknownTokenizer
    ),
    (
      tinyTokenizer(
        postProcessor: #"""
          {"type":"TemplateProcessing",
          "single":[{"SpecialToken":{"id":"<e>"}},{"Sequence":{"id":"A"}}],
          "special_tokens":{"<e>":{"ids":[99]}}}
          """#
      ), "post_processor TemplateProcessing.special_tokens", .unknownToken
    ),
    (tinyTokenizer(model: #""type":"Unigram","#), "model.type", .unknownTokenizer),
    (
      tinyTokenizer(model: #""byte_fallback":true,"#), "model.byte_fallback with ByteLevel",
      .unknownTokenizer
    ),
    (tinyTokenizer(model: #""byte_fallback":1,"#), "model.byte_fallback", .wrongType),
    (characterTokenizer(model: #""byte_fallback":true,"#), "model.byte_fallback", .missingToken),
    (characterTokenizer(decoder: "null"), "decoder: ", .unknownTokenizer),
    (characterTokenizer(decoder: #"{"type":"Metaspace"}"#), "decoder.type", .unknownTokenizer),
    (
      characterTokenizer(
        decoder: #"{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"ByteFallback"}]}"#),
      "decoder: Fuse, ByteFallback", .unknownTokenizer
    ),
    (tinyTokenizer(model: #""dropout":0.1,"#), "model.dropout", .unknownTokenizer),
    (
      tinyTokenizer(model: #""end_of_word_suffix":"</w>","#), "model.end_of_word_suffix",
      .unknownTokenizer
    ),
    (tinyTokenizer(model: #""unk_token":"<unk>","#), "model.unk_token", .unknownToken),
  ]

  @Test(arguments: badFiles.indices)
  func aBadFileIsRefusedAndNamed(index: Int) throws {
    let (json, place, code) = Self.badFiles[index]
    let error = try failure(json, code)
    #expect(error.subject == "bad.json")
    #expect(place == "byte" ? error.place.hasPrefix("byte") : error.place == place)
    #expect(isPlain(error.description))
  }

  /// A terminal can show it as it is.
  private func isPlain(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }

  @Test func anUnknownComponentIsNamed() throws {
    let kind = try failure(tinyTokenizer(preTokenizer: #"{"type":"Whitespace"}"#))
    #expect(kind.problem.contains("Whitespace"))
    let pattern = try failure(tinyTokenizer(preTokenizer: splitting("(a+)+$")))
    #expect(pattern.problem.contains("(a+)+$"))
  }

  @Test func invalidUTF8IsRefused() {
    var bytes = Array(tinyTokenizer().utf8)
    bytes[bytes.firstIndex(of: UInt8(ascii: "x"))!] = 0xFF
    expectProblem(.notUTF8) {
      try Tokenizer(tokenizerJSON: bytes, file: "bad.json")
    }
  }

  @Test func aBadGGUFVocabularyIsRefusedAndNamed() throws {
    let good = GGUFVocabulary(
      file: "m.gguf", model: "gpt2", preTokenizer: "smollm",
      tokens: ["a", "b", "ab", "<e>"].map { Array($0.utf8) }, tokenTypes: [1, 1, 1, 3],
      merges: [Array("a b".utf8)], bosID: 3, eosID: 3, unknownID: 0, paddingID: 3, addsBOS: false)
    #expect(try Tokenizer(vocabulary: good).encode("ab<e>", parsesSpecials: true) == [2, 3])
    let cases: [(Problem.Code, String, (inout GGUFVocabulary) -> Void)] = [
      (.unknownTokenizer, "tokenizer.ggml.model", { $0.model = "t5" }),
      (.unknownTokenizer, "tokenizer.ggml.add_space_prefix", { $0.addsSpacePrefix = true }),
      (.missingToken, "tokenizer.ggml.add_eos_token", { ($0.eosID, $0.addsEOS) = (nil, true) }),
      (.unknownTokenizer, "tokenizer.ggml.pre", { $0.preTokenizer = "default" }),
      (.unknownTokenizer, "tokenizer.ggml.pre", { $0.preTokenizer = "default\u{1B}" }),
      (.wrongCount, "tokenizer.ggml.tokens", { $0.tokens = [] }),
      (.notUTF8, "tokenizer.ggml.tokens[1]", { $0.tokens[1] = [0xFF] }),
      (.duplicateToken, "tokenizer.ggml.tokens[1]", { $0.tokens[1] = $0.tokens[0] }),
      (.outOfRange, "tokenizer.ggml.tokens[3]", { $0.tokens[3] = [] }),
      (.wrongCount, "tokenizer.ggml.token_type", { $0.tokenTypes.removeLast() }),
      (.wrongCount, "tokenizer.ggml.token_type", { $0.tokenTypes.append(1) }),
      (.outOfRange, "tokenizer.ggml.token_type[0]", { $0.tokenTypes[0] = 7 }),
      (.outOfRange, "tokenizer.ggml.token_type[0]", { $0.tokenTypes[0] = Int.min }),
      (
        .missingToken, "tokenizer.ggml.token_type[3]",
        {
          $0.tokens[3] = Array("<0x-1>".utf8)
          $0.tokenTypes[3] = 6
        }
      ),
      (
        .missingToken, "tokenizer.ggml.token_type[3]",
        {
          $0.tokens[3] = Array("<0xZZ>".utf8)
          $0.tokenTypes[3] = 6
        }
      ),
      (.invalidMerge, "tokenizer.ggml.merges[0]", { $0.merges[0] = Array("a z".utf8) }),
      (.invalidMerge, "tokenizer.ggml.merges[0]", { $0.merges[0] = Array("a".utf8) }),
      (.invalidMerge, "tokenizer.ggml.merges[0]", { $0.merges[0] = [] }),
      (.unknownToken, "tokenizer.ggml.eos_token_id", { $0.eosID = 4 }),
      (.unknownToken, "tokenizer.ggml.eos_token_id", { $0.eosID = Int.max }),
      (.unknownToken, "tokenizer.ggml.bos_token_id", { $0.bosID = -1 }),
      (.unknownToken, "tokenizer.ggml.unknown_token_id", { $0.unknownID = 1 << 32 }),
      (.unknownToken, "tokenizer.ggml.padding_token_id", { $0.paddingID = 4 }),
      (
        .missingToken, "tokenizer.ggml.add_bos_token",
        {
          $0.bosID = nil
          $0.addsBOS = true
        }
      ),
    ]
    for (code, place, damage) in cases {
      var bad = good
      damage(&bad)
      let error = try requireProblem(code) { try Tokenizer(vocabulary: bad) }
      #expect(error.subject == "m.gguf")
      #expect(error.place == place)
      #expect(isPlain(error.description))
    }
  }

  @Test func aBadSentencePieceVocabularyIsRefusedAndNamed() throws {
    let model = try #require(try golden("sentencepiece.json")["llama"])
    let good = try sentencePieceVocabulary(model, "llama")
    let byte = try #require(good.tokenTypes.firstIndex(of: 6))
    let cases: [(Problem.Code, String, (inout GGUFVocabulary) -> Void)] = [
      (.wrongCount, "tokenizer.ggml.scores", { $0.scores = [] }),
      (.wrongCount, "tokenizer.ggml.scores", { $0.scores.append(0) }),
      (.notFinite, "tokenizer.ggml.scores[400]", { $0.scores[400] = .nan }),
      (.wrongCount, "tokenizer.ggml.token_type", { $0.tokenTypes = [] }),
      (.missingToken, "tokenizer.ggml.token_type", { $0.tokenTypes[byte] = 1 }),
      (
        .missingToken, "tokenizer.ggml.token_type[\(byte)]",
        { $0.tokens[byte] = Array("<0x-1>".utf8) }
      ),
      (
        .missingToken, "tokenizer.ggml.token_type[\(byte)]",
        { $0.tokens[byte] = Array("<0xZZ>".utf8) }
      ),
      (.missingToken, "tokenizer.ggml.token_type[\(byte)]", { $0.tokens[byte] = [] }),
      (
        .duplicateToken, "tokenizer.ggml.tokens[\(byte + 1)]",
        { $0.tokens[byte + 1] = $0.tokens[byte] }
      ),
      (
        .unknownTokenizer, "tokenizer.ggml.remove_extra_whitespaces",
        { $0.removesExtraSpaces = true }
      ),
    ]
    for (code, place, damage) in cases {
      var bad = good
      damage(&bad)
      let error = try requireProblem(code) { try Tokenizer(vocabulary: bad) }
      #expect(error.place == place)
      #expect(isPlain(error.description))
    }
  }

  /// No text that a person writes merges into a special token, whatever the file lets merge.
  @Test func noMergeMakesASpecialToken() throws {
    let json = tinyTokenizer(
      vocabulary: #""a":0,"b":1,"ab":2,"é":3"#, merges: #""a b""#,
      added: #"{"id":2,"content":"ab","special":true},{"id":3,"content":"é","special":true}"#,
      model: #""ignore_merges":true,"#)
    let tokenizer = try Tokenizer(tokenizerJSON: Array(json.utf8), file: "tiny.json")
    #expect(tokenizer.encode("ab") == [0, 1])
    #expect(tokenizer.encode("ab", parsesSpecials: true) == [2])
    #expect(tokenizer.encode([span("\u{E9}")]).ids == [])
  }

  /// A quadratic merge or search would take hours.
  @Test(.timeLimit(.minutes(1)), arguments: ["a", " ", "\n", "1", "'", "é", "<", "A", "今", "▁"])
  func oneCharacterForEver(character: String) throws {
    let text = String(repeating: character, count: 10_000)
    let qwen = try smallTokenizer("qwen2")
    #expect(qwen.decode(qwen.encode(text, parsesSpecials: true)) == text)
    for name in ["gemma", "llama2", "tekken", "deepseek3", "deepseekllm", "lines", "split"] {
      let tokenizer = try familyTokenizer(name)
      let decoded = tokenizer.decode(tokenizer.encode(text + "x", parsesSpecials: true))
      // The visible space is read back as a space.
      let expected = tokenizer.model.isByteLevel || character != "▁" ? text : text.spaced
      #expect(decoded == expected + "x" || decoded == expected.dropFirst() + "x", "\(name)")
    }
  }

  /// Twenty thousand damaged files: each is read or refused, and what is read can be used.
  @Test func mutatedFilesAreReadOrRefused() throws {
    let originals = [
      tinyTokenizer(
        normalizer: #"{"type":"NFC"}"#,
        preTokenizer: #"""
          {"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
          {"type":"ByteLevel","add_prefix_space":false}]}
          """#),
      characterTokenizer(
        normalizer: #"""
          {"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"Ġ"},
          {"type":"Replace","pattern":{"String":" "},"content":"Ġ"}]}
          """#,
        preTokenizer: #"""
          {"type":"Sequence","pretokenizers":[
          {"type":"Metaspace","replacement":"Ġ","prepend_scheme":"first","split":true},
          {"type":"Split","pattern":{"Regex":"\\s?[a-c\\n]+"},"behavior":"Isolated"}]}
          """#),
    ].map { Array($0.utf8) }
    let inserts = #"-1 2147483648 1e9 " [ ] { } , null true \u0000 0"#
      .split(separator: " ").map { Array($0.utf8) }
    var generator = TextGenerator(seed: 20_000)
    var accepted = 0
    for index in 0..<20_000 {
      var bytes = originals[index % 2]
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        let end = min(position + Int.random(in: 1...8, using: &generator), bytes.count)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[position] = bytes.randomElement(using: &generator)!
        case 2: bytes.removeSubrange(position..<end)
        case 3: bytes.insert(contentsOf: inserts.randomElement(using: &generator)!, at: position)
        default: bytes.insert(contentsOf: bytes[position..<end], at: position)
        }
      }
      do throws(Problem) {
        let tokenizer = try Tokenizer(tokenizerJSON: bytes, file: "mutant.json")
        let ids = tokenizer.encode("ab aa1<e> e\u{301}x", parsesSpecials: true)
        #expect(ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularyCount })
        _ = tokenizer.decode(ids) + ids.map(tokenizer.label).joined()
        accepted += 1
      } catch {
        #expect(!error.problem.isEmpty && error.subject == "mutant.json")
      }
    }
    #expect(accepted > 100 && accepted < 19_000)
  }
}

extension String {
  fileprivate var spaced: String { String(repeating: " ", count: unicodeScalars.count) }
}

/// A whole tokenizer.json of characters instead of bytes.
private func characterTokenizer(
  normalizer: String = "null", preTokenizer: String = "null", model: String = "",
  decoder: String = #"{"type":"Sequence","decoders":[{"type":"Fuse"}]}"#
) -> String {
  tinyTokenizer(normalizer: normalizer, preTokenizer: preTokenizer, model: model)
    .replacing(#""decoder":{"type":"ByteLevel"}"#, with: #""decoder":"# + decoder)
}

private func splitting(_ pattern: String) -> String {
  #"""
  {"type":"Sequence","pretokenizers":[
  {"type":"Split","pattern":{"Regex":"\#(pattern)"},"behavior":"Isolated"},
  {"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}
  """#
}
