import Files
import Foundation
import Tensors
import Testing
import Tokenization

@testable import Transformer

/// Interventions that take rows from another run, and such that differ from sequence to sequence.
@Suite("Patches and sequences")
struct PatchTests {
  let model: Model
  let batch: Batch
  let all: [Capture]

  init() throws {
    model = try Model.load(golden("tiny-llama"))
    batch = InvarianceTests.batch(of: model, lengths: [6, 9, 14])
    all = InvarianceTests.captures(model)
  }

  var vector: [Float] { (0..<model.shape.dModel).map { Float($0 % 5) - 2 } }

  func bits(_ run: Run) -> [[HookPoint: [UInt32]]] { run.sequences.map(InvarianceTests.bits) }

  @Test func anInterventionMayConcernSomeSequencesOnly() throws {
    let change = Intervention.add(vector, scale: 2, after: 0, at: .from(token: 2))
    let other = Intervention.scaleHeads([Head(layer: 1, head: 2)], by: 0)
    let clean = try model.run(batch, capturing: all)
    let changed = try model.run(batch, capturing: all, applying: [change])
    let both = try model.run(batch, capturing: all, applying: [change, other])
    for (one, two) in [
      (change.only(in: [1, 2]), other.only(in: [2])),
      (change.only(in: ["1", "2"]), other.only(in: ["2"])),
    ] {
      let run = try model.run(batch, capturing: all, applying: [one, two])
      let found = bits(run)
      let same =
        found[0] == bits(clean)[0] && found[1] == bits(changed)[1] && found[2] == bits(both)[2]
      #expect(same)
      #expect(run.effects.map(\.sequences) == [2, 1])
      #expect(run.effects[0].fired == 7 + 12 && run.effects[1].fired == 14)
    }
  }

  /// In the other order of jobs and with few slots a sequence is still the one that was meant.
  @Test func theSameWhileAModelWrites() throws {
    var settings = GenerationSettings()
    settings.maxNewTokens = 5
    settings.ignoresEndTokens = true
    let change = Intervention.add(vector, scale: 3, after: 1)
    let clean = try model.generate(batch, settings, threads: 1)
    let changed = try model.generate(batch, settings, applying: [change], threads: 1)
    #expect(clean.generations.map(\.tokens) != changed.generations.map(\.tokens))
    for slots in [1, 2, 16] {
      let some = try model.generate(
        batch, settings, applying: [change.only(in: [1])], slots: slots, threads: 2)
      let tokens = some.generations.map { Array($0.tokens) }
      let same =
        tokens[0] == Array(clean.generations[0].tokens)
        && tokens[1] == Array(changed.generations[1].tokens)
        && tokens[2] == Array(clean.generations[2].tokens)
      #expect(same && some.effects[0].sequences == 1)
    }
  }

  /// What all tokens of a sequence carry decides everything behind them.
  @Test func aSequenceWithAllRowsOfAnotherIsThatOther() throws {
    let pair = Batch(InvarianceTests.batch(of: model, lengths: [9, 9]).sequences)
    let hook = HookPoint.residual(after: 0)
    let clean = try model.run(pair, capturing: all + [Capture(hook)])
    let patch = try Intervention.patch(
      hook, from: clean.sequences[1], tokens: Array(0..<9), onto: Array(0..<9)
    ).only(in: [0])
    let run = try model.run(pair, capturing: all, applying: [patch])
    for capture in all where capture.hook > hook {
      let same = run.sequences[0].values[capture.hook] == clean.sequences[1].values[capture.hook]
      #expect(same, "\(capture.hook)")
    }
    #expect(run.effects[0].fired == 9 && run.effects[0].norm > 0)
    let own = try Intervention.patch(
      hook, from: clean.sequences[0], tokens: [2, 5], onto: [2, 5]
    ).only(in: [0])
    let unchanged = try model.run(pair, capturing: all, applying: [own])
    #expect(unchanged.effects[0].norm == 0 && unchanged.effects[0].fired == 2)
    let same = all.allSatisfy {
      unchanged.sequences[0].values[$0.hook] == clean.sequences[0].values[$0.hook]
    }
    #expect(same)
  }

