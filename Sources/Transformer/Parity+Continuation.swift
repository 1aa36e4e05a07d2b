import Prompts
import Tensors

extension ParityReference {
  /// Where the model's greedy choices leave the recorded ones, at most once for each prompt.
  func departures(of model: Model, threads: Int) throws -> [Parity.Departure] {
    let prompts = sequences.indices.filter { !sequences[$0].continuation.isEmpty }
    let chosen = try choices(of: model, prompts, threads: threads)
    return zip(prompts, chosen).compactMap { prompt, chosen in
      let steps = zip(sequences[prompt].continuation, chosen).enumerated()
      return steps.first { $0.element.0 != $0.element.1 }.map { step, tokens in
        Parity.Departure(prompt: prompt, step: step, expected: tokens.0, found: tokens.1)
      }
    }
  }

  /// The tokens of the largest logits, each after the prompt and the recorded tokens before it.
  ///
  /// Up to the first departure these are the tokens that decoding step by step chooses.
  private func choices(
    of model: Model, _ prompts: [Int], threads: Int
  ) throws -> [[Int32]] {
    var chosen: [Int: [Int32]] = [:]
    let groups = Dictionary(grouping: prompts) { sequences[$0].continuation.count }
    for (steps, prompts) in groups.sorted(by: { $0.key < $1.key }) {
      let batch = Batch(
        prompts.map { prompt in
          let sequence = sequences[prompt]
          return TokenSequence(
            id: "\(prompt)", tokens: sequence.tokens + sequence.continuation.dropLast())
        })
      let plan = Plan(capturing: [.logits(at: .range(-steps, -1))])
      _ = try model.run(batch, plan, threads: threads) { capture in
        guard let logits = capture.values[.logits] else { return }
        chosen[prompts[capture.sequence]] = (0..<logits.rows).map { logits[$0].largest }
      }
    }
    return prompts.map { chosen[$0] ?? [] }
  }
}

extension [Float] {
  /// The place of the largest value, counted from the first; the first of several.
  fileprivate var largest: Int32 {
    var best = startIndex
    for index in indices where self[index] > self[best] { best = index }
    return Int32(best - startIndex)
  }
}
