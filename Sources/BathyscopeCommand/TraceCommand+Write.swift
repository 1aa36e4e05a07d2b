import Bathyscope
import Foundation

extension TraceCommand {
  /// The final scores of all transcripts with thinking, at each share of it.
  func cut(
    _ model: Model, _ batch: Batch, _ traces: [TokenTrace], _ probe: Probe,
    _ journal: TraceJournal
  ) throws -> ThinkingCuts {
    // Of all the thinking, the score is that of the whole transcript.
    var scores: [ThinkingCuts.Scores] = []
    var places: [Int] = []
    for (index, trace) in traces.enumerated() {
      guard ThinkingCuts.cut(batch.sequences[index], to: 0) != nil,
        let final = trace.landmarks.final
      else { continue }
      places.append(index)
      scores.append(
        .init(
          id: trace.id, group: trace.group, label: trace.label,
          finals: [trace.probabilities()[final]]))
    }
    guard !places.isEmpty else {
      throw Problem(
        .noSuchPosition, "thinking",
        problem: "no transcript has thinking that ends in front of an answer",
        remedy: "leave --cut-thinking out")
    }
    let shares = ThinkingCuts.shares.dropFirst()
    var progress = Progress(of: places.count * shares.count, "cut transcripts")
    for share in shares {
      let missing = places.filter { journal.final($0, of: share) == nil }
      progress.advance(by: places.count - missing.count)
      let cuts = Batch(missing.compactMap { ThinkingCuts.cut(batch.sequences[$0], to: share) })
      let plan = Plan(capturing: [Capture(probe.hook, at: .last)])
      if !missing.isEmpty {
        _ = try model.run(cuts, plan, threads: options.threads) { capture in
          guard let row = capture.values[probe.hook], let z = try probe.score(row).first else {
            return
          }
          try journal.append(
            Probe.probability(z), at: missing[capture.sequence], share: share)
          progress.advance(by: 1)
        }
      }
      for (index, place) in places.enumerated() {
        if let final = journal.final(place, of: share) { scores[index].finals.append(final) }
      }
    }
    progress.finish()
    return try ThinkingCuts(scores, at: probe.hook, seed: options.seed)
  }

  /// Writes the folder; `StoredTrace` reads it back.
  func write(
    _ model: Model, _ set: ProbeSet, _ forced: [String], _ traces: [TokenTrace],
    _ summary: CliffSummary,
    _ cuts: ThinkingCuts?
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines: [UInt8] = []
    for trace in traces { lines += try encoder.encode(trace) + [0x0A] }
    try AtomicFile.write(lines, to: "\(out)/traces.jsonl")
    let identity = model.identity
    let inputs = try prompts.provenance() + answers.provenance()
    let facts: [Report.Fact] = [
      .init("model", identity.id), .init("weights SHA-256", identity.weightsSHA256),
      .init("chat template SHA-256", identity.templateSHA256 ?? "none"),
      .init("tokenizer SHA-256", identity.tokenizerSHA256 ?? "none"),
      .init("prompts", inputs.joined(separator: ", ")),
      .init("probe", "\(set.card.name) \(set.card.probeSHA256)"),
      .init("seed", "\(options.seed)"), .init("precision", self.model.precision.rawValue),
      .init("kernel", model.kernel), .init("Bathyscope", bathyscopeVersion),
    ]
    let stored = StoredSummary(
      summary: summary, forced: forced,
      provenance: Dictionary(uniqueKeysWithValues: facts.map { ($0.name, $0.value) }),
      markers: try? model.encoder.markers)
    try writeDocument("cliff-summary", stored, to: "\(out)/summary.json")
    if let cuts {
      try writeDocument("thinking-cuts", cuts, to: "\(out)/cuts.json")
    } else {
      // What an earlier run with other arguments left would be taken for this one's.
      try? FileManager.default.removeItem(atPath: "\(out)/cuts.json")
    }
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try AtomicFile.write(try encoder.encode(set.card) + [0x0A], to: "\(out)/probe.json")
    let byLabel = Dictionary(grouping: traces) { $0.label ?? "" }
    let shown = byLabel.sorted { $0.key < $1.key }.flatMap { $0.value.prefix(max(figures, 0)) }
    let report = Report(
      title: "Refusal trace of \(identity.id)", summary: summary, cuts: cuts, shown: shown,
      probes: set, facts: facts + [.init("command", commandLineJSON())])
    return try report.write(to: out)
  }

  private func writeDocument(_ schema: String, _ content: some Encodable, to path: String) throws {
    let text = try Document(schema: schema, content: content).text
    try AtomicFile.write(Array("\(text)\n".utf8), to: path)
  }
}
