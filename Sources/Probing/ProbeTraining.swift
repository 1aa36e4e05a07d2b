import Files
import Runs
import Statistics
import Tensors

/// How probes are trained and what they are held against.
///
///     let trained = try ProbeTraining(seed: 42).train(features, threads: 2)
///     print(trained.report.sentence)
public struct ProbeTraining: Sendable, Equatable, Codable {
  /// The rule by which weights are found.
  public var kind: ProbeKind
  /// Decides every split, shuffle and random direction.
  public var seed: UInt64
  /// Shares of the rows to train on, to choose the layer with, and to report on.
  public var shares: [Double]
  /// The inverse penalties C that cross-validation chooses from, by lowest held-out log loss.
  public var inversePenalties: [Double]
  /// Grouped folds inside the training rows, by which the penalty is chosen.
  public var folds: Int
  /// Probes trained on shuffled labels, with the penalty chosen for the true ones.
  public var shuffles: Int
  /// Norm-matched random directions that each probe is held against.
  public var randomDirections: Int
  /// Bootstrap resamples of intervals that have no formula.
  public var resamples: Int

  /// The settings that the command line has by default.
  public init(
    kind: ProbeKind = .logistic, seed: UInt64 = 42, shares: [Double] = [0.6, 0.2, 0.2],
    inversePenalties: [Double] = [1e-4, 1e-3, 1e-2, 1e-1, 1, 10], folds: Int = 5,
    shuffles: Int = 5, randomDirections: Int = 20, resamples: Int = 10_000
  ) {
    self.kind = kind
    self.seed = seed
    self.shares = shares
    self.inversePenalties = inversePenalties
    self.folds = folds
    self.shuffles = shuffles
    self.randomDirections = randomDirections
    self.resamples = resamples
  }

  /// Trains one probe per hook on the examples' labels.
  /// - Parameters:
  ///   - journal: has the probes that an earlier run of the same training came to.
  ///   - advance: called after each hook, on any thread.
  /// - Throws: when a class has too few groups for three parts and the folds.
  public func train(
    _ features: FeatureSet, keeping journal: RunJournal<TrainedProbe.Place, TrainedProbe>? = nil,
    threads: Int = 1,
    advance: @Sendable () -> Void = {}
  ) throws(Problem) -> TrainedProbes {
    try train(features, at: nil, keeping: journal, threads: threads, advance: advance)
  }

  /// - Parameter position: which token of a map the features are of.
  func train(
    _ features: FeatureSet, at position: Int?,
    keeping journal: RunJournal<TrainedProbe.Place, TrainedProbe>?, threads: Int,
    advance: @Sendable () -> Void
  ) throws(Problem) -> TrainedProbes {
    let task = ProbeTask(labels: features.labels)
    let kept = KeptProbes(journal: journal, position: position)
    return try train(
      features, task, try parts(features, task), kept, threads: threads, advance: advance)
  }

  /// The rows that any training of this task stands on.
  func parts(_ features: FeatureSet, _ task: ProbeTask) throws(Problem) -> RowParts {
    try checkSettings()
    return try RowParts(features, task, self)
  }

  func train(
    _ features: FeatureSet, _ task: ProbeTask, _ parts: RowParts, _ kept: KeptProbes = .init(),
    threads: Int, advance: @Sendable () -> Void
  ) throws(Problem) -> TrainedProbes {
    let outcomes = try concurrentMap(features.hooks.count, threads: threads) {
      (index) throws(Problem) in
      defer { advance() }
      let (hook, width) = (features.hooks[index], features.matrices[index].columns)
      return try kept.probe(at: hook, of: kind, width: width) { () throws(Problem) in
        try HookTraining(self, features, task, parts, index).run()
      }
    }
    var evaluations = outcomes.map(\.evaluation)
    func rank(_ index: Int) -> (Double, Double) {
      let metrics = evaluations[index].selection
      return (-(metrics.auroc?.estimate ?? 0), metrics.logLoss)
    }
    let chosen = evaluations.indices.min { rank($0) < rank($1) } ?? 0
    for index in evaluations.indices where index != chosen { evaluations[index].test.roc = nil }
    let report = ProbeReport(
      training: self, trainingRows: parts.train.count,
      trainingPositives: parts.train.count { task.labels[$0] },
      selectionRows: parts.selection.count, testRows: parts.test.count,
      coverage: features.places.map { places in
        TokenCoverage(
          parts.train.map { places[$0] },
          parts.train.map { row in
            var example = features.examples[row]
            example.label = task.labels[row]
            return example
          })
      },
      evaluations: evaluations, chosen: chosen)
    return TrainedProbes(probes: outcomes.map(\.probe), report: report)
  }

