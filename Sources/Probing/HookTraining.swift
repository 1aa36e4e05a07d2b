import Files
import Prompts
import Statistics
import Tensors
import Transformer

/// The training and evaluation of the probe of one hook: what runs on one thread.
struct HookTraining {
  let training: ProbeTraining
  let features: FeatureSet
  let task: ProbeTask
  let parts: RowParts
  let index: Int

  init(
    _ training: ProbeTraining, _ features: FeatureSet, _ task: ProbeTask, _ parts: RowParts,
    _ index: Int
  ) {
    self.training = training
    self.features = features
    self.task = task
    self.parts = parts
    self.index = index
  }

  private var matrix: Matrix { features.matrices[index] }
  private var seed: UInt64 { training.seed }

  func run() throws(Problem) -> TrainedProbe {
    let penalty = choosePenalty()
    let shuffles = (0..<training.shuffles).map {
      shuffledLabels(task.labels, groups: features.groups, seed: seed, number: $0)
    }
    let (probes, isConverged) = try probes(shuffles, penalty: penalty)
    var evaluation = try evaluate(probes, shuffles)
    let scores = (try? probes[0].score(matrix.selecting(parts.train))) ?? []
    evaluation.spread = ScoreSpread(scores)
    evaluation.naturalFall = naturalFall(scores)
    evaluation.inversePenalty = penalty
    evaluation.isConverged = isConverged
    return TrainedProbe(probe: probes[0], evaluation: evaluation)
  }

  /// The probe, then those of shuffled labels, then those of random directions.
  func probes(
    _ shuffles: [[Bool]], penalty: Double?
  ) throws(Problem) -> (probes: [Probe], isConverged: Bool) {
    let standardisation =
      training.kind.isStandardised
      ? Standardisation(of: matrix, rows: parts.train) : .identity(width: matrix.columns)
    let rows = standardisation.apply(to: matrix, rows: parts.train)
    let fits = try fit(rows, [task.labels] + shuffles, penalty: penalty)
    let weight = fits[0].weight
    let randoms = randomDirections(
      training.randomDirections, norm: dot(weight, weight).squareRoot(), features: rows,
      labels: parts.train.map { task.labels[$0] }, rowWeights: task.rowWeights(parts.train),
      seed: seed, name: "\(features.hooks[index])")
    // The same function of the activations, whatever features its weights were found in.
    let written =
      training.kind.isStandardised
      ? standardisation : Standardisation(of: matrix, rows: parts.train)
    let probes = (fits + randoms).map { fit in
      Probe(
        kind: training.kind, hook: features.hooks[index],
        fit: training.kind.isStandardised ? fit : written.applied(to: fit),
        standardisation: written)
    }
    return (probes, fits[0].isConverged)
  }

  /// How far s falls from thinking to the final token in the training rows of the class that scores high; nil
  /// where it has rows of only one of them.
  /// - Parameter scores: of the training rows.
  private func naturalFall(_ scores: [Float]) -> Double? {
    func mean(_ place: TokenPlace) -> Double? {
      let mine = zip(scores, parts.train).filter {
        features.places?[$0.1] == place && task.labels[$0.1]
      }
      guard !mine.isEmpty else { return nil }
      return mine.reduce(0) { $0 + Probe.probability($1.0) } / Double(mine.count)
    }
    guard let thinking = mean(.thinking), let final = mean(.final) else { return nil }
    return thinking - final
  }

  /// The inverse penalty with the lowest mean log loss on the held-out rows of the folds.
  ///
  /// Log loss and not AUROC, which is 1 for many penalties at once where classes are far apart.
  private func choosePenalty() -> Double? {
    guard training.kind == .logistic else { return nil }
    var losses = training.inversePenalties.map { _ in 0.0 }
    for fold in parts.folds {
      let standardisation = Standardisation(of: matrix, rows: fold.train)
      let fits = LogisticRegression.fit(
        standardisation.apply(to: matrix, rows: fold.train),
        training.inversePenalties.map { problem(task.labels, fold.train, $0) })
      let heldOut = standardisation.apply(to: matrix, rows: fold.test)
      let weights = Matrix(
        rows: fits.count, columns: matrix.columns,
        values: fits.flatMap { $0.weight.map { Float($0) } })
      let scores = weights.multiplied(byTransposeOf: heldOut)
      let labels = fold.test.map { task.labels[$0] }
      for (index, fit) in fits.enumerated() {
        losses[index] += meanLogLoss(scores[index].map { Double($0) + fit.bias }, labels)
      }
    }
    return zip(training.inversePenalties, losses).min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
  }

