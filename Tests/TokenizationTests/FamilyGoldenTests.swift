import Files
import Foundation
import Testing

@testable import Tokenization

/// One family's small tokenizer and what `tokenizers` makes of the texts (Oracles/record_families.py).
struct RecordedFamily {
  var tokenizer: Tokenizer
  var ids: [[Int32]]
  var plainIDs: [[Int32]]
  var decoded: [[UInt8]]
  var around: [Int32]

  /// Parsed once: every test reads the same file.
  private static let recorded = Result { try golden("families.json") }

  static func texts() throws -> [[UInt8]] {
    try #require(try recorded.get()["texts"]?.array).map { try #require($0.bytes) }
  }

  init(_ name: String) throws {
    tokenizer = try familyTokenizer(name)
    let family = try #require(try Self.recorded.get()["families"]?[name])
    let ids = try #require(family["ids"]?.array).map(Self.ids)
    self.ids = ids
    around = try Self.ids(try #require(family["around"]))
    let (plain, decoded) = (family["plain"], family["decoded"])
    plainIDs = try ids.indices.map { index in
      try plain?["\(index)"].map(Self.ids) ?? ids[index]
    }
    self.decoded = try Self.texts().enumerated().map { index, text in
      decoded?["\(index)"]?.bytes ?? text
    }
  }

  static func ids(_ value: JSON) throws -> [Int32] {
    try #require(value.array).map { Int32(try #require($0.int)) }
  }
}

func familyTokenizer(_ name: String) throws -> Tokenizer {
  let file = "family_\(name).json"
  return try Tokenizer(tokenizerJSON: goldenBytes(file), file: file)
}

struct FamilyGoldenTests {
  static let names = [
    "neox", "prefixed", "tekken", "o200k", "olmo2", "r1qwen", "deepseek3", "deepseekllm", "coder",
    "lines", "llama2", "mistral3", "phi3", "split", "gemma", "characters",
  ]

  @Test(arguments: names)
  func idsAndTextsAgreeWithTheReference(name: String) throws {
    let (family, texts) = (try RecordedFamily(name), try RecordedFamily.texts())
    #expect(texts.count > 350)
    for (index, bytes) in texts.enumerated() {
      let text = String(decoding: bytes, as: UTF8.self)
      let (ids, plain) = (family.ids[index], family.plainIDs[index])
      #expect(
        family.tokenizer.encode(text, parsesSpecials: true) == ids, "\(text.debugDescription)")
      #expect(family.tokenizer.encode(text) == plain, "\(text.debugDescription) as plain text")
      let decoded = family.tokenizer.decode(ids)
      #expect(Array(decoded.utf8) == family.decoded[index], "\(decoded.debugDescription)")
    }
    let raw = family.tokenizer.encodeRaw([])
    #expect(raw.ids == family.around && raw.spans.count == raw.ids.count)
  }

  /// In front of a word stand the tokens that stand there when the word is written out.
  @Test(arguments: names)
  func textsInFrontOfAWord(name: String) throws {
    let (family, texts) = (try RecordedFamily(name), try RecordedFamily.texts())
    let tokenizer = family.tokenizer
    func span(_ bytes: [UInt8]) -> [TextSpan] {
      [TextSpan(bytes: bytes, parsesSpecials: true)]
    }
    var cut = 0
    for text in texts where !text.isEmpty {
      let written = tokenizer.encode(span(text + Array("A".utf8)))
      let found = tokenizer.encode(span(text), before: "A")
      let straddles = written.byteRanges.contains {
        $0.lowerBound < text.count && $0.upperBound > text.count
      }
      if straddles {
        #expect(found == tokenizer.encode(span(text)))
      } else {
        cut += 1
        let tokens = written.byteRanges.prefix {
          ($0.isEmpty ? $0.lowerBound + 1 : $0.upperBound) <= text.count
        }
        #expect(found.ids == Array(written.ids.prefix(tokens.count)))
        #expect(found.spans.allSatisfy { $0 == 0 })
      }
      #expect(tokenizer.encode(span(text), before: "") == tokenizer.encode(span(text)))
    }
    // Words of letters grow by the letter; the others are cut.
    #expect(cut > texts.count / 2, "\(cut) of \(texts.count)")
  }

