import Files
import Foundation
import Prompts
import Tensors
import Testing

@testable import Refusal
@testable import Transformer

/// The tiny random models of the engine's tests.
func tinyModel(_ name: String) throws -> Model {
  let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  return try Model.load(tests.appendingPathComponent("TransformerTests/Golden/\(name)").path)
}

/// Sequences with a common beginning of five tokens, but for the last one.
func tinySequences(_ lengths: [Int] = [9, 14, 7, 11]) -> [TokenSequence] {
  lengths.enumerated().map { index, length in
    let tokens = (0..<length).map { place -> Int32 in
      place < 5 && index < lengths.count - 1
        ? Int32(20 + place) : Int32((7 * place + 13 * index + 3) % 57)
    }
    return TokenSequence(id: "p\(index)", tokens: tokens)
  }
}

/// The sweep against whole forward passes with interventions, bit for bit.
@Suite struct HeadRerunTests {
  static let models = [
    "tiny-llama", "tiny-llama-bias", "tiny-gemma2", "tiny-gemma3", "tiny-gpt2", "tiny-gpt-neox",
    "tiny-qwen3-moe", "tiny-mistral", "tiny-olmo2",
  ]

  struct Key: Hashable {
    var layer, prompt, head: Int
  }

  /// All readings of a sweep with one kind of variant for all heads.
  func sweep(
    _ model: Model, _ prompts: [SweepPrompt], _ readout: HeadReadout, base: [Intervention] = [],
    threads: Int = 1, memoryLimit: Int = .max, shared: Bool = true,
    _ variant: @escaping @Sendable (HeadRerun.Unit, Int) -> HeadVariant
  ) throws -> [Key: HeadReading] {
    let rerun = try HeadRerun(
      model, prompts, reading: readout, base: base, threads: threads, memoryLimit: memoryLimit)
    let units = rerun.layers.flatMap { layer in
      prompts.indices.map { HeadRerun.Unit(layer: layer, prompt: $0) }
    }
    var found: [Key: HeadReading] = [:]
    let heads = model.shape.heads
    let variants = { @Sendable (unit: HeadRerun.Unit) in
      (0..<heads).map { variant(unit, $0) }
    }
    try rerun.run(units, shared: shared, variants: variants) { unit, _, readings in
      for (head, reading) in readings.enumerated() {
        let old = found.updateValue(
          reading, forKey: Key(layer: unit.layer, prompt: unit.prompt, head: head))
        #expect(old == nil)
      }
    }
    #expect(found.count == rerun.layers.count * prompts.count * heads)
    return found
  }

  /// The same by brute force.
  func brute(
    _ model: Model, _ prompt: SweepPrompt, _ readout: HeadReadout, _ interventions: [Intervention]
  ) throws -> HeadReading {
    var captures = [Capture(readout.hook, at: .last)]
    if readout.logits != .none { captures.append(.logits()) }
    let run = try model.run(
      Batch([prompt.sequence]), capturing: captures, applying: interventions, threads: 1)
    return HeadReading(run.sequences[0], readout)
  }

  func isSame(_ a: HeadReading?, _ b: HeadReading) -> Bool {
    guard let a, !b.state.isEmpty else { return false }
    return a.state.map(\.bitPattern) == b.state.map(\.bitPattern)
      && a.logits.map(\.bitPattern) == b.logits.map(\.bitPattern)
  }

  @Test(arguments: models) func scalingIsTheFullPassBitForBit(name: String) throws {
    let model = try tinyModel(name)
    let readout = HeadReadout(.finalNorm, logits: .tokens([3, 50, 7]))
    for touched in [Positions.all, .from(token: -3), .range(2, 4)] {
      let prompts = tinySequences().map { SweepPrompt($0, touched: touched) }
      let found = try sweep(model, prompts, readout, threads: 2) { _, head in
        HeadVariant(head: head, change: .scale(0.25))
      }
      for (key, reading) in found where (key.layer + key.head + key.prompt) % 2 == 0 {
        let expected = try brute(
          model, prompts[key.prompt], readout,
          [.scaleHeads([Head(layer: key.layer, head: key.head)], by: 0.25, at: touched)])
        let same = isSame(reading, expected)
        #expect(same, "\(name) \(touched) \(key)")
        #expect(reading.changeSquared > 0)
      }
    }
  }