  private func problem(_ labels: [Bool], _ rows: [Int], _ penalty: Double) -> LogisticProblem {
    LogisticProblem(
      labels: rows.map { labels[$0] }, rowWeights: task.rowWeights(rows),
      inversePenalty: penalty)
  }

  /// One fit per list of labels; `rows` are the training rows' features.
  private func fit(
    _ rows: Matrix, _ labellings: [[Bool]], penalty: Double?
  ) throws(Problem) -> [LinearFit] {
    let train = parts.train
    let weights = task.rowWeights(train)
    if training.kind == .logistic, let penalty {
      return LogisticRegression.fit(rows, labellings.map { problem($0, train, penalty) })
    }
    var fits: [LinearFit] = []
    for labels in labellings {
      let labels = train.map { labels[$0] }
      switch training.kind {
      case .differenceInMeans:
        fits.append(Discriminant.differenceInMeans(rows, labels: labels, rowWeights: weights))
      case .massMean:
        fits.append(Discriminant.massMean(rows, labels: labels, rowWeights: weights))
      case .logistic, .paper:
        fits.append(
          try PaperProbe().fit(
            rows, labels: labels, groups: train.map { features.groups[$0] }, seed: seed))
      }
    }
    return fits
  }

  /// - Parameter probes: the probe, then the shuffled ones, then the random ones.
  private func evaluate(
    _ probes: [Probe], _ shuffles: [[Bool]]
  ) throws(Problem) -> ProbeEvaluation {
    let labels = parts.test.map { task.labels[$0] }
    let groups = parts.test.map { features.groups[$0] }
    let testRows = matrix.selecting(parts.test)
    let scores = probes.map { (try? $0.score(testRows)) ?? [] }
    let shuffled = shuffles.enumerated().map { number, labels in
      (scores: scores[number + 1], labels: parts.test.map { labels[$0] })
    }
    let randoms = scores[(shuffles.count + 1)...].map { (scores: $0, labels: labels) }
    let shuffledMetrics = try ControlMetrics(shuffled)
    var selectivity: Interval?
    if !shuffles.isEmpty {
      let advantages = labels.indices.map { row in
        let right = (scores[0][row] > 0) == labels[row] ? 1.0 : 0
        let control = shuffled.count { ($0.scores[row] > 0) == $0.labels[row] }
        return right - Double(control) / Double(shuffles.count)
      }
      selectivity = try training.bootstrap.mean(advantages, clusters: groups)
    }
    var selection = try metrics(probes[0], parts.selection)
    // Thirty layers of reliability tables that nobody reports would fill the card.
    (selection.calibration, selection.roc) = (nil, nil)
    return ProbeEvaluation(
      hook: features.hooks[index], inversePenalty: nil, isConverged: true, spread: nil,
      naturalFall: nil,
      selection: selection,
      test: try metrics(probes[0], parts.test), shuffled: shuffledMetrics,
      selectivity: selectivity, random: try ControlMetrics(randoms),
      byOtherFactor: try metricsByOtherFactor(probes[0]))
  }

  private func metrics(_ probe: Probe, _ rows: [Int]) throws(Problem) -> ProbeMetrics {
    try ProbeMetrics(
      scores: (try? probe.score(matrix.selecting(rows))) ?? [],
      labels: rows.map { task.labels[$0] }, groups: rows.map { features.groups[$0] },
      threshold: probe.threshold, bootstrap: training.bootstrap)
  }

  private func metricsByOtherFactor(
    _ probe: Probe
  ) throws(Problem) -> [String: ProbeMetrics]? {
    guard let other = task.other else { return nil }
    return [
      other.names.positive: try metrics(probe, parts.test.filter { other.labels[$0] }),
      other.names.negative: try metrics(probe, parts.test.filter { !other.labels[$0] }),
    ].mapValues { metrics in
      var metrics = metrics
      metrics.roc = nil
      return metrics
    }
  }
}

extension Matrix {
  func selecting(_ rows: [Int]) -> Matrix {
    Matrix(rows: rows.count, columns: columns, values: rows.flatMap { self[$0] })
  }
}
