import Files
import Foundation
import Prompts
import Statistics
import Tensors
import Transformer

/// The loss of one neutral text: a sum in nats over the tokens that are predicted.
package struct TextLoss: Sendable, Equatable, Codable {
  package var nats: Double
  package var tokens: Int

  package init(nats: Double, tokens: Int) { (self.nats, self.tokens) = (nats, tokens) }
}

/// What is left of a model's ability to write, measured by its loss on neutral text.
public struct NeutralLoss: Sendable, Equatable, Codable {
  /// Texts whose loss was measured.
  public var texts: Int
  /// Tokens that were predicted.
  public var tokens: Int
  /// Nats per token, with a bootstrap interval over texts; nil with fewer than two texts.
  public var loss: Interval?
  /// The arm's loss minus the baseline's on the same texts; nil for the baseline, and where no text
  /// changes.
  public var difference: Interval?
  /// False where the interventions have no place in a neutral text, so that the loss is the baseline's.
  public var isTouched: Bool

  init(
    _ losses: [TextLoss], baseline: [TextLoss]?, isTouched: Bool, bootstrap: Bootstrap
  ) {
    func perToken(_ losses: [TextLoss], _ texts: [Int]) -> Double? {
      let tokens = texts.reduce(0) { $0 + losses[$1].tokens }
      return tokens > 0 ? texts.reduce(0) { $0 + losses[$1].nats } / Double(tokens) : nil
    }
    texts = losses.count
    tokens = losses.reduce(0) { $0 + $1.tokens }
    self.isTouched = isTouched
    let plan = Resampling.items(losses.count)
    loss = bootstrap.interval(plan) { perToken(losses, $0) }
    difference = baseline.flatMap { baseline in
      bootstrap.interval(plan) { texts in
        guard let own = perToken(losses, texts), let base = perToken(baseline, texts) else {
          return nil
        }
        return own - base
      }
    }
  }
}

/// Texts on which a model's loss is measured.
package struct NeutralTexts {
  package let sequences: [TokenSequence]

  /// Tokens of one text that are read: logits over a vocabulary are large.
  static let longest = 256

  /// Each text as if the model had written it behind its first token.
  ///
  /// So an intervention on what is generated acts on it as it does on an answer.
  package init(_ texts: [String], _ model: Model) throws {
    try self.init(
      try model.encode(
        texts.enumerated().map { Conversation(id: "neutral-\($0 + 1)", source: .text($1)) }
      ).sequences, longest: min(Self.longest, model.shape.contextLength))
  }

  init(_ sequences: [TokenSequence], longest: Int = longest) throws(Problem) {
    self.sequences = sequences.map { sequence in
      let tokens = Array(sequence.tokens.prefix(longest))
      return TokenSequence(
        id: sequence.id, tokens: tokens,
        segments: [.prompt] + Array(repeating: .answer, count: max(0, tokens.count - 1)),
        generated: max(0, tokens.count - 1))
    }
    if let short = self.sequences.first(where: { $0.tokens.count < 2 }) {
      throw Problem(
        .promptLength, "text '\(short.id)'",
        problem: "has fewer than two tokens, so that nothing is predicted",
        remedy: "give longer neutral texts")
    }
  }

  /// Those of the interventions that act on a text.
  func acting(_ interventions: [Intervention]) -> [Intervention] {
    interventions.filter { change in
      sequences.contains { !change.positions.indices(in: $0).isEmpty }
    }
  }

  package func areTouched(by interventions: [Intervention]) -> Bool {
    !acting(interventions).isEmpty
  }

  /// The loss of some of the texts, handed over one by one.
  package func losses(
    of chosen: [Int], _ model: Model, applying interventions: [Intervention], threads: Int,
    receive: (Int, TextLoss) throws -> Void
  ) throws {
    guard !chosen.isEmpty else { return }
    let batch = Batch(chosen.map { sequences[$0] })
    let acting = interventions.filter { change in
      batch.sequences.contains { !change.positions.indices(in: $0).isEmpty }
    }
    let plan = Plan(capturing: [Capture(.logits)], applying: acting)
    _ = try model.run(batch, plan, threads: threads) { capture in
      guard let logits = capture.values[.logits] else { return }
      let tokens = batch.sequences[capture.sequence].tokens
      var nats = 0.0
      for position in 0..<(tokens.count - 1) {
        let row = logits.values[
          (position * logits.columns)..<((position + 1) * logits.columns)]
        nats += crossEntropy(row, of: tokens[position + 1])
      }
      guard nats.isFinite else {
        throw Problem(
          .notFinite, "text '\(batch.sequences[capture.sequence].id)'",
          problem: "its loss is not finite",
          remedy: "look for interventions that are far too strong")
      }
      try receive(
        chosen[capture.sequence], TextLoss(nats: nats, tokens: tokens.count - 1))
    }
  }
}

/// -ln softmax(logits)[token], in double precision.
func crossEntropy(_ logits: ArraySlice<Float>, of token: Int32) -> Double {
  let largest = Double(logits.max() ?? 0)
  let sum = logits.reduce(0) { $0 + exp(Double($1) - largest) }
  return largest + log(sum) - Double(logits[logits.startIndex + Int(token)])
}
