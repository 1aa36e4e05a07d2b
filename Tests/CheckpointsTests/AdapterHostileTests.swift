import Files
import Foundation
import Testing

@testable import Checkpoints

@Suite struct AdapterHostileTests {
  typealias Tensor = (name: String, shape: [Int], values: [Float])

  static let module = "base_model.model.model.layers.0.self_attn.q_proj"

  static func tensor(_ name: String, _ shape: [Int], _ value: Float = 1) -> Tensor {
    (name, shape, [Float](repeating: value, count: shape.reduce(1, *)))
  }

  static let a = tensor("\(module).lora_A.weight", [2, 3])
  static let b = tensor("\(module).lora_B.weight", [4, 2])

  /// Writes an adapter: the members stand behind type, rank and alpha, which they can replace.
  static func write(
    _ folder: TemporaryFolder, _ members: String, _ tensors: [Tensor]
  ) throws {
    var head = ""
    for (key, value) in [("peft_type", "\"LORA\""), ("r", "2"), ("lora_alpha", "4")]
    where !members.contains("\"\(key)\"") { head += "\"\(key)\":\(value)," }
    let text = "{\(head + members)".trimmingCharacters(in: [","]) + "}"
    _ = try folder.write("adapter_config.json", text.utf8)
    try SafetensorsFile.write(
      tensors, metadata: [:], to: "\(folder.path)/adapter_model.safetensors")
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let code: Problem.Code
    let members: String
    let place: String
    let tensors: [Tensor]
    var testDescription: String { members + tensors.map { " \($0.name)\($0.shape)" }.joined() }

    init(_ code: Problem.Code, _ members: String, _ place: String) {
      (self.code, self.members, self.place, tensors) = (code, members, place, [a, b])
    }

    init(_ code: Problem.Code, _ tensors: [Tensor], _ place: String, _ members: String = "") {
      (self.code, self.members, self.place, self.tensors) = (code, members, place, tensors)
    }
  }

  static let settings: [Case] =
    [
      Case(.unsupported, "\"peft_type\":\"LOHA\"", "'LOHA'"),
      Case(.unsupported, "\"peft_type\":null", "peft_type"),
      Case(.unsupported, "\"peft_type\":\"\\u001b[2J\"", "peft_type: is '\\u{1B}[2J'"),
      Case(.outOfRange, "\"r\":0", "r: "), Case(.outOfRange, "\"r\":-2", "r: "),
      Case(.outOfRange, "\"r\":2.0", "r: "),
      Case(.outOfRange, "\"r\":99999999999999999999", "r: "),
      Case(.outOfRange, "\"r\":65537", "r: "),
      Case(.outOfRange, "\"r\":null", "r: "),
      Case(.wrongShape, "\"r\":3", "rank 3"), Case(.duplicateKey, "\"r\":2,\"r\":2", "twice"),
      Case(.notFinite, "\"lora_alpha\":1e999", "lora_alpha: "),
      Case(.notJSON, "\"lora_alpha\":NaN", "value is expected"),
      Case(.notFinite, "\"lora_alpha\":\"NaN\"", "lora_alpha: "),
      Case(.notFinite, "\"lora_alpha\":null", "lora_alpha: "),
      Case(.wrongType, "\"use_rslora\":1", "use_rslora: "),
      Case(.wrongType, "\"use_dora\":\"yes\"", "use_dora: "),
      Case(.contradictory, "\"use_dora\":true", "lora_magnitude_vector'"),
      Case(.unsupported, "\"bias\":\"some\"", "bias: "),
      Case(.unsupported, "\"bias\":true", "bias: "),
      Case(.wrongType, "\"rank_pattern\":[]", "rank_pattern: "),
      Case(.wrongShape, "\"rank_pattern\":{\"q_proj\":3}", "rank 3"),
      Case(.outOfRange, "\"rank_pattern\":{\"q_proj\":0}", "rank_pattern, 'q_proj'"),
      Case(.unsupported, "\"rank_pattern\":{\"(q|k)_proj\":2}", "rank_pattern, '(q|k)_proj'"),
      Case(.notFinite, "\"alpha_pattern\":{\"x\":\"1\"}", "alpha_pattern, 'x'"),
      Case(.unsupported, "\"alpha_pattern\":{\"\\u001b[2J\":1}", "alpha_pattern, '\\u{1B}[2J'"),
      Case(.unsupported, "\"init_lora_weights\":\"pissa\"", "init_lora_weights: "),
      Case(.unsupported, "\"init_lora_weights\":\"pissa_niter_4\"", "init_lora_weights: "),
      Case(.unsupported, "\"init_lora_weights\":\"olora\"", "init_lora_weights: "),
      Case(.unsupported, "\"init_lora_weights\":7", "init_lora_weights: "),
      Case(
        .contradictory, "\"target_modules\":[\"k_proj\",\"roj\"]", "target_modules does not name"),
      Case(.contradictory, "\"target_modules\":[]", "target_modules does not name"),
      Case(.wrongType, "\"target_modules\":3", "target_modules: "),
      Case(.wrongType, "\"target_modules\":[3]", "target_modules: "),
      Case(.wrongType, "\"target_modules\":[\"../q\"]", "target_modules: "),
      Case(.contradictory, "\"exclude_modules\":[\"self_attn.q_proj\"]", "exclude_modules names"),
      Case(.contradictory, "\"layers_to_transform\":[1,2]", "layers_to_transform does not hold"),
      Case(.contradictory, "\"layers_to_transform\":1", "layers_to_transform does not hold"),
      Case(.wrongType, "\"layers_to_transform\":[0.5]", "layers_to_transform: "),
      Case(.missingTensor, "\"modules_to_save\":[\"lm_head\"]", "'lm_head'"),
      Case(.wrongType, "\"modules_to_save\":\"lm_head\"", "modules_to_save: "),
      Case(.wrongType, "\"modules_to_save\":[\"a/../b\"]", "modules_to_save: "),
      Case(.unsupported, "\"an_invention\":true", "an_invention: "),
      Case(.unsupported, "\"an_invention\":0", "an_invention: "),
    ]
    + [
      "alora_invocation_tokens", "arrow_config", "ensure_weight_tying", "kasa_config",
      "layer_replication", "lora_bias", "megatron_config", "monteclora_config", "target_parameters",
      "trainable_token_indices", "use_bdlora", "use_qalora", "velora_config",
    ].map { Case(.unsupported, "\"\($0)\":[1]", "\($0): ") }