  @Test func everyReadoutAndChangeIsTheFullPass() throws {
    let model = try tinyModel("tiny-llama")
    let (all, dHead) = (Positions.all, model.shape.dHead)
    let prompts = tinySequences().map { SweepPrompt($0, touched: all) }
    let vector = (0..<dHead).map { Float($0 % 3) - 0.5 }
    for readout in [
      HeadReadout(.residual(after: 1)), HeadReadout(.residual(before: 1)),
      HeadReadout(.finalNorm, logits: .all),
    ] {
      let replaced = try sweep(model, prompts, readout) { _, head in
        HeadVariant(head: head, change: .replace(vector))
      }
      let kept = try sweep(model, prompts, readout) { _, head in
        HeadVariant(head: head, change: .scale(0), keeping: .token)
      }
      for prompt in prompts.indices {
        for head in [0, model.shape.heads - 1] {
          let key = Key(layer: 0, prompt: prompt, head: head)
          let place = Head(layer: 0, head: head)
          let expected = try brute(
            model, prompts[prompt], readout, [.replaceHeads([HeadVector(place, vector: vector)])])
          let norm = try brute(
            model, prompts[prompt], readout, [.scaleHeads([place], by: 0, keepingNorm: true)])
          let same = isSame(replaced[key], expected) && isSame(kept[key], norm)
          #expect(same, "\(readout.hook) \(key)")
        }
      }
    }
  }

