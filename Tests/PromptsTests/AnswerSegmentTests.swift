import Testing

@testable import Prompts

@Suite("Segments of a generated answer")
struct AnswerSegmentTests {
  private func letters(_ pieces: [String], written: String) -> String {
    let names: [Character: Segment] = ["t": .template, "k": .thinking, "a": .answer]
    let segments = ThinkingMarkers.deepSeek.segments(
      of: pieces.map { Array($0.utf8) }, written: written.compactMap { names[$0] })
    return String(segments.map { $0 == .template ? "t" : $0 == .thinking ? "k" : "a" })
  }

  @Test func aMarkerOfManyTokensIsTemplateFromItsFirst() {
    let pieces = [
      "<", "think", ">", "\n", "Why", "?", "\n", "</", "think", ">", "\n", "\n", "No", ".",
    ]
    #expect(letters(pieces, written: "aattkkkkktttaa") == "ttttkkttttttaa")
  }

  @Test func aTokenThatStraddlesTwoCountsByItsLastByte() {
    #expect(letters(["<think>\nWhy", "?\n</think>\n\n", "No"], written: "kta") == "kta")
  }

  @Test func thinkingThatThePromptHasOpened() {
    #expect(letters(["Why", "?", "\n</", "think>", "\n\nNo"], written: "kkkta") == "kktta")
  }

  @Test func withoutAClosingMarkerNothingIsKnownBetter() {
    #expect(letters(["<", "think", ">", "\n", "Why"], written: "aattk") == "aattk")
    #expect(letters(["No", "<b"], written: "aa") == "aa")
  }

  @Test func bytesThatAreNoCharacterAndTokensWithoutBytes() {
    let markers = ThinkingMarkers.deepSeek
    let pieces: [[UInt8]] = [[0xE2, 0x97], [0x81], [], Array("</think>".utf8), [0xFF]]
    #expect(
      markers.segments(of: pieces, written: [.thinking, .thinking, .answer, .template, .answer])
        == [.thinking, .thinking, .answer, .template, .answer])
  }
}
