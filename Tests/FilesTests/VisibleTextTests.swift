import Foundation
import Testing

@testable import Files

/// Texts from outside neither begin a line of their own, nor control what shows them.
@Suite struct VisibleTextTests {
  /// Line ends, a bell, ESC, DEL, C1, bidirectional and format characters, separators, a tag.
  static let harmful =
    "\n\r\t\u{7}\u{1B}\u{7F}\u{85}\u{9B}\u{202E}\u{2066}\u{200B}\u{FEFF}"
    + "\u{2028}\u{2029}\u{E0041}"
  static let shown =
    #"\n\r\t\u{07}\u{1B}\u{7F}\u{0085}\u{009B}\u{202E}\u{2066}\u{200B}\u{FEFF}"#
    + #"\u{2028}\u{2029}\u{000E0041}"#

  @Test func harmfulCharactersAreEscapes() {
    #expect(onOneLine("a\(Self.harmful)b") == "a\(Self.shown)b")
    #expect(onOneLine("e\u{301} \u{AC00} \u{1F600} \\n") == "e\u{301} \u{AC00} \u{1F600} \\n")
    #expect(onOneLine("abcdef", limit: 3) == "abc..." && onOneLine("abc", limit: 3) == "abc")
    #expect(onOneLine("\u{1B}\u{1B}", limit: 1) == #"\u{1B}..."#)
    let long = String(repeating: "a", count: 81)
    #expect(printable(long.utf8) == long.dropLast() + "...")
    #expect(printable([0x61, 0x0A, 0xFF]) == "a\\n\u{FFFD}")
  }

  @Test func errorsAreOneShortLine() {
    let long = String(repeating: "n\n", count: 50_000)
    let error = Problem(
      .damaged, "\(long).json", place: "key '\(long)'", problem: "is \(long)", remedy: "rename it")
    #expect(error.description.unicodeScalars.allSatisfy { !$0.isHarmful })
    #expect(error.description.utf8.count < 6000)
    #expect(error.description.hasSuffix("...; rename it"))
    let short = Problem(.damaged, "a", place: "b", problem: "is c", remedy: "do d")
    #expect(short.description == "a: b: is c; do d")
  }

  @Test func jsonWithEscapesIsTheSameJSON() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .prettyPrinted
    let value = ["\(Self.harmful)key": ["a\(Self.harmful)", "\u{1F600}"]]
    let json = escapingHarmful(String(decoding: try encoder.encode(value), as: UTF8.self))
    #expect(json.unicodeScalars.allSatisfy { $0 == "\n" || !$0.isHarmful })
    #expect(json.contains(#"\u202e"#) && json.contains(#"\udb40\udc41"#))
    #expect(try JSONDecoder().decode([String: [String]].self, from: Data(json.utf8)) == value)
  }

  static let cells = [
    "plain": "plain", "a,b": "\"a,b\"", "a;b": "\"a;b\"", "say \"a\"": "\"say \"\"a\"\"\"", "": "",
    "=1+1": "'=1+1", "+1+1": "'+1+1", "-2+3": "'-2+3", "@SUM(1)": "'@SUM(1)", "-A1": "'-A1",
    " =1": "' =1", "\u{A0}\u{3000}@a": "'\u{A0}\u{3000}@a", "\u{FF1D}1": "'\u{FF1D}1",
    "-0x10": "'-0x10", "=a,\"b\"": "\"'=a,\"\"b\"\"\"", "-": "'-",
    // Numbers stay numbers, and a sign inside of a text is none in front of it.
    "-1": "-1", "+1.5": "+1.5", "-1.5e-07": "-1.5e-07", "-inf": "-inf", "a-b=c": "a-b=c",
    "\t=1": "\\t=1", "\r=1": "\\r=1", "a\nb": "a\\nb", "\u{1B}[31m": "\\u{1B}[31m",
    "\u{202E}=1": "\\u{202E}=1",
  ]

  @Test(arguments: cells) func spreadsheetsShowCells(text: String, cell: String) {
    #expect(CSVCell.text(text) == cell)
  }

  @Test func datesAreWholeSeconds() {
    #expect(WrittenDate.seconds("0") == 0 && WrittenDate.seconds("1700000000") == 1_700_000_000)
    for text in [
      "", "-1", "1.5", "1e9", "now", " 1", "+1", "253402300800", "99999999999999999999", "\u{661}",
    ] {
      #expect(WrittenDate.seconds(text) == nil, "\(text)")
    }
  }
}
