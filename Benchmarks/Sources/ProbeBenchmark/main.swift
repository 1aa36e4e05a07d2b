// Fits one logistic probe per layer: probe-benchmark ACTIVATIONS.f32 LABELS.u8 LAYERS ROWS COLUMNS THREADS
//
// Prints one JSON object: seconds from the activations in memory to the probes, and for each layer
// the training accuracy and the objective that scikit-learn minimises with C = 1.
import Bathyscope
import Foundation

struct Result: Encodable {
  var seconds: Double
  var accuracies: [Double]
  var losses: [Double]
  var kernel: String
}

func run() throws {
  let arguments = Array(CommandLine.arguments.dropFirst())
  let sizes = arguments.dropFirst(2).compactMap { Int($0) }
  guard arguments.count == 6, sizes.count == 4, sizes.allSatisfy({ $0 > 0 }) else {
    print("usage: probe-benchmark ACTIVATIONS.f32 LABELS.u8 LAYERS ROWS COLUMNS THREADS")
    exit(2)
  }
  let (layers, rows, columns, threads) = (sizes[0], sizes[1], sizes[2], sizes[3])
  let data = try Data(contentsOf: URL(fileURLWithPath: arguments[0]))
  let values = data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  let labels = [UInt8](try Data(contentsOf: URL(fileURLWithPath: arguments[1]))).map { $0 == 1 }
  guard values.count == layers * rows * columns, labels.count == rows else {
    print("the files do not have the sizes that were given")
    exit(4)
  }
  let hooks = (0..<layers).map { HookPoint.residual(after: $0) }
  let matrices = (0..<layers).map { layer in
    Matrix(
      rows: rows, columns: columns,
      values: Array(values[(layer * rows * columns)..<((layer + 1) * rows * columns)]))
  }
  let examples = labels.enumerated().map { Example(id: "\($0.offset)", label: $0.element) }
  let features = try FeatureSet(hooks: hooks, matrices: matrices, examples: examples)
  let clock = ContinuousClock()
  let begin = clock.now
  let probes = try Probe.logistic(features, threads: threads)
  let time = (clock.now - begin).components
  var result = Result(
    seconds: Double(time.seconds) + Double(time.attoseconds) * 1e-18, accuracies: [], losses: [],
    kernel: Diagnosis.kernel)
  for (probe, matrix) in zip(probes, matrices) {
    let scores = try probe.score(matrix)
    let right = zip(scores, labels).count { ($0 > 0) == $1 }
    let loss = zip(scores, labels).reduce(0.0) { sum, row in
      let margin = Double(row.1 ? row.0 : -row.0)
      return sum + (margin > 0 ? log1p(exp(-margin)) : -margin + log1p(exp(margin)))
    }
    let penalty = probe.weight.reduce(0.0) { $0 + Double($1) * Double($1) } / 2
    result.accuracies.append(Double(right) / Double(rows))
    result.losses.append(loss + penalty)
  }
  print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
}

try run()
