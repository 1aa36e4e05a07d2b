import Statistics
import Tensors
import Testing

@testable import Probing

struct FitTests {
  @Test func standardisationAgreesWithScikitLearn() {
    for problem in Golden.recorded.problems {
      let found = Standardisation(of: problem.matrix, rows: Array(0..<problem.rows))
      #expect(relativeError(found.mean, problem.mean) < 1e-12)
      #expect(relativeError(found.scale, problem.scale) < 1e-12)
    }
  }

  @Test func logisticRegressionAgreesWithScikitLearn() throws {
    for problem in Golden.recorded.problems {
      let rows = Array(0..<problem.rows)
      let features = Standardisation(of: problem.matrix, rows: rows)
        .apply(to: problem.matrix, rows: rows)
      let fits = LogisticRegression.fit(
        features,
        problem.logistic.map {
          LogisticProblem(
            labels: problem.labels,
            rowWeights: $0.rowWeights ?? Array(repeating: 1, count: problem.rows),
            inversePenalty: $0.inversePenalty)
        })
      for (fit, expected) in zip(fits, problem.logistic) {
        let place = "\(problem.name), C \(expected.inversePenalty)"
        #expect(fit.isConverged, "\(place)")
        let error = relativeError(fit.weight + [fit.bias], expected.weight + [expected.bias])
        #expect(error < 1e-4, "\(place): \(error)")
        let scores = rows.map { row in
          dot(features[row].map(Double.init), fit.weight) + fit.bias
        }
        let roc = try ROC(scores: scores, labels: problem.labels)
        #expect(roc?.auroc == expected.auroc)
        #expect(abs(meanLogLoss(scores, problem.labels) - expected.logLoss) < 1e-5)
      }
    }
  }

  @Test func aProblemSolvedAloneOrBesideOthersIsTheSame() {
    let problem = Golden.recorded.problems[0]
    let rows = Array(0..<problem.rows)
    let features = Standardisation(of: problem.matrix, rows: rows)
      .apply(to: problem.matrix, rows: rows)
    let problems = [0.01, 1, 100].map {
      LogisticProblem(
        labels: problem.labels, rowWeights: rows.map { _ in 1 }, inversePenalty: $0)
    }
    let together = LogisticRegression.fit(features, problems)
    for (problem, fit) in zip(problems, together) {
      let alone = LogisticRegression.fit(features, [problem])[0]
      #expect(relativeError(alone.weight, fit.weight) < 2e-5)
    }
  }

  @Test func constantFeaturesGetNoWeight() {
    var matrix = Matrix(rows: 20, columns: 2)
    for row in 0..<20 { matrix[row] = [1234.567, Float(row % 7)] }
    let rows = Array(0..<20)
    let standardisation = Standardisation(of: matrix, rows: rows)
    #expect(standardisation.scale[0] == 1)
    let fit = LogisticRegression.fit(
      standardisation.apply(to: matrix, rows: rows),
      [
        LogisticProblem(
          labels: rows.map { $0 % 7 > 3 }, rowWeights: rows.map { _ in 1 }, inversePenalty: 1)
      ])[0]
    #expect(fit.isConverged)
    #expect(abs(fit.weight[0]) < 1e-9)
    #expect(fit.weight[1] > 0.5)
  }

  @Test func massMeanAgreesWithScikitLearn() {
    for problem in Golden.recorded.problems {
      let rows = Array(0..<problem.rows)
      let features = Standardisation(of: problem.matrix, rows: rows)
        .apply(to: problem.matrix, rows: rows)
      let fit = Discriminant.massMean(
        features, labels: problem.labels, rowWeights: rows.map { _ in 1 })
      #expect(fit.isConverged)
      let error = relativeError(
        fit.weight + [fit.bias], problem.massMeanWeight + [problem.massMeanBias])
      #expect(error < 1e-4, "\(problem.name): \(error)")
    }
  }

  @Test func shrinkageAgreesWithScikitLearn() {
    for problem in Golden.recorded.problems {
      let rows = Array(0..<problem.rows)
      var residuals = Standardisation(of: problem.matrix, rows: rows)
        .apply(to: problem.matrix, rows: rows)
      let means = Discriminant.means(
        residuals, labels: problem.labels, rowWeights: rows.map { _ in 1 })
      for row in rows {
        let mean = problem.labels[row] ? means.positive : means.negative
        for column in 0..<problem.width { residuals[row, column] -= Float(mean[column]) }
      }
      let covariance = ShrunkCovariance(ofCentred: residuals, shrinkage: nil)
      #expect(abs(covariance.shrinkage - problem.shrinkage) < 1e-5, "\(problem.name)")
    }
  }

  @Test func projectionsBecomeLogitsAsInDiscriminantAnalysis() {
    let golden = Golden.recorded.oneFeature
    let line = Discriminant.logit(
      of: golden.projections, labels: golden.labels,
      rowWeights: golden.labels.map { _ in 1 })
    #expect(abs(line.slope - golden.slope) < 1e-9)
    #expect(abs(line.intercept - golden.intercept) < 1e-9)
  }

  @Test func differenceInMeansPointsFromOneMeanToTheOther() {
    let matrix = Matrix(
      rows: 4, columns: 2, values: [1, 0, 3, 0, 0, 1, 0, 3])
    let fit = Discriminant.differenceInMeans(
      matrix, labels: [true, true, false, false], rowWeights: [1, 1, 1, 1])
    // Means (2, 0) and (0, 2); projections on (2, -2) are 2, 6, -2, -6: variance 4, gap 8.
    #expect(fit.weight == [4, -4])
    #expect(fit.bias == 0)
    let weighted = Discriminant.differenceInMeans(
      matrix, labels: [true, true, false, false], rowWeights: [3, 1, 1, 1])
    #expect(abs(weighted.weight[0] / -weighted.weight[1] - 0.75) < 1e-12)
  }

  @Test func paperProbeAgreesWithPyTorch() {
    let golden = Golden.recorded.adam
    let matrix = Matrix(rows: golden.rows, columns: golden.width, values: golden.features)
    let fit = PaperProbe().descend(
      matrix, labels: golden.labels,
      from: LinearFit(weight: Array(golden.start.dropLast()), bias: golden.start[6]),
      orders: golden.orders, validation: golden.validation)
    #expect(relativeError(fit.weight + [fit.bias], golden.weight + [golden.bias]) < 1e-6)
  }
}
