import Files
import Foundation
import Testing

@testable import Tokenization

/// Normal form C as Python's `unicodedata` has it, from `Oracles/record_normal_form.py`.
struct NormalFormTests {
  struct Record: Decodable {
    var unicode: String
    var alone: [String]
    var between: [String]
    var firsts: [UInt32]
    var seconds: [UInt32]
    var pairs: [String]
    var korean: String
    var ranges: [[UInt32]]
    var random: [String]
    var long: [String]
  }

  let record: Record

  init() throws {
    record = try JSONDecoder().decode(Record.self, from: Data(goldenBytes("normal_form.json")))
  }

  private func normal(_ scalars: [UInt32]) -> [UInt8] {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars.compactMap(Unicode.Scalar.init))
    return Normalizer(steps: [.compose]).normalized(Array(String(text).utf8))
  }

  private func digest(_ texts: some Sequence<[UInt32]>) -> String {
    // Nothing composes with a line break, so that one text holds them all.
    String(Digest.sha256(normal(texts.flatMap { $0 + [0x0A] })).prefix(16))
  }

  private func block(_ number: UInt32) -> [UInt32] {
    (number << 12..<(number + 1) << 12).filter { Unicode.Scalar($0) != nil }
  }

  @Test func everyCodePoint() {
    #expect(record.unicode == NormalForm.unicodeVersion)
    let blocks = (UInt32(0)..<272).map(block).filter { !$0.isEmpty }
    #expect(record.alone.count == blocks.count)
    for (block, expected) in zip(blocks, record.alone) {
      #expect(digest(block.map { [$0] }) == expected, "from U+\(String(block[0], radix: 16))")
    }
    for (block, expected) in zip(blocks, record.between) {
      let texts = block.map { [0x61, 0x301, $0, 0x301, 0x323, 0x4ECA, $0] }
      #expect(digest(texts) == expected, "from U+\(String(block[0], radix: 16))")
    }
  }

  @Test func everyPairThatMayCompose() {
    #expect(record.firsts.count > 300 && record.seconds.count > 50)
    for (first, expected) in zip(record.firsts, record.pairs) {
      let texts = record.seconds.map { [first, $0] }
      #expect(digest(texts) == expected, "after U+\(String(first, radix: 16))")
    }
    let leads = (UInt32(0x1100)...0x1112).flatMap { lead in
      (UInt32(0x1161)...0x1175).map { [lead, $0] }
    }
    let finals = stride(from: UInt32(0xAC00), to: 0xD7A4, by: 28).flatMap { syllable in
      (UInt32(0x11A7)...0x11C3).map { [syllable, $0] }
    }
    #expect(digest(leads + finals) == record.korean)
  }

  @Test func randomTexts() {
    for (seed, expected) in zip(UInt64(1)..., record.random) {
      #expect(digest(texts(seed, 500, longest: 12)) == expected, "seed \(seed)")
    }
    for (seed, expected) in zip(UInt64(101)..., record.long) {
      #expect(digest(texts(seed, 5, longest: 2000)) == expected, "seed \(seed)")
    }
  }

  private func texts(_ seed: UInt64, _ count: Int, longest: UInt64) -> [[UInt32]] {
    var state = seed
    func below(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    return (0..<count).map { _ in
      (0..<(1 + below(longest))).map { _ in
        let range = record.ranges[Int(below(UInt64(record.ranges.count)))]
        return range[0] + UInt32(below(UInt64(range[1] - range[0] + 1)))
      }
    }
  }

  /// U+0345 comes last and U+0323 first: a sort that takes each mark anew would take hours.
  @Test(.timeLimit(.minutes(1))) func aHundredThousandMarks() {
    let marks = [UInt32](repeating: 0x345, count: 50_000) + Array(repeating: 0x323, count: 50_000)
    let expected = [0x1EA1] + Array(repeating: 0x323, count: 49_999) + marks.prefix(50_000)
    #expect(normal([0x61] + marks) == normal(expected))
    #expect(normal([0x61] + marks).count == 3 + 2 * 99_999)
  }

  @Test func aByteThatIsNoTextStays() {
    let bytes: [UInt8] = [0xFF, 0xCC, 0x81, 0xE1, 0x65, 0xCC, 0x81, 0xCC]
    #expect(
      Normalizer(steps: [.compose]).normalized(bytes)
        == [0xFF, 0xCC, 0x81, 0xE1, 0xC3, 0xA9, 0xCC])
  }

  /// A Korean syllable and its final consonant, as `tokenizers` reads them.
  @Test func tokensAreThoseOfTheNormalisedText() throws {
    let tokenizer = try smallTokenizer("qwen2")
    let encoding = tokenizer.encode([
      TextSpan(
        bytes: Array("\u{AC00}\u{11B8}x".utf8), parsesSpecials: false)
    ])
    #expect(encoding.ids == tokenizer.encode("\u{AC11}x"))
    #expect(encoding.ids.flatMap(tokenizer.bytes) == [0xEA, 0xB0, 0x91, 0x78])
    #expect(encoding.byteRanges.last == 6..<7)
  }
}
