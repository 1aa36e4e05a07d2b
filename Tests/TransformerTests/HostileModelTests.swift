import Checkpoints
import Files
import Foundation
import Prompts
import Testing

@testable import Transformer

@Suite("Models that are damaged or not what they claim")
struct HostileModelTests {
  /// A copy of a tiny model in a folder of its own.
  final class Copy {
    let path = NSTemporaryDirectory() + "bathyscope-\(UUID().uuidString)"

    init(of name: String = "tiny-llama") throws {
      try FileManager.default.copyItem(atPath: golden(name), toPath: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Changes settings of config.json; nil removes one.
    func set(_ changes: [String: Any?]) throws {
      let url = URL(fileURLWithPath: path + "/config.json")
      let content = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
      var settings = try #require(content as? [String: Any])
      for (key, value) in changes { settings[key] = value }
      try JSONSerialization.data(withJSONObject: settings).write(to: url)
    }

    /// Changes the tensors.
    func rewrite(
      _ change: (inout [(name: String, shape: [Int], values: [Float])]) -> Void
    ) throws {
      let checkpoint = try Checkpoint.open(path)
      var tensors = try checkpoint.names.map { name in
        let tensor = try checkpoint.tensor(name)
        return (name: name, shape: tensor.shape, values: tensor.floats())
      }
      change(&tensors)
      try SafetensorsFile.write(tensors, metadata: [:], to: path + "/model.safetensors")
    }

    func problem() -> String? {
      do { _ = try Model.load(path) } catch { return "\(error)" }
      return nil
    }
  }

  @Test func theCopyIsAModel() throws { #expect(try Copy().problem() == nil) }

  @Test(arguments: [
    ("num_attention_heads", "0"), ("num_attention_heads", "-6"), ("num_attention_heads", "6.5"),
    ("num_attention_heads", "99999999999999999999"), ("num_hidden_layers", "1000000000"),
    ("num_hidden_layers", "null"), ("num_key_value_heads", "4"), ("num_key_value_heads", "\"2\""),
    ("hidden_size", "40"), ("head_dim", "5"), ("head_dim", "8"), ("vocab_size", "98"),
    ("vocab_size", "2147483647"), ("intermediate_size", "51"), ("rms_norm_eps", "-1"),
    ("rms_norm_eps", "1e300"),
    ("rms_norm_eps", "\"small\""), ("rope_parameters", "{\"rope_theta\": 0}"),
    ("rope_parameters", "{\"rope_theta\": \"500\"}"), ("rope_interleaved", "true"),
    ("rope_parameters", "{\"rope_type\": \"yarn\", \"rope_theta\": 500}"),
    ("rope_scaling", "{\"type\": \"dynamic\", \"factor\": 2}"), ("hidden_act", "\"gelu\""),
    ("attention_bias", "true"), ("mlp_bias", "true"), ("model_type", "\"mamba\""),
    ("sliding_window", "4096"), ("tie_word_embeddings", "\"no\""), ("attention_bias", "1"),
  ])
  func aSettingThatCannotBeIsNamed(key: String, value: String) throws {
    let copy = try Copy()
    let json = try JSONSerialization.jsonObject(
      with: Data(value.utf8), options: .fragmentsAllowed)
    try copy.set([key: json])
    let problem = try #require(copy.problem())
    #expect(problem.contains(copy.path), "\(problem)")
    #expect(problem.utf8.count < 500 && problem.contains(";"), "\(problem)")
  }

  /// Every head of GPT-NeoX has its own keys.
  @Test func sharedKeysInGPTNeoXAreRefused() throws {
    let copy = try Copy(of: "tiny-gpt-neox")
    #expect(copy.problem() == nil)
    try copy.set(["num_key_value_heads": 1])
    #expect(copy.problem()?.contains("num_key_value_heads") == true)
  }

  /// A tokenizer without letters leaves nothing of a text: any tokens will do then.
  @Test func aTokenizerThatKnowsNoLetterIsNoTrapForASelfCheck() throws {
    let copy = try Copy()
    let tokenizer =
      #"{"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "ByteLevel", "#
      + #""add_prefix_space": false, "use_regex": true}, "decoder": {"type": "ByteLevel"}, "#
      + #""model": {"type": "BPE", "vocab": {"!": 0}, "merges": []}}"#
    try Data(tokenizer.utf8).write(to: URL(fileURLWithPath: copy.path + "/tokenizer.json"))
    let model = try Model.load(copy.path)
    let text = Conversation(id: "a", source: .text("hello"))
    #expect(try model.encode([text]).sequences[0].tokens.isEmpty)
    #expect(try model.selfCheckBatch().sequences.map(\.tokens.count) == [24, 1, 7])
  }

  @Test func aTensorThatIsNotPartOfTheModelIsNamed() throws {
    let copy = try Copy()
    try copy.rewrite {
      $0.append(("model.layers.0.self_attn.q_norm.weight", [6], .init(repeating: 1, count: 6)))
    }
    #expect(copy.problem()?.contains("q_norm") == true)
  }

  @Test(arguments: [
    "lm_head.bias", "model.norm.bias", "model.layers.0.input_layernorm.bias",
    "model.layers.0.embed_tokens.weight", "model.mlp.up_proj.weight",
    "model.layers.3.mlp.up_proj.weight",
  ])
  func aTensorThatNothingReadsIsNamed(name: String) throws {
    let copy = try Copy()
    try copy.rewrite { $0.append((name, [2], [1, 1])) }
    #expect(copy.problem()?.contains(name) == true)
  }

  @Test func aMissingTensorIsNamed() throws {
    let copy = try Copy()
    try copy.rewrite { $0.removeAll { $0.name == "model.layers.1.mlp.up_proj.weight" } }
    #expect(copy.problem()?.contains("model.layers.1.mlp.up_proj.weight") == true)
  }

  @Test func weightsThatAreNoNumbersAreWarnedOf() throws {
    let copy = try Copy()
    try copy.rewrite { tensors in
      for index in tensors.indices
      where tensors[index].name.hasSuffix("layers.2.mlp.up_proj.weight") {
        tensors[index].values[5] = .nan
        tensors[index].values[7] = -.infinity
      }
      for index in tensors.indices where tensors[index].name == "model.norm.weight" {
        tensors[index].values[0] = .infinity
      }
    }
    let warnings = try Model.load(copy.path).warnings
    #expect(warnings.count == 2)
    #expect(warnings.contains { $0.contains("layers.2.mlp.up_proj.weight': 2 values") })
    #expect(warnings.contains { $0.contains("model.norm.weight': 1 values") })
    #expect(try Model.load(golden("tiny-llama")).warnings.isEmpty)
  }
}

@Suite("GGUF metadata that cannot be")
struct HostileMetadataTests {
  /// A GGUF file of version 3 with the given integers and texts, and no tensors.
  static func file(_ integers: [String: UInt32], _ texts: [String: String]) throws -> String {
    var bytes: [UInt8] = Array("GGUF".utf8)
    func put(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    func put(_ text: String) {
      put(UInt64(text.utf8.count))
      bytes.append(contentsOf: text.utf8)
    }
    put(UInt32(3))
    put(UInt64(0))
    put(UInt64(integers.count + texts.count + 1))
    for (key, value) in texts.sorted(by: { $0.key < $1.key }) {
      put(key)
      put(UInt32(8))
      put(value)
    }
    for (key, value) in integers.sorted(by: { $0.key < $1.key }) {
      put(key)
      put(UInt32(4))
      put(value)
    }
    put("llama.attention.layer_norm_rms_epsilon")
    put(UInt32(6))
    put(Float(1e-5).bitPattern)
    let path = NSTemporaryDirectory() + "bathyscope-\(UUID().uuidString).gguf"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// Llama 3's scaling is a tensor in GGUF; a key beside it would be another.
  @Test func twoScalingsOfOneModelAreRefused() throws {
    func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    func text(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + text.utf8 }
    var added = text("llama.rope.scaling.type") + bytes(UInt32(8)) + text("linear")
    added += text("llama.rope.scaling.factor") + bytes(UInt32(6)) + bytes(Float(4).bitPattern)
    let name = text("general.description") + bytes(UInt32(8))
    // The tensors behind stay where they are aligned.
    let filler = 32 - (added.count + name.count + 8) % 32
    added += name + text(String(repeating: "x", count: filler))
    var file = try readFile(golden("tiny-llama-llama3.gguf"))
    let count = file[16..<24].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    file.replaceSubrange(16..<24, with: bytes(count + 3) + added)
    let path = NSTemporaryDirectory() + "bathyscope-\(UUID().uuidString).gguf"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(file).write(to: URL(fileURLWithPath: path))
    let error = expectProblem(.contradictory) { _ = try Model.load(path) }
    #expect(error?.place == "rope.scaling.type")
  }

  static let good: [String: UInt32] = [
    "llama.block_count": 2, "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2, "llama.embedding_length": 32,
    "llama.feed_forward_length": 64, "llama.context_length": 128, "llama.vocab_size": 97,
  ]

  @Test func theGoodOneIsRead() throws {
    let path = try Self.file(Self.good, ["general.architecture": "llama"])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let llama = try Llama.read(Settings(Checkpoint.open(path)))
    #expect(llama.shape.keyValueHeads == 2 && llama.shape.dHead == 8)
    #expect(llama.rotary.theta == 10_000 && llama.rotary.rotated == 8)
  }

  @Test(
    arguments: [
      ("llama.attention.head_count", 0, .outOfRange),
      ("llama.attention.head_count_kv", 3, .contradictory),
      ("llama.attention.head_count_kv", 0, .outOfRange),
      ("llama.block_count", 1_000_000_000, .tooLarge), ("llama.block_count", 0, .outOfRange),
      ("llama.embedding_length", 0, .outOfRange),
      ("llama.embedding_length", 4_294_967_295, .outOfRange), ("llama.vocab_size", 0, .outOfRange),
      ("llama.rope.dimension_count", 4, .outOfRange),
      ("llama.attention.value_length", 16, .unsupported),
      ("llama.rope.scaling.factor", 2, .wrongType),
    ] as [(String, UInt32, Problem.Code)])
  func aValueThatCannotBeIsNamed(key: String, value: UInt32, code: Problem.Code) throws {
    var integers = Self.good
    integers[key] = value
    let path = try Self.file(integers, ["general.architecture": "llama"])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let error = expectProblem(code) { _ = try Model.load(path) }
    #expect(error.map { "\($0)".contains(path) } == true)
  }

  @Test func missingKeysAndOtherArchitecturesAreNamed() throws {
    for key in ["llama.block_count", "llama.attention.head_count", "llama.context_length"] {
      var integers = Self.good
      integers[key] = nil
      let path = try Self.file(integers, ["general.architecture": "llama"])
      defer { try? FileManager.default.removeItem(atPath: path) }
      let error = expectProblem(.missingField) { _ = try Model.load(path) }
      #expect(error.map { "\($0)".contains(key) } == true)
    }
    let path = try Self.file(Self.good, ["general.architecture": "mamba"])
    defer { try? FileManager.default.removeItem(atPath: path) }
    let error = expectProblem(.unknownArchitecture) { _ = try Model.load(path) }
    #expect(error?.problem.contains("mamba") == true)
  }
}

@Suite("Choosing hooks")
struct HookSelectionTests {
  let shape = ModelShape(
    layers: 4, dModel: 8, heads: 2, keyValueHeads: 1, dHead: 4, dMLP: 16, dVocabulary: 32,
    contextLength: 64)

  func names(_ patterns: String, _ layers: String? = nil) throws -> [String] {
    try HookSelection(patterns, layers: layers).hooks(in: shape).map(\.description)
  }

  @Test func globsAndLayers() throws {
    #expect(
      try names("blocks.*.hook_resid_post", "-2..-1,0")
        == ["blocks.0.hook_resid_post", "blocks.2.hook_resid_post", "blocks.3.hook_resid_post"])
    #expect(try names("hook_embed,blocks.1.attn.*", "1").count == 10)
    #expect(try names("*.hook_z").count == 4)
    #expect(try names("*").count == 27 * 4 + 5)
    #expect(try names("unembed.hook_out,hook_embed") == ["hook_embed", "unembed.hook_out"])
  }

  @Test func whatMatchesNothingIsNamed() throws {
    for (patterns, layers, word) in [
      ("blocks.*.hook_w", nil, "hook_w"), ("blocks.*.hook_resid_post", "9", "layers 0 to 3"),
      ("*", "0,2..5", "2..5"), ("*", "-5", "-5"), ("blocks.0.hook_z", "1", "hook_z"),
      ("ln_final.hook_norm", nil, "hook_norm"), ("*", "a..b", "'a..b'"), ("*", "1,,2", "''"),
      ("", nil, "hooks"),
    ] as [(String, String?, String)] {
      let code: Problem.Code =
        layers == nil || layers == "1" ? .noMatchingHook : .invalidLayers
      let error = expectProblem(code) { _ = try names(patterns, layers) }
      #expect(error.map { "\($0)".contains(word) } == true, "\(String(describing: error))")
    }
  }
}
