extension Model {
  /// Runs variants of a batch's sequences, each equal bit for bit to a run of its sequence with its
  /// interventions, at the price of what it changes.
  ///
  /// Activation patching, heads swept one by one and a direction at each layer and token are variants. What
  /// comes before the first change, in layers or in tokens, is computed once for each sequence.
  ///
  ///     let variants = (0..<model.shape.layers).map { layer in
  ///       Variant(of: 0, [.patch(.residual(after: layer), with: rows[layer], at: .last)])
  ///     }
  ///     for try await trial in model.counterfactuals(of: batch, variants) {
  ///       trial[.logits]              // of variants[trial.variant], at the last token
  ///       trial.effects[0].norm       // proof that it did something
  ///     }
  ///
  /// Trials come as soon as they are done, in no order to rely on; what they say does not depend on
  /// threads, memory or what else is run. Nothing is computed before the first one is asked for, a few are
  /// held back for a slow reader, and leaving the loop ends the work.
  /// - Parameters:
  ///   - captures: what to read of each variant.
  ///   - tokens: reads the logits of these tokens only, in this order, which is much less work.
  ///   - base: what is changed in the clean run already, before what variants change.
  ///   - memoryLimit: how many bytes it may take besides the weights.
  public func counterfactuals(
    of batch: Batch, _ variants: [Variant], capturing captures: [Capture] = [.logits()],
    logitsOf tokens: [Int32]? = nil, applying base: [Intervention] = [],
    threads: Int = defaultThreads, memoryLimit: Int = .max
  ) -> Trials {
    Trials { isCancelled, receive in
      try Counterfactuals(
        self, batch, capturing: captures, logitsOf: tokens, applying: base, threads: threads,
        memoryLimit: memoryLimit
      ).run(variants, isCancelled: isCancelled, receive: receive)
    }
  }

  /// The same, waiting for all of them.
  /// - Parameter receive: called as soon as one is done, never twice at a time.
  public func counterfactuals(
    of batch: Batch, _ variants: [Variant], capturing captures: [Capture] = [.logits()],
    logitsOf tokens: [Int32]? = nil, applying base: [Intervention] = [],
    threads: Int = defaultThreads, memoryLimit: Int = .max, receive: (Trial) throws -> Void
  ) throws {
    try Counterfactuals(
      self, batch, capturing: captures, logitsOf: tokens, applying: base, threads: threads,
      memoryLimit: memoryLimit
    ).run(variants, receive: receive)
  }
}
