import Files
import Tensors
import Testing

@testable import Transformer

@Suite("Weights kept as they are stored") struct QuantizedModelTests {
  @Test(arguments: tinyModels)
  func giveTheSameBits(name: String) throws {
    let packed = try Model.load(golden(name))
    let kept = try Model.load(golden(name), keepsQuantized: true)
    #expect(kept.keepsQuantized && kept.kernel != packed.kernel)
    let batch = try packed.selfCheckBatch()
    let captures = InvarianceTests.captures(packed)
    let expected = try packed.run(batch, capturing: captures).sequences
      .map(InvarianceTests.bits)
    let same =
      try kept.run(batch, capturing: captures).sequences.map(InvarianceTests.bits)
      == expected
    #expect(same)
  }

  @Test func areFloatsOnly() {
    expectProblem(.unsupported) {
      _ = try Model.load(golden("tiny-llama"), precision: .bfloat16, keepsQuantized: true)
    }
  }
}
