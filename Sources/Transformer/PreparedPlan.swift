import Files
import Prompts
import Tensors

/// A change, checked against the model and ready for the inner loop.
enum PreparedChange: Sendable {
  /// x + vector, the scale already multiplied in.
  case add([Float])
  case replace([Float])
  /// A unit vector to project out.
  case projectOut([Float])
  /// Factor for each value of the row's listed column ranges.
  case scale([Range<Int>], factor: Float)
  /// The same, and then the factor that gives the row its norm back.
  case scaleKeepingNorm([Range<Int>], factor: Float)
  /// Values in place of those from a column on.
  case overwrite([(start: Int, values: [Float])])
  /// An intervention of zero strength: fires, and changes no bit.
  case identity
}

/// A plan checked against a model's shape: what to do at each hook.
struct PreparedPlan: Sendable {
  var captures: [HookPoint: [Positions]]
  var changes: [HookPoint: [(intervention: Int, change: PreparedChange, positions: Positions)]]
  let interventions: [Intervention]
  /// The last hook that is read; nothing after it is computed.
  let last: HookPoint

  /// - Parameter predicting: whether next tokens are chosen, so that nothing needs to be captured.
  init(
    _ plan: Plan, shape: ModelShape, predicting: Bool = false
  ) throws(Problem) {
    var captures: [HookPoint: [Positions]] = [:]
    for capture in plan.captures {
      try Self.check(capture.hook, "a capture", shape)
      captures[capture.hook, default: []].append(capture.positions)
    }
    guard let last = predicting ? .logits : captures.keys.max() else {
      throw Problem(
        .invalidArgument, "plan", problem: "reads nothing",
        remedy: "name at least one hook to capture")
    }
    var changes: [HookPoint: [(Int, PreparedChange, Positions)]] = [:]
    for (index, intervention) in plan.interventions.enumerated() {
      let name = "intervention \(index) (\(intervention.summary))"
      try Self.checkHooks(of: intervention, name)
      for hook in intervention.hooks {
        try Self.check(hook, name, shape)
        let change = try Self.prepare(intervention.change, at: hook, name, shape)
        changes[hook, default: []].append((index, change, intervention.positions))
      }
      guard !predicting || !intervention.positions.parts.contains(.final) else {
        throw Problem(
          .notYetKnown, name,
          problem: "the token before an answer is known only when the answer has begun",
          remedy: "name the segment template, or a token by its number")
      }
      if !intervention.hooks.contains(where: { $0 <= last }) {
        throw Problem(
          .noEffect, name, problem: "can have no effect: nothing is read at or after its hooks",
          remedy: "capture a later hook or move the intervention before \(last)")
      }
    }
    self.captures = captures
    self.changes = changes
    interventions = plan.interventions
    self.last = last
  }

  /// Refuses a plan that names positions which no sequence has, before anything is computed.
  func check(against sequences: some Collection<TokenSequence>) throws(Problem) {
    for (index, intervention) in interventions.enumerated()
    where sequences.allSatisfy({ intervention.positions.indices(in: $0).isEmpty }) {
      throw Problem(
        .noEffect, "intervention \(index) (\(intervention.summary))",
        problem: "would touch nothing: no sequence has such positions",
        remedy: "check its positions against the prompts' segments and lengths")
    }
    for (hook, rules) in captures.sorted(by: { $0.key < $1.key })
    where sequences.allSatisfy({ Positions.union(rules).captured(in: $0).isEmpty }) {
      throw Problem(
        .readsNothing, "capture of \(hook)",
        problem: "would read nothing: no sequence has positions '\(rules[0])'",
        remedy: "check the positions against the prompts' segments and lengths")
    }
  }

  /// What is named twice would be changed twice, and a head without its hook not at all.
  private static func checkHooks(
    of intervention: Intervention, _ name: String
  ) throws(Problem) {
    let hooks = intervention.hooks
    if let twice = hooks.indices.first(where: { hooks[..<$0].contains(hooks[$0]) }) {
      throw Problem(
        .duplicateHook, name, place: hooks[twice].description, problem: "is named twice",
        remedy: "name it once")
    }
    let layers: [Int] =
      switch intervention.change {
      case .scaleHeads(let heads, _), .scaleHeadsKeepingNorm(let heads, _): heads.map(\.layer)
      case .replaceHeads(let vectors): vectors.map(\.layer)
      case .add, .replace, .projectOut: []
      }
    let hooked = Set(hooks.compactMap(\.layer))
    if let missing = layers.first(where: { !hooked.contains($0) }) {
      throw Problem(
        .incompleteHooks, name, place: "hooks",
        problem: "a head of layer \(missing) would be left as it is: its hook is not named",
        remedy: "name \(HookPoint.headOutput(layer: missing)), or leave the head out")
    }
  }