  /// Every byte lies in a token in order, whoever wrote it, and a token is of the span of its last byte.
  @Test(arguments: names)
  func tokensKnowTheirSpans(name: String) throws {
    let (family, texts) = (try RecordedFamily(name), try RecordedFamily.texts())
    var generator = TextGenerator(seed: 11)
    for (index, text) in texts.enumerated() where index % 3 == 0 && text.count > 2 {
      let cuts = (0..<3).map { _ in Int.random(in: 0...text.count, using: &generator) }.sorted()
      let borders = [0] + cuts + [text.count]
      for trusts in [true, false] {
        let spans = (0..<4).map { part in
          TextSpan(
            bytes: Array(text[borders[part]..<borders[part + 1]]), parsesSpecials: trusts)
        }
        let encoding = family.tokenizer.encode(spans)
        #expect(encoding.ids == (trusts ? family.ids[index] : family.plainIDs[index]))
        var (position, areInOrder) = (0, encoding.spans.count == encoding.ids.count)
        for (range, span) in zip(encoding.byteRanges, encoding.spans) {
          let last = range.isEmpty ? range.upperBound : range.upperBound - 1
          areInOrder = areInOrder && range.upperBound >= position
          areInOrder = areInOrder && span == cuts.filter { $0 <= last }.count
          position = range.upperBound
        }
        #expect(areInOrder && position <= text.count, "\(text)")
      }
    }
  }

  /// SentencePiece's own ids, from its own scores, as a GGUF file has them.
  @Test(arguments: [("llama", "llama2"), ("gemma", "gemma")])
  func scoresGiveTheIDsOfSentencePiece(name: String, family: String) throws {
    let (model, texts) = (try golden("sentencepiece.json")[name], try RecordedFamily.texts())
    let tokenizer = try Tokenizer(vocabulary: sentencePieceVocabulary(try #require(model), name))
    let converted = try RecordedFamily(family)
    let rows = try #require(model?["ids"]?.array)
    for (index, row) in rows.enumerated() {
      let text = String(decoding: texts[index], as: UTF8.self)
      #expect(tokenizer.encode(text) == (try RecordedFamily.ids(row)), "\(text.debugDescription)")
      #expect(
        tokenizer.encode(text, parsesSpecials: true) == converted.ids[index],
        "\(text.debugDescription) with special tokens")
      #expect(
        tokenizer.decode(tokenizer.encode(text, parsesSpecials: true))
          == converted.tokenizer.decode(converted.ids[index]))
    }
    #expect(tokenizer.sha256 != converted.tokenizer.sha256)
    let raw = [span("a")]
    #expect(tokenizer.encodeRaw(raw).ids == converted.tokenizer.encodeRaw(raw).ids)
  }

  /// Where both formats hold the same merges, they are one tokenizer.
  @Test(arguments: [
    ("tekken", "tekken"), ("r1qwen", "deepseek-r1-qwen"), ("o200k", "gpt-4o"),
    ("deepseek3", "deepseek-v3"), ("deepseekllm", "deepseek-llm"), ("olmo2", "dbrx"),
    ("neox", "olmo"),
  ])
  func bothFileFormatsGiveTheSame(name: String, preTokenizer: String) throws {
    let family = try RecordedFamily(name)
    var source = try ggufVocabulary(
      fromJSON: goldenBytes("family_\(name).json"), preTokenizer: preTokenizer)
    source.bosID = family.tokenizer.bosID.map { Int($0) }
    source.addsBOS = family.tokenizer.addsBOS
    if let suffixID = family.tokenizer.suffixID {
      (source.eosID, source.addsEOS) = (Int(suffixID), true)
    }
    let tokenizer = try Tokenizer(vocabulary: source)
    for (index, bytes) in try RecordedFamily.texts().enumerated() {
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(tokenizer.encode(text, parsesSpecials: true) == family.ids[index], "\(text)")
    }
    #expect(tokenizer.encodeRaw([]).ids == family.around)
  }
}

/// A model that `sentencepiece` trained, as its conversion to GGUF writes it.
func sentencePieceVocabulary(_ model: JSON, _ name: String) throws -> GGUFVocabulary {
  let pieces = try #require(model["pieces"]?.array).map { try #require($0.array) }
  return GGUFVocabulary(
    file: "model.gguf", model: "llama", preTokenizer: "default",
    tokens: try pieces.map { try #require($0[0].bytes) },
    tokenTypes: try pieces.map { try #require($0[2].int) },
    scores: try pieces.map { Float(try #require($0[1].double)) }, bosID: model["bos"]?.int,
    eosID: model["eos"]?.int, addsSpacePrefix: name == "llama")
}
