import Prompts
import Tensors

extension Model {
  /// About how long some continuations take at most, measured by one step, and how many bytes they
  /// need besides the weights.
  package func estimatedGeneration(
    _ batch: Batch, _ settings: GenerationSettings, _ jobs: [GenerationJob], slots: Int,
    threads: Int
  ) -> (seconds: Double, bytes: Int) {
    let prompts = jobs.map { batch.sequences[$0.prompt].tokens.count }
    let rows = min(slots, jobs.count)
    let steps = Double(jobs.count) / Double(rows) * Double(settings.maxNewTokens)
    let prefill =
      Double(prompts.reduce(0, +)) / estimatedTokensPerSecond(threads: threads)
    let perToken = network.blocks.reduce(0) {
      $0 + 2 * $1.attention.shape.keyValueHeads * $1.attention.shape.dHead
    }
    let kept = rows * ((prompts.max() ?? 0) + settings.maxNewTokens) * perToken
    return (
      prefill + steps * secondsPerStep(rows: rows, threads: threads),
      kept * MemoryLayout<Float>.stride
        + estimatedWorkingBytes(batch, capturing: [], threads: threads)
    )
  }

  /// The time of one step without anything remembered, the second of two.
  private func secondsPerStep(rows: Int, threads: Int) -> Double {
    let batch = Batch((0..<rows).map { TokenSequence(id: "\($0)", tokens: [0]) })
    let tile = Tile(batch, 0..<rows)
    let device = CPUBackend(threads: threads)
    guard
      let plan = try? PreparedPlan(Plan(capturing: []), shape: shape, predicting: true)
    else { return 0 }
    let clock = ContinuousClock()
    let time = (0..<2).map { _ in
      clock.measure {
        let taps = Taps(
          device: device, plan: plan, batch: batch, tile: tile, predicting: Array(0..<rows))
        network.run(Pass(device: device, tile: tile, taps: taps))
      }
    }.min()
    let parts = (time ?? .zero).components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
  }
}
