import Statistics
import Transformer

/// What one probe reached, beside its controls.
public struct ProbeEvaluation: Sendable, Equatable, Codable {
  /// Where the probe reads.
  public var hook: HookPoint
  /// Chosen by cross-validation inside the training rows; nil for kinds without a penalty.
  public var inversePenalty: Double?
  /// Whether the optimiser reached its optimum.
  public var isConverged: Bool
  /// Of z over the training rows; nil in cards of earlier versions.
  public var spread: ScoreSpread?
  /// How far s falls from the thinking to the final token by itself: the difference of its means over the
  /// positive training rows of both places; nil where there are none.
  public var naturalFall: Double?
  /// On the rows that the choice of the layer rests on.
  public var selection: ProbeMetrics
  /// On rows that served neither training nor any choice.
  public var test: ProbeMetrics
  /// Probes of the same kind trained on shuffled labels and tested against shuffled labels.
  public var shuffled: ControlMetrics
  /// Accuracy minus the mean accuracy of the shuffled probes; nil without shuffles.
  public var selectivity: Interval?
  /// Norm-matched random directions.
  public var random: ControlMetrics
  /// The test rows of a 2 x 2 design cut by the other factor, which cannot help the probe there.
  public var byOtherFactor: [String: ProbeMetrics]?
}

/// The outcome of a training: one evaluation per hook and the hook that was chosen.
public struct ProbeReport: Sendable, Equatable, Codable {
  /// The version of the format that it is written in.
  public var schema = "bathyscope-probe-report-1"
  /// The settings of the training, with its seed.
  public var training: ProbeTraining
  /// Rows in the three disjoint parts; no group stands in two of them.
  public var trainingRows: Int
  /// Training rows of the class that scores high.
  public var trainingPositives: Int
  /// Rows on which the hook was chosen.
  public var selectionRows: Int
  /// Rows on which the choice is reported.
  public var testRows: Int
  /// At which places of transcripts the training rows were; nil where that is not known.
  public var coverage: TokenCoverage?
  /// One for each hook, in the order of the features' hooks.
  public var evaluations: [ProbeEvaluation]
  /// The place of the hook with the highest AUROC on the selection rows; of equal ones that with the
  /// lower log loss, then the earlier.
  public var chosen: Int

  /// The choice in one sentence with n, interval, controls and seed.
  public var sentence: String {
    let best = evaluations[chosen]
    let auroc = best.test.auroc.map { "\($0)" } ?? "undefined (one class only)"
    let shuffled = fixed(best.shuffled.meanAUROC, decimals: 2)
    let random = fixed(best.random.meanAUROC, decimals: 2)
    return "\(training.kind.rawValue) at \(best.hook), chosen on \(selectionRows) selection rows: "
      + "AUROC \(auroc) on the test rows; shuffled labels \(shuffled) "
      + "(\(best.shuffled.auroc.count)), random directions \(random) "
      + "(\(best.random.auroc.count)); seed \(training.seed)"
  }
}

/// Probes of one kind, one per hook, with what they reached.
public struct TrainedProbes: Sendable, Equatable {
  /// One for each evaluation of the report, in its order.
  public var probes: [Probe]
  /// What the probes reached, and which was chosen.
  public var report: ProbeReport

  /// The probe at the hook that was chosen on the selection rows.
  public var chosen: Probe { probes[report.chosen] }
}
