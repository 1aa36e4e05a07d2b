import Prompts
import Tensors

@testable import Transformer

/// One tiny model of each kind.
let differentiatedModels = [
  "tiny-gemma2", "tiny-gemma3", "tiny-gpt-neox", "tiny-gpt-neox-sequential", "tiny-gpt2",
  "tiny-llama", "tiny-mixtral", "tiny-olmo2", "tiny-qwen3-moe-mixed", "tiny-qwen3-yarn",
]

func noise(_ count: Int, seed: Int) -> [Float] {
  var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    // The sum of four uniform numbers has a shape near enough to the normal one.
    (0..<4).reduce(Float(-2)) { sum, _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return sum + Float(state >> 40) / Float(1 << 24)
    }
  }
}

func norm(_ values: [Float]) -> Double {
  values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

/// Something of everything: changes before, at and behind the hooks that are differentiated.
func mixedInterventions(_ shape: ModelShape) -> [Intervention] {
  let (d, last) = (shape.dModel, shape.layers - 1)
  return [
    .add(noise(d, seed: 1), scale: 0.7, after: 0, at: .from(token: 2)),
    .projectOut(noise(d, seed: 2), at: [.attentionOutput(layer: last), .residual(after: 0)]),
    .scaleHeads([Head(layer: last, head: 1)], by: 0.3, at: .range(1, 7)),
    .replace(
      with: noise(d, seed: 3), at: .residual(before: last), positions: .index(3)),
    Intervention(
      .add(vector: noise(d, seed: 4), scale: -1.5),
      at: [.mlpOutput(layer: 0), .residual(before: last)], positions: .last),
  ]
}

func mixedObjective(_ shape: ModelShape) -> Objective {
  .logProbability(of: 5, at: .range(2, -1)) + 0.5 * .logitDifference(7, 11)
    - 0.25
    * .projection(
      noise(shape.dModel, seed: 9), bias: 2, at: .residual(after: shape.layers - 1),
      positions: .range(1, 4))
}

func allHooks(_ shape: ModelShape) -> [HookPoint] {
  HookPoint.all(in: shape).filter { !$0.site.isReadOnly }
}
