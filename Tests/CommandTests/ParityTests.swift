import Foundation
import Testing

@Suite struct ParityTests {
  let folder: Scratch
  let reference = TinyModel.llama + "/reference.safetensors"

  init() throws { folder = try Scratch() }

  private func parity(_ arguments: String...) throws -> Tool.Outcome {
    try Tool.run(["parity", "--model", TinyModel.llama] + arguments, in: folder)
  }

  @Test func agreementIsATableAndStatusZero() throws {
    let outcome = try parity("--reference", reference)
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    for text in ["hook_embed", "attn.hook_pattern", "unembed.hook_out", "greedy tokens"] {
      #expect(outcome.output.contains("\n\(text)  "), "\(outcome.output)")
    }
    #expect(!outcome.output.contains("DISAGREES"))
    #expect(outcome.output.contains("\nreference: float32 transformers 5."), "\(outcome.output)")
    let json = try parity("--reference", reference, "--json", "--threads", "1").json
    let result = try #require(json["parity"] as? [String: Any])
    #expect(result["agrees"] as? Bool == true && result["greedy_tokens"] as? Int == 36)
    #expect((json["recorded_by"] as? [String: String])?["transformers"] != nil)
    #expect((json["reference_sha256"] as? String)?.count == 64)
  }

  @Test func disagreementIsStatusOne() throws {
    for arguments in [["--tolerance", "1e-9"], ["--tolerance", "1e-9", "--json"]] {
      let outcome = try Tool.run(
        ["parity", "--model", TinyModel.llama, "--reference", reference] + arguments, in: folder)
      #expect(outcome.status == 1 && outcome.errors.isEmpty)
      #expect(outcome.output.contains(arguments.count > 2 ? "\"agrees\" : false" : "DISAGREES"))
    }
  }

  @Test func anotherReferenceIsStatusFour() throws {
    try folder.write(
      "cut.safetensors", Array(try Data(contentsOf: URL(fileURLWithPath: reference)).prefix(9000)))
    for file in [
      "cut.safetensors", "none.safetensors", TinyModel.withBias + "/reference.safetensors",
      TinyModel.llama,
    ] {
      let outcome = try parity("--reference", file)
      #expect(outcome.status == 4 && outcome.output.isEmpty, "\(outcome.output)")
      #expect(outcome.errors.contains("]: \(file)") && outcome.errors.contains("; "))
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
  }

  @Test(arguments: ["0", "-1", "nan", "inf", "x"]) func badTolerances(value: String) throws {
    let outcome = try parity("--reference", reference, "--tolerance=\(value)")
    #expect(outcome.status == 2 && outcome.output.isEmpty)
  }
}
