import ActivationStore
import Foundation
import Testing

/// Which class is which, from the prompt file to what a probe says.
@Suite struct LabelTests {
  @Test func truthValuesKeepTheirMeaning() throws {
    let folder = try Scratch()
    // Every other row is marked; ten of those are left out, so that classes differ in size.
    let rows = syntheticPrompts(60).split(separator: "\n").enumerated()
    let kept = rows.filter { $0.offset % 6 != 0 }
    try folder.write("p.jsonl", kept.map { String($0.element) }.joined(separator: "\n"))
    func run(_ words: [String]) throws -> Tool.Outcome {
      let outcome = try Tool.run(words, in: folder)
      try #require(outcome.status == 0, "\(outcome.errors)")
      return outcome
    }
    _ = try run([
      "capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--hooks",
      "blocks.2.hook_resid_post", "--positions", "last", "--out", "acts.h5",
    ])
    let labels = try ActivationFile(folder.file("acts.h5")).description.labels
    #expect(labels["marked"] == .number(kept.map { $0.offset % 2 == 0 ? 1 : 0 }))
    let card = try run([
      "probe", "train", "--acts", "acts.h5", "--label", "marked", "--out", "probe", "--json",
    ]).json
    func check(_ card: [String: Any], _ convention: String, _ positives: Int) throws {
      let data = try #require((card["training_data"] as? [[String: Any]])?.first)
      #expect(data["positives"] as? Int == positives && data["negatives"] as? Int == 50 - positives)
      #expect(card["sign_convention"] as? String == convention)
    }
    try check(card, "z > 0: marked", 20)
    let turned = try run([
      "probe", "train", "--acts", "acts.h5", "--label", "marked", "--positive", "false", "--out",
      "turned", "--json",
    ]).json
    try check(turned, "z > 0: marked is false", 30)
  }
}
