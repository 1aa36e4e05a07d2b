import Files
import Foundation
import Statistics
import Testing

@testable import Figures

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// What a strict XML parser makes of a document.
final class Outline: NSObject, XMLParserDelegate {
  var elements: [String: Int] = [:]
  var text = ""

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) { elements[name, default: 0] += 1 }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

  static func of(_ xml: String) -> Outline? {
    let (parser, outline) = (XMLParser(data: Data(xml.utf8)), Outline())
    parser.delegate = outline
    return parser.parse() ? outline : nil
  }
}

@Suite struct ReportTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "report-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test func writesThePageAndEveryFiguresFiles() throws {
    try withFolder { folder in
      let page = try SampleReport.report.write(to: folder)
      #expect(page == "\(folder)/report.html")
      let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/figures")
      #expect(files.count == 15)
      let html = try String(contentsOfFile: page, encoding: .utf8)
      for file in files { #expect(html.contains("href=\"figures/\(file)\"")) }
    }
    if let folder = ProcessInfo.processInfo.environment["SAMPLE_REPORT"] {
      try SampleReport.report.write(to: folder)
    }
  }

  @Test func sameContentGivesTheSameBytes() throws {
    #expect(SampleReport.report.html == SampleReport.report.html)
    #expect(SampleReport.heatMap.svg == SampleReport.heatMap.svg)
    try withFolder { folder in
      let page = try SampleReport.report.write(to: folder)
      let first = try Data(contentsOf: URL(fileURLWithPath: page))
      try SampleReport.report.write(to: folder)
      #expect(try Data(contentsOf: URL(fileURLWithPath: page)) == first)
    }
  }

  @Test func nothingIsFetchedAndNothingRuns() {
    let html = SampleReport.report.html
      .replacingOccurrences(of: "xmlns=\"http://www.w3.org/2000/svg\"", with: "")
    for forbidden in ["http:", "https:", "//", "<script", "javascript", "@import", " src="] {
      #expect(!html.contains(forbidden), "\(forbidden)")
    }
    #expect(html.contains("default-src 'none'"))
  }

  @Test func thePageIsWellFormed() throws {
    // Void elements aside, the page is XML as well, which leaves no tag unclosed.
    let html = SampleReport.report.html
      .replacingOccurrences(of: "<!DOCTYPE html>", with: "")
      .replacing(/<meta ([^>]*)>/) { "<meta \($0.output.1)/>" }
    let outline = try #require(Outline.of(html))
    #expect(outline.elements["svg"] == 5 && outline.elements["table"] == 2)
    #expect(outline.elements["h1"] == 1 && outline.elements["title"] == 6)
    #expect(outline.text.contains("Nothing found") && outline.text.contains("Table 1."))
    #expect(outline.text.contains("0.961 [0.932, 0.978] (n = 240)"))
    let ids = html.matches(of: /\ id="([^"]*)"/).map { String($0.output.1) }
    #expect(Set(ids).count == ids.count)
  }

  @Test func hostileTextIsShownAndNotObeyed() throws {
    let attack = "</p></title><script>alert('x')</script>\u{1B}[2J\u{202E}\u{0}\"&\u{FFFE}"
    let trace = TokenTraceFigure.Trace(
      name: attack,
      tokens: [
        .init(text: attack, segment: attack, score: .nan), .init(text: "", segment: "", score: 0.5),
      ])
    let report = Report(
      title: attack, summary: [attack], verdicts: [.init(.found, attack)],
      sections: [
        .init(
          title: attack,
          blocks: [
            .prose(attack), .preformatted(attack),
            .table(title: attack, DataTable(columns: [attack], rows: [[.text(attack)]])),
            .figure(TokenTraceFigure(title: attack, caption: attack, traces: [trace])),
            .figure(
              HeatMapFigure(
                title: attack, caption: attack, valueLabel: attack, layers: [0], tokens: [attack],
                segments: [attack], values: [[.infinity]])),
            .figure(
              LineFigure(
                title: attack, caption: attack, xLabel: attack, yLabel: attack,
                series: [.init(name: attack, points: [.init(x: .nan, y: 1), .init(x: 0, y: nil)])],
                levels: [.init(name: attack, value: .nan)],
                marks: [.init(name: attack, value: .infinity)])),
          ]),
        .init(title: attack, blocks: []),
      ], facts: [.init(attack, attack)])
    let html = report.html
    #expect(!html.lowercased().contains("<script"))
    #expect(!html.unicodeScalars.contains { ["\u{1B}", "\u{202E}", "\u{0}"].contains($0) })
    #expect(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;␛[2J⟨U+202E⟩␀"))
    for (slug, figure) in report.figures {
      #expect(slug.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
      #expect(Outline.of(figure.svg) != nil)
      #expect(!figure.svg.contains("nan") && !figure.svg.contains("inf"))
    }
    try withFolder { try report.write(to: $0) }
  }

  @Test func aFolderThatCannotBeMadeIsATypedError() throws {
    try withFolder { folder in
      try Data().write(to: URL(fileURLWithPath: folder))
      expectProblem(.unwritable) { try SampleReport.report.write(to: folder) }
    }
  }

  @Test func anEmptyReportIsAPage() {
    let html = Report(title: "Nothing").html
    #expect(html.contains("<h1>Nothing</h1>") && !html.contains("<nav"))
  }
}
