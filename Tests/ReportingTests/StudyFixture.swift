import Files
import Foundation
import Probing
import Prompts
import Runs
import Statistics
import Tensors

@testable import Figures
@testable import Refusal
@testable import Reporting
@testable import Transformer

/// Results of a small study, written as the commands write them.
struct StudyFixture {
  let folder: String

  init() throws {
    folder =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("study-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  static let segments: [Segment] =
    [.prompt, .prompt, .template] + Array(repeating: .thinking, count: 10)
    + [.template, .template, .answer]

  /// s is 3/4 all through the thinking and `final` at the last template token.
  static func trace(_ id: String, final: Float, label: String? = "harmful") throws -> TokenTrace {
    var logits = [Float](repeating: Float(log(3.0)), count: segments.count)
    logits[14] = Float(log(Double(final / (1 - final))))
    return try TokenTrace(
      id: id, label: label, tokens: segments.indices.map { "w\($0)" }, segments: segments,
      hooks: [.residual(after: 1)], logits: [logits])
  }

  /// Finals of 1/4 and 1/2 in turn: cliffs of 1/2 and 1/4.
  static func falling() throws -> [TokenTrace] {
    try (0..<12).map { try trace("p\($0)", final: $0 % 2 == 0 ? 0.25 : 0.5) }
  }

  /// Around 3/4: no fall.
  static func level() throws -> [TokenTrace] {
    try (0..<12).map { try trace("p\($0)", final: $0 % 2 == 0 ? 0.7 : 0.8) }
  }

  /// Probes of one hook that tell two classes apart without a mistake.
  static func probes(name: String = "refusal") throws -> ProbeSet {
    var generator = SeededGenerator(seed: 3)
    let labels = (0..<60).map { $0 % 2 == 0 }
    let values = labels.flatMap { [Float($0 ? 4 : -4), Float(generator.normal())] }
    let features = try FeatureSet(
      hooks: [.residual(after: 1)], matrices: [Matrix(rows: 60, columns: 2, values: values)],
      examples: labels.enumerated().map { Example(id: "e\($0)", label: $1) },
      places: (0..<60).map { $0 % 4 < 2 ? .thinking : .final })
    let trained = try ProbeTraining(
      inversePenalties: [1], folds: 2, shuffles: 1, randomDirections: 2, resamples: 100
    ).train(features)
    let model = ModelIdentity(
      id: "aligned-model", architecture: "llama", weightsSHA256: "aaaa",
      configurationSHA256: "c", configurationJSON: "{}")
    let card = ProbeCard(
      name: name, trained: trained, model: model, precision: .float32, positions: .last,
      trainingData: [
        .init(name: "made up", licence: "CC0-1.0", sha256: "0", positives: 30, negatives: 30)
      ], signConvention: "z > 0: the model refuses", toolVersion: "0.1")
    return ProbeSet(card: card, probes: trained.probes)
  }

  private struct Summary: Encodable {
    var summary: CliffSummary
    var forced: [String]
    enum CodingKeys: CodingKey { case forced }
    func encode(to encoder: any Encoder) throws {
      try summary.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(forced, forKey: .forced)
    }
  }

  /// Changes the text of a file of a run, and all digests with it.
  static func edit(_ file: String, in folder: String, _ change: (String) -> String) throws {
    func text(_ name: String) throws -> String {
      try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    }
    let whole = try text(file)
    let edited = change(whole)
    guard file != "summary.json" else {
      let body = edited.split(separator: "\n", maxSplits: 2)[2].dropLast()
      return try Data(SealedDocument.sealed("{\n" + body)).write(
        to: URL(fileURLWithPath: "\(folder)/\(file)"))
    }
    try Data(edited.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(file)"))
    let digests = [whole, edited].map { Digest.sha256(Array($0.utf8)) }
    try edit("summary.json", in: folder) { $0.replacing(digests[0], with: digests[1]) }
  }

  func encode(_ value: some Encodable, isSnakeCase: Bool, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    if isSnakeCase { encoder.keyEncodingStrategy = .convertToSnakeCase }
    try encoder.encode(value).write(to: URL(fileURLWithPath: path))
  }

  func stored(
    _ name: String, _ traces: [TokenTrace], model: String, weights: String,
    card: ProbeCard, forced: [String] = []
  ) throws -> StoredTrace {
    let path = "\(folder)/\(name)"
    let run = try RunFolder.open(
      path,
      Provenance(
        study: "trace", version: "0.1",
        model: .init(
          id: model, architecture: "llama", weightsSHA256: weights, configurationSHA256: "c",
          precision: "float32", kernel: "k")),
      name: "summary", overwriting: true)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try run.write("probe.json", Array(try encoder.encode(card)))
    let lines = try traces.map { String(decoding: try encoder.encode($0), as: UTF8.self) + "\n" }
    try run.write("traces.jsonl", Array(lines.joined().utf8))
    try run.finish(
      Summary(
        summary: try CliffSummary(
          traces, trainedAt: card.report.coverage, seed: 7, resamples: 200), forced: forced))
    return try StoredTrace(path)
  }

  func comparison() throws -> TraceComparison {
    let card = try Self.probes().card
    return try TraceComparison([
      (
        "aligned",
        try stored("a", Self.level(), model: "aligned-model", weights: "aaaa", card: card)
      ),
      (
        "cliff",
        try stored(
          "c", Self.falling(), model: "cliff-model", weights: "cccc", card: card,
          forced: ["model hash: another"])
      ),
    ])
  }

  // MARK: Other files

  /// A sweep of two blocks of two heads, of which head 1.0 is claimed.
  func sweep(weights: String = "cccc", change: (inout String) -> Void = { _ in }) throws -> String {
    func finding(_ layer: Int, _ head: Int, _ mean: Double, _ isClaimed: Bool) throws -> String {
      let finding = HeadFinding(
        layer: layer, head: head, mean: mean, interval: nil, signFlipP: 0.01, cosine: 0.5,
        randomDirectionP: 0.02, holmP: isClaimed ? 0.03 : 1, screenP: 0.5,
        isSuppressor: isClaimed)
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      return "{\"finding\": \(String(decoding: try encoder.encode(finding), as: UTF8.self))}"
    }
    let heads = [
      try finding(0, 0, -0.5, false), try finding(0, 1, 0, false), try finding(1, 0, 2, true),
      try finding(1, 1, 0.25, false),
    ]
    var text = """
      {
        "schema": "bathyscope-heads-sweep", "schema_version": 2, "files": {},
        "result": {
          "prompts": ["p1", "p2"], "groups": 2,
          "method": "made up", "heads": [\(heads.joined(separator: ", "))]},
        "provenance": {"study": "heads-sweep", "seed": 1, "version": "0.1",
          "inputs": [{"role": "prompts", "name": "f", "sha256": "00"}],
          "model": {"id": "cliff-model", "architecture": "llama",
            "weights_sha256": "\(weights)", "configuration_sha256": "c",
            "precision": "float32", "kernel": "k"},
          "settings": {"read": "template",
            "score": {"kind": "probe", "probe": "refusal", "hook": "blocks.1.hook_resid_post",
              "forced": []}}}}
      """
    change(&text)
    let path = "\(folder)/sweep-\(UUID().uuidString).json"
    try Data(SealedDocument.sealed(text)).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// A baseline at 1 of 4, two heads of eight at 3 of 4, with controls at 1 and 2 of 4.
  /// - Parameter invalid: how many of the attack's verdicts are none.
  func attack(invalid: Int = 0) throws -> String {
    let card = JudgeCard(
      name: "judge", measures: .refusal, success: "not refused", version: 1, source: "here",
      definition: [])
    func arm(_ name: String, _ role: AttackArm.Role, _ heads: [Head], _ successes: Int)
      throws -> AttackResult.Arm
    {
      var verdicts = (0..<4).map { Judgement($0 < successes ? .success : .noSuccess) }
      if role == .tested {
        for index in 0..<invalid { verdicts[3 - index] = .invalid("no end of thinking") }
      }
      let bootstrap = Bootstrap(seed: 1, resamples: 100)
      let rate = try JudgeRate(
        card, verdicts, groups: ["a", "b", "c", "d"], bootstrap: bootstrap)
      let comparison = AttackResult.Comparison(
        judge: "judge", asked: 4, pairs: 4, behaviours: 4, onlyBaseline: 0, onlyArm: successes - 1,
        difference: nil, p: 0.5, test: "exact McNemar", pHolm: role == .tested ? 0.5 : nil,
        range: nil, standing: nil)
      // Mean losses of 2.1, 2.2 and 2.3 nats a token.
      let losses = [10, 20, 30].map { TextLoss(nats: $0 + Double(successes), tokens: 10) }
      return AttackResult.Arm(
        name: name, role: role, interventions: [], heads: heads,
        headShare: Double(heads.count) / 8, effects: [], rates: [rate],
        comparisons: role == .baseline ? [] : [comparison], overRefusal: [],
        overRefusalComparisons: [],
        neutralLoss: NeutralLoss(
          losses, baseline: nil, isTouched: true, bootstrap: bootstrap))
    }
    let two = [Head(layer: 0, head: 1), Head(layer: 1, head: 0)]
    let result = AttackResult(
      judges: [card],
      arms: [
        try arm("baseline", .baseline, [], 1), try arm("two", .tested, two, 3),
        try arm("two.random-01", .control(of: "two"), two, 1),
        try arm("two.random-02", .control(of: "two"), two, 2),
      ], agreements: [], controlRule: "made up", correction: "Holm", rows: [],
      settings: GenerationSettings(), seed: 1,
      provenance: ["model": "cliff-model", "weights SHA-256": "cccc"])
    let path = "\(folder)/attack.json"
    try encode(result, isSnakeCase: true, to: path)
    return path
  }

  func selection() throws -> String {
    func method(_ name: String, _ ids: [String]) -> SelectionResult.Method {
      .init(
        name: name, rule: "a rule", candidates: 8, duplicates: [],
        chosen: ids.enumerated().map { rank, id in
          .init(
            id: id, rank: rank + 1, why: "because", score: nil, plateau: nil, final: nil,
            votes: [:], category: nil, source: "s", sourceDigest: "d", sourceRow: 1,
            licence: "MIT")
        })
    }
    let result = SelectionResult(
      pool: 8, unusable: ["no thinking": 2], wanted: 3, duplicateRule: nil, quotaRule: nil,
      methods: [method("cliff", ["a", "b", "c"]), method("random", ["c", "d"])],
      overlaps: [.init(first: "cliff", second: "random", both: 1, jaccard: 0.25)], seed: 1,
      provenance: ["seed": "1"])
    let path = "\(folder)/selection.json"
    try encode(result, isSnakeCase: true, to: path)
    return path
  }

  func study() throws -> StudyResults {
    var study = StudyResults()
    study.traces = try comparison()
    study.heads = [try StoredHeads(try sweep())]
    study.attacks = [try StoredAttack(try attack())]
    let set = try Self.probes()
    try set.write(to: "\(folder)/probe")
    study.probes = [try StoredProbe("\(folder)/probe")]
    study.selection = try .read(try selection())
    return study
  }
}
