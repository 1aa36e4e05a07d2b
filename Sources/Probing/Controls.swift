import Statistics
import Tensors

/// Labels in random order, which a probe can only learn by heart.
///
/// The structure of the groups stays: a group whose rows share one label still does afterwards, in
/// exchange with other such groups; in a group of both labels the rows change places. Otherwise the
/// control would be an easier problem than the real one.
func shuffledLabels(_ labels: [Bool], groups: [String], seed: UInt64, number: Int) -> [Bool] {
  var generator = SeededGenerator(seed: seed, item: "shuffled labels \(number)")
  let members = Dictionary(grouping: labels.indices) { groups[$0] }
  let ordered = members.sorted { ($0.value.first ?? 0) < ($1.value.first ?? 0) }.map(\.value)
  let uniform = ordered.filter { rows in rows.allSatisfy { labels[$0] == labels[rows[0]] } }
  var result = labels
  let drawn = generator.shuffled(uniform.map { labels[$0[0]] })
  for (rows, label) in zip(uniform, drawn) {
    for row in rows { result[row] = label }
  }
  for rows in ordered where !rows.allSatisfy({ labels[$0] == labels[rows[0]] }) {
    for (row, label) in zip(rows, generator.shuffled(rows.map { labels[$0] })) {
      result[row] = label
    }
  }
  return result
}

/// Random directions of a given norm, each with the sign and threshold that suit the training rows.
///
/// - Parameter features: the training rows in the space of the trained weight, `[rows, width]`.
func randomDirections(
  _ count: Int, norm: Double, features: Matrix, labels: [Bool], rowWeights: [Double],
  seed: UInt64, name: String
) -> [LinearFit] {
  guard count > 0 else { return [] }
  var generator = SeededGenerator(seed: seed, item: "random directions \(name)")
  var directions = Matrix(rows: count, columns: features.columns)
  for row in 0..<count {
    let values = (0..<features.columns).map { _ in generator.normal() }
    let factor = norm / dot(values, values).squareRoot()
    directions[row] = values.map { Float($0 * factor) }
  }
  let projections = directions.multiplied(byTransposeOf: features)
  return (0..<count).map { row in
    let line = Discriminant.logit(
      of: projections[row].map { Double($0) }, labels: labels, rowWeights: rowWeights)
    // The norm stays as it is: only the sign and the place of the threshold are learnt.
    let sign = line.slope < 0 ? -1.0 : 1.0
    let bias = line.slope == 0 ? 0 : line.intercept / abs(line.slope)
    return LinearFit(weight: directions[row].map { sign * Double($0) }, bias: bias)
  }
}