  var bootstrap: Bootstrap { Bootstrap(seed: seed, resamples: resamples) }

  private func checkSettings() throws(Problem) {
    guard shares.count == 3, folds >= 2, shuffles >= 0, randomDirections >= 0, resamples >= 100,
      !inversePenalties.isEmpty, inversePenalties.allSatisfy({ $0 > 0 && $0.isFinite })
    else {
      throw Problem(
        .invalidArgument, "probe training", problem: "its settings do not describe a training",
        remedy: "use three shares, two or more folds, penalties above 0 and 100 or more resamples")
    }
  }
}

/// What is told apart, and how much each row counts.
struct ProbeTask: Sendable {
  /// One per row.
  var labels: [Bool]
  /// The other factor of a 2 x 2 design, one per row, with the names of its two sides.
  var other: (labels: [Bool], names: (positive: String, negative: String))?

  /// What the split keeps the shares of.
  var strata: [String] {
    labels.indices.map { row in
      "\(labels[row])" + (other.map { " \($0.labels[row])" } ?? "")
    }
  }

  /// Equal total weight to each cell of a 2 x 2 design; 1 without another factor.
  func rowWeights(_ rows: [Int]) -> [Double] {
    guard let other else { return rows.map { _ in 1 } }
    func cell(_ row: Int) -> Int { (labels[row] ? 2 : 0) + (other.labels[row] ? 1 : 0) }
    var counts = [0, 0, 0, 0]
    for row in rows { counts[cell(row)] += 1 }
    return rows.map { Double(rows.count) / Double(4 * counts[cell($0)]) }
  }
}

/// Three disjoint sets of rows and the folds inside the first: the same for every hook.
struct RowParts: Sendable {
  let train: [Int]
  let selection: [Int]
  let test: [Int]
  /// Indices of rows, not places among the training rows.
  let folds: [GroupedSplit]

  init(_ features: FeatureSet, _ task: ProbeTask, _ training: ProbeTraining) throws(Problem) {
    let (groups, strata) = (features.groups, task.strata)
    let parts = try GroupedSplit.parts(
      training.shares, groups: groups, labels: strata, seed: training.seed)
    (train, selection, test) = (parts[0], parts[1], parts[2])
    let rows = parts[0]
    let needsFolds = training.kind == .logistic && training.inversePenalties.count > 1
    folds =
      needsFolds
      ? try GroupedSplit.folds(
        training.folds, groups: rows.map { groups[$0] }, labels: rows.map { strata[$0] },
        seed: training.seed
      ).map { fold in
        var fold = fold
        fold.train = fold.train.map { rows[$0] }
        fold.test = fold.test.map { rows[$0] }
        return fold
      } : []
    let needed = Set(strata)
    for (name, rows) in [("training", train), ("selection", selection), ("test", test)]
      + folds.map({ ("cross-validation", $0.train) })
    {
      let missing = needed.subtracting(rows.map { strata[$0] })
      guard missing.isEmpty, needed.count > 1 else {
        throw Problem(
          needed.count > 1 ? .tooFew : .oneClass, "features", place: "\(name) rows",
          problem: needed.count > 1
            ? "a class has no row there: its groups are too few to be split"
            : "all \(task.labels.count) rows have the same label",
          remedy: "give both classes at least ten groups each, of similar size")
      }
    }
  }
}
