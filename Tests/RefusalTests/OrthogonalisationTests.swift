import Checkpoints
import Files
import Foundation
import Prompts
import Testing

@testable import Refusal
@testable import Transformer

struct OrthogonalisationTests {
  private static let models = [
    "tiny-llama", "tiny-llama-bias", "tiny-mistral", "tiny-mixtral", "tiny-qwen2",
    "tiny-qwen2-tied", "tiny-qwen3", "tiny-qwen3-moe", "tiny-qwen3-moe-mixed", "tiny-phi3",
    "tiny-gpt2", "tiny-gpt-neox", "tiny-gpt-neox-sequential",
  ]

  private func direction(_ count: Int) -> [Float] {
    (0..<count).map { Float(sin(Double($0 * $0) + 1)) }
  }

  private func logits(_ model: Model, _ changes: [Intervention]) throws -> [Float] {
    let tokens = (0..<20).map { Int32(($0 * 37 + 5) % model.shape.dVocabulary) }
    let run = try model.run(
      Batch([TokenSequence(id: "a", tokens: tokens)]), capturing: [.logits(at: .all)],
      applying: changes)
    return run[.logits]?.values ?? []
  }

  private func write(
    _ name: String, _ body: (Model, Model, WeightOrthogonalisation.Result, [Float]) throws -> Void
  ) throws {
    let out = NSTemporaryDirectory() + "bathyscope-orthogonal-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: out) }
    let original = try Model.load(tinyModelPath(name))
    let direction = direction(original.shape.dModel)
    let result = try WeightOrthogonalisation(direction, of: tinyModelPath(name)).write(to: out)
    let written = try Model.load(out)
    #expect(result.sha256 == written.identity.weightsSHA256)
    try body(original, written, result, direction)
    expectProblem(.unwritable) {
      try WeightOrthogonalisation(direction, of: tinyModelPath(name)).write(to: out)
    }
  }

  @Test(arguments: models) func newWeightsEqualTheAblation(name: String) throws {
    try write(name) { original, written, result, direction in
      let ablated = try logits(
        original, [.directionalAblation(direction, in: original.shape)])
      let (changed, plain) = (try logits(written, []), try logits(original, []))
      let scale = ablated.map(abs).max() ?? 0
      func distance(_ other: [Float]) -> Float {
        zip(ablated, other).map { abs($0 - $1) }.max() ?? .infinity
      }
      #expect(changed.count == ablated.count && scale > 0)
      #expect(distance(changed) < 1e-5 * scale, "\(distance(changed) / scale)")
      #expect(distance(plain) > 1e-3 * scale, "the ablation changes nothing")
      #expect(result.changes.allSatisfy { $0.residue < 1e-6 })
      #expect(result.changes.contains { $0.removed > 0.01 })
    }
  }

  @Test(arguments: ["tiny-qwen2-tied", "tiny-gpt2"]) func tiedModelsAreUntied(
    name: String
  ) throws {
    try write(name) { original, written, result, _ in
      #expect(result.wasTied)
      let tokens = (0..<Int32(original.shape.dVocabulary)).map { $0 }
      #expect(written.unembedding(of: tokens) == original.unembedding(of: tokens))
      #expect(written.identity.configurationJSON.contains(#""tiesEmbeddings":false"#))
    }
  }

  @Test(arguments: ["tiny-gemma2", "tiny-gemma3", "tiny-olmo2"])
  func architecturesWithNormsBehindAreRefused(name: String) throws {
    let width = try Model.load(tinyModelPath(name)).shape.dModel
    do {
      _ = try WeightOrthogonalisation(direction(width), of: tinyModelPath(name))
      Issue.record("\(name) was taken")
    } catch let error as Problem {
      #expect("\(error)".contains("norm behind attention"), "\(error)")
    }
  }

  @Test func directionsThatDoNotFitAreRefused() {
    for vector: [Float] in [[1, 2], Array(repeating: 0, count: 36), []] {
      expectProblem(.unfitVector) {
        try WeightOrthogonalisation(vector, of: tinyModelPath("tiny-llama"))
      }
    }
    expectProblem(.wrongFormat) {
      try WeightOrthogonalisation(direction(36), of: tinyModelPath("tiny-llama-linear.gguf"))
    }
  }

  /// Rounding to the stored type is all that keeps a vector from being orthogonal.
  @Test func columnsAndRowsAreTreatedAlike() {
    let unit = direction(6).map { Double($0) / norm(direction(6)) }
    let rows: [Float] = (0..<24).map { Float(cos(Double($0))) }
    var columns = [Float](repeating: 0, count: 24)
    for row in 0..<4 {
      for column in 0..<6 { columns[column * 4 + row] = rows[row * 6 + column] }
    }
    for rounds in [false, true] {
      var (first, second) = (rows, columns)
      var one = Removal(unit: unit, roundsToBFloat16: rounds)
      one.apply(toRowsOf: &first)
      var other = Removal(unit: unit, roundsToBFloat16: rounds)
      other.apply(toColumnsOf: &second)
      var isSame = true
      for row in 0..<4 {
        for column in 0..<6 where first[row * 6 + column] != second[column * 4 + row] {
          isSame = false
        }
      }
      #expect(isSame)
      #expect(abs(one.removed - other.removed) < 1e-12)
      #expect(one.residue < (rounds ? 1e-2 : 1e-6))
      if rounds {
        let isRounded = first.allSatisfy { $0.bitPattern & 0xFFFF == 0 }
        #expect(isRounded)
      }
    }
  }
}
