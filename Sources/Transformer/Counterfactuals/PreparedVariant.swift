import Files
import Prompts

/// What an intervention does in one sequence at one hook.
struct Step: Sendable {
  /// The intervention's place in the variant; below 0 for what the clean run has changed already.
  var intervention: Int
  var change: PreparedChange
  /// Ascending.
  var tokens: [Int]
}

/// A variant checked against the model and its sequence: where it leaves the clean run.
struct PreparedVariant: Sendable {
  /// Its place among all variants.
  let index: Int
  let variant: Variant
  /// What it changes, by hook.
  let steps: [HookPoint: [Step]]
  /// Everything before this hook is the clean run; nil where nothing is changed.
  let origin: HookPoint?
  /// The first token that is touched.
  let first: Int

  var sequence: Int { variant.sequence }
  var attendsUniformly: Bool {
    steps.values.joined().contains { $0.change.attendsUniformly }
  }

  /// - Throws: for a sequence that is not there, and interventions that do not fit or touch nothing.
  init(
    _ variant: Variant, at index: Int, of batch: Batch, capturing captures: [Capture],
    shape: ModelShape
  ) throws(Problem) {
    (self.index, self.variant) = (index, variant)
    guard batch.sequences.indices.contains(variant.sequence) else {
      throw Problem(
        .noSuchSequence, "variant \(index)", place: "sequence \(variant.sequence)",
        problem: "is not in the batch of \(batch.sequences.count)",
        remedy: "name sequences by their places in the batch, from 0 on")
    }
    guard variant.interventions.allSatisfy({ $0.sequences == nil }) else {
      throw Problem(
        .invalidArgument, "variant \(index)", problem: "has an intervention that names sequences",
        remedy: "leave them out: a variant is of one sequence")
    }
    let sequence = batch.sequences[variant.sequence]
    do {
      let plan = try PreparedPlan(
        Plan(capturing: captures, applying: variant.interventions), shape: shape)
      try plan.checkInterventions(against: CollectionOfOne(sequence))
      steps = plan.steps(in: sequence) { $0 }
    } catch {
      throw Problem(
        error.code, "variant \(index) of prompt '\(sequence.id)'", place: error.subject,
        problem: error.place.isEmpty ? error.problem : "\(error.place): \(error.problem)",
        remedy: error.remedy)
    }
    if let hook = steps.keys.min() {
      let isUniform = steps[hook]?.contains { $0.change.attendsUniformly } == true
      origin = hook.origin(in: shape, recomputingAttention: isUniform)
    } else {
      origin = nil
    }
    first = steps.values.joined().compactMap(\.tokens.first).min() ?? 0
  }
}

extension PreparedPlan {
  /// What the interventions do in a sequence, by hook.
  /// - Parameters:
  ///   - place: where the sequence is in the batch that the plan is for.
  ///   - name: what an intervention is called in a step.
  func steps(
    in sequence: TokenSequence, at place: Int = 0, _ name: (Int) -> Int
  ) -> [HookPoint: [Step]] {
    let touched = interventions.map {
      $0.concerns(sequence, at: place) ? $0.positions.indices(in: sequence) : []
    }
    return changes.mapValues { steps in
      steps.filter { !touched[$0.intervention].isEmpty }.map {
        Step(
          intervention: name($0.intervention), change: $0.change, tokens: touched[$0.intervention])
      }
    }.filter { !$0.value.isEmpty && $0.key <= last }
  }
}

extension HookPoint {
  /// The last place in the forward pass before a change at this hook from which a pass can go on: the
  /// embedding, the residual stream before a block or after the last one, or a block's heads.
  func origin(in shape: ModelShape, recomputingAttention: Bool) -> HookPoint {
    guard let layer else {
      return site == .embedding || site == .positionEmbedding
        ? .embedding : .residual(after: shape.layers - 1)
    }
    if site == .residualAfter { return self }
    let heads = HookPoint.headOutput(layer: layer)
    return self < heads || recomputingAttention ? .residual(before: layer) : heads
  }
}
