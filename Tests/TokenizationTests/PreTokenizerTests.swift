import Testing

@testable import Tokenization

/// The pieces that `tokenizers` gives for the published patterns.
struct PreTokenizerTests {
  private func pieces(_ text: String, _ steps: SplitPattern...) -> [String] {
    let bytes = Array(text.utf8)
    var pieces: [String] = []
    bytes.withUnsafeBufferPointer { buffer in
      PreTokenizer(steps: steps.map(PreTokenizer.Step.split))
        .forEachPiece(of: 0..<buffer.count, in: SourceText(bytes: buffer)) { piece, text in
          pieces.append(String(decoding: text.bytes[piece], as: UTF8.self))
        }
    }
    return pieces
  }

  @Test func gpt2() {
    #expect(pieces("I'm 42, don't!", .gpt2) == ["I", "'m", " 42", ",", " don", "'t", "!"])
    #expect(pieces("I'M", .gpt2) == ["I", "'", "M"])
    #expect(pieces("a   b\n\n c  ", .gpt2) == ["a", "  ", " b", "\n\n", " c", "  "])
    #expect(pieces("x²½ é\u{301}", .gpt2) == ["x", "²½", " é", "\u{301}"])
    let spaces = pieces("a\r\nb\u{3000}\u{A0}c", .gpt2)
    #expect(spaces == ["a", "\r", "\n", "b", "\u{3000}", "\u{A0}", "c"])
  }

  @Test func digitsStandAlone() {
    #expect(pieces("ab 123 x²", .digits, .gpt2) == ["ab", " ", "1", "2", "3", " x", "²"])
    #expect(pieces("  12", .digits, .gpt2) == ["  ", "1", "2"])
  }

  @Test func llama3() {
    #expect(pieces("I'M 1234567", .llama3) == ["I", "'M", " ", "123", "456", "7"])
    #expect(pieces("it'\u{17F}a 'Lla", .llama3) == ["it", "'\u{17F}", "a", " '", "Lla"])
    #expect(pieces("'LLa'Rea", .llama3) == ["'LL", "a", "'Re", "a"])
    #expect(pieces("(abc) .\n\nx", .llama3) == ["(abc", ")", " .\n\n", "x"])
    #expect(pieces("a \r\n \n  b\tc", .llama3) == ["a", " \r\n \n", " ", " b", "\tc"])
    #expect(pieces("\nabc  ", .llama3) == ["\n", "abc", "  "])
  }

  @Test func qwen2() {
    #expect(pieces("a 12 'LL", .qwen2) == ["a", " ", "1", "2", " '", "LL"])
  }

  /// Whatever the bytes, the pieces are the text again and none is empty.
  @Test func piecesAreTheText() {
    var generator = TextGenerator(seed: 3)
    let alphabet: [UInt8] =
      Array("aS1 '\n\r\t.l".utf8) + [0xC5, 0xBF, 0xE3, 0x80, 0xFF, 0xF0, 0x9F, 0xC2, 0xA0]
    for _ in 0..<2_000 {
      let bytes = (0..<Int.random(in: 0...20, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator)!
      }
      for steps in [
        [.gpt2], [.digits, .gpt2], [.llama3], [.qwen2], [.tekken], [.o200k], [.deepSeekV3],
        [.trailingSpaces, .deepSeekV3], [.run(CharacterRun(members: .letter, takesSpace: true))],
      ] as [[SplitPattern]] {
        var joined: [UInt8] = []
        bytes.withUnsafeBufferPointer { buffer in
          PreTokenizer(steps: steps.map(PreTokenizer.Step.split))
            .forEachPiece(of: 0..<buffer.count, in: SourceText(bytes: buffer)) { piece, text in
              #expect(!piece.isEmpty)
              joined += text.bytes[piece]
            }
        }
        #expect(joined == bytes)
      }
    }
  }
}
