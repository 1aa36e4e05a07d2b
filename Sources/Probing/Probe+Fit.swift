import Files
import Tensors

extension Probe {
  /// Fits one logistic probe per hook on all rows, at one penalty.
  ///
  /// A fit alone, to use or to measure elsewhere: it tells nothing about how well the probe does on
  /// other rows. `ProbeTraining` splits, chooses the penalty, tests and holds against controls.
  /// - Parameter inversePenalty: scikit-learn's C.
  /// - Throws: when all rows have one label, or the penalty is not positive.
  public static func logistic(
    _ features: FeatureSet, inversePenalty: Double = 1, threads: Int = 1
  ) throws(Problem) -> [Probe] {
    let labels = features.labels
    guard Set(labels).count == 2, inversePenalty > 0, inversePenalty.isFinite else {
      throw Problem(
        .oneClass, "features", problem: "all rows have one label, or the penalty is not positive",
        remedy: "give rows of both classes and a penalty above 0")
    }
    let rows = Array(labels.indices)
    let problem = LogisticProblem(
      labels: labels, rowWeights: labels.map { _ in 1 }, inversePenalty: inversePenalty)
    return try concurrentMap(features.hooks.count, threads: threads) { index in
      let matrix = features.matrices[index]
      let standardisation = Standardisation(of: matrix, rows: rows)
      let fits = LogisticRegression.fit(standardisation.apply(to: matrix, rows: rows), [problem])
      return Probe(
        kind: .logistic, hook: features.hooks[index], fit: fits[0],
        standardisation: standardisation)
    }
  }
}
