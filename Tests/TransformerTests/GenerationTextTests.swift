import Files
import Foundation
import Prompts
import Testing

@testable import Transformer

/// The tiny Llama with a token for each of 93 characters, a newline, and three special ones.
private final class Talker: Sendable {
  let model: Model
  let path: String

  init(ends: String = #"[2, 96]"#, template: String? = nil) throws {
    path = NSTemporaryDirectory() + "bathyscope-talker-\(UUID().uuidString)"
    let source = golden("tiny-llama")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: "\(path)/\(name)")
    }
    var vocabulary: [String: Int] = [:]
    for (id, byte) in (0x20...0x7C).enumerated() {
      vocabulary[byte == 0x20 ? "\u{120}" : String(UnicodeScalar(UInt8(byte)))] = id + 3
    }
    vocabulary["\u{10A}"] = 96
    let added = ["<think>", "</think>", "<|end|>"].enumerated().map { id, text -> [String: Any] in
      [
        "id": id, "content": text, "special": true, "normalized": false, "lstrip": false,
        "rstrip": false, "single_word": false,
      ]
    }
    let tokenizer: [String: Any] = [
      "version": "1.0", "added_tokens": added,
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "use_regex": true],
      "decoder": ["type": "ByteLevel"],
      "model": [
        "type": "BPE",
        "vocab": vocabulary.merging(
          zip(["<think>", "</think>", "<|end|>"], 0...)
        ) { $1 }, "merges": [] as [String],
      ],
    ]
    try JSONSerialization.data(withJSONObject: tokenizer).write(
      to: URL(fileURLWithPath: path + "/tokenizer.json"))
    try Data(#"{"eos_token": "<|end|>"}"#.utf8).write(
      to: URL(fileURLWithPath: path + "/tokenizer_config.json"))
    try Data(#"{"eos_token_id": \#(ends)}"#.utf8).write(
      to: URL(fileURLWithPath: path + "/generation_config.json"))
    model = try Model.load(path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func batch(_ texts: String...) throws -> Batch {
    try model.encode(
      texts.enumerated().map { Conversation(id: "\($0)", source: .text($1)) })
  }

  /// The segments of what is written behind a prompt, one letter a token, and the texts.
  func read(
    _ text: String, behind prompt: String, stops: [String] = []
  ) throws -> (segments: String, progress: TextProgress) {
    let encoder = try model.encoder
    let before = TokenSequence(
      id: "a", tokens: encoder.tokenizer.encode(prompt, parsesSpecials: true))
    var progress = TextProgress(encoder, behind: before, stops: stops)
    let segments = encoder.tokenizer.encode(text, parsesSpecials: true).map {
      String(progress.take($0).name.prefix(2))
    }
    return (segments.joined(), progress)
  }
}

@Suite("The text of a generation")
struct GenerationTextTests {
  private let talker: Talker

  init() throws { talker = try Talker() }

  @Test func segmentsFollowTheMarkers() throws {
    let opened = try talker.read("\nab\n</think>\n\nc\nd", behind: "hi<think>")
    #expect(opened.segments == "teththth" + "tetete" + "ananan")
    #expect(opened.progress.texts.thinking == "ab" && opened.progress.texts.answer == "c\nd")
    #expect(opened.progress.texts.text == "\nab\n</think>\n\nc\nd")
    #expect(opened.progress.thinkingTokens == 3)
    // The newline that belongs to the opening marker stands in the prompt already.
    #expect(try talker.read("\na", behind: "hi<think>\n").segments == "thth")
    let own = try talker.read("<think>\na</think>b</think>", behind: "hi")
    #expect(own.segments == "tetethteanan")
    #expect(own.progress.texts.thinking == "a" && own.progress.texts.answer == "b</think>")
    let none = try talker.read("a<think>b</think>", behind: "hi")
    #expect(none.segments == "anananan")
    #expect(none.progress.texts.thinking == nil)
    #expect(none.progress.texts.answer == "a<think>b</think>")
    let open = try talker.read(" a ", behind: "<think>")
    #expect(open.progress.texts.thinking == "a" && open.progress.texts.answer == "")
    #expect(open.progress.isThinking)
    let empty = try talker.read("</think>", behind: "<think>\n")
    #expect(empty.segments == "te" && empty.progress.texts.thinking == "")
    #expect(try talker.read("", behind: "hi").progress.texts.text == "")
  }

