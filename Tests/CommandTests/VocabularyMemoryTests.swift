import Foundation
import Testing

/// Memory of a model that is little but a vocabulary of 262,144: its weights in the form in use, three
/// tenths on top, and what is captured.
@Suite(.serialized, .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status")))
struct VocabularyMemoryTests {
  static let (vocabulary, width) = (262_144, 256)
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try FileManager.default.createDirectory(
      atPath: folder.file("model"), withIntermediateDirectories: true)
    try folder.write(
      "model/config.json",
      """
      {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": \(Self.vocabulary),
       "hidden_size": \(Self.width), "intermediate_size": \(Self.width), "num_hidden_layers": 1,
       "num_attention_heads": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
       "rope_theta": 10000.0, "max_position_embeddings": 128, "tie_word_embeddings": true,
       "hidden_act": "silu"}
      """)
    try folder.write("model/model.safetensors", Self.checkpoint())
    let ids = (0..<45).map { String($0 * 5000) }.joined(separator: ", ")
    try folder.write("prompts.jsonl", #"{"id": "a", "token_ids": [\#(ids)]}"#)
  }

  /// A tied checkpoint in bfloat16, of numbers around 0.01.
  private static func checkpoint() -> [UInt8] {
    let square = [width, width]
    var shapes = [
      ("model.embed_tokens.weight", [vocabulary, width]), ("model.norm.weight", [width]),
    ]
    for name in ["input_layernorm", "post_attention_layernorm"] {
      shapes.append(("model.layers.0.\(name).weight", [width]))
    }
    for name in ["self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up"] {
      shapes.append(("model.layers.0.\(name)_proj.weight", square))
    }
    shapes.append(("model.layers.0.mlp.down_proj.weight", square))
    var offset = 0
    let entries = shapes.map { name, shape in
      let start = offset
      offset += 2 * shape.reduce(1, *)
      return "\"\(name)\": {\"dtype\": \"BF16\", \"shape\": \(shape), "
        + "\"data_offsets\": [\(start), \(offset)]}"
    }
    let header = Array("{\(entries.joined(separator: ", "))}".utf8)
    // 0x3c00 and a few more: bfloat16 of 0.0078 to 0.0155.
    let numbers: [UInt8] = (0..<32_768).flatMap { [UInt8($0 * 7919 >> 3 & 0x7f), 0x3c] }
    var bytes = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    bytes += header
    bytes.reserveCapacity(bytes.count + offset + numbers.count)
    let end = bytes.count + offset
    while bytes.count < end { bytes += numbers }
    return Array(bytes.prefix(end))
  }

  /// - Parameters:
  ///   - bytesPerWeight: of the form in use.
  ///   - captured: how many numbers are captured.
  private func expectLittle(
    _ arguments: [String], bytesPerWeight: Int, captured: Int = 0
  ) throws {
    let model = ["--model", "model", "--threads", "2"]
    let empty = try Tool.measured(["doctor"], in: folder)
    let (outcome, megabytes) = try Tool.measured(arguments + model, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let weights = Self.vocabulary * Self.width + 7 * Self.width * Self.width
    let bound = 1.3 * Double(bytesPerWeight * weights) + Double(4 * captured)
    #expect(
      megabytes < empty.megabytes + bound / 1e6,
      "\(megabytes) MB, of which \(empty.megabytes) are the program's; \(bound / 1e6) for the rest")
    #expect(megabytes > Double(bytesPerWeight * weights) / 1e6, "\(megabytes) MB")
  }

  @Test(arguments: [("float32", 4), ("bfloat16x2", 2)])
  func generation(precision: String, bytes: Int) throws {
    try expectLittle(
      [
        "generate", "--prompts", "prompts.jsonl", "--max-new-tokens", "2", "--ignore-eos",
        "--precision", precision, "--out", "answers.jsonl",
      ], bytesPerWeight: bytes)
  }

  @Test func weightsAsTheyAreStored() throws {
    try expectLittle(
      [
        "capture", "--prompts", "prompts.jsonl", "--keep-quantized", "--positions", "all",
        "--out", "residual.h5",
      ], bytesPerWeight: 2, captured: 45 * Self.width)
  }

  /// Beside the captured logits the file's next chunk holds them, and libhdf5 does twice more.
  @Test func logitsOfAllTokens() throws {
    try expectLittle(
      [
        "capture", "--prompts", "prompts.jsonl", "--hooks", "unembed.hook_out", "--positions",
        "all", "--out", "logits.h5",
      ], bytesPerWeight: 4, captured: 4 * 45 * Self.vocabulary)
  }
}