  static let tensors: [Case] = [
    Case(.missingTensor, [], "there are none"), Case(.missingTensor, [a], "only one"),
    Case(.missingTensor, [b], "only one"),
    Case(.unknownTensor, [tensor("x.lora_A.weight", [2, 3]), b], "'x.lora_A.weight'"),
    Case(
      .unknownTensor, [a, b, tensor("base_model.model.lora_A.weight", [2, 3])],
      "'base_model.model.lora_A.weight'"),
    Case(.unknownTensor, [a, b, tensor("\(module).lora_C.weight", [2, 3])], "lora_C"),
    Case(
      .unknownTensor, [a, b, tensor("\(module).lora_B.bias", [4])], "lora_B.bias",
      "\"bias\":\"all\""),
    Case(.unknownTensor, [a, b, tensor("\(module)..bias", [4])], "..bias", "\"bias\":\"all\""),
    Case(.unknownTensor, [a, b, tensor("\(module).bias", [4])], ".bias"),
    Case(
      .duplicateTensor,
      [a, b, tensor("\(module).bias", [4]), tensor("\(module).base_layer.bias", [4])],
      "same module", "\"bias\":\"all\""),
    Case(.unknownTensor, [a, b, tensor("base_model.model.model.norm.weight", [4])], "norm.weight"),
    Case(
      .contradictory, [a, b, tensor("\(module).weight", [4, 3])], "stored, too",
      "\"modules_to_save\":[\"q_proj\"]"),
    Case(
      .unknownTensor, [a, b, tensor("base_model.model.x.token_adapter.weight", [4])],
      "token_adapter"),
    Case(
      .contradictory, [a, b, tensor("\(module).lora_magnitude_vector", [4])], "use_dora is not true"
    ),
    Case(
      .wrongShape, [a, b, tensor("\(module).lora_magnitude_vector", [3])], "4 rows",
      "\"use_dora\":true"),
    Case(.wrongShape, [tensor(a.name, [3, 2]), b], "rank 2"),
    Case(.wrongShape, [a, tensor(b.name, [2, 4])], "rank 2"),
    Case(.wrongShape, [tensor(a.name, [6]), b], "two matrices"),
    Case(.wrongShape, [a, tensor(b.name, [2, 2, 2])], "two matrices"),
    Case(.wrongShape, [tensor(a.name, [2, 0]), b], "two matrices"),
    Case(
      .contradictory,
      [
        a, b, tensor("\(module).lora_embedding_A", [2, 4]),
        tensor("\(module).lora_embedding_B", [3, 2]),
      ], "embedding"),
    Case(
      .unsupported,
      [
        tensor("\(module).lora_embedding_A", [2, 4]), tensor("\(module).lora_embedding_B", [3, 2]),
        tensor("\(module).lora_magnitude_vector", [3]),
      ], "not supported", "\"use_dora\":true"),
    Case(.unknownTensor, [a, b, tensor("base_model.model.a\"b.weight", [4])], "a\"b"),
    Case(.unknownTensor, [a, b, tensor("base_model.model.é.weight", [4])], "é"),
    Case(
      .unknownTensor,
      [a, b, tensor("base_model.model." + String(repeating: "a.", count: 40) + "weight", [4])],
      "a.a.a"),
  ]

