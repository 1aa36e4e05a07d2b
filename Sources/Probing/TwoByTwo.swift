import Transformer

/// Refusal and harmfulness told apart: two probes from rows that carry both labels.
///
/// A probe trained on refused harmful prompts against answered benign ones may read the topic alone.
/// Here each direction is trained with the other factor balanced: the four cells count equally.
public struct TwoByTwo: Sendable, Equatable {
  /// Rows in each cell.
  public struct Cells: Sendable, Equatable, Codable {
    public var harmfulRefused = 0
    public var harmfulComplied = 0
    public var benignRefused = 0
    public var benignComplied = 0
  }

  public var cells: Cells
  /// Refused against complied; `byOtherFactor` has `harmful` and `benign`.
  public var refusal: TrainedProbes
  /// Harmful against benign; `byOtherFactor` has `refused` and `complied`.
  public var harmfulness: TrainedProbes
  /// The cosine of both directions in raw activations, one per hook.
  public var cosines: [Double]
}

extension ProbeTraining {
  /// Trains a refusal probe and a harmfulness probe per hook on the same split.
  ///
  /// - Parameters:
  ///   - harmful: whether the prompt asks for harm, one per row; the examples' labels are not used.
  ///   - refused: whether the model refused, one per row.
  ///   - advance: called after each probe, on any thread.
  /// - Throws: when a cell is empty or too small to be split: then the two factors cannot be told apart.
  public func trainTwoByTwo(
    _ features: FeatureSet, harmful: [Bool], refused: [Bool], threads: Int = 1,
    advance: @Sendable () -> Void = {}
  ) throws(ProbingError) -> TwoByTwo {
    guard harmful.count == features.rowCount, refused.count == features.rowCount else {
      throw ProbingError(
        "2 x 2 design",
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
      throw ProbingError(
        "2 x 2 design", problem: "a cell is empty: \(cells)",
        remedy: "add rows of that kind; without them refusal and topic cannot be told apart")
    }
    let refusal = try train(
      features, ProbeTask(labels: refused, other: (harmful, ("harmful", "benign"))),
      threads: threads, advance: advance)
    let harmfulness = try train(
      features, ProbeTask(labels: harmful, other: (refused, ("refused", "complied"))),
      threads: threads, advance: advance)
    let cosines = zip(refusal.probes, harmfulness.probes).map {
      cosine($0.direction.map { Double($0) }, $1.direction.map { Double($0) }) ?? 0
    }
    return TwoByTwo(cells: cells, refusal: refusal, harmfulness: harmfulness, cosines: cosines)
  }
}
