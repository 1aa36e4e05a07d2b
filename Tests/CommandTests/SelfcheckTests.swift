import Foundation
import Testing

@Suite("selfcheck") struct SelfcheckTests {
  @Test(arguments: ["float32", "bfloat16"])
  func aSoundModelPasses(precision: String) throws {
    let folder = try Scratch()
    let outcome = try Tool.run(
      ["selfcheck", "--model", TinyModel.llama, "--precision", precision, "--json"], in: folder)
    #expect(outcome.status == 0)
    let json = try outcome.json
    let checks = try #require(json["checks"] as? [[String: Any]])
    #expect(json["is_good"] as? Bool == true && checks.count == 9)
    #expect(json["kernel"] as? String != nil && json["model"] != nil)
  }

  @Test func theTableNamesEveryCheck() throws {
    let outcome = try Tool.run(["selfcheck", "--model", TinyModel.llama], in: Scratch())
    #expect(outcome.status == 0)
    for name in ["identity", "batch", "memory", "causality", "heads", "residual", "logits"] {
      #expect(outcome.output.contains("\n\(name) "))
    }
    #expect(!outcome.output.contains("FAIL"))
  }
}
