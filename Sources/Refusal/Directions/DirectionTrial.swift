import Files
import Foundation
import Tensors
import Transformer

/// What happens when a direction is removed and when it is added, prompt by prompt.
public struct DirectionOutcome: Sendable, Equatable, Codable {
  /// m of each harmful prompt with the direction removed: low where the model no longer refuses.
  public var bypass: [Double]
  /// m of each harmless prompt with the direction added to a block's input: high where it refuses.
  public var induce: [Double]
  /// KL(unchanged || direction removed) of each harmless prompt's next token, in nats.
  public var divergence: [Double]
}

/// Prompts on which directions are tried, with what the unchanged model says to them.
///
/// All figures are of the token that follows the prompt; `OpenerTokens.refusalMetric` is m.
public struct DirectionTrial: Sendable {
  private let model: Model
  private let openers: OpenerTokens
  private let harmful: Batch
  private let harmless: Batch
  private let threads: Int
  /// m of the unchanged model.
  public let harmfulBaseline: [Double]
  /// m of each harmless prompt, the model unchanged.
  public let harmlessBaseline: [Double]
  /// The unchanged model's logits of the harmless prompts, `[prompts, dVocabulary]`.
  private let logits: [[Float]]

  /// - Throws: when a class is empty, or the model gives logits that are not finite.
  public init(
    _ model: Model, openers: OpenerTokens, harmful: Batch, harmless: Batch,
    threads: Int = Model.defaultThreads
  ) throws {
    (self.model, self.openers, self.threads) = (model, openers, threads)
    (self.harmful, self.harmless) = (harmful, harmless)
    var logits = harmless.sequences.map { _ in [Float]() }
    harmfulBaseline = try Self.read(model, harmful, [], threads) { openers.refusalMetric($1) }
    harmlessBaseline = try Self.read(model, harmless, [], threads) { prompt, row in
      logits[prompt] = row
      return openers.refusalMetric(row)
    }
    self.logits = logits
  }

  /// Tokens that one outcome takes.
  public var tokenCount: Int { harmful.tokenCount + 2 * harmless.tokenCount }

  /// - Parameter layer: the block before which the direction is added.
  public func outcome(of direction: [Float], addedBefore layer: Int) throws -> DirectionOutcome {
    let ablation = [Intervention.directionalAblation(direction, in: model.shape)]
    let addition = [Intervention.directionAddition(direction, before: layer)]
    return DirectionOutcome(
      bypass: try Self.read(model, harmful, ablation, threads) { openers.refusalMetric($1) },
      induce: try Self.read(model, harmless, addition, threads) { openers.refusalMetric($1) },
      divergence: try Self.read(model, harmless, ablation, threads) { divergence(logits[$0], $1) })
  }

  /// A number of each prompt's last row of logits.
  private static func read(
    _ model: Model, _ batch: Batch, _ interventions: [Intervention], _ threads: Int,
    _ value: (_ prompt: Int, _ logits: [Float]) -> Double
  ) throws -> [Double] {
    var values = [Double](repeating: 0, count: batch.sequences.count)
    func take(_ prompt: Int, _ logits: Matrix?) throws(Problem) {
      values[prompt] = value(prompt, logits?.values ?? [])
      guard values[prompt].isFinite else {
        throw Problem(
          .notFinite, "prompt '\(batch.sequences[prompt].id)'",
          problem: "the model's logits are not finite numbers",
          remedy: "look at the model's weights and at the size of the direction")
      }
    }
    // Without a change, prompts share their beginning in a run.
    guard !interventions.isEmpty else {
      _ = try model.run(batch, Plan(capturing: [.logits()]), threads: threads) { capture in
        try take(capture.sequence, capture.values[.logits])
      }
      return values
    }
    let variants = batch.sequences.indices.map { Variant(of: $0, interventions) }
    try model.counterfactuals(of: batch, variants, threads: threads) { trial in
      try take(trial.variant, trial[.logits])
    }
    return values
  }
}

/// KL(P || Q) of two rows of logits, in nats and in double precision; not below 0.
func divergence(_ p: some Collection<Float>, _ q: some Collection<Float>) -> Double {
  func normaliser(_ logits: some Collection<Float>) -> Double {
    let largest = Double(logits.max() ?? 0)
    return largest + log(logits.reduce(0.0) { $0 + exp(Double($1) - largest) })
  }
  let (first, second) = (normaliser(p), normaliser(q))
  var sum = 0.0
  for (p, q) in zip(p, q) {
    let logP = Double(p) - first
    sum += exp(logP) * (logP - (Double(q) - second))
  }
  return max(sum, sum.isNaN ? sum : 0)
}
