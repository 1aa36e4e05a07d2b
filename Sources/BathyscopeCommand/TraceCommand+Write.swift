import Bathyscope
import Foundation

extension TraceCommand {
  /// The final scores of all transcripts with thinking, at each share of it.
  func cut(
    _ model: Model, _ batch: Batch, _ traces: [TokenTrace], _ probe: Probe,
    _ journal: RunJournal<TracePlace, TraceRow>
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
      let missing = places.filter { !journal.contains(.cut(transcript: $0, share: share)) }
      progress.advance(by: places.count - missing.count)
      let cuts = Batch(missing.compactMap { ThinkingCuts.cut(batch.sequences[$0], to: share) })
      let plan = Plan(capturing: [Capture(probe.hook, at: .last)])
      if !missing.isEmpty {
        _ = try model.run(cuts, plan, threads: options.threads) { capture in
          guard let row = capture.values[probe.hook], let z = try probe.score(row).first else {
            return
          }
          try journal.append(
            .final(Probe.probability(z)),
            for: .cut(transcript: missing[capture.sequence], share: share))
          progress.advance(by: 1)
        }
      }
      for (index, place) in places.enumerated() {
        if let final = try journal.final(place, of: share) { scores[index].finals.append(final) }
      }
    }
    progress.finish()
    return try ThinkingCuts(scores, at: probe.hook, seed: options.seed)
  }

  /// Writes the folder; `StoredTrace` reads it back.
  func write(
    _ model: Model, _ set: ProbeSet, _ forced: [String], _ traces: [TokenTrace],
    _ summary: CliffSummary, _ cuts: ThinkingCuts?, to folder: RunFolder
  ) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines: [UInt8] = []
    for trace in traces { lines += try encoder.encode(trace) + [0x0A] }
    try folder.write("traces.jsonl", lines)
    if let cuts {
      let text = try Document(schema: "thinking-cuts", content: cuts).text
      try folder.write("cuts.json", Array("\(text)\n".utf8))
    } else {
      // What an earlier run with other arguments left would be taken for this one's.
      try? FileManager.default.removeItem(atPath: "\(out)/cuts.json")
    }
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try folder.write("probe.json", try encoder.encode(set.card) + [0x0A])
    let byLabel = Dictionary(grouping: traces) { $0.label ?? "" }
    let shown = byLabel.sorted { $0.key < $1.key }.flatMap { $0.value.prefix(max(figures, 0)) }
    let report = Report(
      title: "Refusal trace of \(model.identity.id)", summary: summary, cuts: cuts, shown: shown,
      probes: set,
      facts: folder.provenance.facts + [
        .init("probe", "\(set.card.name) \(set.card.probeSHA256)"),
        .init("command", commandLineJSON()),
      ])
    let path = try report.write(to: out)
    try folder.finish(
      StoredSummary(summary: summary, forced: forced, markers: try? model.encoder.markers))
    return path
  }
}
