import Files
import Foundation
import Testing

@testable import Prompts

/// A small generator with a seed (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

struct TemplateFuzzTests {
  static let fragments = [
    "{%", "%}", "{{", "}}", "{#", "#}", "-", "'", "\"", "\\", "(", ")", "[", "]", "{", "}", "|",
    ".", ":", ",", " if ", " else ", " in ", " not ", " is ", "~", "**", "//", "%",
    "9223372036854775807", "1e308", "-1", "{% endif %}", "{% endfor %}",
    "{% for x in messages %}", "{% set x = x %}", "{% macro f(a) %}{{ f(a) }}{% endmacro %}",
    "messages", "|tojson", "|sort", "[::-1]", ".items()", "\n", "\r\n", "é", "\u{0}",
    "loop.index", "namespace()", "|join(x)", ".split('')", "|map('trim')",
  ]

  /// Mutants of the recorded templates return or throw; none traps, hangs or grows.
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func mutantsReturnOrThrow(seed: UInt64) throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let path = folder.appendingPathComponent("../JinjaTests/Golden/templates.json").path
    let recorded = try JSONReader.parse(try readFile(path), file: path)
    let snippets = try #require(recorded["snippets"]?.array)
    let chats = try #require(try golden("templates-chat.json")["templates"]?.object)
    let sources =
      snippets.compactMap { $0["template"]?.bytes } + chats.members.compactMap { $0.value.bytes }
    let messages = [
      Message(role: "system", content: "s"), Message(role: "user", content: "é {{ x }}"),
      Message(role: "assistant", content: "<think>t</think>a"),
    ]
    var random = SeededGenerator(state: seed)
    var (rendered, broken) = (0, 0)
    for _ in 0..<5_000 {
      let mutant = Self.mutant(of: sources, &random)
      do throws(Problem) {
        let template = try ChatTemplate(
          source: String(decoding: mutant, as: UTF8.self), file: "mutant",
          tokens: ["bos_token": "<s>", "eos_token": "</s>"], date: recordingDate)
        let spans = try template.render(messages, addsGenerationPrompt: true)
        if !spans.allSatisfy({ $0.bytes.withUnsafeBytes(isValidUTF8) }) { broken += 1 }
        rendered += 1
      } catch {
        if error.subject != "mutant" { broken += 1 }
      }
    }
    #expect(broken == 0)
    #expect((500..<4_500).contains(rendered))
  }

  static func mutant(of sources: [[UInt8]], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = sources[Int.random(in: sources.indices, using: &random)]
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      let end = min(bytes.count, place + Int.random(in: 0...6, using: &random))
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes.removeSubrange(place..<end)
      case 1: bytes.insert(contentsOf: bytes[place..<end], at: place)
      case 2 where place < bytes.count:
        bytes[place] = UInt8.random(in: 0...255, using: &random)
      default:
        let fragment = fragments[Int.random(in: fragments.indices, using: &random)]
        bytes.replaceSubrange(place..<end, with: fragment.utf8)
      }
    }
    return bytes
  }
}
