import Files
import Runs
import Statistics
import Transformer

/// Refusal and harmfulness told apart: two probes from rows that carry both labels.
///
/// A probe trained on refused harmful prompts against answered benign ones may read the topic alone.
/// Here each direction is trained with the other factor balanced: the four cells count equally.
public struct TwoByTwo: Sendable, Equatable {
  /// Rows in each cell.
  public struct Cells: Sendable, Equatable, Codable {
    /// Harmful prompts that the model refused.
    public var harmfulRefused = 0
    /// Harmful prompts that the model answered.
    public var harmfulComplied = 0
    /// Benign prompts that the model refused.
    public var benignRefused = 0
    /// Benign prompts that the model answered.
    public var benignComplied = 0
  }

  /// Over all rows, before they are split.
  public var cells: Cells
  /// Refused against complied; `byOtherFactor` has `harmful` and `benign`.
  public var refusal: TrainedProbes
  /// Harmful against benign; `byOtherFactor` has `refused` and `complied`.
  public var harmfulness: TrainedProbes
  /// The cosine of both directions in raw activations, one per hook.
  public var cosines: [Double]
  /// How far each probe tells the other's label and what it scores in each cell, one per hook.
  public var crossings: [Crossing]

  /// Both probes of one hook on the test rows, each cell counting equally.
  public struct Crossing: Sendable, Equatable, Codable {
    /// Where both probes read.
    public var hook: HookPoint
    /// The refusal probe against the harmfulness labels; the area is one half where it reads none.
    public var refusalProbeOnHarm: CrossMetrics
    /// The harmfulness probe against the refusal labels.
    public var harmProbeOnRefusal: CrossMetrics
    /// In the order harmful refused, harmful complied, benign refused, benign complied.
    public var cellScores: [CellScore]
  }

  /// How far a probe tells a label that it was not trained on.
  ///
  /// The cells are of any size, and a cell that is rare in the test rows would hardly count: each
  /// figure is the mean over both values of the probe's own label, within which that label is no help.
  public struct CrossMetrics: Sendable, Equatable, Codable {
    /// Area under the curve with its interval; nil where a cell is empty.
    public var auroc: Interval?
    /// The share of rows on the right side of the threshold, with its interval.
    public var accuracy: Interval?
  }

  /// What both probes score in one cell.
  public struct CellScore: Sendable, Equatable, Codable {
    /// Whether the cell's prompts ask for harm.
    public var harmful: Bool
    /// Whether the model refused them.
    public var refused: Bool
    /// Test rows.
    public var n: Int
    /// Mean z in logits with its interval over groups; nil with fewer than two groups.
    public var refusalScore: Interval?
    /// Mean z of the harmfulness probe, in logits; nil with fewer than two groups.
    public var harmScore: Interval?
  }
}

extension ProbeTraining {
  /// Trains a refusal probe and a harmfulness probe per hook on the same split.
  ///
  /// - Parameters:
  ///   - harmful: whether the prompt asks for harm, one per row; the examples' labels are not used.
  ///   - refused: whether the model refused, one per row.
  ///   - journal: has the probes that an earlier run of the same training came to.
  ///   - advance: called after each probe, on any thread.
  /// - Throws: when a cell is empty or too small to be split: then the two factors cannot be told apart.
  public func trainTwoByTwo(
    _ features: FeatureSet, harmful: [Bool], refused: [Bool],
    keeping journal: RunJournal<TrainedProbe.Place, TrainedProbe>? = nil, threads: Int = 1,
    advance: @Sendable () -> Void = {}
  ) throws(Problem) -> TwoByTwo {
    guard harmful.count == features.rowCount, refused.count == features.rowCount else {
      throw Problem(
        .differentCounts, "2 x 2 design",
        problem: "\(harmful.count) and \(refused.count) labels for \(features.rowCount) rows",
        remedy: "give both labels for every row")
    }
    var cells = TwoByTwo.Cells()
    for pair in zip(harmful, refused) {
      switch pair {
      case (true, true): cells.harmfulRefused += 1
      case (true, false): cells.harmfulComplied += 1
      case (false, true): cells.benignRefused += 1
      case (false, false): cells.benignComplied += 1
      }
    }
    let sizes = [
      cells.harmfulRefused, cells.harmfulComplied, cells.benignRefused, cells.benignComplied,
    ]
    guard sizes.allSatisfy({ $0 > 0 }) else {
      throw Problem(
        .emptyCell, "2 x 2 design", problem: "a cell is empty: \(cells)",
        remedy: "add rows of that kind; without them refusal and topic cannot be told apart")
    }
    let task = ProbeTask(labels: refused, other: (harmful, ("harmful", "benign")))
    // One split for both: what tests either has trained neither.
    let parts = try parts(features, task)
    let refusal = try train(
      features, task, parts, KeptProbes(journal: journal, factor: "refused"), threads: threads,
      advance: advance)
    let harmfulness = try train(
      features, ProbeTask(labels: harmful, other: (refused, ("refused", "complied"))), parts,
      KeptProbes(journal: journal, factor: "harmful"), threads: threads, advance: advance)
    let cosines = zip(refusal.probes, harmfulness.probes).map {
      cosine($0.direction.map { Double($0) }, $1.direction.map { Double($0) }) ?? 0
    }
    let crossings = try crossings(
      features, parts.test, harmful: harmful, refused: refused, refusal: refusal,
      harmfulness: harmfulness)
    return TwoByTwo(
      cells: cells, refusal: refusal, harmfulness: harmfulness, cosines: cosines,
      crossings: crossings)
  }

  private func crossings(
    _ features: FeatureSet, _ rows: [Int], harmful: [Bool], refused: [Bool],
    refusal: TrainedProbes, harmfulness: TrainedProbes
  ) throws(Problem) -> [TwoByTwo.Crossing] {
    let table = CrossTable(
      harmful: rows.map { harmful[$0] }, refused: rows.map { refused[$0] },
      groups: rows.map { features.groups[$0] }, bootstrap: bootstrap)
    var crossings: [TwoByTwo.Crossing] = []
    for (index, hook) in features.hooks.enumerated() {
      let matrix = features.matrices[index].selecting(rows)
      let refusalScores = try refusal.probes[index].score(matrix).map { Double($0) }
      let harmScores = try harmfulness.probes[index].score(matrix).map { Double($0) }
      crossings.append(
        try table.crossing(
          hook, refusalScores, harmScores,
          thresholds: (
            Double(refusal.probes[index].threshold), Double(harmfulness.probes[index].threshold)
          )))
    }
    return crossings
  }
}
