import Prompts
import Transformer

extension Intervention {
  /// Removes a direction from the residual stream everywhere: h <- h - r^ (r^ . h) at every block's
  /// input and at every output of attention and MLP (Arditi et al., arXiv 2406.11717).
  ///
  /// Nothing along it is left behind the last block either, whose input and two outputs have none.
  public static func directionalAblation(
    _ direction: [Float], in shape: ModelShape, at positions: Positions = .all
  ) -> Intervention {
    let sites: [HookPoint.Site] = [.residualBefore, .attentionOutput, .mlpOutput]
    let hooks = sites.flatMap { site in
      (0..<shape.layers).map { HookPoint(site, layer: $0) }
    }
    return .projectOut(direction, at: hooks.sorted(), positions: positions)
  }

  /// Adds `scale` times a direction to what enters a block: 1 induces refusal, -1 bypasses it.
  public static func directionAddition(
    _ direction: [Float], scale: Float = 1, before layer: Int, at positions: Positions = .all
  ) -> Intervention {
    Intervention(
      .add(vector: direction, scale: scale), at: [.residual(before: layer)], positions: positions)
  }
}
