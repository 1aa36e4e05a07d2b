import Foundation
import Prompts
import Tensors
import Testing

@testable import Refusal
@testable import Transformer

/// What takes a head's place comes from the reference, and never from a prompt's own group.
@Suite struct HeadReferenceTests {
  private let model: Model
  private let prompts: [HeadPrompt]
  private let reference: [HeadPrompt]
  /// `[tokens, heads x dHead]` of block 1 for each reference prompt.
  private let outputs: [Matrix]

  init() throws {
    let model = try tinyModel("tiny-llama")
    self.model = model
    func prompts(_ name: String, _ lengths: [Int], first: Int) throws -> [HeadPrompt] {
      try lengths.enumerated().map { index, length in
        let tokens = (0..<length).map { Int32(3 + (first + 7 * index + 5 * $0) % 90) }
        return try HeadPrompt(
          TokenSequence(id: "\(name)\(index)", tokens: tokens), group: "g\(index % 2)")
      }
    }
    self.prompts = try prompts("p", [6, 9, 7, 5, 8, 6], first: 0)
    let reference = try prompts("r", [8, 5, 9, 7], first: 41)
    self.reference = reference
    let hook = HookPoint.headOutput(layer: 1)
    outputs = try reference.map { prompt in
      let run = try model.run(Batch([prompt.sequence]), capturing: [Capture(hook)], threads: 1)
      return try #require(run[hook])
    }
  }

  private func changes(_ kind: HeadAblation.Kind, seed: UInt64) throws -> [Intervention.Change] {
    let table = try AblationTable(
      HeadAblation(kind), model, prompts, reference: reference, seed: seed, threads: 1,
      memoryLimit: .max)
    return prompts.indices.map {
      table.intervention(Head(layer: 1, head: 2), prompt: $0, at: .all).change
    }
  }

  private var columns: Range<Int> { (2 * model.shape.dHead)..<(3 * model.shape.dHead) }

  /// Each token of the reference counts once, however long its prompt.
  @Test func meansAreThoseOfTheReference() throws {
    let rows = outputs.map { $0.columns(columns) }
    let count = rows.reduce(0) { $0 + $1.rows }
    let mean = (0..<model.shape.dHead).map { column in
      rows.reduce(0.0) { sum, matrix in
        sum + (0..<matrix.rows).reduce(0.0) { $0 + Double(matrix[$1, column]) }
      } / Double(count)
    }
    for change in try changes(.mean, seed: 1) {
      guard case .replaceHeads(let heads) = change else { throw CocoaError(.coderInvalidValue) }
      #expect(heads.count == 1 && heads[0].vector.count == mean.count)
      #expect(zip(heads[0].vector, mean).allSatisfy { abs(Double($0) - $1) < 1e-6 })
      #expect(mean.contains { abs($0) > 1e-3 })
    }
  }

  @Test func donorsAreOfTheReferencesOtherGroups() throws {
    for seed in 1...8 as ClosedRange<UInt64> {
      for (place, change) in try changes(.resample, seed: seed).enumerated() {
        guard case .patchHeads(let heads) = change else { throw CocoaError(.coderInvalidValue) }
        let rows = heads[0].rows
        let donors = reference.indices.filter { donor in
          let shift = prompts[place].sequence.tokens.count - outputs[donor].rows
          return (0..<rows.rows).allSatisfy { row in
            rows[row].elementsEqual(outputs[donor].columns(columns)[max(row - shift, 0)])
          }
        }
        #expect(donors.count == 1)
        #expect(donors.allSatisfy { reference[$0].group != prompts[place].group })
      }
    }
  }
}