  @Test(arguments: settings + tensors) func refuses(_ damaged: Case) throws {
    let folder = try TemporaryFolder()
    try Self.write(folder, damaged.members, damaged.tensors)
    let error = try requireProblem(damaged.code) { try Adapter.open(folder.path) }
    let text = "\(error)"
    #expect(text.contains(damaged.place), "\(text)")
    #expect(text.hasPrefix(folder.path) && !text.utf8.contains(0x1B))
  }

  @Test(arguments: [
    "", "\"use_dora\":null,\"bias\":\"none\",\"modules_to_save\":null,\"rank_pattern\":null",
    "\"target_modules\":\".*q_proj\",\"layers_to_transform\":[0]",
    "\"target_modules\":\"all-linear\"",
    "\"target_modules\":[\"self_attn.q_proj\"],\"exclude_modules\":\".*k_proj\"",
    "\"layers_pattern\":\"blocks\",\"layers_to_transform\":[7]", "\"an_invention\":null",
    "\"init_lora_weights\":\"eva\",\"eva_config\":{\"rho\":2.0},\"lora_dropout\":0.1",
    "\"lora_alpha\":4.5,\"alpha_pattern\":{\"q_proj\":-1}", "\"target_parameters\":[]",
  ]) func accepts(_ members: String) throws {
    let folder = try TemporaryFolder()
    try Self.write(folder, members, [Self.a, Self.b])
    #expect(try Adapter.open(folder.path).factors.count == 1)
  }

  /// As PEFT matches them: by the end of a name, wherever it begins, and with all that it is made of.
  @Test func acceptsModulesThatAreStoredWhole() throws {
    let folder = try TemporaryFolder()
    let names = ["model.norm.weight", "lm_head.weight", "model.layers.0.mlp.up_proj.weight"]
    try Self.write(
      folder, "\"modules_to_save\":[\"norm\",\"model.norm\",\"head\",\"mlp\"]",
      [Self.a, Self.b] + names.map { Self.tensor("base_model.model.\($0)", [4]) })
    let replacements = try Adapter.open(folder.path).replacements
    #expect(Set(replacements.keys) == Set(names))
    #expect(replacements.values.allSatisfy { !$0.isBase })
  }

  @Test func refusesValuesThatAreNotFinite() throws {
    let name = "model.layers.0.self_attn.q_proj.weight"
    let magnitude = Self.tensor("\(Self.module).lora_magnitude_vector", [4], .nan)
    let wrong: [(String, [Tensor], String)] = [
      ("", [Self.tensor(Self.a.name, [2, 3], .infinity), Self.b], "lora_A"),
      ("", [Self.a, Self.tensor(Self.b.name, [4, 2], .nan)], "lora_B"),
      ("\"lora_alpha\":1e300", [Self.a, Self.b], "overflows"),
      ("\"use_dora\":true", [Self.a, Self.b, magnitude], "magnitude"),
    ]
    for (members, tensors, text) in wrong {
      let folder = try TemporaryFolder()
      try Self.write(folder, members, tensors)
      let adapters = try Adapters([try Adapter.open(folder.path)])
      let error = expectProblem(.notFinite) {
        try adapters.update(for: name, rows: 4, columns: 3)
      }
      #expect("\(try #require(error))".contains(text))
    }
  }

