import Files
import Foundation
import Refusal
import Testing

@testable import Figures
@testable import Reporting

/// Figures of a study against numbers computed by hand.
@Suite struct StudyTests {
  private func withFixture(_ body: (StudyFixture) throws -> Void) throws {
    let fixture = try StudyFixture()
    defer { fixture.remove() }
    try body(fixture)
  }

  private func numbers(
    _ table: DataTable, _ column: String, where isWanted: ([DataTable.Cell]) -> Bool
  )
    throws -> [Double]
  {
    let index = try #require(table.columns.firstIndex(of: column))
    return table.rows.filter(isWanted).compactMap { row in
      switch row[index] {
      case .number(let value): value
      case .integer(let value): Double(value)
      default: nil
      }
    }
  }

  private func areClose(_ one: [Double], _ other: [Double]) -> Bool {
    one.count == other.count && zip(one, other).allSatisfy { abs($0 - $1) < 1e-6 }
  }

  @Test func panelsHoldTheMeanOfEachModelAtEachToken() throws {
    try withFixture { fixture in
      let comparison = try fixture.comparison()
      let figure = comparison.curves("t", mark: nil, \.aligned)
      #expect(figure.panels.map(\.name) == ["aligned", "cliff"])
      func mean(_ panel: String, _ position: Double) throws -> [Double] {
        try numbers(figure.data, "mean s") {
          $0[0] == .text(panel) && $0[3] == .number(position)
        }
      }
      // The last thought is at 0 and the final token two behind it: (1/4 + 1/2) / 2.
      #expect(areClose(try mean("cliff", 0), [0.75]))
      #expect(areClose(try mean("cliff", 2), [0.375]))
      #expect(areClose(try mean("aligned", 2), [0.75]))
      #expect(figure.svg.components(separatedBy: ">mean s<").count == 2, "one axis for a row")
    }
  }

  @Test func everyTranscriptIsADotAndTheMeanStandsBelow() throws {
    try withFixture { fixture in
      let figure = try fixture.comparison().distribution
      #expect(figure.strips.map(\.name) == ["aligned, harmful", "cliff, harmful"])
      let values = figure.strips[1].values
      #expect(values.map(\.name) == (0..<12).map { "p\($0)" })
      #expect(areClose(values.map(\.value), (0..<12).map { $0 % 2 == 0 ? 0.5 : 0.25 }))
      let mean = try #require(figure.strips[1].mean)
      #expect(abs(mean.estimate - 0.375) < 1e-6 && mean.low > 0.25 && mean.high < 0.5)
    }
  }

  @Test func wordsSayWhoFallsWithBothRules() throws {
    try withFixture { fixture in
      let verdicts = try fixture.comparison().verdicts
      #expect(verdicts.map(\.kind) == [.notFound, .found, .caution])
      let level = "aligned, harmful: No cliff, the interval includes 0: fall = "
      #expect(verdicts[0].text.hasPrefix(level), "\(verdicts[0].text)")
      let fall = verdicts[1].text
      #expect(fall.hasPrefix("cliff, harmful: Cliff: fall = 0.375 ["))
      #expect(fall.contains("by the paper's rule (n = 12 of 12 transcripts, 95 % BCa"))
      #expect(fall.hasSuffix("; no random directions were traced."))
      #expect(verdicts[2].text.contains("cliff, on which the probe of aligned-model was used"))
    }
  }

