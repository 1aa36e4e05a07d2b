import Checkpoints
import Foundation
import Prompts
import Testing

@testable import Transformer

@Suite("Learned organisms")
struct LearnedOrganismTests {
  private struct Recorded: Decodable {
    var prompt: String
    var tokens: [Int32]
  }

  /// transformers and PEFT add B A to a product; here it is added to the weight, which rounds
  /// elsewhere, so that the greedy tokens being the same is a test and not a matter of course.
  @Test(
    .enabled(if: demoModel != nil, "run: bathyscope models get smollm2-135m"),
    arguments: AdapterCatalogue.names)
  func answersAsInPEFT(_ name: String) throws {
    let file = try Data(contentsOf: URL(fileURLWithPath: golden("organisms.json")))
    let recorded = try #require(
      try JSONDecoder().decode([String: [Recorded]].self, from: file)[name])
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let model = try Model.load(
      "smollm2-135m",
      adapters: [Adapter.open(root.appendingPathComponent("Probes/organisms/\(name)").path)])
    let batch = try model.encode(
      recorded.enumerated().map { row in
        Conversation(
          id: "\(row.offset)",
          source: .messages([Message(role: "user", content: row.element.prompt)]))
      })
    var settings = GenerationSettings()
    settings.maxNewTokens = 48
    let run = try model.generate(batch, settings)
    #expect(run.generations.count == 4)
    for (generation, wanted) in zip(run.generations, recorded) {
      let isSame = Array(generation.tokens) == wanted.tokens
      #expect(isSame, "\(wanted.prompt)")
    }
  }
}
