import Files
import Foundation
import Probing
import Prompts
import Statistics
import Tensors
import Testing

@testable import Refusal
@testable import Transformer

func tinyPrompts(
  _ count: Int = 8, touched: Positions = .all
) throws -> [HeadPrompt] {
  let lengths = (0..<count).map { 7 + (5 * $0) % 8 }
  return try tinySequences(lengths).map { try HeadPrompt($0, ablating: touched) }
}

func tinyProbe(_ model: Model, at hook: HookPoint, seed: UInt64 = 5) -> Probe {
  var generator = SeededGenerator(seed: seed)
  let weight = (0..<model.shape.dModel).map { _ in Float(generator.normal()) }
  return Probe(
    kind: .logistic, hook: hook, weight: weight, bias: 0.3,
    mean: weight.map { $0 / 10 }, scale: weight.map { 1 + $0 * $0 })
}

@Suite struct HeadStudyTests {
  let model: Model

  init() throws { model = try tinyModel("tiny-llama") }

  @Test func promptsEndWithTheTokenThatIsScored() throws {
    let sequence = TokenSequence(
      id: "s", tokens: Array(0..<10), segments: segments("tppkkkttaa"))
    let prompt = try HeadPrompt(sequence, end: .template, ablating: .endOfThinking)
    #expect(prompt.sequence.tokens.count == 8)
    #expect(prompt.touched.indices(in: prompt.sequence) == [6, 7])
    let more = Positions.union([.segment(.prompt), .endOfThinking])
    let listed = try HeadPrompt(sequence, end: .template, ablating: more)
    #expect(listed.touched.indices(in: listed.sequence) == [1, 2, 6, 7])
    #expect(try HeadPrompt(sequence).sequence.tokens.count == 10)
    let unfinished = TokenSequence(id: "u", tokens: [1, 2, 3], segments: segments("pkk"))
    expectProblem(.noSuchPosition) { _ = try HeadPrompt(unfinished, end: .template) }
    expectProblem(.noSuchPosition) { _ = try HeadPrompt(unfinished, ablating: .endOfThinking) }
    expectProblem(.noSuchPosition) {
      _ = try HeadPrompt(unfinished, ablating: .segment(.answer))
    }
    expectProblem(.noSuchPosition) { _ = try HeadPrompt(TokenSequence(id: "e", tokens: [])) }
    for text in ["end-of-thinking", "all", "-3..", "answer"] {
      #expect(Positions(text)?.description == text)
    }
    #expect(Positions("nonsense") == nil)
  }

  /// Effects are differences of scores of whole passes, for every score and ablation.
  @Test func effectsAreThoseOfWholePasses() throws {
    let openers = try OpenerTokens(refusal: [3, 9, 30], compliance: [5, 41])
    let scores: [HeadScore] = [
      .probe(tinyProbe(model, at: .residual(after: 1))), .probe(tinyProbe(model, at: .finalNorm)),
      .logitGap(openers), .divergence,
    ]
    for (index, score) in scores.enumerated() {
      let ablations = [
        HeadAblation.zero, HeadAblation(.mean), HeadAblation(.scale, factor: 0.3, rescale: .token),
      ]
      for ablation in ablations {
        let prompts = try tinyPrompts(4, touched: index == 1 ? .from(token: -2) : .all)
        let study = try HeadStudy(
          model, prompts, score: score, ablation: ablation, seed: 1, threads: 2)
        let effects = try study.effects()
        #expect(effects.heads.count == (index == 0 ? 2 : 3) * model.shape.heads)
        let clean = try study.scores(ablating: [])
        for place in stride(from: 0, to: effects.heads.count, by: 5) {
          let whole = try study.scores(ablating: [effects.heads[place]])
          for prompt in prompts.indices {
            let expected = whole[prompt] - clean[prompt]
            #expect(abs(effects.values[place][prompt] - expected) < 1e-6)
            #expect(effects.changes[place][prompt] > 0)
          }
        }
        let floats = effects.values.flatMap { $0 }
        #expect(floats.contains { abs($0) > 1e-4 })
        #expect(score.isSigned || floats.allSatisfy { $0 > -1e-6 })
      }
    }
  }