  private static func check(
    _ hook: HookPoint, _ name: String, _ shape: ModelShape
  ) throws(Problem) {
    guard hook.layer.map({ (0..<shape.layers).contains($0) }) ?? true else {
      throw Problem(
        .noSuchLayer, name, place: hook.description,
        problem: "the model has only \(shape.layers) layers",
        remedy: "name layers 0 to \(shape.layers - 1)")
    }
    guard shape.has(hook) else {
      throw Problem(
        .noSuchHook, name, place: hook.description,
        problem: "is not a place in this model's forward pass",
        remedy: "name another hook")
    }
  }

  private static func prepare(
    _ change: Intervention.Change, at hook: HookPoint, _ name: String, _ shape: ModelShape
  ) throws(Problem) -> PreparedChange {
    guard !hook.site.isReadOnly else {
      throw Problem(
        .readOnlyHook, name, place: hook.description, problem: "is read-only",
        remedy: "change what it is computed from or what is computed from it, such as "
          + "attn.hook_q, attn.hook_z, hook_attn_out, ln2.hook_normalized or ln_final.hook_out")
    }
    let width = shape.width(of: hook.site, tokens: 0)
    switch change {
    case .add(let vector, let scale):
      try check(vector, width: width, hook, name)
      let scaled = vector.map { $0 * scale }
      try check(scaled, width: width, hook, name)
      return scaled.allSatisfy { $0 == 0 } ? .identity : .add(scaled)
    case .replace(let vector):
      try check(vector, width: width, hook, name)
      return .replace(vector)
    case .projectOut(let direction):
      try check(direction, width: width, hook, name)
      let norm = direction.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      guard norm > 0 else {
        throw Problem(
          .unfitVector, name, problem: "the direction is zero",
          remedy: "give a direction with a length")
      }
      return .projectOut(direction.map { Float(Double($0) / norm) })
    case .scaleHeads(let heads, let factor):
      let columns = try columns(of: heads, factor, at: hook, name, shape)
      return factor == 1 ? .identity : .scale(columns, factor: factor)
    case .scaleHeadsKeepingNorm(let heads, let factor):
      let columns = try columns(of: heads, factor, at: hook, name, shape)
      return factor == 1 ? .identity : .scaleKeepingNorm(columns, factor: factor)
    case .replaceHeads(let vectors):
      let heads = vectors.map { Head(layer: $0.layer, head: $0.head) }
      _ = try columns(of: heads, 0, at: hook, name, shape)
      guard Set(heads).count == heads.count else {
        throw Problem(
          .duplicateHead, name, place: hook.description, problem: "a head has two vectors",
          remedy: "give one for each head")
      }
      let mine = vectors.filter { $0.layer == hook.layer }
      for vector in mine { try check(vector.vector, width: shape.dHead, hook, name) }
      return .overwrite(mine.map { ($0.head * shape.dHead, $0.vector) })
    }
  }

  /// The columns of z that belong to the heads of the hook's layer, ascending.
  private static func columns(
    of heads: [Head], _ factor: Float, at hook: HookPoint, _ name: String, _ shape: ModelShape
  ) throws(Problem) -> [Range<Int>] {
    guard hook.site == .headOutput else {
      throw Problem(
        .wrongHook, name, place: hook.description, problem: "heads are changed at attn.hook_z",
        remedy: "make the intervention with scaleHeads(_:by:at:) or replaceHeads(_:at:)")
    }
    guard heads.allSatisfy({ (0..<shape.heads).contains($0.head) }), factor.isFinite else {
      throw Problem(
        .noSuchHead, name, place: hook.description,
        problem: "a head is out of range or the factor is not finite",
        remedy: "name query heads 0 to \(shape.heads - 1)")
    }
    let mine = Set(heads.filter { $0.layer == hook.layer }.map(\.head)).sorted()
    guard !mine.isEmpty else {
      throw Problem(
        .noSuchHead, name, place: hook.description, problem: "none of its heads is in this layer",
        remedy: "make the intervention with scaleHeads(_:by:at:) or replaceHeads(_:at:)")
    }
    return mine.map { ($0 * shape.dHead)..<(($0 + 1) * shape.dHead) }
  }

  private static func check(
    _ vector: [Float], width: Int, _ hook: HookPoint, _ name: String
  ) throws(Problem) {
    guard vector.count == width, vector.allSatisfy(\.isFinite) else {
      throw Problem(
        .unfitVector, name, place: hook.description,
        problem: "the vector has \(vector.count) values, or one that is not finite",
        remedy: "give \(width) finite values")
    }
  }
}