  /// A replacement by rows, and one factor for a sequence, said by one intervention for each token.
  @Test func rowsAndSequenceNorms() throws {
    let model = try tinyModel("tiny-llama")
    let readout = HeadReadout(.finalNorm)
    let touched = Positions.from(token: -4)
    let prompts = tinySequences().map { SweepPrompt($0, touched: touched) }
    let dHead = model.shape.dHead
    let rows = Matrix(rows: 4, columns: dHead, values: (0..<(4 * dHead)).map { Float($0 % 7) / 7 })
    let found = try sweep(model, prompts, readout, shared: false) { _, head in
      HeadVariant(head: head, change: .rows(rows))
    }
    let normed = try sweep(model, prompts, readout, shared: false) { _, head in
      HeadVariant(head: head, change: .scale(0), keeping: .sequence)
    }
    let head = Head(layer: 1, head: 2)
    let everyHead = (0..<model.shape.heads).map { Head(layer: 1, head: $0) }
    for (index, prompt) in prompts.enumerated() {
      let count = prompt.sequence.tokens.count
      let interventions = (0..<4).map { row in
        Intervention.replaceHeads(
          [HeadVector(head, vector: Array(rows[row]))], at: .index(count - 4 + row))
      }
      let key = Key(layer: 1, prompt: index, head: 2)
      let same = isSame(found[key], try brute(model, prompt, readout, interventions))
      #expect(same)
      let z = try model.run(
        Batch([prompt.sequence]), capturing: [.headOutput(layer: 1, at: touched)], threads: 1)
      let values = try #require(z[.headOutput(layer: 1)])
      var (before, after) = (0.0, 0.0)
      for row in 0..<values.rows {
        for (column, value) in values[row].enumerated() {
          before += Double(value) * Double(value)
          if column / dHead != 2 { after += Double(value) * Double(value) }
        }
      }
      let expected = try brute(
        model, prompt, readout,
        [
          .scaleHeads([head], by: 0, at: touched),
          .scaleHeads(everyHead, by: Float((before / after).squareRoot()), at: touched),
        ])
      let states = zip(try #require(normed[key]).state, expected.state)
      let close = states.allSatisfy { abs($0 - $1) < 1e-5 }
      #expect(close)
    }
  }

  /// In the first block a value depends on its token alone, and a sequence of one token attends to it
  /// alone: z of single tokens are the values.
  @Test func uniformAttentionIsTheMeanOfValues() throws {
    for name in ["tiny-llama", "tiny-mistral"] {
      let model = try tinyModel(name)
      let prompts = tinySequences().map { SweepPrompt($0, touched: .all) }
      let rerun = try HeadRerun(model, prompts, reading: HeadReadout(.finalNorm), threads: 1)
      let window = model.network.blocks[0].attention.shape.window
      let clean = rerun.clean(1, keepingPrefix: true, threads: 1)
      let uniform = rerun.uniformAttention(clean, layer: 0)
      let values = try clean.sequence.tokens.map { token in
        try model.run(
          Batch([TokenSequence(id: "one", tokens: [token])]), capturing: [.headOutput(layer: 0)])[
            .headOutput(layer: 0)]?.values ?? []
      }
      for token in values.indices {
        let first = window.map { max(0, token + 1 - $0) } ?? 0
        for column in 0..<uniform.columns {
          let mean =
            (first...token).reduce(0.0) { $0 + Double(values[$1][column]) }
            / Double(token + 1 - first)
          #expect(abs(Double(uniform[token, column]) - mean) < 1e-6)
        }
      }
      // A head that attends uniformly already is changed by nothing: at the first token all do.
      #expect(uniform[0].elementsEqual(clean.heads[0][0]))
    }
  }

  /// A base of ablated heads is in the clean run and in every variant.
  @Test func aBaseIsAblatedThroughout() throws {
    let model = try tinyModel("tiny-llama")
    let readout = HeadReadout(.finalNorm)
    let base = [Head(layer: 0, head: 1), Head(layer: 2, head: 0)]
    for touched in [Positions.all, .from(token: -3)] {
      let prompts = tinySequences().map { SweepPrompt($0, touched: touched) }
      let found = try sweep(
        model, prompts, readout, base: [.scaleHeads(base, by: 0.5, at: touched)]
      ) { _, head in HeadVariant(head: head, change: .scale(0)) }
      for (key, reading) in found where key.prompt < 2 {
        let expected = try brute(
          model, prompts[key.prompt], readout,
          [
            .scaleHeads(base, by: 0.5, at: touched),
            .scaleHeads([Head(layer: key.layer, head: key.head)], by: 0, at: touched),
          ])
        let same = isSame(reading, expected)
        #expect(same, "\(key)")
      }
    }
  }

  @Test func threadsMemoryAndGroupsChangeNoBit() throws {
    let model = try tinyModel("tiny-llama")
    let readout = HeadReadout(.finalNorm, logits: .tokens([1, 2]))
    let prompts = tinySequences([9, 14, 7, 11, 30, 12]).map { SweepPrompt($0, touched: .all) }
    let whole = try sweep(model, prompts, readout) { _, head in
      HeadVariant(head: head, change: .scale(0))
    }
    let rerun = try HeadRerun(model, prompts, reading: readout, threads: 3)
    let need = try rerun.estimatedBytes(variants: model.shape.heads, shared: true)
    for (threads, limit, shared) in [(3, Int.max, true), (3, need - 1, true), (2, .max, false)] {
      let other = try sweep(
        model, prompts, readout, threads: threads, memoryLimit: limit, shared: shared
      ) { _, head in HeadVariant(head: head, change: .scale(0)) }
      let same = whole.allSatisfy { isSame(other[$0.key], $0.value) }
      #expect(same)
    }
    let error = expectProblem(.notEnoughMemory) {
      _ = try sweep(model, prompts, readout, memoryLimit: 1000) { _, head in
        HeadVariant(head: head, change: .scale(0))
      }
    }
    #expect(error.map { "\($0)".contains("1000 are allowed") } == true)
  }

  @Test func whatCannotBeSweptIsRefused() throws {
    let model = try tinyModel("tiny-llama")
    let prompt = SweepPrompt(tinySequences()[0], touched: .all)
    for hook in [HookPoint.embedding, .residual(before: 0), .logits, .attentionOutput(layer: 1)] {
      expectProblem(.wrongHook) {
        _ = try HeadRerun(model, [prompt], reading: HeadReadout(hook), threads: 1)
      }
    }
    expectProblem(.noEffect) {
      _ = try HeadRerun(
        model, [SweepPrompt(prompt.sequence, touched: .segment(.answer))],
        reading: HeadReadout(.finalNorm), threads: 1)
    }
  }
}
