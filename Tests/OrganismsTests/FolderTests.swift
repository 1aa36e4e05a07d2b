import Checkpoints
import Files
import Foundation
import Organisms
import Prompts
import Testing
import Transformer

/// What stands in an organism's folder, and how it gets there.
@Suite struct FolderTests {
  let base: URL

  init() throws {
    base = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
  }

  func path(_ name: String) -> String { base.appendingPathComponent(name).path }
  func contents(_ name: String = "") -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(name))) ?? []).sorted()
  }
  func digest(_ name: String) throws -> String { Digest.sha256(of: try MappedFile(path(name))) }

  @Test func oneSeedGivesTheSameBytesAndAnotherDoesNot() throws {
    for name in ["a", "b"] { try Organism.plant(.refusalCliff, seed: 7, to: path(name)) }
    try Organism.plant(.refusalCliff, seed: 8, to: path("c"))
    for file in contents("a") { #expect(try digest("a/\(file)") == digest("b/\(file)"), "\(file)") }
    #expect(try digest("a/model.safetensors") != digest("c/model.safetensors"))
    // The bytes of every machine, as they were when the tests were written.
    let recorded = "e522ded3ab925a46fc82d4b0be2c6a803ae046faf227c1f729a414e0d29faea5"
    #expect(try digest("a/model.safetensors") == recorded)
  }

  @Test func onlyTheMechanismTellsTheKindsApart() throws {
    let truths = try Organism.Kind.allCases.map {
      try Organism.plant($0, seed: 3, to: path($0.rawValue)).truth
    }
    let heads = truths.map { $0.heads.filter { $0.role != .suppression } }
    #expect(heads[0] == heads[1] && heads[1] == heads[2])
    let tensors = try Organism.Kind.allCases.map { kind in
      let checkpoint = try Checkpoint.open(path(kind.rawValue))
      return try Dictionary(
        uniqueKeysWithValues: checkpoint.names.map { ($0, try checkpoint.tensor($0).floats()) })
    }
    let changed = tensors[0].keys.filter { tensors[0][$0] != tensors[2][$0] }
    let layers = Set(truths[0].heads(.suppression).map { "model.layers.\($0.layer).self_attn" })
    // Scales follow what is written before, so later blocks' readings move; embeddings never do.
    #expect(changed.allSatisfy { $0.hasPrefix("model.layers.") })
    #expect(layers.allSatisfy { layer in changed.contains { $0.hasPrefix(layer) } })
    #expect(tensors[1]["model.embed_tokens.weight"] == tensors[2]["model.embed_tokens.weight"])
  }

  @Test func theFolderIsCompleteAndSaysWhatItIs() throws {
    let organism = try Organism.plant(
      .introspectionGate, seed: 5, toolVersion: "1.2.3", to: path("o"))
    #expect(
      contents("o") == [
        "concepts.jsonl", "config.json", "directions.safetensors", "generation_config.json",
        "model.safetensors", "prompts.jsonl", "questions.jsonl", "tokenizer.json",
        "tokenizer_config.json", "truth.json",
      ])
    let truth = try JSONDecoder().decode(
      OrganismTruth.self, from: Data(contentsOf: base.appendingPathComponent("o/truth.json")))
    #expect(truth == organism.truth)
    #expect(truth.toolVersion == "1.2.3")
    #expect(try digest("o/model.safetensors") == truth.weightsSHA256)
    let model = try Model.load(path("o"))
    #expect(model.warnings.isEmpty)
    #expect(model.identity.weightsSHA256 == truth.weightsSHA256)
    #expect(model.shape.layers == truth.layers && model.shape.heads == truth.headsPerLayer)
    let stored = try Checkpoint.open(path("o/directions.safetensors"))
    for (name, direction) in organism.directions {
      #expect(try stored.tensor(name).floats() == direction)
      #expect(abs(dot(direction, direction) - 1) < 1e-5)
      // Nothing lies along an axis.
      #expect((direction.map(abs).max() ?? 1) < 0.5)
    }
    let prompts = try PromptFile.read(path("o/prompts.jsonl"))
    #expect(prompts.count { $0.labels["harmful"] == .bool(true) } == 64)
    #expect(prompts.count { $0.labels["harmful"] == .bool(false) } == 64)
    #expect(Set(prompts.compactMap { $0.labels["group"]?.description }).count == 32)
    // Every word is a token: no prompt falls to pieces.
    let encoder = try model.encoder
    let sequence = try encoder.encode(prompts[0].conversation)
    #expect(sequence.tokens.count == 24)
    // As the tokenizers library numbers them.
    let ids: [Int32] = [256, 259, 289, 305, 277, 307, 363, 308, 309, 63, 260, 261, 10]
    #expect(sequence.tokens.prefix(13).elementsEqual(ids))
  }

  @Test func nothingIsOverwrittenButTheSameOrganismIsLeftAsItIs() throws {
    try Organism.plant(.none, seed: 1, to: path("o"))
    let before = try digest("o/truth.json")
    try Organism.plant(.none, seed: 1, to: path("o/"))
    expectProblem(.wouldOverwrite) { try Organism.plant(.none, seed: 2, to: path("o")) }
    #expect(try digest("o/truth.json") == before)
    try Data("x".utf8).write(to: base.appendingPathComponent("file"))
    try FileManager.default.createDirectory(
      at: base.appendingPathComponent("full/sub"), withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      at: base.appendingPathComponent("empty"), withIntermediateDirectories: true)
    for (place, code) in [
      ("file", .wouldOverwrite), ("full", .wouldOverwrite), ("missing/o", .missing),
      ("..", .notAFile), ("/", .notAFile),
    ] as [(String, Problem.Code)] {
      let place = place == "/" ? place : path(place)
      expectProblem(code) { try Organism.plant(.none, seed: 1, to: place) }
    }
    try Organism.plant(.none, seed: 1, to: path("empty"))
    #expect(contents() == ["empty", "file", "full", "o"])
    #expect(contents("full") == ["sub"])
  }
}
