import Figures
import Files
import Probing
import Statistics

/// A probe's folder, for its curves.
public struct StoredProbe: Sendable {
  /// What the probe is, what it was made from and what it reached.
  public let card: ProbeCard
  /// What it is called in the report.
  public var name: String

  /// - Throws: when the folder is no probe, or is damaged.
  public init(_ folder: String) throws(Problem) {
    card = try ProbeSet.load(folder).card
    name = card.name
  }

  var blocks: [Report.Block] {
    let report = card.report
    var blocks: [Report.Block] = [
      .prose(
        "'\(name)', trained on \(card.modelID) (weights SHA-256 \(card.modelSHA256.prefix(12))): "
          + "\(card.signConvention). \(report.sentence). Known limits: \(card.knownFailures)")
    ]
    let best = report.evaluations[report.chosen]
    if let roc = best.rocFigure(name) {
      blocks.append(.figure(roc))
    } else {
      blocks.append(
        .prose(
          "Its card has no ROC curve: it was trained by an earlier version, or one class is missing."
        ))
    }
    if let figure = best.calibrationFigure(name) { blocks.append(.figure(figure)) }
    if var layers = report.aurocByLayer {
      layers.title += ": \(name)"
      blocks.append(.figure(layers))
    }
    blocks.append(.table(title: "\(name) on its test rows", report.table))
    return blocks
  }

  var facts: [Report.Fact] {
    [
      .init("probe \(name): SHA-256", card.probeSHA256),
      .init("probe \(name): model", "\(card.modelID) \(card.modelSHA256)"),
      .init(
        "probe \(name): data",
        card.trainingData.map { data in
          "\(data.name) \(data.sha256)" + (data.otherModel.map { " of \($0)" } ?? "")
        }.joined(separator: ", ")),
      .init("probe \(name): seed", "\(card.report.training.seed)"),
    ]
  }
}

extension ProbeEvaluation {
  /// The ROC curve on the test rows; nil where the card has none.
  func rocFigure(_ name: String) -> LineFigure? {
    guard let roc = test.roc, !roc.isEmpty else { return nil }
    let area = test.auroc.map { "\($0)" } ?? "undefined"
    return LineFigure(
      title: "ROC curve: \(name)",
      caption: "\(hook), \(test.n) test rows (\(test.positives) positive) that served neither "
        + "training nor any choice. AUROC \(area), \(test.auroc?.method ?? "no interval"). Dashed: "
        + "chance.",
      xLabel: "false-positive rate", yLabel: "true-positive rate",
      series: [
        .init(
          name: "\(name), AUROC \(area)",
          points: roc.map { .init(x: $0.falsePositiveRate, y: $0.truePositiveRate) }),
        .init(name: "chance", points: [.init(x: 0, y: 0), .init(x: 1, y: 1)], isControl: true),
      ])
  }

  /// The reliability curve on the test rows; nil without a table.
  func calibrationFigure(_ name: String) -> LineFigure? {
    guard let calibration = test.calibration else { return nil }
    return LineFigure(
      title: "Calibration: \(name)",
      caption: "The share of positives among test rows with about the same s, with Wilson's 95 % "
        + "intervals, rows of one group counting as one trial, in ten bins of equal width; n: "
        + calibration.bins.map { "\($0.n)" }.joined(separator: ", ")
        + ". On the dashed line s means what it says. Brier score "
        + "\(Numbers.significant(calibration.brier)), expected calibration error "
        + "\(Numbers.significant(calibration.expectedCalibrationError)), n = \(calibration.n).",
      xLabel: "mean s in the bin", yLabel: "share of positives",
      series: [
        .init(
          name: "observed",
          points: calibration.bins.compactMap { bin in
            guard let predicted = bin.meanPredicted, let observed = bin.observed else { return nil }
            return .init(x: predicted, observed)
          }),
        .init(
          name: "perfectly calibrated", points: [.init(x: 0, y: 0), .init(x: 1, y: 1)],
          isControl: true),
      ])
  }
}
