import Prompts
import Tensors
import Testing

@testable import Transformer

/// The tiny models by path and, where it is there, the demo model.
private let models: [Model] =
  tinyFolders.compactMap { try? Model.load(golden($0)) }
  + [demoModel].compactMap(\.self)

@Suite("A prompt gives the same bytes whatever stands beside it")
struct InvarianceTests {
  static func batch(of model: Model, lengths: [Int]) -> Batch {
    Batch(
      lengths.enumerated().map { index, length in
        TokenSequence(
          id: "\(index)",
          tokens: (0..<length).map {
            Int32((($0 + 3) * (index + 5) * 7919) % model.shape.dVocabulary)
          })
      })
  }

  static func captures(_ model: Model) -> [Capture] {
    let layers = [0, model.shape.layers / 2, model.shape.layers - 1]
    return [Capture(.embedding), Capture(.finalNorm), .logits(at: .last)]
      + layers.flatMap { layer in
        [
          Capture(.residual(after: layer)), Capture(.headOutput(layer: layer)),
          Capture(.attentionPattern(layer: layer)), Capture(.mlpHidden(layer: layer)),
        ].filter { model.shape.has($0.hook) }
      }
  }

  static func bits(_ sequence: SequenceCapture) -> [HookPoint: [UInt32]] {
    sequence.values.mapValues { $0.values.map(\.bitPattern) }
  }

  /// Every family in the other precisions; the self-check compares all hooks, from memory too.
  @Test(arguments: [Precision.bfloat16, .bfloat16x2])
  func otherPrecisions(precision: Precision) throws {
    for name in tinyFolders {
      let model = try Model.load(golden(name), precision: precision)
      let examination = try Examination(model: model, batch: model.selfCheckBatch(), threads: 2)
      for check in [try examination.batches(), try examination.memory()] {
        #expect(check.isGood, "\(name), \(check.name): \(check.measured) of \(check.compared)")
      }
    }
  }

  @Test func aloneInABatchInAnotherOrderAndOnTwoThreads() throws {
    #expect(models.count >= tinyFolders.count)
    for model in models {
      let longest = min(60, model.shape.contextLength)
      let batch = Self.batch(of: model, lengths: [5, 1, 33, 12, longest, 24, 2])
      let captures = Self.captures(model)
      let whole = try model.run(batch, capturing: captures, threads: 1)
      let twoThreads = try model.run(batch, capturing: captures, threads: 2)
      let reversed = try model.run(
        Batch(batch.sequences.reversed()), capturing: captures, threads: 2)
      for index in batch.sequences.indices {
        let expected = Self.bits(whole.sequences[index])
        let alone = try model.run(
          Batch([batch.sequences[index]]), capturing: captures, threads: 1)
        // Compared outside of #expect, which would print a million numbers.
        let sameAlone = Self.bits(alone.sequences[0]) == expected
        let sameOnTwoThreads = Self.bits(twoThreads.sequences[index]) == expected
        let mirrored = reversed.sequences[batch.sequences.count - 1 - index]
        let sameReversed = Self.bits(mirrored) == expected
        #expect(sameAlone && sameOnTwoThreads && sameReversed, "sequence \(index)")
      }
    }
  }

  @Test func aPrefixGivesTheSameBytesAsTheWhole() throws {
    for model in models {
      let sequence = Self.batch(of: model, lengths: [40]).sequences[0]
      let hook = HookPoint.residual(after: model.shape.layers - 1)
      let whole = try model.run(Batch([sequence]), capturing: [Capture(hook)])
      let prefix = TokenSequence(id: "p", tokens: Array(sequence.tokens.prefix(17)))
      let part = try model.run(Batch([prefix]), capturing: [Capture(hook)])
      let expected = try #require(whole[hook]).picking(Array(0..<17))
      let rows = try #require(part[hook])
      let same = rows.values.map(\.bitPattern) == expected.values.map(\.bitPattern)
      #expect(same)
    }
  }

