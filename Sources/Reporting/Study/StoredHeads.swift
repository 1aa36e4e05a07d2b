import Figures
import Files
import Refusal
import Runs
import Statistics
import Transformer

/// What `bathyscope heads` wrote: an attribution, a sweep or a search.
///
///     let sweep = try StoredHeads("heads/sweep.json")
public struct StoredHeads: Sendable {
  /// One number for each head, with its tests.
  struct Map: Sendable {
    var name: String
    var findings: [HeadFinding]
    var sets: HeadSetReport?
  }

  /// The part of the file that a report needs.
  struct Document: Decodable {
    struct Row: Decodable { var finding: HeadFinding }
    struct Form: Decodable {
      var heads: [Row]
      var sets: HeadSetReport?
    }
    struct Settings: Decodable {
      struct Score: Decodable {
        var kind: String
        var hook: HookPoint?
        var probe: String?
        var forced: [String]
      }
      var score: Score
      var read: String
      var at: String?
    }

    var prompts: [String]
    var method: String?
    var groups: Int?
    var heads: [Row]?
    var sets: HeadSetReport?
    var setsNote: String?
    var raw: Form?
    var frozen: Form?
    var steps: [HeadSearch.Step]?
    var report: HeadSetReport?
  }

  /// Which of the three studies of heads wrote the file.
  public enum Kind: String, Sendable {
    case attribute
    case sweep
    case search
  }

  /// The path that was read.
  public let file: String
  /// What was asked of the heads: their share, their effect, or their best set.
  public let kind: Kind
  /// Whose heads were studied, by the file's configuration.
  public let model: ModelName
  /// What it is called in the report.
  public var name: String
  let maps: [Map]
  let method: String
  let prompts: Int
  let groups: Int?
  /// What was measured, and where, in words.
  let score: String
  let steps: [HeadSearch.Step]
  /// Where it came from.
  private let origin: [Report.Fact]

  /// - Throws: when the file is damaged, or is not what the command writes.
  public init(_ file: String) throws(Problem) {
    let stored = try StoredRun.open(document: file, studies: HeadSet.studies)
    let (document, provenance) = (try stored.result(Document.self), stored.provenance)
    let settings = try provenance.settings.decoded(
      as: Document.Settings.self, from: file, at: "provenance.settings")
    func broken(_ code: Problem.Code, _ place: String, _ problem: String) -> Problem {
      Problem(
        code, file, place: place, problem: problem,
        remedy: "name the JSON file that 'bathyscope heads' wrote, or write it again")
    }
    guard let kind = Kind(rawValue: String(provenance.study.dropFirst("heads-".count))) else {
      throw broken(.outOfRange, "provenance.study", "is none of attribute, sweep and search")
    }
    guard let model = provenance.model else {
      throw broken(.missingField, "provenance.model", "is missing")
    }
    guard let maps = document.maps(kind) else {
      let place = kind == .sweep ? "heads" : kind == .attribute ? "raw" : "steps"
      throw broken(.contradictory, place, "is missing, or does not fit the rest")
    }
    for map in maps {
      let places = map.findings.map { [$0.layer, $0.head] }
      // A map of a million layers would be drawn for a file of a few bytes.
      guard places.allSatisfy({ $0.allSatisfy { (0..<4096).contains($0) } }),
        Set(places).count == places.count, kind == .search || !places.isEmpty
      else {
        throw broken(.outOfRange, "heads", "has no head, one twice, or one outside of any model")
      }
    }
    (self.file, self.kind, self.maps) = (file, kind, maps)
    self.model = ModelName(id: model.id, weightsSHA256: model.weightsSHA256)
    name = model.id
    method = document.method ?? ""
    (prompts, groups, steps) = (document.prompts.count, document.groups, document.steps ?? [])
    score = settings.score.description
    origin = settings.facts(provenance, model)
  }

  var facts: [Report.Fact] {
    origin.map { .init("\(name), heads \(kind.rawValue): \($0.name)", $0.value) }
  }
}

extension StoredHeads.Document {
  /// Nil where a part is missing.
  func maps(_ kind: StoredHeads.Kind) -> [StoredHeads.Map]? {
    switch kind {
    case .sweep:
      return heads.map { [.init(name: "", findings: $0.map(\.finding), sets: sets)] }
    case .attribute:
      guard let raw else { return nil }
      return [raw.map(named: "raw")]
        + [frozen?.map(named: "through the frozen norm")].compactMap(\.self)
    case .search:
      guard let steps, let report, report.sets.count == steps.count else { return nil }
      return [.init(name: "", findings: [], sets: report)]
    }
  }
}

extension StoredHeads.Document.Form {
  func map(named name: String) -> StoredHeads.Map {
    .init(name: name, findings: heads.map(\.finding), sets: sets)
  }
}

extension StoredHeads.Document.Settings.Score: CustomStringConvertible {
  var description: String {
    [probe.map { "z of the probe '\($0)'" } ?? "the score '\(kind)'", hook.map { "at \($0)" }]
      .compactMap(\.self).joined(separator: " ")
  }
}

extension StoredHeads.Document.Settings {
  /// Where the numbers came from.
  func facts(_ provenance: Provenance, _ model: Provenance.Model) -> [Report.Fact] {
    let files = provenance.inputs.map { "\($0.name) \($0.sha256)" }.joined(separator: ", ")
    return [
      .init("model", model.id), .init("weights SHA-256", model.weightsSHA256),
      .init("prompts", files), .init("score", score.description),
      .init("read at", read),
    ]
      + [at.map { .init("ablated at", $0) }].compactMap(\.self)
      + score.forced.map { .init("forced", $0) } + [
        .init("seed", provenance.seed.map { "\($0)" } ?? "none"),
        .init("precision", model.precision), .init("kernel", model.kernel),
        .init("Bathyscope", provenance.version),
      ]
  }
}
