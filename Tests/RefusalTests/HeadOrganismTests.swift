import Foundation
import Organisms
import Probing
import Prompts
import Statistics
import Tensors
import Testing
import Transformer

@testable import Refusal

/// Attribution and sweep on models whose suppression heads are known.
@Suite struct HeadOrganismTests {
  /// What both methods say about one organism.
  struct Outcome {
    var truth: OrganismTruth
    var findings: [(method: String, findings: [HeadFinding], ranking: [Head])] = []

    init(_ kind: Organism.Kind, seed: UInt64) throws {
      let parent = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: parent) }
      let organism = try Organism.plant(
        kind, seed: seed, to: parent.appendingPathComponent("o").path)
      truth = organism.truth
      let model = try Model.load(organism.folder)
      let rows = try PromptFile.read("\(organism.folder)/prompts.jsonl")
      // One prompt for each harmful word: a word is a group.
      var chosen: [Prompt] = []
      for (index, word) in truth.harmfulWords.prefix(12).enumerated() {
        let frames = rows.filter { $0.labels["group"]?.description == word }
        chosen.append(frames[(index + Int(seed)) % frames.count])
      }
      let batch = try model.encode(chosen.map(\.conversation))
      let prompts = try zip(chosen, batch.sequences).map { row, sequence in
        try HeadPrompt(sequence, group: row.labels["group"]?.description, end: .template)
      }
      let last = HookPoint.residual(after: model.shape.layers - 1)
      let refusal = try #require(organism.directions["refusal"])
      let probe = Probe(
        kind: .differenceInMeans, hook: last, weight: refusal, bias: 0,
        mean: refusal.map { _ in 0 }, scale: refusal.map { _ in 1 })
      let openers = try OpenerTokens(of: model)
      for direction in [
        try HeadAttribution.Direction(of: probe, name: "refusal"), .init(of: openers, in: model),
      ] {
        let attribution = try HeadAttribution(model, prompts, along: direction, threads: 1)
        let all = Array(prompts.indices)
        findings.append(
          (
            "attribution, \(direction.name)",
            try attribution.findings(seed: seed, resamples: 100),
            attribution.ranking(of: attribution.contributions, on: all)
          ))
        if let frozen = attribution.frozenContributions {
          findings.append(
            (
              "frozen attribution",
              try attribution.findings(frozen: true, seed: seed, resamples: 100),
              attribution.ranking(of: frozen, on: all)
            ))
        }
      }
      for score in [HeadScore.probe(probe), .logitGap(openers)] {
        let study = try HeadStudy(model, prompts, score: score, seed: seed, threads: 1)
        let effects = try study.effects()
        findings.append(
          (
            score == .probe(probe) ? "sweep, probe" : "sweep, logit gap",
            try study.findings(effects, resamples: 100),
            effects.ranking(on: Array(prompts.indices))
          ))
      }
    }

    func heads(_ roles: PlantedHead.Role...) -> Set<Head> {
      Set(
        truth.heads.filter { roles.contains($0.role) }.map { Head(layer: $0.layer, head: $0.head) })
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>) func everyPlantedHeadIsFoundAndNoOther(
    seed: UInt64
  ) throws {
    let outcome = try Outcome(.refusalCliff, seed: seed)
    let planted = outcome.heads(.suppression)
    let decoys = outcome.heads(.decoyAtAssistant, .decoyAtComma, .decoySideways)
    #expect(planted.count >= 4 && decoys.count >= 3 && outcome.findings.count == 5)
    for (method, findings, ranking) in outcome.findings {
      // Precision and recall at the planted count are 1.
      #expect(Set(ranking.prefix(planted.count)) == planted, "\(method), seed \(seed)")
      let claimed = Set(findings.filter(\.isSuppressor).map(\.place))
      #expect(claimed.isSuperset(of: planted), "\(method), seed \(seed)")
      #expect(claimed.isDisjoint(with: decoys), "\(method), seed \(seed)")
    }
  }

  /// The corrected test keeps its promise: heads are claimed in at most one seed of twenty.
  @Test func nothingIsClaimedWhereNothingIsPlanted() throws {
    var claims: [String: Int] = [:]
    for seed in 1...20 as ClosedRange<UInt64> {
      let outcome = try Outcome(.none, seed: seed)
      for (method, findings, _) in outcome.findings {
        claims[method, default: 0] += findings.contains(where: \.isSuppressor) ? 1 : 0
      }
    }
    #expect(claims.count == 5)
    #expect(claims.values.allSatisfy { $0 <= 1 }, "\(claims)")
  }
}
