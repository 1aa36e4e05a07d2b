import Bathyscope

/// What both directions of a 2 x 2 design have in common.
///
/// - Parameter names: the first label (refused, say) and the one that crosses it.
func printDesign(_ design: TwoByTwo, _ hooks: [HookPoint], names: (first: String, other: String)) {
  func text(_ interval: Interval?) -> String { interval.map { "\($0)" } ?? "undefined" }
  let (first, other) = (printable(names.first.utf8), printable(names.other.utf8))
  print("")
  print("The \(first) probe against \(other), and the other way round, on test rows:")
  printTable(
    [
      "hook", "cosine", "\(first) probe tells \(other), AUROC", "balanced accuracy",
      "\(other) probe tells \(first), AUROC", "balanced accuracy",
    ],
    design.crossings.enumerated().map { index, crossing in
      [
        "\(hooks[index])", fixed(design.cosines[index], 3),
        text(crossing.refusalProbeOnHarm.auroc), text(crossing.refusalProbeOnHarm.accuracy),
        text(crossing.harmProbeOnRefusal.auroc), text(crossing.harmProbeOnRefusal.accuracy),
      ]
    })
  let chosen = design.crossings[design.refusal.report.chosen]
  print("")
  print("Mean z by cell at \(chosen.hook):")
  printTable(
    [other, first, "n", "\(first) probe", "\(other) probe"],
    chosen.cellScores.map {
      [
        $0.harmful ? "yes" : "no", $0.refused ? "yes" : "no", "\($0.n)", text($0.refusalScore),
        text($0.harmScore),
      ]
    })
}

/// A probe's card as a table by layer.
func printCard(_ card: ProbeCard, in folder: String) {
  let report = card.report
  printTable(
    ["hook", "test AUROC", "test accuracy", "shuffled", "random", "cosine", "chosen"],
    report.evaluations.enumerated().map { index, evaluation in
      let cosine = card.openerCosines.flatMap { $0[index] }.map { fixed($0, 3) }
      return [
        "\(evaluation.hook)", evaluation.test.auroc.map { "\($0)" } ?? "undefined",
        evaluation.test.accuracy.map { "\($0)" } ?? "undefined",
        fixed(evaluation.shuffled.meanAUROC, 3), fixed(evaluation.random.meanAUROC, 3),
        cosine ?? "-", index == report.chosen ? "*" : "",
      ]
    })
  print("")
  print(report.sentence)
  for test in card.outOfDistribution {
    print(
      "out of distribution, \(test.data.name) at \(test.hook): AUROC "
        + (test.metrics.auroc.map { "\($0)" } ?? "undefined") + ", accuracy "
        + (test.metrics.accuracy.map { "\($0)" } ?? "undefined"))
  }
  print("")
  print("written to \(folder)")
}