  @Test func stopTextsLieAcrossTokens() throws {
    let read = try talker.read("abcdefgh", behind: "x", stops: ["zz", "def", "efg", "h"])
    #expect(read.progress.stopStart == 3)
    #expect(read.progress.texts.text == "abc" && read.progress.texts.answer == "abc")
    #expect(
      try talker.read("abcde", behind: "x", stops: ["f", "ee", "abcdef"]).progress.stopStart == nil)
    #expect(try talker.read("aab", behind: "x", stops: ["ab"]).progress.texts.text == "a")
    // What stands in the prompt stops nothing.
    #expect(try talker.read("b", behind: "a", stops: ["ab"]).progress.stopStart == nil)
    let thought = try talker.read("ab\n</think>c", behind: "<think>\n", stops: ["b"])
    #expect(thought.progress.texts.thinking == "a" && thought.progress.texts.answer == "")
  }

  @Test func generationEndsAtTheFirstStopText() throws {
    let model = talker.model
    var settings = GenerationSettings()
    (settings.maxNewTokens, settings.ignoresEndTokens) = (60, true)
    (settings.temperature, settings.seed) = (1, 5)
    let batch = try talker.batch("Tell me", "What")
    let free = try model.generate(batch, settings)
    for generation in free.generations {
      let text = Array(try #require(generation.text).utf8)
      let stop = String(decoding: text[20..<23], as: UTF8.self)
      settings.stop = ["\u{1}", stop]
      let run = try model.generate(Batch([batch.sequences[generation.prompt]]), settings)
      let cut = run.generations[0]
      let whole = String(decoding: text, as: UTF8.self)
      let start = try #require(whole.range(of: stop)?.lowerBound)
      #expect(cut.finish == .stopText)
      #expect(cut.text == String(whole[..<start]))
      #expect(generation.tokens.starts(with: cut.tokens))
      let tokenizer = try model.encoder.tokenizer
      let decoded = tokenizer.decode(Array(cut.tokens))
      #expect(decoded.hasPrefix((cut.text ?? "?") + stop))
      #expect(!tokenizer.decode(Array(cut.tokens.dropLast())).contains(stop))
    }
  }

  @Test func endTokensOfTheFolderEndTheText() throws {
    var settings = GenerationSettings()
    (settings.maxNewTokens, settings.temperature, settings.samples) = (80, 3, 12)
    let run = try talker.model.generate(try talker.batch("Tell me"), settings)
    var reasons: Set<FinishReason> = []
    var last: Set<Int32> = []
    for generation in run.generations {
      reasons.insert(generation.finish)
      let tokens = Array(generation.tokens)
      #expect(!tokens.dropLast().contains { [2, 96].contains($0) })
      guard generation.finish == .endToken else { continue }
      last.insert(tokens.last ?? -1)
      #expect(generation.segments.last == .template)
      let text = try talker.model.encoder.tokenizer.decode(Array(tokens.dropLast()))
      #expect(generation.text == text)
    }
    #expect(last == [2, 96] && reasons.contains(.endToken))
  }

  @Test func spentBudgetClosesTheThinking() throws {
    let model = talker.model
    var settings = GenerationSettings()
    (settings.maxNewTokens, settings.ignoresEndTokens) = (20, true)
    let batch = try talker.batch("Tell me<think>\n", "Tell me")
    let thinking = Batch([batch.sequences[0]])
    // Plain text does not open the thinking: here the special token is written out as text.
    #expect(thinking.sequences[0].tokens.count > 10)
    settings.thinkingBudget = 4
    let closing = try model.encoder.closing
    for memory in [true, false] {
      var found: [Int: Generation] = [:]
      try model.generate(
        [GenerationJob(prompt: 0, sample: 0), GenerationJob(prompt: 1, sample: 0)], of: batch,
        settings, Plan(capturing: [.residual(after: 2)]), slots: 2, threads: 1, usesMemory: memory
      ) { found[$0.prompt] = $0 }
      let (forced, free) = (try #require(found[0]), try #require(found[1]))
      let start = thinking.sequences[0].tokens.count + 4
      #expect(forced.forced == start..<(start + closing.count))
      #expect(Array(forced.sequence.tokens[forced.forced]) == closing)
      let segments = forced.segments.map { String($0.name.prefix(2)) }.joined()
      #expect(segments.hasPrefix("thththth" + "tetetete" + "an"))
      #expect(forced.tokens.count == 20 && free.forced.isEmpty)
      let whole = try model.run(
        Batch([forced.sequence]), capturing: [.residual(after: 2)])
      let same = whole.sequences[0].values == forced.capture.values
      #expect(same)
    }
    settings.thinkingBudget = 0
    let none = try model.generate(thinking, settings).generations[0]
    #expect(none.thinking == "" && Array(none.tokens.prefix(closing.count)) == closing)
    (settings.maxNewTokens, settings.thinkingBudget) = (3, 1)
    let short = try model.generate(thinking, settings).generations[0]
    #expect(short.tokens.count == 3 && short.finish == .length)
  }

  /// What touches the tokens behind the thinking leaves the thinking as it was.
  @Test func anInterventionFromTheEndOfThinkingOn() throws {
    let model = talker.model
    var settings = GenerationSettings()
    (settings.maxNewTokens, settings.ignoresEndTokens, settings.thinkingBudget) = (20, true, 4)
    let batch = try talker.batch("Tell me<think>\n")
    let vector = (0..<model.shape.dModel).map { Float($0 % 3) - 1 }
    let clean = try model.generate(batch, settings).generations[0]
    var texts: [[Int32]] = []
    // In a list with tokens that are not there it means the same.
    let both = Positions.union([.index(-99), .endOfThinking])
    for (memory, place) in [(true, .endOfThinking), (false, .endOfThinking), (true, both)]
      as [(Bool, Positions)]
    {
      let added = Intervention.add(vector, scale: 9, after: 1, at: place)
      var found: Generation?
      try model.generate(
        [GenerationJob(prompt: 0, sample: 0)], of: batch, settings,
        Plan(capturing: [], applying: [added]), slots: 1, threads: 1, usesMemory: memory
      ) { found = $0 }
      let changed = try #require(found)
      // Four tokens of thinking, four that close it; the last token is not asked what follows.
      #expect(changed.tokens.prefix(8) == clean.tokens.prefix(8))
      #expect(changed.tokens.count == 20 && changed.tokens != clean.tokens)
      #expect(changed.effects[0].firedInPrefill == 0 && changed.effects[0].firedInSteps == 15)
      texts.append(Array(changed.tokens))
    }
    #expect(texts[0] == texts[1] && texts[0] == texts[2])
    // The token before an answer is not known while the model writes, in a list neither.
    let never = Intervention.add(vector, scale: 9, after: 1, at: .union([.all, .final]))
    expectProblem(.notYetKnown) {
      _ = try model.generate(batch, settings, applying: [never])
    }
  }

  @Test func damagedEndTokensAreNamed() throws {
    var settings = GenerationSettings()
    settings.maxNewTokens = 3
    for ends in ["-1", "97", "[2, 1e3]", "\"a\"", "[[2]]", "true", "{"] {
      let talker = try Talker(ends: ends)
      let error = expectProblem(ends == "{" ? .notJSON : .unknownToken) {
        _ = try talker.model.generate(talker.batch("a"), settings)
      }
      #expect(error.map { "\($0)".contains("generation_config.json") } == true, "\(ends)")
    }
    #expect(throws: Never.self) {
      let talker = try Talker(ends: "null")
      _ = try talker.model.generate(talker.batch("a"), settings)
    }
  }
}
