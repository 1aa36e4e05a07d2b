import Files
import Testing

@testable import Prompts

/// Where thinking ends and the answer begins, for every family of markers (Oracles/record_thinking.py).
struct ThinkingReadTests {
  private static let recorded = Result { try golden("thinking.json") }

  private func rows(_ name: String) throws -> [[JSON]] {
    try #require(try Self.recorded.get()[name]?.array).map { try #require($0.array) }
  }

  /// Whatever is read, it is the whole text.
  private func check(
    _ reading: AnswerReading, _ text: String, _ thinking: String, _ answer: String?,
    _ place: String
  ) {
    #expect(reading.thinking == thinking, "\(place)")
    #expect(reading.answer == answer, "\(place)")
    #expect(reading.text.string == text, "\(place)")
    func own(_ segment: Segment) -> String {
      reading.text.spans.filter { $0.segment == segment }.text
    }
    #expect(own(.answer) == answer ?? "", "\(place)")
    #expect(own(.thinking).filter { $0 != "\n" } == thinking.filter { $0 != "\n" }, "\(place)")
  }

  @Test func familiesAreReadAsTheirSourcesDo() throws {
    let rows = try rows("grid")
    #expect(Set(rows.compactMap { $0[0].text }).count == 15 && rows.count == 104)
    for row in rows {
      let (family, kind) = (try #require(row[0].text), try #require(row[1].text))
      let (text, thinking) = (try #require(row[2].text), try #require(row[3].text))
      let place = "\(family), \(kind)"
      // Ordinary words end a thought only where one has begun.
      let hasWords = family == "granite-3.2"
      if !hasWords || kind != "only close" {
        check(ThinkingMarkers.deepSeek.read(text), text, thinking, row[4].text, place)
        let other = ThinkingMarkers(open: "((", close: "))")
        check(other.read(text), text, thinking, row[4].text, "\(place), other markers first")
      }
      guard kind == "only close" else { continue }
      let markers =
        hasWords
        ? ThinkingMarkers(open: "Here is my thought process:", close: "Here is my response:")
        : .deepSeek
      check(markers.read(text, isOpened: true), text, thinking, row[4].text, "\(place), opened")
    }
  }

  @Test func turnsOfPublishedTemplatesAreRead() throws {
    let rows = try rows("turns")
    #expect(rows.count == 8)
    for row in rows {
      let (name, text) = (try #require(row[0].text), try #require(row[1].text))
      let source = String(decoding: try goldenBytes("templates/\(name).jinja"), as: UTF8.self)
      for markers in [ThinkingMarkers.deepSeek, ThinkingMarkers(guessedFrom: source)] {
        check(markers.read(text), text, try #require(row[2].text), row[3].text, name)
      }
    }
  }

  @Test(
    arguments: [
      // Markers that stand later are words of the answer.
      (
        "<think>a</think>Write <think>x</think>, then stop.", "a",
        "Write <think>x</think>, then stop."
      ),
      ("[THINK]a[/THINK]It ends with [/THINK].", "a", "It ends with [/THINK]."),
      ("Write <think>x</think> first.", nil, "Write <think>x</think> first."),
      ("It ends with `</think>` there.", nil, "It ends with `</think>` there."),
      ("```\n<think>\nx\n</think>\n```", nil, "```\n<think>\nx\n</think>\n```"),
      ("<think>It asks about `</think>`.</think>Fog.", "It asks about `</think>`.", "Fog."),
      ("Use \"<|channel|>analysis\" so.", nil, "Use \"<|channel|>analysis\" so."),
      // A thought that names its marker once, and blocks within blocks.
      ("<think>Never write <think> here.</think>Fog.", "Never write <think> here.", "Fog."),
      (
        "<think>a <think>b</think> c</think>Fog.", "a <think>b</think> c", "Fog."
      ),
      // Several blocks, and one that is cut off.
      ("<think>a</think>\n<think>b</think>\n\nFog.", "a\n\nb", "Fog."),
      ("<think>a</think><think>b", "a\n\nb", nil),
      ("<think>a</think><think></think>Fog.", "a", "Fog."),
      ("<THINK>a</Think> Fog.", "a", "Fog."),
      ("a</think>b</think>c", "a", "b</think>c"),
      // An answer's tag is a word without thinking before it.
      ("<answer>Fog.</answer>", nil, "<answer>Fog.</answer>"),
      ("<think>a</think><answer>Fog. </answer>\n", "a", "Fog."),
      ("<think>a</think><answer>Fog", "a", "Fog"),
      ("<|START_RESPONSE|>Fog.<|END_RESPONSE|>", nil, "Fog."),
      // gpt-oss: several messages, tools, a channel alone, and what is left without special tokens.
      (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>analysis<|message|>b<|end|>"
          + "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"
          + "<|start|>functions.f to=assistant<|channel|>commentary<|message|>c<|end|>"
          + "<|start|>assistant<|channel|>final<|message|>Fog.<|return|>", "a\n\nb\n\n{}\n\nc",
        "Fog."
      ),
      ("<|channel|>final<|message|>Fog.", nil, "Fog."),
      ("<|start|>assistant<|channel|>final <|constrain|>json<|message|>{}<|end|>", nil, "{}"),
      ("<|channel|>commentary<|message|>I will look.<|end|>", "I will look.", nil),
      ("<|channel|>analysis", "", nil),
      (
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>"
          + "Say <|channel|>analysis<|message|>.", "a", "Say <|channel|>analysis<|message|>."
      ),
      ("analysisSorry?assistantfinalFog.", "Sorry?", "Fog."),
      ("analysis of fog", nil, "analysis of fog"),
      ("Here is my response: fog.", nil, "Here is my response: fog."),
      ("  plain  ", nil, "  plain  "), ("", nil, ""),
    ] as [(String, String?, String?)]) func onlyMarkersCount(
      text: String, thinking: String?, answer: String?
    )
  {
    let reading = ThinkingMarkers.deepSeek.read(text)
    // Where no message of analysis was begun there is nothing between the markers.
    #expect((reading.thinking ?? "") == thinking ?? "", "\(text)")
    #expect(reading.answer == answer, "\(text)")
    #expect(reading.text.string == text)
    // What is read once stays as it is.
    if let thinking, let answer {
      let again = Conversation(
        id: "a", source: .text(""), thinking: thinking, response: answer
      ).reading()
      #expect(again.thinking == thinking && again.answer == answer)
    }
  }

  /// Neither many blocks nor blocks without an end take long.
  @Test(arguments: [
    "<think></think>", "<think><think></think>", "<think>", "</think>", "<|channel|>",
  ])
  func manyMarkersAreReadQuickly(block: String) {
    let text = String(repeating: block, count: 60_000)
    let time = ContinuousClock().measure { _ = ThinkingMarkers.deepSeek.read(text) }
    #expect(time < .seconds(20), "\(block)")
  }

  @Test func thinkingInAResponseGivesTheSameTranscript() throws {
    let markers = ThinkingMarkers.deepSeek
    func spans(
      _ prompt: String, _ thinking: String?, _ response: String?
    ) throws -> [TranscriptSpan] {
      try Conversation(
        id: "a", source: .text(prompt), thinking: thinking, response: response
      ).spans(template: nil, markers: markers)
    }
    let inline = "<think>\nhm\n</think>\n\nFog."
    #expect(try spans("q", nil, inline) == spans("q", "hm", "Fog."))
    // What the prompt has opened is not opened again, whatever the response repeats.
    for response in [inline, "hm\n</think>\n\nFog."] {
      let opened = try spans("q<think>\n", nil, response)
      #expect(opened.text == "q<think>\nhm\n</think>\n\nFog.")
      #expect(opened.map(\.segment) == [.prompt, .thinking, .template, .answer])
    }
    // Nothing between the markers, and no end.
    let empty = try spans("q<think>\n", nil, "<think>\n\n</think>\n\nFog.")
    #expect(empty.map(\.segment) == [.prompt, .template, .answer])
    let open = try spans("q", nil, "<think>\nhm")
    #expect(open.map(\.segment) == [.prompt, .template, .thinking])
    #expect(
      Conversation(id: "a", source: .text("q"), response: "<think>\nhm\n</think>").nextWord(
        after: markers) == Conversation.anyWord)
  }
}
