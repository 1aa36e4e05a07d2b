import Figures
import Probing
import Refusal

extension Report {
  /// The report of a trace: verdicts, average curves, single transcripts, layers, and how far the probe
  /// itself can be trusted.
  ///
  /// - Parameters:
  ///   - cuts: what the final score does when the thinking is cut, where it was computed.
  ///   - shown: the transcripts that get figures of their own.
  ///   - facts: where the run came from.
  public init(
    title: String, summary: CliffSummary, cuts: ThinkingCuts? = nil, shown: [TokenTrace],
    probes: ProbeSet, facts: [Fact]
  ) {
    self.init(title: title)
    self.facts = facts
    self.summary = [
      "A linear probe reads the residual stream at \(summary.hook) and scores every token of "
        + "\(summary.groups.reduce(0) { $0 + $1.transcripts }) transcripts.",
      probes.card.report.sentence + ".",
      "What the probe was trained to tell apart: \(probes.card.signConvention). "
        + "Known limits: \(probes.card.knownFailures)",
    ]
    verdicts = summary.groups.map { group in
      let kind: Verdict.Kind =
        switch group.verdict.kind {
        case .cliff: .found
        case .noCliff, .notDistinct: .notFound
        case .notMeasurable, .cannotBeTold: .caution
        }
      return Verdict(kind, "\(group.label): \(group.verdict.sentence)")
    }
    verdicts += probes.forced.map { Verdict(.caution, "Forced: \($0)") }
    sections = [
      Section(
        title: "All transcripts",
        blocks: Self.overview(summary) + (cuts.map { [.figure($0.figure)] } ?? [])),
      Section(
        title: "Single transcripts",
        blocks: [.prose("The first transcripts of each group, in the order of the file.")]
          + shown.flatMap { trace in
            [.figure(trace.figure(rule: summary.rule))]
              + (trace.hooks.count { $0.site == summary.hook.site } > 1
                ? trace.heatMaps.map { .figure($0) } : [])
          }),
      Section(title: "The probe", blocks: Self.probe(probes)),
    ]
  }

  private static func overview(_ summary: CliffSummary) -> [Block] {
    var blocks: [Block] = [.table(title: "Plateau, final score and cliff", summary.table)]
    if summary.groups.contains(where: { $0.measured > 0 }) {
      blocks += [
        .figure(summary.averageCurves("Average score around the end of thinking", \.aligned)),
        .figure(summary.averageCurves("Average score from thinking to answer", \.resampled)),
      ]
    }
    if let layers = summary.layerStudy { blocks.append(.figure(layers)) }
    return blocks
  }

  private static func probe(_ probes: ProbeSet) -> [Block] {
    let card = probes.card
    var blocks: [Block] = []
    if let layers = card.report.aurocByLayer { blocks.append(.figure(layers)) }
    blocks.append(.table(title: "Probes on their test rows", card.report.table))
    for test in card.outOfDistribution {
      let auroc = test.metrics.auroc.map { "\($0)" } ?? "undefined"
      let accuracy = test.metrics.accuracy.map { "\($0)" } ?? "undefined"
      blocks.append(
        .prose(
          "Out of distribution, \(test.data.name) at \(test.hook): AUROC \(auroc), accuracy "
            + "\(accuracy)."))
    }
    if let cosine = card.openerCosines?[card.report.chosen] {
      blocks.append(
        .prose(
          "Cosine of the chosen direction with refusal minus compliance openers in the "
            + "unembedding: \(Numbers.significant(cosine)). Near 1, a probe would be no more than "
            + "\"Sorry\" minus \"Sure\"."))
    }
    return blocks
  }
}
