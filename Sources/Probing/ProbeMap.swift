import Files
import Runs
import Transformer

/// Probes at every hook and every position: where in the network and in the prompt a label can be read.
///
///     let map = try ProbeTraining(kind: .massMean).map(positions: [-5, -1]) { position in
///       try features(at: position)
///     }
///     map.best.probes.report.sentence
///
/// All figures of the map stand on one split by group. The best cell is chosen on the selection rows
/// and reported on the test rows; the other cells' test figures are a screen and no claim.
public struct ProbeMap: Sendable, Equatable {
  /// The probes of one position.
  public struct Column: Sendable, Equatable {
    /// The token, counted from the prompt's end: -1 is the last.
    public var position: Int
    /// One for each hook at this position, with what they reached.
    public var probes: TrainedProbes
  }

  /// In the order in which the positions were given.
  public var columns: [Column]
  /// The place in `columns` of the one with the highest AUROC on the selection rows, of equal ones that
  /// with the lower log loss, then the earlier.
  public var chosen: Int

  /// The probes of the chosen position; their `chosen` is the best of the map.
  public var best: Column { columns[chosen] }
}

extension ProbeTraining {
  /// Trains a probe at every hook of every position.
  ///
  /// - Parameters:
  ///   - positions: one or more.
  ///   - features: those of a position: the same examples and hooks at each; asked for one position at
  ///     a time, so that no more than one is in memory.
  ///   - journal: has the probes that an earlier run of the same map came to.
  ///   - advance: called after each probe, on any thread.
  /// - Throws: what `train` throws, what `features` throws, and when positions differ in their examples.
  public func map(
    positions: [Int], keeping journal: RunJournal<TrainedProbe.Place, TrainedProbe>? = nil,
    threads: Int = 1,
    advance: @Sendable () -> Void = {}, features: (Int) throws -> FeatureSet
  ) throws -> ProbeMap {
    var columns: [ProbeMap.Column] = []
    var examples: [Example]?
    for position in positions {
      let features = try features(position)
      guard examples == nil || examples == features.examples else {
        throw Problem(
          .differentRows, "probe map", place: "position \(position)",
          problem: "its rows are not those of the other positions",
          remedy: "give the same examples, one row each, at every position")
      }
      examples = features.examples
      columns.append(
        .init(
          position: position,
          probes: try train(
            features, at: position, keeping: journal, threads: threads, advance: advance)))
    }
    func rank(_ index: Int) -> (Double, Double) {
      let report = columns[index].probes.report
      let metrics = report.evaluations[report.chosen].selection
      return (-(metrics.auroc?.estimate ?? 0), metrics.logLoss)
    }
    guard let chosen = columns.indices.min(by: { rank($0) < rank($1) }) else {
      throw Problem(.invalidArgument, "probe map", problem: "has no positions", remedy: "give some")
    }
    return ProbeMap(columns: columns, chosen: chosen)
  }
}
