import Statistics
import Tensors
import Transformer

@testable import Probing

/// Features in which only some hooks know the label, and a topic that may go along with it.
struct SyntheticFeatures {
  var features: FeatureSet
  var harmful: [Bool]
  var refused: [Bool]

  /// - Parameters:
  ///   - gaps: how far apart the classes lie at each hook, in standard deviations.
  ///   - rowsPerGroup: rows of one group share their label.
  static func labelled(
    rows: Int, width: Int = 6, gaps: [Float], rowsPerGroup: Int = 1, seed: UInt64 = 1
  ) throws -> FeatureSet {
    var generator = SeededGenerator(seed: seed)
    let labels = (0..<rows).map { $0 / rowsPerGroup % 2 == 0 }
    let matrices = gaps.map { gap in
      var matrix = Matrix(rows: rows, columns: width)
      for row in 0..<rows {
        for column in 0..<width {
          matrix[row, column] = 50 + Float(generator.normal()) * Float(column + 1)
        }
        if labels[row] { matrix[row, 1] += 2 * gap }
      }
      return matrix
    }
    return try FeatureSet(
      hooks: gaps.indices.map { .residual(after: $0) }, matrices: matrices,
      examples: labels.indices.map {
        Example(id: "row \($0)", label: labels[$0], group: "group \($0 / rowsPerGroup)")
      })
  }

  /// Column 0 carries harm, column 1 refusal; most harmful prompts are refused.
  static func twoFactors(rows: Int) throws -> SyntheticFeatures {
    var generator = SeededGenerator(seed: 3)
    let harmful = (0..<rows).map { $0 % 2 == 0 }
    let refused = harmful.map { $0 ? generator.uniform() < 0.8 : generator.uniform() < 0.2 }
    var matrix = Matrix(rows: rows, columns: 4)
    for row in 0..<rows {
      for column in 0..<4 { matrix[row, column] = Float(generator.normal()) * 0.5 }
      if harmful[row] { matrix[row, 0] += 2 }
      if refused[row] { matrix[row, 1] += 2 }
    }
    let features = try FeatureSet(
      hooks: [.finalNorm], matrices: [matrix],
      examples: (0..<rows).map { Example(id: "\($0)", label: refused[$0]) })
    return SyntheticFeatures(features: features, harmful: harmful, refused: refused)
  }
}
