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
  /// Values in place of those from a column on.
  case overwrite([(start: Int, values: [Float])])
  /// Row i of each matrix in place of the values from a column on, at the i-th touched token.
  case patch([(start: Int, rows: Matrix)])
  /// Columns of what uniform attention gives in place of the row's own.
  case attendUniformly([Range<Int>])
  /// An intervention of zero strength: fires, and changes no bit.
  case identity
  /// Another change, and then a factor that gives the rows their norm back.
  indirect case keepingNorm(PreparedChange, NormKeeping)

  var attendsUniformly: Bool {
    switch self {
    case .attendUniformly: true
    case .keepingNorm(let change, _): change.attendsUniformly
    default: false
    }
  }
}

/// What an intervention does at one hook.
struct PreparedStep: Sendable {
  /// Its place in the plan.
  let intervention: Int
  let change: PreparedChange
}

/// A plan checked against a model's shape: what to do at each hook.
struct PreparedPlan: Sendable {
  var captures: [HookPoint: [Positions]]
  var changes: [HookPoint: [PreparedStep]]
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
        .invalidArgument, "plan",
        problem: "reads nothing", remedy: "name at least one hook to capture")
    }
    var changes: [HookPoint: [PreparedStep]] = [:]
    for (index, intervention) in plan.interventions.enumerated() {
      let name = "intervention \(index) (\(intervention.summary))"
      try Self.checkHooks(of: intervention, name)
      for hook in intervention.hooks {
        try Self.check(hook, name, shape)
        let change = try Self.prepare(intervention, at: hook, name, shape)
        changes[hook, default: []].append(PreparedStep(intervention: index, change: change))
      }
      guard !predicting || intervention.norm != .sequence else {
        throw Problem(
          .notYetKnown, name, problem: "keeps a norm over a sequence that is still being written",
          remedy: "keep the norm of each token, or run the model over what was written")
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

  /// A plan that was checked before, or parts of one: it reads and changes nothing by itself.
  init(reading captures: [HookPoint: [Positions]], until last: HookPoint) {
    (self.captures, self.last) = (captures, last)
    changes = [:]
    interventions = []
  }

  /// Refuses a plan that names positions or sequences that there are not, before anything is computed.
  func check(against sequences: some Collection<TokenSequence>) throws(Problem) {
    try checkInterventions(against: sequences)
    for (hook, rules) in captures.sorted(by: { $0.key < $1.key })
    where sequences.allSatisfy({ Positions.union(rules).captured(in: $0).isEmpty }) {
      throw Problem(
        .readsNothing, "capture of \(hook)",
        problem: "would read nothing: no sequence has positions '\(rules[0])'",
        remedy: "check the positions against the prompts' segments and lengths")
    }
  }

  /// The same of the interventions alone.
  func checkInterventions(
    against sequences: some Collection<TokenSequence>
  ) throws(Problem) {
    for (index, intervention) in interventions.enumerated() {
      let name = "intervention \(index) (\(intervention.summary))"
      try Self.check(intervention.sequences, of: sequences, name)
      var isTouched = false
      for (place, sequence) in sequences.enumerated()
      where intervention.concerns(sequence, at: place) {
        let count = intervention.positions.indices(in: sequence).count
        isTouched = isTouched || count > 0
        guard count == 0 || intervention.rowCount ?? count == count else {
          throw Problem(
            .misalignedPatch, name, place: "prompt '\(sequence.id)'",
            problem: "has \(intervention.rowCount ?? 0) rows for \(count) tokens",
            remedy: "give one row for each token that is patched")
        }
        if isTouched, intervention.rowCount == nil { break }
      }
      guard isTouched else {
        throw Problem(
          .noEffect, name, problem: "would touch nothing: no sequence has such positions",
          remedy: "check its positions against the prompts' segments and lengths")
      }
    }
  }

  /// Refuses sequences that the batch does not have.
  private static func check(
    _ chosen: Intervention.Sequences?, of sequences: some Collection<TokenSequence>, _ name: String
  ) throws(Problem) {
    let missing: String? =
      switch chosen {
      case nil: nil
      case .places(let places):
        places.first { $0 < 0 || $0 >= sequences.count }.map { "sequence \($0)" }
      case .ids(let ids):
        Set(ids).subtracting(sequences.map(\.id)).min().map { "sequence '\($0)'" }
      }
    if let missing {
      throw Problem(
        .noSuchSequence, name, place: missing, problem: "is not in the batch of \(sequences.count)",
        remedy: "name sequences of the batch by their places from 0 on, or by their ids")
    }
  }

  /// What is named twice would be changed twice, and a head without its hook not at all.
  private static func checkHooks(
    of intervention: Intervention, _ name: String
  ) throws(Problem) {
    let hooks = intervention.hooks
    if let twice = hooks.indices.first(where: { hooks[..<$0].contains(hooks[$0]) }) {
      throw Problem(
        .duplicateHook, name, place: hooks[twice].description,
        problem: "is named twice", remedy: "name it once")
    }
    let layers = intervention.heads.map(\.layer)
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
    _ intervention: Intervention, at hook: HookPoint, _ name: String, _ shape: ModelShape
  ) throws(Problem) -> PreparedChange {
    let change = try prepare(intervention.change, at: hook, name, shape)
    if intervention.norm == .none { return change }
    guard hook.site == .headOutput else {
      throw Problem(
        .wrongHook, name, place: hook.description,
        problem: "keeps the norm of heads, and changes none",
        remedy: "leave norm out")
    }
    if case .identity = change { return change }
    return .keepingNorm(change, intervention.norm)
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
          .unfitVector, name,
          problem: "the direction is zero", remedy: "give a direction with a length")
      }
      return .projectOut(direction.map { Float(Double($0) / norm) })
    case .scaleHeads(let heads, let factor):
      let columns = try columns(of: heads, factor, at: hook, name, shape)
      return factor == 1 ? .identity : .scale(columns, factor: factor)
    case .patch(let rows):
      try check(rows, width: width, hook, name)
      return .patch([(0, rows)])
    case .replaceHeads(let vectors):
      let mine = try parts(vectors, \.layer, \.head, at: hook, name, shape)
      for vector in mine { try check(vector.vector, width: shape.dHead, hook, name) }
      return .overwrite(mine.map { ($0.head * shape.dHead, $0.vector) })
    case .patchHeads(let heads):
      let mine = try parts(heads, \.layer, \.head, at: hook, name, shape)
      for head in mine { try check(head.rows, width: shape.dHead, hook, name) }
      guard heads.allSatisfy({ $0.rows.rows == heads[0].rows.rows }) else {
        throw Problem(
          .misalignedPatch, name, place: hook.description,
          problem: "its heads have rows for different numbers of tokens",
          remedy: "give each head one row for each token")
      }
      return .patch(mine.map { ($0.head * shape.dHead, $0.rows) })
    case .attendUniformly(let heads):
      return .attendUniformly(try columns(of: heads, 0, at: hook, name, shape))
    }
  }

  /// What there is for the heads of the hook's layer, each once.
  private static func parts<Part>(
    _ all: [Part], _ layer: (Part) -> Int, _ head: (Part) -> Int, at hook: HookPoint,
    _ name: String, _ shape: ModelShape
  ) throws(Problem) -> [Part] {
    let heads = all.map { Head(layer: layer($0), head: head($0)) }
    _ = try columns(of: heads, 0, at: hook, name, shape)
    guard Set(heads).count == heads.count else {
      throw Problem(
        .duplicateHead, name, place: hook.description, problem: "a head has two outputs",
        remedy: "give one for each head")
    }
    return all.filter { layer($0) == hook.layer }
  }

  /// The columns of z that belong to the heads of the hook's layer, ascending.
  private static func columns(
    of heads: [Head], _ factor: Float, at hook: HookPoint, _ name: String, _ shape: ModelShape
  ) throws(Problem) -> [Range<Int>] {
    guard hook.site == .headOutput else {
      throw Problem(
        .wrongHook, name, place: hook.description, problem: "heads are changed at attn.hook_z",
        remedy: "make the intervention with scaleHeads(_:by:at:) or another of the heads' own")
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
        remedy: "make the intervention with scaleHeads(_:by:at:) or another of the heads' own")
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

  private static func check(
    _ rows: Matrix, width: Int, _ hook: HookPoint, _ name: String
  ) throws(Problem) {
    guard rows.columns == width, rows.rows > 0, rows.values.allSatisfy(\.isFinite) else {
      throw Problem(
        .unfitVector, name, place: hook.description,
        problem: "the rows are [\(rows.rows), \(rows.columns)], or have a value that is not finite",
        remedy: "give rows of \(width) finite values")
    }
  }
}

extension Intervention {
  /// How many tokens of a sequence it has rows for; nil where it has no rows.
  var rowCount: Int? {
    switch change {
    case .patch(let rows): rows.rows
    case .patchHeads(let heads): heads.first?.rows.rows
    default: nil
    }
  }
}
