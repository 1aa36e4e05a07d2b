import Files
import Foundation
import Testing

@testable import Tokenization

struct TokenizerTests {
  static let names = ["gpt2", "digits", "llama3", "qwen2"]

  /// The tokens' bytes are the text's bytes, in order, except where the text was normalised or a byte
  /// has no token.
  @Test(arguments: names)
  func byteRangesCoverTheText(name: String) throws {
    let tokenizer = try smallTokenizer(name)
    for row in try RecordedText.all(in: "tokenizer_\(name)_ids.json") {
      let encoding = tokenizer.encode([
        TextSpan(bytes: row.text, parsesSpecials: false)
      ])
      #expect(encoding.ids == row.plainIDs)
      #expect(encoding.spans == encoding.ids.map { _ in 0 })
      let isNormal = Normalizer(steps: [.compose]).normalized(row.text) == row.text
      guard name == "gpt2" || name == "llama3" || (name == "qwen2" && isNormal) else { continue }
      let covered = encoding.byteRanges.flatMap { row.text[$0] }
      let written = encoding.ids.flatMap(tokenizer.bytes)
      #expect(covered == written)
      if name == "llama3" {
        #expect(written == row.text)
        #expect(Array(tokenizer.decode(encoding.ids).utf8) == row.text)
      }
    }
  }

  /// However a text is cut into spans, it is one text.
  @Test(arguments: names)
  func spansAreOneText(name: String) throws {
    let tokenizer = try smallTokenizer(name)
    var generator = TextGenerator(seed: 7)
    for row in try RecordedText.all(in: "tokenizer_\(name)_ids.json") where row.text.count > 2 {
      let cuts = (0..<3).map { _ in Int.random(in: 0...row.text.count, using: &generator) }.sorted()
      let borders = [0] + cuts + [row.text.count]
      for trusts in [true, false] {
        let spans = (0..<4).map { index in
          TextSpan(
            bytes: Array(row.text[borders[index]..<borders[index + 1]]),
            parsesSpecials: trusts)
        }
        let encoding = tokenizer.encode(spans)
        #expect(encoding.ids == (trusts ? row.ids : row.plainIDs))
        for (range, span) in zip(encoding.byteRanges, encoding.spans) {
          let last = range.upperBound - 1
          #expect(span == cuts.filter { $0 <= last }.count)
        }
      }
    }
  }

  @Test func aTokenAcrossSpansIsOfTheSpanOfItsLastByte() throws {
    let tokenizer = try smallTokenizer("gpt2")
    let whole = tokenizer.encode(" the")
    #expect(whole.count == 1)
    let encoding = tokenizer.encode([span(" th"), span("e"), span("")])
    #expect(encoding.ids == whole)
    #expect(encoding.spans == [1])
    #expect(encoding.byteRanges == [0..<4])
  }

  @Test func specialsStandOnlyWhereTheyAreTrusted() throws {
    let tokenizer = try smallTokenizer("digits")
    let end = try #require(tokenizer.id(of: "<|im_end|>"))
    let text = "<|im_end|>"
    #expect(tokenizer.encode([span(text, specials: true)]).ids == [end])
    #expect(!tokenizer.encode([span(text)]).ids.contains(end))
    // Two trusted spans that touch are one.
    let halves = [span("<|im_", specials: true), span("end|>", specials: true)]
    #expect(tokenizer.encode(halves).ids == [end])
    for (first, second) in [(true, false), (false, true)] {
      let mixed = [span("<|im_", specials: first), span("end|>", specials: second)]
      #expect(tokenizer.encode(mixed).ids == tokenizer.encode(text))
    }
    let dialog = tokenizer.encode([
      span("<|im_start|>user\n", specials: true), span("say <|im_end|>"),
      span("<|im_end|>\n", specials: true),
    ])
    #expect(dialog.ids.filter { $0 == end }.count == 1)
    let position = try #require(dialog.ids.firstIndex(of: end))
    #expect(dialog.spans[position] == 2)
    #expect(dialog.byteRanges[position] == 31..<41)
  }

