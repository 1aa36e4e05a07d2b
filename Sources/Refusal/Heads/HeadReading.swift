import Tensors
import Transformer

/// What a variant is read by: activations at the last token, and logits there.
struct HeadReadout: Sendable, Equatable {
  enum Logits: Sendable, Equatable {
    case none
    case tokens([Int32])
    case all
  }
  /// The residual stream after a block, or the final norm's output.
  var hook: HookPoint
  /// Only after the final norm.
  var logits: Logits

  init(_ hook: HookPoint, logits: Logits = .none) {
    (self.hook, self.logits) = (hook, logits)
  }

  /// The block after which it reads; nil where heads cannot be read at such a hook.
  func lastLayer(_ shape: ModelShape) -> Int? {
    switch (hook.site, hook.layer) {
    case (.finalNorm, _): shape.layers - 1
    case (.residualAfter, let layer?) where logits == .none: layer
    case (.residualBefore, let layer?) where logits == .none && layer > 0: layer - 1
    default: nil
    }
  }

  var captures: [Capture] {
    [Capture(hook, at: .last)] + (logits == .none ? [] : [.logits()])
  }

  /// The tokens whose logits are read; nil for all.
  var tokens: [Int32]? {
    if case .tokens(let tokens) = logits { tokens } else { nil }
  }
}

/// What was read of a variant, or of the clean run, at the last token.
struct HeadReading: Sendable, Equatable {
  /// The activations at the readout's hook, `[dModel]`.
  var state: [Float]
  /// Those that were asked for, in that order.
  var logits: [Float]

  init(state: [Float], logits: [Float]) { (self.state, self.logits) = (state, logits) }

  /// What a trial read.
  init(_ trial: Trial, _ readout: HeadReadout) {
    self.init(state: trial[readout.hook]?.values ?? [], logits: trial[.logits]?.values ?? [])
  }

  /// What a whole pass captured, which has all logits.
  init(_ capture: SequenceCapture, _ readout: HeadReadout) {
    let all = capture.values[.logits]?.values ?? []
    self.init(
      state: capture.values[readout.hook]?.values ?? [],
      logits: readout.tokens.map { $0.map { all[Int($0)] } } ?? all)
  }
}