  /// A beginning that all sequences share is computed once, and nobody can tell.
  @Test func aCommonBeginningChangesNoBit() throws {
    for model in models {
      let parts = Self.batch(of: model, lengths: [19, 6, 1, 14, 9]).sequences.map(\.tokens)
      // One sequence is the beginning of all, but for its last token; two are the same.
      let texts = [parts[0] + parts[2]] + parts.map { parts[0] + $0 } + [parts[0] + parts[1]]
      let batch = Batch(
        texts.enumerated().map { index, tokens in
          TokenSequence(
            id: "\(index)", tokens: tokens,
            segments: tokens.indices.map { $0 < 19 ? .template : $0 < 22 ? .thinking : .answer })
        })
      let layers = model.shape.layers
      let captures = [
        Capture(.residual(after: layers - 1)), Capture(.headOutput(layer: 0), at: .range(-20, -3)),
        Capture(.residual(after: 0), at: .index(3)), Capture(.residual(after: 0), at: .last),
        Capture(.embedding, at: .index(30)), Capture(.logits, at: .range(17, 21)),
      ]
      let vector = [Float](repeating: 0.25, count: model.shape.dModel)
      let rules: [Positions] = [
        .from(token: 17), .last, .range(-3, -1), .from(token: -2), .segment(.thinking), .index(30),
      ]
      let changes = [[]] + rules.map { [Intervention.add(vector, after: 0, at: $0)] }
      for interventions in changes {
        let whole = try model.run(batch, capturing: captures, applying: interventions, threads: 2)
        for index in batch.sequences.indices {
          let sequence = batch.sequences[index]
          let mine = captures.filter { !$0.positions.indices(in: sequence).isEmpty }
          let alone = try model.run(
            Batch([sequence]), capturing: mine,
            applying: interventions.filter { !$0.positions.indices(in: sequence).isEmpty },
            threads: 1)
          let (found, expected) = (whole.sequences[index], alone.sequences[0])
          let positions = found.positions.filter { !$0.value.isEmpty }
          let values = Self.bits(found).filter { !$0.value.isEmpty }
          let (same, placed) = (values == Self.bits(expected), positions == expected.positions)
          #expect(same && placed, "\(model.shape), sequence \(index)")
        }
      }
    }
  }

  @Test func tilesAreNoLargerThanTheyHaveToBe() {
    let batch = Batch(
      (0..<2000).map { TokenSequence(id: "\($0)", tokens: Array(repeating: 1, count: 20)) })
    for done in [0, 13] {
      let tiles = Tile.cut(batch, threads: 2, behind: done)
      #expect(tiles.first?.lowerBound == 0 && tiles.last?.upperBound == 2000)
      #expect(zip(tiles, tiles.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
      #expect(tiles.allSatisfy { $0.count * (20 - done) <= Tile.targetRows })
      #expect(tiles.count <= 2000 * (20 - done) / (Tile.targetRows - 20) + 1)
    }
    // What is copied is bounded as well.
    let long = Batch(
      (0..<40).map { TokenSequence(id: "\($0)", tokens: Array(repeating: 1, count: 2001)) })
    #expect(Tile.cut(long, threads: 1, behind: 2000).allSatisfy { $0.count <= 5 })
  }

  @Test func sequencesArriveInOrder() throws {
    let model = try #require(models.first)
    let batch = Self.batch(of: model, lengths: Array(repeating: 30, count: 40))
    var order: [Int] = []
    _ = try model.run(batch, Plan(capturing: [.residual(after: 2)]), threads: 2) {
      order.append($0.sequence)
    }
    #expect(order == Array(0..<40))
  }

  @Test func anErrorInTheReceiverStopsTheRun() throws {
    struct Stop: Error {}
    let model = try #require(models.first)
    let batch = Self.batch(of: model, lengths: Array(repeating: 30, count: 40))
    var received = 0
    #expect(throws: Stop.self) {
      _ = try model.run(batch, Plan(capturing: [.residual(after: 2)]), threads: 2) { _ in
        received += 1
        if received == 3 { throw Stop() }
      }
    }
    #expect(received == 3)
  }
}