  /// A user's text must not swallow the template's token by ending like the start of a longer one.
  @Test func aPersonCannotSwallowASpecialToken() throws {
    let json = tinyTokenizer(
      added: #"""
        {"id":11,"content":"<e>","special":true},{"id":12,"content":"x<e>","special":true}
        """#)
    let tokenizer = try Tokenizer(tokenizerJSON: Array(json.utf8), file: "tiny.json")
    #expect(tokenizer.encode("x<e>", parsesSpecials: true) == [12])
    #expect(tokenizer.encode([span("x"), span("<e>", specials: true)]).ids.last == 11)
  }

  @Test func theLongestAddedTokenStands() throws {
    let contents = ["<e>", "<e><e>", "<x", "<xb"]
    let added = contents.enumerated().map { #"{"id":\#(11 + $0),"content":"\#($1)"}"# }
    let json = tinyTokenizer(added: added.joined(separator: ","))
    let tokenizer = try Tokenizer(tokenizerJSON: Array(json.utf8), file: "tiny.json")
    #expect(tokenizer.encode("<e><e><e>") == [12, 11])
    #expect(tokenizer.encode("<xb<xa<") == [14, 13, 0, 7])
  }

  /// "ab" ranks before "bcd", but is no longer there when its turn comes.
  @Test func aPairThatHasChangedDoesNotMergeAtItsOldRank() throws {
    let json = tinyTokenizer(
      vocabulary: #""a":0,"b":1,"c":2,"d":3,"bc":4,"ab":5,"bcd":6,"abc":7"#,
      merges: #""b c","a b","bc d","a bc""#, added: "")
    let tokenizer = try Tokenizer(tokenizerJSON: Array(json.utf8), file: "tiny.json")
    #expect(tokenizer.encode("abcd") == [0, 6])
    #expect(tokenizer.encode("abc") == [7])
  }

  @Test func normalisedTextLeadsBackToItsBytes() throws {
    let tokenizer = try smallTokenizer("qwen2")
    let encoding = tokenizer.encode([
      span("ab e"), span("\u{301}\u{301}"), span(" cd"),
    ])
    #expect(encoding.ids == tokenizer.encode("ab \u{E9}\u{301} cd"))
    #expect(encoding.byteRanges.first?.lowerBound == 0)
    #expect(encoding.byteRanges.last?.upperBound == 11)
    let accent = try #require(encoding.spans.firstIndex(of: 1))
    #expect(encoding.byteRanges[accent].upperBound == 8)
    #expect(encoding.spans.last == 2)
  }

  @Test func theBOSIsNeitherMissingNorDoubled() throws {
    func text(_ text: String, parsesSpecials: Bool = false) -> [TextSpan] {
      [TextSpan(bytes: Array(text.utf8), parsesSpecials: parsesSpecials)]
    }
    let tokenizer = try smallTokenizer("llama3")
    let bos = try #require(tokenizer.bosID)
    #expect(tokenizer.addsBOS)
    let raw = tokenizer.encodeRaw(text("Hello"))
    #expect(raw.ids == [bos] + tokenizer.encode("Hello"))
    #expect(raw.spans.first == .some(nil) && raw.byteRanges.first == 0..<0)
    #expect(raw.spans.count == raw.ids.count && raw.byteRanges.count == raw.ids.count)
    let written = tokenizer.encodeRaw(text("<|endoftext|>Hello", parsesSpecials: true))
    #expect(written.ids == raw.ids)
    #expect(tokenizer.encodeRaw(text("")).ids == [bos])
    let without = try smallTokenizer("gpt2")
    #expect(!without.addsBOS && without.encodeRaw(text("Hello")).ids == without.encode("Hello"))
  }

  @Test func theConfigurationNamesBOSAndEOS() throws {
    let json = try goldenBytes("tokenizer_gpt2.json")
    let names = #"{"bos_token":"<|im_start|>","eos_token":{"content":"<|im_end|>"}}"#
    let tokenizer = try Tokenizer(
      tokenizerJSON: json, file: "tokenizer.json", configuration: Array(names.utf8))
    #expect(tokenizer.bosID == tokenizer.id(of: "<|im_start|>"))
    #expect(tokenizer.eosID == tokenizer.id(of: "<|im_end|>"))
    #expect(!tokenizer.addsBOS)
    for (wrong, code) in [
      (#"{"eos_token":3}"#, .wrongType), ("{", .notJSON),
    ] as [(String, Problem.Code)] {
      expectProblem(code) {
        try Tokenizer(
          tokenizerJSON: json, file: "tokenizer.json", configuration: Array(wrong.utf8))
      }
    }
  }

  /// As in transformers: a token that is named joins the vocabulary, and the post-processor says what a
  /// text begins with.
  @Test func aNamedTokenThatIsNewComesAfterTheOthers() throws {
    let json = try goldenBytes("tokenizer_gpt2.json")
    let plain = try smallTokenizer("gpt2")
    let names = #"{"eos_token":"</nothing>","add_bos_token":true}"#
    let tokenizer = try Tokenizer(
      tokenizerJSON: json, file: "tokenizer.json", configuration: Array(names.utf8))
    #expect(tokenizer.eosID == Int32(plain.vocabularyCount))
    #expect(tokenizer.vocabularyCount == plain.vocabularyCount + 1)
    #expect(tokenizer.encode("</nothing>", parsesSpecials: true) == [tokenizer.eosID])
    #expect(tokenizer.encode("</nothing>") == plain.encode("</nothing>"))
    #expect(!tokenizer.addsBOS && tokenizer.sha256 != plain.sha256)
  }

  @Test func unknownIDsAndDamagedTextAreHarmless() throws {
    let tokenizer = try smallTokenizer("llama3")
    for id in [Int32.min, -1, Int32(tokenizer.vocabularyCount), Int32.max] {
      #expect(tokenizer.decode([id]) == "")
      #expect(tokenizer.label(of: id) == "[\(id)]")
    }
    let accent = tokenizer.encode("\u{1F600}")
    #expect(accent.count > 1)
    #expect(tokenizer.decode([accent[0]]).contains("\u{FFFD}"))
    let damaged: [[UInt8]] = [
      [0xFF], [0xE4, 0xBB], [0xC0, 0x80], [0xF9, 0x80, 0x80, 0x80], [0xED, 0xA0, 0x80, 0x20],
    ]
    for bytes in damaged {
      let encoding = tokenizer.encode([
        TextSpan(bytes: bytes, parsesSpecials: true)
      ])
      #expect(encoding.ids.flatMap(tokenizer.bytes) == bytes)
    }
  }

  @Test func labelsShowWhatIsInvisible() throws {
    let names = [
      "\n", "\t", " ", "   ", "\u{1B}[31m", "\u{202E}x", "\u{AD}", "é", "a\r\n", "\u{3000}",
    ]
    let added = names.enumerated().map { index, name in
      let text = String(decoding: try! JSONEncoder().encode(name), as: UTF8.self)
      return #"{"id":\#(11 + index),"content":\#(text)}"#
    }
    let json = tinyTokenizer(added: added.joined(separator: ","))
    let tokenizer = try Tokenizer(tokenizerJSON: Array(json.utf8), file: "tiny.json")
    let labels = names.indices.map { tokenizer.label(of: Int32(11 + $0)) }
    #expect(
      labels == [
        "↵", "→", "␣", "␣␣␣", "\\u{1B}[31m", "\\u{202E}x", "\\u{AD}", "é", "a\\u{D}↵", "\\u{3000}",
      ])
    let small = try smallTokenizer("llama3")
    let byte = try #require(small.vocabulary.id(of: ByteAlphabet.written([0xE4])))
    #expect(small.label(of: byte) == "<0xE4>")
    #expect(small.id(of: " the") == small.encode(" the").first)
    for id in 0..<Int32(small.vocabularyCount) {
      let scalars = small.label(of: id).unicodeScalars
      #expect(!scalars.isEmpty && scalars.allSatisfy { $0.properties.generalCategory != .control })
    }
  }
}

struct TextGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
