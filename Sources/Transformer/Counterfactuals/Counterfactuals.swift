import Files
import Prompts
import Synchronization
import Tensors

/// Runs many forward passes that differ from clean ones in known places.
///
/// Everything before the first changed hook is the clean run, and so is every token before the first
/// changed one: its keys and values stay. What is left is run as a ragged batch, the variants that begin
/// at one place of the forward pass side by side. Sequences that begin with the same tokens, changed
/// alike, share that beginning. In the last block only rows that are read are finished. Every row is
/// computed as a full pass computes it, by the same operations in the same order, so that the result is
/// the full pass's bit for bit.
package struct Counterfactuals: Sendable {
  let model: Model
  let batch: Batch
  let captures: [Capture]
  let threads: Int
  /// How many bytes it may take besides the weights.
  let memoryLimit: Int
  /// What is read.
  let plan: PreparedPlan
  /// Changes that the clean run and all variants have in common.
  let basePlan: PreparedPlan
  /// The model's, or one whose unembedding has the rows that are read.
  let network: Network<PackedMatrix>

  /// - Parameters:
  ///   - captures: what is read of every variant.
  ///   - tokens: reads the logits of these tokens, in this order; of all where it is nil.
  ///   - base: what is changed in the clean run already.
  /// - Throws: for a batch, captures or a base that do not fit the model.
  package init(
    _ model: Model, _ batch: Batch, capturing captures: [Capture], logitsOf tokens: [Int32]? = nil,
    applying base: [Intervention] = [], threads: Int, memoryLimit: Int = .max
  ) throws(Problem) {
    try model.check(batch)
    guard threads >= 1 else {
      throw Problem(.invalidArgument, "threads", problem: "is \(threads)", remedy: "use 1 or more")
    }
    (self.model, self.batch, self.captures) = (model, batch, captures)
    (self.threads, self.memoryLimit) = (threads, memoryLimit)
    plan = try PreparedPlan(Plan(capturing: captures), shape: model.shape)
    try plan.check(against: batch.sequences)
    basePlan = try PreparedPlan(Plan(capturing: captures, applying: base), shape: model.shape)
    try basePlan.checkInterventions(against: batch.sequences)
    var network = model.network
    if let tokens {
      if let wrong = tokens.first(where: { $0 < 0 || $0 >= model.shape.dVocabulary }) {
        throw Problem(
          .unknownToken, "logits", place: "token \(wrong)",
          problem: "is not in the vocabulary of \(model.shape.dVocabulary)",
          remedy: "check that the ids were made for this model")
      }
      network.unembedding = model.unembeddingRows(tokens)
      network.shape.dVocabulary = tokens.count
    }
    self.network = network
  }

  /// The last block that is run; nil for none.
  var end: Int? {
    network.blocks.indices.last { plan.last >= .attentionInput(layer: $0) }
  }

  /// Runs variants and hands each over as soon as it is done.
  ///
  /// - Parameters:
  ///   - variants: of which only those under way are in memory, so that they may be made when they are
  ///     asked for.
  ///   - isCancelled: asked now and then; nothing more is handed over once it is true.
  ///   - receive: never called twice at a time. Which variant comes first depends on the threads, but
  ///     those without interventions come before the others of their sequence.
  package func run<Variants: RandomAccessCollection<Variant> & Sendable>(
    _ variants: Variants, isCancelled: @escaping @Sendable () -> Bool = { false },
    receive: (Trial) throws -> Void
  ) throws where Variants.Index == Int {
    let jobs = try jobs(variants)
    let groups = try groups(jobs)
    let failure = Mutex<(any Error)?>(nil)
    let isOver = { @Sendable in isCancelled() || failure.withLock { $0 != nil } }
    try withoutActuallyEscaping(receive) { receive in
      let receive = Unchecked(receive)
      for group in groups {
        guard !isOver() else { break }
        let runs = Unchecked(cleanRuns(group))
        for job in group.clean {
          let variant = variants[job.variant]
          let run = runs.value[group.place(of: variant.sequence)]
          try receive.value(trial(of: job.variant, variant, run))
        }
        let scratch = Scratch(self, group, runs.value)
        let works = works(group)
        let share = works.count < threads ? max(1, threads / max(works.count, 1)) : 1
        parallelFor(works.count, threads: threads) { index in
          guard !isOver() else { return }
          let memory = scratch.take()
          defer { scratch.give(memory) }
          do {
            let trials = try WorkInHand(
              engine: self, runs: runs.value, memory: memory.value, threads: share
            ).run(works[index]) { try prepare(variants[$0], at: $0) }
            try failure.withLock { failure in
              guard failure == nil, !isCancelled() else { return }
              for trial in trials { try receive.value(trial) }
            }
          } catch {
            failure.withLock { $0 = $0 ?? error }
          }
        }
        if let error = failure.withLock({ $0 }) { throw error }
      }
    }
  }

  func prepare(_ variant: Variant, at index: Int) throws(Problem) -> PreparedVariant {
    try PreparedVariant(variant, at: index, of: batch, capturing: captures, shape: model.shape)
  }

  /// A variant without changes.
  private func trial(of index: Int, _ variant: Variant, _ run: CleanRun) -> Trial {
    Trial(
      variant: index, capture: reading(of: run), interventions: variant.interventions, marks: [])
  }

  /// What the clean run says at all positions that are read.
  func reading(of run: CleanRun) -> SequenceCapture {
    let positions = positions(in: run.sequence)
    var values: [HookPoint: Matrix] = [:]
    for (hook, positions) in positions { values[hook] = run.read(hook, at: positions) }
    return SequenceCapture(sequence: run.place, positions: positions, values: values)
  }

  /// The positions that are read in a sequence, by hook.
  func positions(in sequence: TokenSequence) -> [HookPoint: [Int]] {
    plan.captures.mapValues { rules in
      (rules.count == 1 ? rules[0] : .union(rules)).captured(in: sequence)
    }
  }

  private func cleanRuns(_ group: VariantGroup) -> [CleanRun] {
    let count = group.sequences.count
    let runs = Mutex([Unchecked<CleanRun>?](repeating: nil, count: count))
    parallelFor(count, threads: threads) { place in
      let run = Unchecked(
        clean(
          group.sequences[place], group.plans[place], threads: max(1, threads / count)))
      runs.withLock { $0[place] = run }
    }
    return runs.withLock { $0.compactMap { $0?.value } }
  }
}

extension Model {
  /// Some rows of the unembedding as a matrix of its own, whose products have the same bits.
  func unembeddingRows(_ tokens: [Int32]) -> Linear<PackedMatrix> {
    let (weight, bias) = (network.unembedding.weight, network.unembedding.bias)
    return Linear(
      weight: PackedMatrix(
        outputs: tokens.count, inputs: weight.inputs, precision: precision
      ) { row, target in weight.copyRow(Int(tokens[row]), to: target) },
      bias: bias.map { bias in tokens.map { bias[Int($0)] } })
  }
}
