import Files
import Foundation
import Refusal
import Testing

@testable import Figures
@testable import Reporting

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// A whole study as a page, and files that are damaged or belong to another model.
@Suite struct StudyPageTests {
  private func withFixture(_ body: (StudyFixture) throws -> Void) throws {
    let fixture = try StudyFixture()
    defer { fixture.remove() }
    try body(fixture)
  }

  private func isWellFormed(_ xml: String) -> Bool { XMLParser(data: Data(xml.utf8)).parse() }

  @Test func theWholeStudyIsOnePage() throws {
    try withFixture { fixture in
      let report = Report(try fixture.study(), title: "A study", facts: [.init("command", "x")])
      #expect(
        report.sections.map(\.title)
          == ["Traces side by side", "Heads", "Attack success", "Probes", "Selected data"])
      let html = report.html
        .replacingOccurrences(of: "<!DOCTYPE html>", with: "")
        .replacing(/<meta ([^>]*)>/) { "<meta \($0.output.1)/>" }
      #expect(isWellFormed(html))
      #expect(html.matches(of: /<svg\b/).count == report.figureCount && report.figureCount == 10)
      let ids = html.matches(of: /\ id="([^"]*)"/).map { String($0.output.1) }
      #expect(Set(ids).count == ids.count)
      #expect(!html.contains("<script"))
      let page = try report.write(to: "\(fixture.folder)/out")
      let first = try Data(contentsOf: URL(fileURLWithPath: page))
      let again = Report(try fixture.study(), title: "A study", facts: [.init("command", "x")])
      try again.write(to: "\(fixture.folder)/out")
      let second = try Data(contentsOf: URL(fileURLWithPath: page))
      // Read from the same bytes, written with the same bytes.
      #expect(first == second)
      for (slug, figure) in report.figures {
        let csv = try String(
          contentsOfFile: "\(fixture.folder)/out/figures/\(slug).csv", encoding: .utf8)
        #expect(csv == figure.csv && !figure.data.rows.isEmpty, "\(slug)")
        #expect(!figure.svg.contains("nan") && !figure.svg.contains("inf"), "\(slug)")
      }
    }
  }

  @Test func everyPartIsOptional() throws {
    try withFixture { fixture in
      let whole = try fixture.study()
      #expect(StudyResults().isEmpty && !whole.isEmpty)
      var study = StudyResults()
      study.selection = whole.selection
      #expect(Report(study, title: "t").sections.map(\.title) == ["Selected data"])
      #expect(Report(study, title: "t").verdicts.isEmpty)
    }
  }

  @Test func hostileNamesAreShownAndNotObeyed() throws {
    try withFixture { fixture in
      let name = "</p><script>alert(1)</script>\u{202E}"
      var study = StudyResults()
      study.traces = try TraceComparison([
        (
          name,
          try fixture.stored(
            "c", StudyFixture.falling(), model: name, weights: name,
            card: StudyFixture.probes(name: name).card, forced: [name])
        )
      ])
      study.heads = [try StoredHeads(try fixture.sweep { $0.replace("cliff-model", with: "<b>") })]
      study.heads[0].name = name
      let report = Report(study, title: name)
      #expect(!report.html.contains("<script") && !report.html.contains("\u{202E}"))
      #expect(!report.html.contains("<b>\u{202E}") && report.html.contains("&lt;script&gt;"))
      for (_, figure) in report.figures { #expect(isWellFormed(figure.svg)) }
    }
  }

  @Test func aFileOfAnotherModelHasToBeNamed() throws {
    try withFixture { fixture in
      var study = StudyResults()
      study.traces = try fixture.comparison()
      let cliff = ModelName(id: "cliff-model", weightsSHA256: "cccc")
      let other = ModelName(id: "other", weightsSHA256: "0123456789abcdef")
      #expect(try study.name(of: cliff, in: "f", given: nil) == "cliff")
      #expect(try study.name(of: cliff, in: "f", given: "cliff") == "cliff")
      #expect(try study.name(of: other, in: "f", given: "new") == "new")
      for given in [nil, "cliff"] {
        let error = expectProblem(.otherModel) {
          try study.name(of: other, in: "f", given: given)
        }
        #expect(error?.place == "weights SHA-256")
        #expect(error?.problem.contains("other (weights SHA-256 0123456789ab)") == true)
        #expect(error?.problem.contains("-model (weights SHA-256") == true, "both are named")
      }
      var heads = StudyResults()
      #expect(try heads.name(of: cliff, in: "f", given: nil) == "cliff-model")
      heads.heads = [try StoredHeads(try fixture.sweep())]
      expectProblem(.otherModel) { try heads.name(of: other, in: "f", given: nil) }
    }
  }

  @Test(
    arguments: [
      ("heads-sweep\",", "heads-sleep\",", "schema", .wrongFormat),
      ("\"study\": \"heads-sweep\"", "\"study\": \"trace\"", "provenance.study", .contradictory),
      ("\"schema_version\": 2", "\"schema_version\": 3", "schema_version", .unknownVersion),
      ("\"heads\": [{", "\"herds\": [{", "heads", .contradictory),
      ("\"layer\":1", "\"layer\":0", "heads", .outOfRange),
      ("\"layer\":1", "\"layer\":99999999", "heads", .outOfRange),
      ("\"layer\":1", "\"layer\":\"one\"", "result.heads.", .wrongType),
      (
        "\"weights_sha256\": \"cccc\"", "\"weights\": 1", "provenance.model.weightsSHA256",
        .missingField
      ),
      ("\"groups\": 2", "\"groups\": 2,", "byte", .notJSON), ("}", "", "byte", .notJSON),
    ] as [(String, String, String, Problem.Code)]) func damagedHeadsAreRefused(
      old: String, new: String, place: String, code: Problem.Code
    ) throws
  {
    try withFixture { fixture in
      let path = try fixture.sweep { text in
        text = text.replacing(old, with: new, maxReplacements: old == "}" ? 1 : .max)
      }
      let error = expectProblem(code) { try StoredHeads(path) }
      #expect(error?.subject == path)
      #expect(error?.place.hasPrefix(place) == true, "\(error?.description ?? "")")
    }
  }

  @Test func damagedTracesAttacksAndSelectionsAreTypedErrors() throws {
    try withFixture { fixture in
      _ = try fixture.study()
      func damage(
        _ path: String, _ old: String, _ new: String, _ code: Problem.Code,
        _ read: (String) throws -> Void
      ) throws {
        let whole = try String(contentsOfFile: path, encoding: .utf8)
        #expect(whole.contains(old), "\(old)")
        try Data(whole.replacing(old, with: new).utf8).write(to: URL(fileURLWithPath: path))
        expectProblem(code, "\(old)") { try read(path) }
        try Data(whole.utf8).write(to: URL(fileURLWithPath: path))
      }
      let trace = "\(fixture.folder)/c"
      func damageTrace(
        _ file: String, _ old: String, _ new: String, _ code: Problem.Code
      ) throws {
        let whole = try String(contentsOfFile: "\(trace)/\(file)", encoding: .utf8)
        #expect(whole.contains(old), "\(old)")
        // An edit shows by the digest alone, and one with its digest by what it says.
        try Data(whole.replacing(old, with: new).utf8).write(
          to: URL(fileURLWithPath: "\(trace)/\(file)"))
        expectProblem(.digestDiffers, "\(old)") { try StoredTrace(trace) }
        try Data(whole.utf8).write(to: URL(fileURLWithPath: "\(trace)/\(file)"))
        try StudyFixture.edit(file, in: trace) { $0.replacing(old, with: new) }
        expectProblem(code, "\(old)") { try StoredTrace(trace) }
        try StudyFixture.edit(file, in: trace) { _ in whole }
        _ = try StoredTrace(trace)
      }
      try damageTrace(
        "summary.json", "\"without_last\" : 5", "\"without_last\" : -5", .outOfRange)
      try damageTrace("summary.json", "\"provenance\"", "\"origin\"", .missingField)
      try damageTrace("probe.json", "\"chosen\":0", "\"chosen\":7", .contradictory)
      try damageTrace("traces.jsonl", "\"chosen\":0", "\"chosen\":1", .wrongType)
      let attack = "\(fixture.folder)/attack.json"
      func readAttack(_ path: String) throws { _ = try StoredAttack(path) }
      try damage(attack, "\"baseline\":{}", "\"tested\":{}", .contradictory, readAttack)
      try damage(attack, "\"head_share\":0.25", "\"head_share\":25", .outOfRange, readAttack)
      try damage(
        attack, "\"invalid\":0", "\"invalid\":9223372036854775807", .outOfRange, readAttack)
      try damage(attack, "\"rates\":[{", "\"rates\":[],\"r\":[{", .wrongCount, readAttack)
      let selection = "\(fixture.folder)/selection.json"
      func readSelection(_ path: String) throws { _ = try SelectionResult.read(path) }
      try damage(
        selection, "\"first\":\"cliff\"", "\"first\":\"nobody\"", .contradictory, readSelection)
      try damage(
        selection, "\"name\":\"random\"", "\"name\":\"cliff\"", .contradictory, readSelection)
      expectProblem(.missing) { try StoredProbe("\(fixture.folder)/none") }
      expectProblem(.notAFile) { try StoredHeads("\(fixture.folder)") }
    }
  }
}
