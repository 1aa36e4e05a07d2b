import Checkpoints
import Foundation
import Tensors
import Testing

@testable import Transformer

@Suite("Architectures")
struct ArchitectureTests {
  typealias Copy = HostileModelTests.Copy

  @Test(arguments: tinyModels)
  func everyHookThatTheModelHasIsRecordedAndNoOther(name: String) throws {
    let model = try Model.load(golden(name))
    let reference = try ParityReference(tinyReference(name))
    #expect(reference.sequences.count == 3)
    for sequence in reference.sequences {
      #expect(Set(sequence.hooks) == Set(HookPoint.all(in: model.shape)))
    }
  }

  /// Published checkpoints have settings of old versions of transformers, and new ones save others.
  @Test(arguments: tinyFolders.filter { FileManager.default.fileExists(atPath: newStyle($0)) })
  func settingsInTheStyleOfTransformers5MeanTheSame(name: String) throws {
    let copy = try Copy(of: name)
    let config = URL(fileURLWithPath: copy.path + "/config.json")
    try Data(contentsOf: URL(fileURLWithPath: Self.newStyle(name))).write(to: config)
    let model = try Model.load(copy.path)
    try expectAgreement(model, reference: tinyReference(name), relative: 5e-6)
    #expect(
      try model.identity.configurationJSON == Model.load(golden(name)).identity.configurationJSON)
  }

  static func newStyle(_ name: String) -> String { golden(name) + "/config.transformers5.json" }

  @Test func aGGUFFileGivesTheNumbersOfItsFolder() throws {
    let files = tinyModels.filter { $0.hasSuffix(".gguf") }
    #expect(files.count >= 13)
    for name in files {
      let (file, folder) = (
        try Model.load(golden(name)), try Model.load(golden(String(name.dropLast(5))))
      )
      #expect(file.shape == folder.shape, "\(name)")
      let batch = InvarianceTests.batch(of: file, lengths: [1, 31, 8])
      let hooks = HookPoint.all(in: file.shape).map { Capture($0) }
      let (run, expected) = (
        try file.run(batch, capturing: hooks), try folder.run(batch, capturing: hooks)
      )
      for hook in hooks.map(\.hook) where !hook.site.isRagged {
        var folderValues = try #require(expected[hook])
        let factor = scaledQueries(of: name, at: hook.site)
        folderValues.values = folderValues.values.map { $0 * factor }
        let (difference, scale) = distance(try #require(run[hook]), folderValues)
        #expect(difference < 5e-6 * scale, "\(name), \(hook): \(difference) of \(scale)")
      }
    }
  }

  /// The names of published GPT-2 and Pythia files, which also hold the causal mask.
  @Test func publishedNamesAreRead() throws {
    let gpt2 = try Copy(of: "tiny-gpt2")
    try gpt2.rewrite { tensors in
      for index in tensors.indices {
        tensors[index].name.removeFirst("transformer.".count)
      }
      tensors.append(("h.1.attn.bias", [1, 1, 40, 40], .init(repeating: 1, count: 1600)))
      tensors.append(("h.1.attn.masked_bias", [], [-1e4]))
    }
    try expectAgreement(
      try Model.load(gpt2.path), reference: tinyReference("tiny-gpt2"), relative: 5e-6)
    let pythia = try Copy(of: "tiny-gpt-neox")
    try pythia.rewrite { tensors in
      tensors.append(("gpt_neox.layers.0.attention.bias", [1, 1, 2, 2], [1, 0, 1, 1]))
      tensors.append(("gpt_neox.layers.0.attention.masked_bias", [], [-1e9]))
      tensors.append(("gpt_neox.layers.0.attention.rotary_emb.inv_freq", [2], [1, 0.01]))
    }
    try expectAgreement(
      try Model.load(pythia.path), reference: tinyReference("tiny-gpt-neox"), relative: 5e-6)
  }

  @Test func ofAModelThatSeesImagesThePartThatReadsTextIsLoaded() throws {
    let copy = try Copy(of: "tiny-gemma3")
    try copy.rewrite { tensors in
      for index in tensors.indices {
        tensors[index].name = "language_model." + tensors[index].name
      }
      tensors.append(("vision_tower.post_layernorm.weight", [2], [1, 1]))
      tensors.append(("multi_modal_projector.mm_input_projection_weight", [1, 2], [1, 1]))
    }
    let url = URL(fileURLWithPath: copy.path + "/config.json")
    let inner = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
    let outer: [String: Any] = [
      "model_type": "gemma3", "text_config": inner, "vision_config": ["hidden_size": 8],
      "boi_token_index": 58, "eoi_token_index": 59, "image_token_index": 60,
      "mm_tokens_per_image": 4,
    ]
    try JSONSerialization.data(withJSONObject: outer).write(to: url)
    let model = try Model.load(copy.path)
    try expectAgreement(model, reference: tinyReference("tiny-gemma3"), relative: 5e-6)
    #expect(model.warnings.count == 1 && model.warnings[0].contains("2 tensors: belong to images"))
  }

  /// A tied model may hold its embedding twice, but not two matrices.
  @Test func aTiedUnembeddingIsTheEmbedding() throws {
    for change in [Float(0), 1] {
      let copy = try Copy(of: "tiny-qwen2-tied")
      try copy.rewrite { tensors in
        guard var tensor = tensors.first(where: { $0.name == "model.embed_tokens.weight" })
        else { return }
        tensor.name = "lm_head.weight"
        tensor.values[7] += change
        tensors.append(tensor)
      }
      let problem = copy.problem()
      #expect((problem == nil) == (change == 0))
      #expect(problem?.contains("tie_word_embeddings") ?? true)
    }
  }
}