  /// Rows are put token by token: the same as a vector for each token.
  @Test func rowsAreVectorsTokenByToken() throws {
    let (hook, targets) = (HookPoint.residual(mid: 1), [3, 5])
    let clean = try model.run(batch, capturing: [Capture(hook), Capture(.headOutput(layer: 1))])
    let source = clean.sequences[2]
    let heads = [Head(layer: 1, head: 0), Head(layer: 1, head: 3)]
    let patches = [
      try Intervention.patch(hook, from: source, tokens: [1, 12], onto: targets),
      try Intervention.patch(
        heads: heads, from: source, in: model.shape, tokens: [1, 12], onto: targets),
    ]
    let rows = try #require(source.values[hook])
    let z = try #require(source.values[.headOutput(layer: 1)])
    let dHead = model.shape.dHead
    let single: [Intervention] = zip([1, 12], targets).flatMap { token, target in
      [
        .replace(with: rows[token], at: hook, positions: .index(target)),
        .replaceHeads(
          heads.map { head in
            let start = head.head * dHead
            return HeadVector(head, vector: Array(z[token][start..<(start + dHead)]))
          }, at: .index(target)),
      ]
    }
    let one = try model.run(batch, capturing: all, applying: patches)
    let other = try model.run(batch, capturing: all, applying: single)
    let same = bits(one) == bits(other)
    #expect(same)
    #expect(one.effects.allSatisfy { $0.fired == 6 && $0.norm > 0 })
    var settings = GenerationSettings()
    settings.maxNewTokens = 4
    settings.ignoresEndTokens = true
    let written = try model.generate(batch, settings, applying: patches, slots: 2, threads: 1)
    let expected = try model.generate(batch, settings, applying: single, slots: 2, threads: 1)
    #expect(written.generations.map(\.tokens) == expected.generations.map(\.tokens))
    #expect(written.effects.map(\.firedInPrefill) == [6, 6])
  }

  /// Decoding with memory sees the values of all tokens, as a whole pass does.
  @Test func uniformAttentionIsTheSameFromMemory() throws {
    for name in ["tiny-llama", "tiny-mistral", "tiny-gemma2"] {
      let model = try Model.load(golden(name))
      let batch = InvarianceTests.batch(of: model, lengths: [6, 11])
      let uniform = Intervention.attendUniformly(
        [Head(layer: 0, head: 1), Head(layer: 1, head: 0)], at: .from(token: 3))
      var settings = GenerationSettings()
      settings.maxNewTokens = 6
      settings.ignoresEndTokens = true
      let last = model.shape.layers - 1
      let written = try model.generate(
        batch, settings, capturing: [.residual(after: last)], applying: [uniform], threads: 1)
      let whole = Batch(
        written.generations.map {
          var sequence = $0.sequence
          sequence.tokens.removeLast()
          sequence.segments.removeLast()
          sequence.generated -= 1
          return sequence
        })
      let run = try model.run(
        whole, capturing: [.residual(after: last)], applying: [uniform], threads: 1)
      for (generation, sequence) in zip(written.generations, run.sequences) {
        let expected = try #require(sequence.values[.residual(after: last)])
        let found = try #require(generation.capture.values[.residual(after: last)])
          .picking(Array(0..<expected.rows))
        let same = found.values.map(\.bitPattern) == expected.values.map(\.bitPattern)
        #expect(same, "\(name)")
      }
      #expect(run.effects[0].norm > 0)
    }
  }

