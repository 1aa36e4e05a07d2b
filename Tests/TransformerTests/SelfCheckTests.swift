import Files
import Prompts
import Tensors
import Testing

@testable import Transformer

@Suite("Self-checks") struct SelfCheckTests {
  @Test(arguments: tinyModels)
  func everyFamilyPasses(name: String) throws {
    let model = try Model.load(golden(name))
    for check in try model.selfCheck(model.selfCheckBatch(), threads: 2) {
      #expect(check.isGood, "\(check.name): \(check.measured) of \(check.compared)")
    }
  }

  @Test(arguments: Precision.allCases)
  func everyPrecisionPasses(precision: Precision) throws {
    let model = try Model.load(golden("tiny-qwen3"), precision: precision)
    for check in try model.selfCheck(model.selfCheckBatch(), threads: 3) {
      #expect(check.isGood, "\(check.name): \(check.measured) of \(check.compared)")
    }
  }

  @Test func oneOtherBitFails() throws {
    let model = try Model.load(golden("tiny-llama"))
    let examination = try Examination(model: model, batch: model.selfCheckBatch(), threads: 1)
    let clean = examination.clean[0]
    var values = clean.values
    var matrix = try #require(values[.residual(after: 1)])
    matrix[3, 5] = matrix[3, 5].nextUp
    values[.residual(after: 1)] = matrix
    let other = SequenceCapture(sequence: 0, positions: clean.positions, values: values)
    let check = examination.same("same", "", [(other, clean)])
    #expect(!check.isGood && check.measured == 1)
    values[.logits] = nil
    let missing = SequenceCapture(sequence: 0, positions: clean.positions, values: values)
    #expect(examination.same("same", "", [(clean, missing)]).measured > 1)
    #expect(!examination.same("same", "", []).isGood)
  }

  @Test func aSumThatIsOffFails() throws {
    let model = try Model.load(golden("tiny-llama"))
    let examination = try Examination(model: model, batch: model.selfCheckBatch(), threads: 1)
    let matrix = Matrix(rows: 1, columns: 2, values: [100, 1])
    for (value, isGood) in [(Float(1.004), true), (1.006, false), (.nan, false)] {
      let off = Matrix(rows: 1, columns: 2, values: [100, value])
      #expect(examination.close("sum", "", [(off, matrix)]).isGood == isGood)
    }
  }

  @Test func whatCannotBeCheckedIsAnError() throws {
    let model = try Model.load(golden("tiny-llama"))
    expectProblem(.promptLength) {
      _ = try model.selfCheck(Batch([TokenSequence(id: "", tokens: [1])]))
    }
  }
}
