import Foundation
import Statistics
import Testing

@testable import Figures

@Suite struct FigureTests {
  private func isWellFormed(_ figure: some SVGFigure) -> Bool {
    guard let outline = Outline.of(figure.svg) else { return false }
    return outline.elements["title"] == 1 && outline.elements["desc"] == 1
      && !figure.svg.contains("nan") && !figure.svg.contains("inf")
  }

  @Test func everyFigureIsWellFormedAndDescribed() {
    for count in [1, 2, 60, 64, 65, 420, 3000] {
      let figure = TokenTraceFigure(
        title: "t", caption: "c", traces: [SampleReport.trace("a", count: count, seed: 1)])
      #expect(isWellFormed(figure))
      #expect(figure.data.rows.count == count)
    }
    #expect(isWellFormed(SampleReport.heatMap))
    #expect(isWellFormed(SampleReport.layerStudy))
    #expect(isWellFormed(TokenTraceFigure(title: "", caption: "", traces: [])))
    #expect(
      isWellFormed(TokenTraceFigure(title: "", caption: "", traces: [.init(name: "", tokens: [])])))
    #expect(
      isWellFormed(
        HeatMapFigure(
          title: "", caption: "", valueLabel: "", layers: [], tokens: [], values: [])))
    #expect(
      isWellFormed(LineFigure(title: "", caption: "", xLabel: "", yLabel: "", series: [])))
  }

  @Test func longTracesStaySmall() {
    let figure = TokenTraceFigure(
      title: "t", caption: "c", traces: [SampleReport.trace("a", count: 20_000, seed: 1)])
    #expect(figure.svg.utf8.count < 120_000)
  }

  @Test func theCliffIsDrawnWhereItIs() {
    let trace = TokenTraceFigure.Trace(
      name: "a",
      tokens: [
        .init(text: " so", segment: "thinking", score: 0.8),
        .init(text: "\n", segment: "template", score: 0.2),
      ], plateau: 0.8, final: 0.2, fallStart: 0)
    let svg = TokenTraceFigure(title: "t", caption: "c", traces: [trace]).svg
    for text in ["plateau 0.800", "final 0.200", "cliff 0.600", ">·so<", ">↵<", ">thinking<"] {
      #expect(svg.contains(text), "\(text)")
    }
  }

  @Test func missingIsNotZero() {
    func map(_ value: Double?) -> HeatMapFigure {
      HeatMapFigure(
        title: "t", caption: "c", valueLabel: "v", layers: [3], tokens: ["a", "b"],
        values: [[value, 1]])
    }
    #expect(map(nil).svg != map(0).svg)
    #expect(map(nil).svg.contains("no value") && !map(0).svg.contains("no value"))
    #expect(map(nil).csv.contains("3,0,,\"\"\"a\"\"\",\r\n"))
    #expect(map(0).csv.contains("3,0,,\"\"\"a\"\"\",0.0\r\n"))
  }

  @Test func divergingColoursAreCentred() {
    #expect(Palette.color(0.5, in: Palette.diverging) == "#f4f2ee")
    #expect(Palette.color(0, in: Palette.sequential) == "#440154")
    #expect(Palette.color(7, in: Palette.sequential) == "#fde725")
  }

  @Test func dataSurviveTheirCSV() throws {
    let texts = ["=1+1", "a,b", "say \"hi\"", "two\nlines", "\r", "é\u{301}"]
    let rows = texts.enumerated().map {
      [DataTable.Cell.text($1), .number(0.1 + Double($0) / 3), .missing]
    }
    // A formula is guarded, and control characters are escapes.
    let shown = ["'=1+1", "a,b", "say \"hi\"", "two\\nlines", "\\r", "é\u{301}"]
    let table = DataTable(columns: ["text", "value", "gap"], rows: rows)
    let parsed = parse(table.csv)
    #expect(parsed.first == ["text", "value", "gap"])
    #expect(parsed.dropFirst().map { $0[0] } == shown)
    #expect(parsed.dropFirst().map { Double($0[1]) } == rows.indices.map { 0.1 + Double($0) / 3 })
    #expect(parsed.dropFirst().allSatisfy { $0[2].isEmpty })
  }

  @Test func intervalsBecomeFourColumns() {
    let interval = Interval(estimate: 0.5, low: 0.25, high: 0.75, method: "m", n: 9)
    let table = DataTable(
      columns: ["rate"], rows: [[.interval(interval)], [.missing], [.number(0.1)]])
    #expect(
      table.csv
        == "rate,rate_low,rate_high,rate_n\r\n0.5,0.25,0.75,9\r\n,,,\r\n0.1,,,\r\n")
  }

  @Test func jsonHoldsTheSameRows() throws {
    let figure = SampleReport.layerStudy
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(figure.json.utf8)) as? [String: Any])
    #expect(object["title"] as? String == figure.title)
    #expect((object["rows"] as? [[Any]])?.count == figure.data.rows.count)
    let odd = DataTable(columns: ["a\u{1}\"\\"], rows: [[.number(.nan)], [.text("\u{7F}\n")]])
    let text = "{" + odd.json(indent: "") + "}"
    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
  }

  @Test func numbersAreRoundedForReaders() {
    #expect(Numbers.significant(0.91234) == "0.912" && Numbers.significant(0.9996) == "1.00")
    #expect(Numbers.significant(12.345) == "12.3" && Numbers.significant(-1234.5) == "-1234")
    #expect(Numbers.significant(0) == "0" && Numbers.significant(.nan) == "undefined")
    #expect(Numbers.significant(0.0000123) == "1.23e-05")
    #expect(Numbers.ticks(from: 0, to: 1, about: 4).count == 6)
    #expect(Numbers.tickLabels([0.05, 0.1, 0.15]) == ["0.05", "0.10", "0.15"])
    #expect(Numbers.coordinate(10) == "10" && Numbers.coordinate(1.504) == "1.5")
    for (low, high) in [(0, Double.infinity), (1, 1), (-1e308, 1e308), (1e300, 1.0000001e300)] {
      #expect(Numbers.ticks(from: low, to: high, about: 5).count < 100)
    }
  }

  /// A small reader of RFC 4180, by scalars.
  private func parse(_ csv: String) -> [[String]] {
    var (rows, field, isQuoted, wasQuote): ([[String]], String, Bool, Bool) = (
      [[]], "", false, false
    )
    for scalar in csv.unicodeScalars {
      if isQuoted {
        if scalar == "\"" {
          (isQuoted, wasQuote) = (false, true)
        } else {
          field.unicodeScalars.append(scalar)
        }
        continue
      }
      switch scalar {
      case "\"":
        if wasQuote { field += "\"" }
        isQuoted = true
      case ",", "\n":
        rows[rows.count - 1].append(field)
        field = ""
        if scalar == "\n" { rows.append([]) }
      case "\r": break
      default: field.unicodeScalars.append(scalar)
      }
      wasQuote = false
    }
    return rows.dropLast()
  }
}