  /// z keeps its norm at each token, or over all of them together.
  @Test func normsAreKept() throws {
    let hook = HookPoint.headOutput(layer: 1)
    let head = Head(layer: 1, head: 2)
    let clean = try #require(try model.run(batch, capturing: [Capture(hook)])[hook])
    func squares(_ row: [Float]) -> Double { row.reduce(0) { $0 + Double($1) * Double($1) } }
    for keeping in [NormKeeping.token, .sequence] {
      let run = try model.run(
        batch, capturing: [Capture(hook)],
        applying: [.scaleHeads([head], by: 0, keepingNorm: keeping)])
      let z = try #require(run[hook])
      let before = (0..<z.rows).map { squares(clean[$0]) }
      let after = (0..<z.rows).map { squares(z[$0]) }
      let ends = [0, 6, 15, 29]
      for (first, last) in zip(ends, ends.dropFirst()) {
        let sums = (
          before[first..<last].reduce(0, +), after[first..<last].reduce(0, +)
        )
        #expect(abs(sums.1 / sums.0 - 1) < 1e-5)
      }
      let each = zip(before, after).allSatisfy { abs($1 / $0 - 1) < 1e-5 }
      #expect(each == (keeping == .token))
    }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let hook = HookPoint.residual(after: 0)
    let rows = Matrix(rows: 2, columns: model.shape.dModel)
    let heads = HeadRows(Head(layer: 0, head: 0), rows: Matrix(rows: 2, columns: 1))
    for (bad, code) in [
      (Intervention.patch(hook, with: rows, at: .all), Problem.Code.misalignedPatch),
      (.patch(hook, with: Matrix(rows: 2, columns: 3), at: .range(0, 1)), .unfitVector),
      (.patch(heads: [heads], at: .range(0, 1)), .unfitVector),
      (Intervention.add(vector, after: 0).only(in: [3]), .noSuchSequence),
      (Intervention.add(vector, after: 0).only(in: ["0", "x"]), .noSuchSequence),
      (Intervention.add(vector, after: 0, at: .index(8)).only(in: [0]), .noEffect),
      (Intervention(.add(vector: vector, scale: 1), at: [hook], keepingNorm: .token), .wrongHook),
    ] {
      expectProblem(code) { _ = try model.run(batch, capturing: all, applying: [bad]) }
    }
    var settings = GenerationSettings()
    settings.maxNewTokens = 2
    expectProblem(.notYetKnown) {
      _ = try model.generate(
        batch, settings,
        applying: [.scaleHeads([Head(layer: 0, head: 0)], by: 0, keepingNorm: .sequence)])
    }
    let run = try model.run(batch, capturing: [Capture(hook, at: .range(0, 2))])
    for (tokens, targets) in [([0], [0, 1]), ([0, 1], [1, 0]), ([5], [0]), ([], [])] {
      expectProblem(.misalignedPatch) {
        _ = try Intervention.patch(hook, from: run.sequences[0], tokens: tokens, onto: targets)
      }
    }
  }

  /// What has no limits is written as before; all of it is read back.
  @Test func valuesAreReadBack() throws {
    let change = Intervention.scaleHeads([Head(layer: 1, head: 0)], by: 0)
    let text = String(decoding: try JSONEncoder.sorted.encode(change), as: UTF8.self)
    #expect(
      text == """
        {"change":{"scaleHeads":{"factor":0,"heads":[{"head":0,"layer":1}]}},\
        "hooks":["blocks.1.attn.hook_z"],"positions":"all"}
        """)
    let rows = Matrix(rows: 1, columns: 2, values: [1, 2])
    for change in [
      change, .attendUniformly([Head(layer: 0, head: 1)], keepingNorm: .sequence).only(in: [3]),
      .patch(.residual(after: 1), with: rows, at: .tokens([4])).only(in: ["a"]),
      .patch(heads: [HeadRows(Head(layer: 0, head: 0), rows: rows)], at: .last),
    ] {
      let data = try JSONEncoder.sorted.encode(change)
      #expect(try JSONDecoder().decode(Intervention.self, from: data) == change)
    }
  }
}

extension JSONEncoder {
  fileprivate static var sorted: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return encoder
  }
}