  /// A folder of an earlier version says "cliff" by a probe whose card does not say where it was trained.
  @Test func anEarlierVerdictIsNotRepeated() throws {
    try withFixture { fixture in
      var card = try StudyFixture.probes().card
      let told = try fixture.stored(
        "t", StudyFixture.falling(), model: "m", weights: "w", card: card)
      #expect(told.summary.groups[0].verdict.kind == .cliff)
      card.report.coverage = nil
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      let text = String(decoding: try encoder.encode(card), as: UTF8.self)
      try StudyFixture.edit("probe.json", in: told.folder) { _ in text }
      #expect(
        try String(contentsOfFile: "\(told.folder)/summary.json", encoding: .utf8)
          .contains("Cliff: fall"))
      let comparison = try TraceComparison([("old", StoredTrace(told.folder))])
      #expect(comparison.verdicts[0].kind == .caution)
      #expect(
        comparison.verdicts[0].text.hasPrefix(
          "old, harmful: Cannot be told, because the probe's card does not say at which tokens it "
            + "was trained: fall = 0.375 ["))
    }
  }

  @Test func modelsAreComparedOnTheSamePrompts() throws {
    // 1/2 - 0.05 and 1/4 + 0.05 in turn: 3/8 on average.
    let differences = try CliffDifference.between(
      StudyFixture.falling(), and: StudyFixture.level() + [StudyFixture.trace("q", final: 0.1)],
      rule: .robust, comparisons: 2, seed: 1, resamples: 500)
    #expect(differences.map(\.prompts) == [12] && differences[0].label == "harmful")
    let mean = try #require(differences[0].mean)
    #expect(abs(mean.estimate - 0.375) < 1e-6 && mean.confidence == 0.975)
    let none = try CliffDifference.between(
      StudyFixture.falling(), and: [StudyFixture.trace("p0", final: 0.2, label: "other")],
      rule: .robust, comparisons: 1, seed: 1, resamples: 500)
    #expect(none.isEmpty)
  }

  @Test func whatCannotBeComparedIsSaid() throws {
    try withFixture { fixture in
      let card = try StudyFixture.probes().card
      var other = card
      other.probeSHA256 = "ffff"
      let comparison = try TraceComparison([
        (
          "one",
          try fixture.stored("1", StudyFixture.falling(), model: "m", weights: "w", card: card)
        ),
        (
          "two",
          try fixture.stored(
            "2", Array(StudyFixture.falling().prefix(11)), model: "m", weights: "w", card: other)
        ),
      ])
      let cautions = comparison.verdicts.dropFirst(2).map(\.text)
      #expect(cautions.count == 3)
      #expect(cautions[0].contains("Different probes"))
      #expect(cautions[1].contains("one and two have the same weights"))
      #expect(cautions[2].contains("one 12, two 11; 11 are in all"))
      expectProblem(.duplicateName) {
        try TraceComparison(comparison.entries.map { ("same", $0.trace) })
      }
    }
  }

  @Test func headsStandInTheirPlacesAndTheClaimedOneIsFramed() throws {
    try withFixture { fixture in
      let heads = try StoredHeads(try fixture.sweep())
      #expect(heads.verdict.kind == .found)
      #expect(heads.verdict.text.contains("1 of 4 heads are claimed to suppress refusal: 1.0"))
      guard case .figure(let figure) = heads.blocks[0] else { throw Problem.missing }
      #expect(try numbers(figure.data, "mean") { _ in true } == [-0.5, 0, 2, 0.25])
      let svg = figure.svg
      #expect(svg.components(separatedBy: "stroke=\"#111\"").count == 2)
      // Red for the head that suppresses, near white for the one that does nothing.
      // A cell of the map, not of the colour bar.
      for color in ["#9c2430", "#f4f2ee"] {
        #expect(svg.contains("fill=\"\(color)\" shape-rendering"), "\(color)")
      }
    }
  }

  @Test func successStandsBesideTheRangeOfTheRandomSets() throws {
    try withFixture { fixture in
      let attack = try StoredAttack(try fixture.attack())
      let data = attack.successByShare.data
      func column(_ name: String, _ series: String) throws -> [Double] {
        try numbers(data, name) { $0[1] == .text(series) }
      }
      #expect(try column("heads changed (% of all)", "chosen heads") == [0, 25])
      #expect(try column("attack success", "chosen heads") == [0.25, 0.75])
      #expect(try column("attack success", "random heads") == [0.25, 0.375])
      #expect(try column("low", "random heads") == [0.25, 0.25])
      #expect(try column("high", "random heads") == [0.25, 0.5])
      let capability = try #require(attack.capability).data
      func loss(_ series: String) throws -> [Double] {
        try numbers(capability, "loss (nats per token)") { $0[0] == .text(series) }
      }
      #expect(areClose(try loss("chosen heads"), [2.1, 2.3]))
      #expect(areClose(try loss("random heads"), [2.1, 2.15]))
      #expect(attack.verdicts.map(\.kind) == [.notFound])
      #expect(attack.verdicts[0].text.contains("no change is shown"))
    }
  }

  /// What a verdict is missing of is said wherever the rate stands.
  @Test func answersWithoutAVerdictAreSaid() throws {
    try withFixture { fixture in
      let whole = try StoredAttack(try fixture.attack())
      #expect(!whole.verdicts[0].text.contains("with a verdict"))
      let attack = try StoredAttack(try fixture.attack(invalid: 1))
      #expect(
        attack.verdicts[0].text.contains(
          "to 0.75 to 1.00 [0.30, 1.00] (n = 4); 1 of 4 verdicts invalid; 1.00 [0.44, 1.00] (n = 3) of "
            + "those with a verdict"))
      let tables = attack.blocks.compactMap { block -> DataTable? in
        if case .table(_, let table) = block { table } else { nil }
      }
      #expect(tables[0].columns == ["arm", "heads", "judge", "judge, invalid"])
      #expect(
        tables[0].rows.map { $0[3] }
          == [.text("0"), .text("1 of 4, between 0.750 and 1.00 with them")])
    }
  }

  @Test func aFlawlessProbeHasThreeCorners() throws {
    let report = try StudyFixture.probes().card.report
    let best = report.evaluations[report.chosen]
    let points = try #require(best.rocFigure("p")).series[0].points
    #expect(points.map(\.x) == [0, 0, 1] && points.compactMap(\.y) == [0, 1, 1])
    let bins = try #require(best.calibrationFigure("p")).series[0].points
    #expect(bins.compactMap(\.y) == [0, 1])
  }

  @Test func selectionsOverlap() throws {
    try withFixture { fixture in
      let selection = try SelectionResult.read(try fixture.selection())
      let map = selection.overlapMap
      #expect(map.cells.map { $0.map(\.value) } == [[1, 0.25], [0.25, 1]])
      #expect(map.cells.map { $0.map(\.note) } == [["3", "1"], ["1", "2"]])
      // Rows without a trace are no choice by a cliff.
      guard case .verdict(let caution) = selection.blocks[0] else { throw Problem.missing }
      #expect(caution.kind == .caution && caution.text.contains("3 of 3 rows"), "\(caution.text)")
      guard case .table(_, let shared) = selection.blocks[4] else { throw Problem.missing }
      // 3 and 2 of 8 rows share 6/8 of a row by chance.
      #expect(shared.rows[0][2] == .number(0.75))
    }
  }
}

extension Problem {
  /// A block that is not there.
  static let missing = Problem(.missing, "report", problem: "has no such block", remedy: "")
}
