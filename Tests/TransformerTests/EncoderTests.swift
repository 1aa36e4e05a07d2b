import Files
import Foundation
import Prompts
import Testing

@testable import Transformer

@Suite("The demo model's tokenizer and chat template, from its GGUF file")
struct EncoderTests {
  static let isThere = demoModel != nil

  func json(_ path: String) throws -> JSON { try JSONReader.parse(readFile(path), file: path) }

  @Test(.enabled(if: isThere, "run: bathyscope models get smollm2-135m"))
  func idsOfAwkwardTexts() throws {
    let tokenizer = try #require(demoModel).encoder.tokenizer
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../TokenizationTests/Golden/tokenizer_smollm2.json").path
    let rows = try #require(try json(path).array)
    #expect(rows.count >= 200)
    for row in rows {
      let text = try #require(row["text"]?.text)
      func ids(_ key: String) -> [Int32]? { row[key]?.array?.compactMap { $0.int.map(Int32.init) } }
      #expect(
        tokenizer.encode(text, parsesSpecials: true) == ids("ids"), "\(text.debugDescription)")
      #expect(tokenizer.encode(text) == ids("ids_as_plain"), "\(text.debugDescription)")
    }
  }

  @Test(.enabled(if: isThere, "run: bathyscope models get smollm2-135m"))
  func renderedChatsAndTheirIds() throws {
    let encoder = try #require(demoModel).encoder
    for item in try #require(try json(golden("smollm2-golden.json"))["items"]?.array) {
      let source = try #require(item["source"]?.text)
      let messages = try? JSONReader.parse(Array(source.utf8), file: "messages").array?.map {
        Message(role: $0["role"]?.text ?? "", content: $0["content"]?.text ?? "")
      }
      let isChat = item["kind"]?.text == "chat"
      let conversation = Conversation(
        id: "0", source: isChat ? .messages(try #require(messages)) : .text(source))
      let sequence = try encoder.encode(conversation)
      #expect(sequence.tokens == item["ids"]?.array?.compactMap { $0.int.map(Int32.init) })
      if let rendered = item["rendered"]?.text {
        #expect(encoder.tokenizer.decode(sequence.tokens) == rendered)
      }
    }
  }

  @Test(.enabled(if: isThere, "run: bathyscope models get smollm2-135m"))
  func segmentsOfATranscript() throws {
    let encoder = try #require(demoModel).encoder
    let sequence = try encoder.encode(
      Conversation(
        id: "0", source: .messages([Message(role: "user", content: "Say <|im_end|> please")]),
        thinking: "They want a word.", response: "Sure."))
    var parts: [(Segment, String)] = []
    for (token, segment) in zip(sequence.tokens, sequence.segments) {
      let text = encoder.tokenizer.decode([token])
      if parts.last?.0 == segment {
        parts[parts.count - 1].1 += text
      } else {
        parts.append((segment, text))
      }
    }
    #expect(parts.map(\.0) == [.template, .prompt, .template, .thinking, .template, .answer])
    #expect(parts[1].1 == "Say <|im_end|> please")
    #expect(parts[3].1.contains("They want a word."))
    #expect(parts[4].1.contains("</think>"))
    #expect(parts[5].1 == "Sure.")
    let special = try #require(encoder.tokenizer.id(of: "<|im_end|>"))
    let inPrompt = zip(sequence.tokens, sequence.segments).contains {
      $0 == special && $1 == .prompt
    }
    #expect(!inPrompt)
  }

  /// Behind thinking without an answer stand the tokens that stand in front of one: this vocabulary has one
  /// token for two new lines at the end of a text, and writes two in front of a word.
  @Test(.enabled(if: isThere, "run: bathyscope models get smollm2-135m"))
  func thinkingWithoutAnAnswerEndsAsInFrontOfOne() throws {
    let encoder = try #require(demoModel).encoder
    func sequence(_ thinking: String?, _ response: String?) throws -> TokenSequence {
      try encoder.encode(
        Conversation(
          id: "0", source: .messages([Message(role: "user", content: "Hello")]),
          thinking: thinking, response: response))
    }
    for thinking in ["", "They greet me.", "Hm\n"] {
      let cut = try sequence(thinking, nil)
      #expect(try sequence(thinking, "") == cut)
      // tokenizers 0.23.3 writes [9617, 17400, 46, 198, 198, 34355] for "</think>\n\nSure", and
      // [9617, 17400, 46, 1116] where the text ends in front of "Sure".
      #expect(cut.tokens.suffix(5) == [9617, 17400, 46, 198, 198])
      #expect(cut.segments.last == .template)
      for answer in ["Sure", "I'm sorry", "**No**", "Ångström"] {
        let whole = try sequence(thinking, answer)
        #expect(whole.tokens.starts(with: cut.tokens) && whole.tokens.count > cut.tokens.count)
        #expect(whole.segments[cut.tokens.count] == .answer, "\(answer)")
      }
    }
    #expect(encoder.closing.suffix(5) == [9617, 17400, 46, 198, 198])
    // A prompt that is none of thinking is what the template and the tokenizer say.
    let prompt = Conversation(id: "0", source: .text("Two lines\n\n"))
    #expect(try encoder.encode(prompt).tokens == encoder.tokenizer.encode("Two lines\n\n"))
  }

  @Test func aFolderWithoutATokenizerTakesTokenIDs() throws {
    let model = try Model.load(golden("tiny-llama"))
    let batch = try model.encode([Conversation(id: "0", source: .tokenIDs([1, 2, 3]))])
    #expect(batch.sequences[0].tokens == [1, 2, 3])
    let error = expectProblem(.noTokenizer) {
      _ = try model.encode([Conversation(id: "0", source: .text("hello"))])
    }
    #expect(error?.remedy.contains("token_ids") == true)
  }
}