  /// The gap and the divergence by the definitions, from whole rows of logits.
  @Test func scoresAreTheirDefinitions() throws {
    let openers = try OpenerTokens(refusal: [3, 9, 30], compliance: [5, 41])
    let prompts = try tinyPrompts(2)
    let batch = Batch(prompts.map(\.sequence))
    let head = Head(layer: 0, head: 1)
    let clean = try model.run(batch, capturing: [.logits()], threads: 1)
    let run = try model.run(
      batch, capturing: [.logits()], applying: [.scaleHeads([head], by: 0)], threads: 1)
    let gap = try HeadStudy(model, prompts, score: .logitGap(openers), seed: 1)
      .scores(ablating: [head])
    let divergence = try HeadStudy(model, prompts, score: .divergence, seed: 1)
      .scores(ablating: [head])
    for index in prompts.indices {
      let p = softmax(try #require(clean.sequences[index].values[.logits]).values)
      let logits = try #require(run.sequences[index].values[.logits]).values
      let q = softmax(logits)
      #expect(gap[index] == openers.logitGap(logits))
      let expected = zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
      #expect(abs(divergence[index] - expected) < 1e-9 && expected > 1e-6)
    }
  }

  /// With a base, scores are still those of whole passes: a divergence is one from the model as it is.
  @Test func effectsOnABaseAreThoseOfWholePasses() throws {
    let scores: [HeadScore] = [.divergence, .probe(tinyProbe(model, at: .finalNorm))]
    let prompts = try tinyPrompts(3)
    let base = [Head(layer: 0, head: 2)]
    for score in scores {
      let study = try HeadStudy(model, prompts, score: score, seed: 1)
      let clean = try study.scores(ablating: [])
      let candidates = study.heads.filter { !base.contains($0) }
      var rows: [HeadStudy.Row] = []
      try study.sweep(base: base, keepingShifts: false) { rows.append($0) }
      let effects = HeadStudy.effects(
        of: candidates,
        clean: Dictionary(uniqueKeysWithValues: clean.enumerated().map { ($0, $1) }),
        rows: rows)
      for place in stride(from: 0, to: candidates.count, by: 3) {
        let whole = try study.scores(ablating: base + [candidates[place]])
        for prompt in prompts.indices {
          #expect(abs(effects[place][prompt] - (whole[prompt] - clean[prompt])) < 1e-6)
        }
      }
    }
  }

  private func softmax(_ logits: [Float]) -> [Double] {
    let powers = logits.map { exp(Double($0)) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// Resampling takes the drawn prompt's rows counted from the end; never a prompt of the same group.
  @Test func resamplingDrawsAnotherGroup() throws {
    let prompts = try tinyPrompts(4)
    let table = try AblationTable(
      HeadAblation(.resample), model, prompts, reference: prompts, seed: 3, threads: 1,
      memoryLimit: .max)
    let z = try prompts.map { prompt in
      try #require(
        try model.run(Batch([prompt.sequence]), capturing: [.headOutput(layer: 1)], threads: 1)[
          .headOutput(layer: 1)])
    }
    let dHead = model.shape.dHead
    for prompt in prompts.indices {
      let change = table.intervention(Head(layer: 1, head: 2), prompt: prompt, at: .all).change
      guard case .patchHeads(let heads) = change else { throw CocoaError(.coderInvalidValue) }
      let rows = heads[0].rows
      let sources = prompts.indices.filter { other in
        let shift = prompts[prompt].sequence.tokens.count - z[other].rows
        return (0..<rows.rows).allSatisfy { row in
          rows[row].elementsEqual(z[other].columns((2 * dHead)..<(3 * dHead))[max(row - shift, 0)])
        }
      }
      #expect(sources.count == 1 && sources[0] != prompt)
    }
    #expect(!table.takesSets)
    let study = try HeadStudy(
      model, prompts, score: .divergence, ablation: HeadAblation(.resample), seed: 3)
    #expect(try study.effects().values.flatMap { $0 }.allSatisfy { $0 > -1e-6 })
    expectProblem(.unsupported) {
      _ = try study.scores(ablating: [Head(layer: 0, head: 0)])
    }
    expectProblem(.notEnoughMemory) {
      _ = try HeadStudy(
        model, prompts, score: .divergence, ablation: HeadAblation(.resample), seed: 3,
        memoryLimit: 1000)
    }
  }

  /// In the first block a value depends on its token alone, and a sequence of one token attends to it
  /// alone: z of single tokens are the values, and their means what uniform attention gives.
  @Test func shipsIsTheDivergenceUnderUniformAttention() throws {
    for name in ["tiny-llama", "tiny-mistral"] {
      let model = try tinyModel(name)
      let prompts = try tinyPrompts(3)
      let study = try HeadStudy(
        model, prompts, score: .divergence, ablation: HeadAblation(.uniform), seed: 1, threads: 2)
      let effects = try study.effects()
      let window = model.network.blocks[0].attention.shape.window
      let sequence = prompts[1].sequence
      let values = try sequence.tokens.map { token in
        try #require(
          try model.run(
            Batch([TokenSequence(id: "one", tokens: [token])]), capturing: [.headOutput(layer: 0)]
          )[.headOutput(layer: 0)]
        ).values
      }
      let (dHead, head) = (model.shape.dHead, 3)
      let means = values.indices.map { token in
        let first = window.map { max(0, token + 1 - $0) } ?? 0
        return (0..<dHead).map { column in
          Float(
            (first...token).reduce(0.0) { $0 + Double(values[$1][head * dHead + column]) }
              / Double(token + 1 - first))
        }
      }
      let run = try model.run(
        Batch([sequence]), capturing: [Capture(.finalNorm, at: .last), .logits()],
        applying: means.enumerated().map { token, mean in
          .replaceHeads([HeadVector(Head(layer: 0, head: head), vector: mean)], at: .index(token))
        }, threads: 1)
      let reading = HeadReading(run.sequences[0], study.score.readout)
      let clean = try #require(try study.cleanReadings([1])[1])
      let expected = study.score.value(reading, clean: clean)
      #expect(abs(effects.values[head][1] - expected) < 1e-6 && expected > 1e-6)
      #expect(try study.findings(effects, resamples: 100).allSatisfy { !$0.isSuppressor })
    }
  }

  @Test func whatCannotBeSweptIsRefused() throws {
    let prompts = try tinyPrompts(2)
    for hook in [HookPoint.embedding, .residual(before: 0), .attentionOutput(layer: 1)] {
      expectProblem(.wrongHook) {
        _ = try HeadStudy(model, prompts, score: .probe(tinyProbe(model, at: hook)), seed: 1)
      }
    }
  }

  /// A sweep that goes on where another one stopped, and one that extends a base.
  @Test func rowsCanBeAskedForOneByOne() throws {
    let prompts = try tinyPrompts(3)
    let study = try HeadStudy(
      model, prompts, score: .probe(tinyProbe(model, at: .finalNorm)), seed: 1, threads: 1)
    var all: [HeadStudy.Row] = []
    try study.sweep { all.append($0) }
    #expect(all.count == 9)
    var single: [HeadStudy.Row] = []
    let isWanted = { (layer: Int, prompt: Int) in layer == 1 && prompt == 2 }
    try study.sweep(where: isWanted) { single.append($0) }
    #expect(single.count == 1 && all.contains(single[0]))
    let base = [Head(layer: 1, head: 0)]
    var rows: [HeadStudy.Row] = []
    try study.sweep(base: base, keepingShifts: false) { rows.append($0) }
    let clean = try study.scores(ablating: [])
    let values = HeadStudy.effects(
      of: [Head(layer: 2, head: 4)],
      clean: Dictionary(uniqueKeysWithValues: clean.enumerated().map { ($0, $1) }), rows: rows)
    let expected = try study.scores(ablating: base + [Head(layer: 2, head: 4)])
    for prompt in prompts.indices {
      #expect(abs(values[0][prompt] - (expected[prompt] - clean[prompt])) < 1e-6)
    }
    struct Stop: Error {}
    #expect(throws: Stop.self) { try study.sweep { _ in throw Stop() } }
  }
}
