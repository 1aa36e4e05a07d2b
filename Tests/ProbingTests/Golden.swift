import Files
import Foundation
import Tensors
import Testing

/// What scikit-learn and PyTorch recorded; see Oracles/record_probes.py.
struct Golden: Decodable {
  struct Logistic: Decodable {
    var inversePenalty: Double
    var rowWeights: [Double]?
    var weight: [Double]
    var bias: Double
    var auroc: Double
    var logLoss: Double
  }
  struct Problem: Decodable {
    var name: String
    var rows: Int
    var width: Int
    var features: [Float]
    var labels: [Bool]
    var mean: [Double]
    var scale: [Double]
    var logistic: [Logistic]
    var shrinkage: Double
    var massMeanWeight: [Double]
    var massMeanBias: Double
    var matrix: Matrix { Matrix(rows: rows, columns: width, values: features) }
  }
  struct OneFeature: Decodable {
    var projections: [Double]
    var labels: [Bool]
    var slope: Double
    var intercept: Double
  }
  struct Adam: Decodable {
    var rows: Int
    var width: Int
    var features: [Float]
    var labels: [Bool]
    var start: [Double]
    var orders: [[Int]]
    var validation: [Int]
    var accuracy: Double
    var weight: [Double]
    var bias: Double
  }

  var problems: [Problem]
  var oneFeature: OneFeature
  var adam: Adam

  static let recorded: Golden = {
    do {
      let url = try #require(Bundle.module.url(forResource: "Golden/probes", withExtension: "json"))
      return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
    } catch {
      fatalError("Golden/probes.json: \(error)")
    }
  }()
}

/// The largest difference, relative to the largest expected entry.
func relativeError(_ actual: [Double], _ expected: [Double]) -> Double {
  let largest = expected.map(abs).max() ?? 1
  return zip(actual, expected).map { abs($0 - $1) }.max()! / largest
}
