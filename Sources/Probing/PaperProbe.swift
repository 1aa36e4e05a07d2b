import Files
import Statistics
import Tensors

/// The probe of "Refusal Falls off a Cliff" (arXiv 2510.06036), kept so that results compare.
///
/// Logistic regression on features as they are, without penalty: binary cross-entropy, Adam with rate
/// 1e-3, batches of 64, 5 epochs, and the epoch with the best validation accuracy is kept.
struct PaperProbe {
  var rate = 1e-3
  var batchSize = 64
  var epochs = 5
  var perClass = 200
  var validationShare = 0.2

  /// Trains on at most 200 rows a class, as many of the one as of the other, a fifth of them for
  /// validation.
  func fit(
    _ features: Matrix, labels: [Bool], groups: [String], seed: UInt64
  ) throws(Problem) -> LinearFit {
    var generator = SeededGenerator(seed: seed, item: "paper probe")
    let positives = generator.shuffled(labels.indices.filter { labels[$0] })
    let negatives = generator.shuffled(labels.indices.filter { !labels[$0] })
    let size = min(positives.count, negatives.count, perClass)
    let rows = (positives.prefix(size) + negatives.prefix(size)).sorted()
    let split = try GroupedSplit(
      groups: rows.map { groups[$0] }, labels: rows.map { "\(labels[$0])" },
      testShare: validationShare, seed: seed)
    let bound = 1 / Double(features.columns).squareRoot()
    let draw = { (generator.uniform() * 2 - 1) * bound }
    let start = LinearFit(weight: (0..<features.columns).map { _ in draw() }, bias: draw())
    let training = split.train.map { rows[$0] }
    let orders = (0..<epochs).map { _ in generator.shuffled(training) }
    return descend(
      features, labels: labels, from: start, orders: orders,
      validation: split.test.map { rows[$0] })
  }

  /// Adam (Kingma and Ba 2015) through the rows in the given orders, one per epoch.
  func descend(
    _ features: Matrix, labels: [Bool], from start: LinearFit, orders: [[Int]],
    validation: [Int]
  ) -> LinearFit {
    var point = start.weight + [start.bias]
    var (mean, square) = (point.map { _ in 0.0 }, point.map { _ in 0.0 })
    var (decay, squareDecay) = (1.0, 1.0)
    var best: (fit: LinearFit, accuracy: Double) = (start, -1)
    for order in orders {
      for first in stride(from: 0, to: order.count, by: batchSize) {
        let batch = order[first..<min(first + batchSize, order.count)]
        let gradient = gradient(at: point, features, labels, batch)
        (decay, squareDecay) = (decay * 0.9, squareDecay * 0.999)
        for index in point.indices {
          mean[index] = 0.9 * mean[index] + 0.1 * gradient[index]
          square[index] = 0.999 * square[index] + 0.001 * gradient[index] * gradient[index]
          let spread = (square[index] / (1 - squareDecay)).squareRoot() + 1e-8
          point[index] -= rate * mean[index] / (1 - decay) / spread
        }
      }
      let fit = LinearFit(weight: Array(point.dropLast()), bias: point[point.count - 1])
      let right = validation.count { (score(fit, features[$0]) > 0) == labels[$0] }
      let accuracy = Double(right) / Double(max(validation.count, 1))
      if accuracy > best.accuracy { best = (fit, accuracy) }
    }
    return best.fit
  }

  private func score(_ fit: LinearFit, _ row: [Float]) -> Double {
    zip(fit.weight, row).reduce(fit.bias) { $0 + $1.0 * Double($1.1) }
  }

  private func gradient(
    at point: [Double], _ features: Matrix, _ labels: [Bool], _ batch: ArraySlice<Int>
  ) -> [Double] {
    var gradient = [Double](repeating: 0, count: point.count)
    let bias = point.count - 1
    for row in batch {
      let values = features[row]
      let z = zip(point, values).reduce(point[bias]) { $0 + $1.0 * Double($1.1) }
      let residual = (sigmoid(z) - (labels[row] ? 1 : 0)) / Double(batch.count)
      for (column, value) in values.enumerated() { gradient[column] += residual * Double(value) }
      gradient[bias] += residual
    }
    return gradient
  }
}
