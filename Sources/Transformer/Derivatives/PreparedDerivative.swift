import Files
import Tensors

/// What is differentiated, checked against the model and the batch.
struct PreparedDerivative {
  let objective: PreparedObjective
  /// The interventions; it reads nothing.
  let plan: PreparedPlan
  let batch: Batch

  /// - Parameters:
  ///   - places: hooks and positions by which is differentiated.
  ///   - name: what the places are for, in errors.
  init(
    _ objective: Objective, by places: [Capture], _ name: String,
    applying interventions: [Intervention], _ batch: Batch, shape: ModelShape
  ) throws(Problem) {
    let prepared = try PreparedObjective(objective, shape: shape)
    let captures = prepared.hooks.map { Capture($0) } + places
    var plan = try PreparedPlan(
      Plan(capturing: captures, applying: interventions), shape: shape)
    for hook in places.map(\.hook) {
      guard !hook.site.isReadOnly else {
        throw Problem(
          .hookNotOffered, name, place: hook.description, problem: "is not offered here",
          remedy: "name attn.hook_z or ln_final.hook_out instead")
      }
      guard hook <= prepared.last else {
        throw Problem(
          .noEffect, name, place: hook.description,
          problem: "comes after the objective, which reads \(prepared.last) last",
          remedy: "name an earlier hook or a later objective")
      }
    }
    for (index, intervention) in interventions.enumerated() {
      let name = "intervention \(index) (\(intervention.summary))"
      if intervention.norm != .none {
        throw Problem(
          .noDerivative, name, problem: "depends on the norm, through which no derivative is taken",
          remedy: "leave the norm as it comes out")
      }
      guard case .attendUniformly = intervention.change else { continue }
      throw Problem(
        .noDerivative, name,
        problem: "depends on all values, through which no derivative is taken here",
        remedy: "scale or replace the heads' outputs instead")
    }
    try plan.check(against: batch.sequences)
    try prepared.check(against: batch)
    plan.captures = [:]
    (self.objective, self.plan, self.batch) = (prepared, plan, batch)
  }

  /// Scales of the interventions that add a vector, by their place in the list.
  var scales: [Int: Float] {
    var scales: [Int: Float] = [:]
    for (index, intervention) in plan.interventions.enumerated() {
      if case .add(_, let scale) = intervention.change { scales[index] = scale }
    }
    return scales
  }

  /// Taps that make the interventions and read nothing.
  func taps<Device: Backend>(_ device: Device, _ tile: Tile) -> Taps<Device> {
    Taps(device: device, plan: plan, batch: batch, tile: tile)
  }

  /// The logits that the objective reads, 96 rows at a time: a row is as wide as the vocabulary.
  /// - Parameter receive: takes logits and what is read of them.
  func logits<Device: Backend>(
    _ normed: Device.Activations, _ network: Network<Device.Weight>, _ pass: Pass<Device>,
    receive: (Device.Activations, [PreparedObjective.Reading]) -> Void
  ) {
    let readings = objective.readings(.logits, pass.tile, batch)
    for start in stride(from: 0, to: readings.count, by: 96) {
      var part = Array(readings[start..<min(start + 96, readings.count)])
      let picked = pass.device.pick(part.map(\.row), of: normed)
      for index in part.indices { part[index].row = index }
      receive(network.logits(picked, pass), part)
    }
  }
}

extension Network {
  /// The block that holds a hook: the last one for what comes after, -1 for the embeddings.
  func block(of hook: HookPoint) -> Int {
    switch hook.site {
    case .embedding, .positionEmbedding: -1
    default: hook.layer ?? blocks.count - 1
    }
  }
}
