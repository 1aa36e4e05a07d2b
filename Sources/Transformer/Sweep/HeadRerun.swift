import Files
import Synchronization
import Tensors

/// Runs many forward passes that differ from a clean one in a single head, and reads their last token.
///
/// Everything below the head's block is the clean run, and so is every token before the first touched
/// one: its keys and values stay. What is left is run as a ragged batch, many heads of one block side by
/// side. Prompts that begin with the same tokens share the changed keys and values of that beginning.
/// In the last block only the last token is finished. Every row is computed as a full pass computes
/// it, by the same operations in the same order, so that the result is the full pass's bit for bit.
package struct HeadRerun: Sendable {
  package let model: Model
  package let prompts: [SweepPrompt]
  package let readout: HeadReadout
  package let threads: Int
  /// How many bytes it may take besides the weights.
  package let memoryLimit: Int
  /// Changes that the clean run and all variants have in common; only to heads' outputs.
  let basePlan: PreparedPlan
  /// The last block that is run.
  let end: Int
  let touched: [[Int]]
  /// The rows of the unembedding that are read.
  let unembedding: Linear<PackedMatrix>?

  /// - Throws: for a readout that is not of the residual stream or the final norm, and a prompt that is
  ///   too long or in which nothing is touched.
  package init(
    _ model: Model, _ prompts: [SweepPrompt], reading readout: HeadReadout,
    base: [Intervention] = [], threads: Int, memoryLimit: Int = .max
  ) throws(Problem) {
    try model.check(Batch(prompts.map(\.sequence)))
    guard threads >= 1 else {
      throw Problem(.invalidArgument, "threads", problem: "is \(threads)", remedy: "use 1 or more")
    }
    guard model.shape.has(readout.hook), let end = readout.lastLayer(model.shape) else {
      throw Problem(
        .wrongHook, "sweep", place: "\(readout.hook)",
        problem: "heads cannot be swept at this hook",
        remedy:
          "use a probe of the residual stream before or after a block, or of ln_final.hook_out")
    }
    precondition(base.allSatisfy { $0.hooks.allSatisfy { $0.site == .headOutput } }, "only heads")
    (self.model, self.prompts, self.readout) = (model, prompts, readout)
    (self.threads, self.memoryLimit, self.end) = (threads, memoryLimit, end)
    basePlan = try PreparedPlan(
      Plan(capturing: [], applying: base), shape: model.shape, predicting: true)
    touched = prompts.map { $0.touched.indices(in: $0.sequence) }
    if let untouched = touched.firstIndex(of: []) {
      throw Problem(
        .noEffect, "prompt '\(prompts[untouched].sequence.id)'",
        place: "\(prompts[untouched].touched)",
        problem: "has no such tokens, so that nothing would be changed",
        remedy: "leave it out or name other positions")
    }
    if case .tokens(let tokens) = readout.logits {
      unembedding = model.unembeddingRows(tokens)
    } else {
      unembedding = nil
    }
  }

  /// A block and a prompt: what is done and handed over at once.
  package struct Unit: Hashable, Sendable {
    package var layer: Int
    package var prompt: Int

    package init(layer: Int, prompt: Int) { (self.layer, self.prompt) = (layer, prompt) }
  }

  /// The blocks whose heads can have an effect.
  package var layers: Range<Int> { 0..<(end + 1) }

  /// Runs the variants of units.
  ///
  /// - Parameters:
  ///   - shared: whether all prompts have the same variants of a block.
  ///   - variants: what is changed, by unit.
  ///   - receive: gets the clean reading and one for each variant as soon as a unit is done, never two
  ///     at a time; which unit comes first depends on the threads, what is read does not.
  package func run(
    _ units: [Unit], shared: Bool, variants: @escaping @Sendable (Unit) -> [HeadVariant],
    receive: (Unit, _ clean: HeadReading, _ readings: [HeadReading]) throws -> Void
  ) throws {
    let missing = Set(units)
    let wanted = Set(units.map(\.prompt)).sorted()
    let example = units.first.map(variants) ?? []
    let needsValues = example.contains { $0.change == .uniformAttention }
    let sharesPrefix =
      shared && !needsValues && example.allSatisfy { $0.keeping != .sequence }
      && basePlan.interventions.allSatisfy { $0.positions == .all }
    let most = example.count
    let groups = try groups(of: wanted, variants: most, sharesPrefix: sharesPrefix)
    let failure = Mutex<(any Error)?>(nil)
    try withoutActuallyEscaping(receive) { receive in
      let receive = Unchecked(receive)
      for group in groups {
        let runs = Unchecked(
          cleanRuns(group, keepingPrefix: group.sharedTokens > 0 || needsValues))
        let scratch = Scratch(self, group, runs.value)
        let layers = layers.filter { layer in
          group.prompts.contains { missing.contains(Unit(layer: layer, prompt: $0)) }
        }
        parallelFor(layers.count, threads: threads) { index in
          guard failure.withLock({ $0 == nil }) else { return }
          let layer = layers[index]
          let places = group.prompts.indices.filter {
            missing.contains(Unit(layer: layer, prompt: group.prompts[$0]))
          }
          let memory = scratch.take()
          let work = LayerWork(
            rerun: self, group: group, runs: runs.value, layer: layer, places: places,
            memory: memory.value)
          let readings = work.run(variants)
          scratch.give(memory)
          failure.withLock { failure in
            guard failure == nil else { return }
            do {
              for (place, readings) in zip(places, readings) {
                try receive.value(
                  Unit(layer: layer, prompt: group.prompts[place]), runs.value[place].reading,
                  readings)
              }
            } catch { failure = error }
          }
        }
        if let error = failure.withLock({ $0 }) { throw error }
      }
    }
  }

  /// What is read without any change but the base, one reading for each prompt.
  package func cleanReadings() -> [HeadReading] {
    let readings = Mutex([HeadReading?](repeating: nil, count: prompts.count))
    parallelFor(prompts.count, threads: threads) { index in
      let run = clean(index, keepingPrefix: false, threads: max(1, threads / prompts.count))
      readings.withLock { $0[index] = run.reading }
    }
    return readings.withLock { $0.compactMap(\.self) }
  }

  private func cleanRuns(_ group: SweepGroup, keepingPrefix: Bool) -> [CleanRun] {
    let count = group.prompts.count
    let runs = Mutex([Unchecked<CleanRun>?](repeating: nil, count: count))
    parallelFor(count, threads: threads) { place in
      let run = Unchecked(
        clean(
          group.prompts[place], keepingPrefix: keepingPrefix, threads: max(1, threads / count)))
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