  @Test func refusesMissingFilesAndPickles() throws {
    let folder = try TemporaryFolder()
    func problem(_ code: Problem.Code, _ text: String) {
      let error = expectProblem(code) { try Adapter.open(folder.path) }
      #expect(error.map { "\($0)".contains(text) } == true, "\(String(describing: error))")
    }
    problem(.missing, "adapter_config.json")
    _ = try folder.write("adapter_config.json", "[]".utf8)
    problem(.missing, "adapter_model.safetensors")
    _ = try folder.write("adapter_model.bin", "x".utf8)
    problem(.isPickle, "pickle")
    _ = try folder.write("adapter_model.safetensors", "x".utf8)
    problem(.wrongType, "not an object")
    try Self.write(folder, "", [Self.a, Self.b])
    _ = try folder.write("adapter_model.safetensors", "x".utf8)
    problem(.cutShort, "header length")
    try FileManager.default.removeItem(atPath: "\(folder.path)/adapter_model.safetensors")
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/adapter_model.safetensors", withIntermediateDirectories: false)
    expectProblem(.missing) { try Adapter.open(folder.path) }
    expectProblem(.missing) { try Adapter.open("\(folder.path)/adapter_config.json") }
  }

  /// A pattern that a backtracking matcher never ends with takes its time, many are refused.
  @Test func refusesCostlyPatternsQuickly() throws {
    let folder = try TemporaryFolder()
    let tensors = (0..<40).flatMap { index in
      let module = "base_model.model." + String(repeating: "a", count: 400) + "\(index)"
      return [
        Self.tensor("\(module).lora_A.weight", [2, 1]),
        Self.tensor("\(module).lora_B.weight", [1, 2]),
      ]
    }
    let pattern = String(repeating: ".*", count: 200) + "b"
    try Self.write(folder, "\"alpha_pattern\":{\"\(pattern).*\":1}", tensors)
    #expect(try Adapter.open(folder.path).factors.count == 40)
    let patterns = (0..<200).map { "\"b\(pattern.dropLast())a\($0).*\":1" }.joined(separator: ",")
    try Self.write(folder, "\"alpha_pattern\":{\(patterns)}", tensors)
    let clock = ContinuousClock()
    let time = clock.measure {
      let error = expectProblem(.tooLarge) { try Adapter.open(folder.path) }
      #expect(error?.place == "rank_pattern, alpha_pattern")
    }
    // Without optimisation, and beside other tests.
    #expect(time < .seconds(10))
  }

  /// Puts another value in the place of one that stands behind a colon.
  private static func replaceValue(_ text: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var lines = text.split(separator: 10)
    let values = [
      "null", "true", "false", "0", "-1", "2", "3.5", "1e308", "99999999999999999999", "\"x\"",
      "[]",
      "{}", "[1]", "[\"q_proj\"]", "{\"q_proj\":2}", "{\"q.*\":0}", "\"lora_only\"",
    ]
    let index = Int.random(in: 0..<lines.count, using: &random)
    if let colon = lines[index].firstIndex(of: UInt8(ascii: ":")) {
      let comma = lines[index].last == UInt8(ascii: ",") ? "," : ""
      let value = values.randomElement(using: &random) ?? ""
      lines[index] = lines[index][...colon] + Array("\(value)\(comma)".utf8)
    }
    return Array(lines.joined(separator: [10]))
  }

  @Test func mutantsReturnOrThrow() throws {
    let path = adapterPath("llama-mlp")
    let checkpoint = try Checkpoint.open("\(path)/adapter_model.safetensors")
    let seed = try readFile("\(path)/adapter_config.json")
    var random = SplitMix64(state: 11)
    var (parsed, accepted) = (0, 0)
    for round in 0..<20_000 {
      let bytes =
        round % 3 == 0 ? FuzzTests.mutate(seed, &random) : Self.replaceValue(seed, &random)
      guard let json = try? JSONReader.parse(bytes, file: "fuzz") else { continue }
      parsed += 1
      guard let settings = try? AdapterSettings(json, file: "fuzz"),
        let table = try? AdapterTable(checkpoint, settings)
      else { continue }
      accepted += 1
      #expect(table.factors.count == 8)
    }
    #expect(parsed > 6_000 && accepted > 2_000 && accepted < parsed, "\(parsed) \(accepted)")
  }

  @Test func mutatedWeightsReturnOrThrow() throws {
    let folder = try TemporaryFolder()
    try Self.write(folder, "", [Self.a, Self.b])
    let seed = try readFile("\(folder.path)/adapter_model.safetensors")
    var random = SplitMix64(state: 12)
    var accepted = 0
    for _ in 0..<20_000 {
      _ = try folder.write("adapter_model.safetensors", FuzzTests.mutate(seed, &random))
      guard let adapter = try? Adapter.open(folder.path) else { continue }
      accepted += 1
      let adapters = try Adapters([adapter])
      for (name, factors) in adapter.factors {
        _ = try? adapters.update(
          for: name, rows: factors.left.rows, columns: factors.right.columns)
      }
    }
    #expect((100..<19_900).contains(accepted), "\(accepted)")
  }
}
