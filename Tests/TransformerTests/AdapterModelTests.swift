import Checkpoints
import Files
import Foundation
import Prompts
import Tensors
import Testing

@testable import Transformer

/// Adapted models against PEFT, from `CheckpointsTests/Oracles/adapters.py`.
@Suite("Models with adapters") struct AdapterModelTests {
  /// The adapters stand with the tests of the room that reads them.
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../CheckpointsTests/Golden/adapters").standardized.path

  static func load(_ model: String, _ adapters: [(String, Float)]) throws -> Model {
    try Model.load(
      "\(folder)/\(model)",
      adapters: adapters.map { try Adapter.open("\(folder)/\($0.0)", weight: $0.1) })
  }

  static func logits(_ model: Model) throws -> Matrix {
    let batch = Batch([TokenSequence(id: "", tokens: [3, 17, 60, 5, 5, 42, 0])])
    let run = try model.run(batch, capturing: [.logits(at: .all)])
    return try #require(run[.logits])
  }

  @Test(
    arguments: [
      ("llama", "llama", []), ("llama-attention", "llama", [("llama-attention", 1)]),
      ("llama-mlp", "llama", [("llama-mlp", 1)]), ("llama-dora", "llama", [("llama-dora", 1)]),
      ("llama-embedding", "llama", [("llama-embedding", 1)]),
      ("llama-whole", "llama", [("llama-whole", 1)]),
      ("llama+both", "llama", [("llama-attention", 1), ("llama-mlp", 1)]),
      ("llama+weighted", "llama", [("llama-attention", 0.7), ("llama-mlp", -1.3)]),
      ("gpt2", "gpt2", []), ("gpt2-plain", "gpt2", [("gpt2-plain", 1)]),
      ("gpt2-dora", "gpt2", [("gpt2-dora", 1)]), ("tied", "tied", []),
      ("tied-embedding", "tied", [("tied-embedding", 1)]),
    ] as [(String, String, [(String, Float)])])
  func logitsAreThoseOfPEFT(name: String, base: String, adapters: [(String, Float)]) throws {
    let reference = try Checkpoint.open(Self.folder + "/logits.safetensors").tensor(name)
    let expected = Matrix(
      rows: reference.rowCount, columns: reference.rowLength, values: reference.floats())
    let model = try Self.load(base, adapters)
    let (difference, scale) = distance(try Self.logits(model), expected)
    #expect(difference < 5e-6 * scale, "off by \(difference), scale \(scale)")
    #expect(model.identity.id.contains("+") == !adapters.isEmpty)
  }

  @Test func anAdaptedModelIsAnotherModel() throws {
    let plain = try Self.load("llama", [])
    let adapted = try Self.load("llama", [("llama-mlp", 1)])
    let weaker = try Self.load("llama", [("llama-mlp", 0.5)])
    let digests = Set([plain, adapted, weaker].map(\.identity.weightsSHA256))
    #expect(digests.count == 3)
    #expect(weaker.identity.id == "llama+llama-mlp*0.5")
    let same = try Self.logits(Self.load("llama", [("llama-mlp", 0)])) == Self.logits(plain)
    #expect(same)
  }

  /// A GGUF file stores the rows of queries and keys in another order, which the update must not follow.
  @Test func aGGUFFileTakesTheSameAdapter() throws {
    let folder = NSTemporaryDirectory() + "bathyscope-adapter-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let plain = try Model.load(golden("tiny-llama-llama3"))
    let shape = plain.shape
    let widths = [
      "q": shape.heads * shape.dHead, "k": shape.keyValueHeads * shape.dHead,
      "v": shape.keyValueHeads * shape.dHead,
    ]
    var tensors: [(name: String, shape: [Int], values: [Float])] = []
    for (part, width) in widths {
      let name = "base_model.model.model.layers.1.self_attn.\(part)_proj"
      for (kind, rows, columns) in [("A", 2, shape.dModel), ("B", width, 2)] {
        let values = (0..<(rows * columns)).map { Float(($0 * 7919 + width) % 101) / 101 - 0.5 }
        tensors.append(("\(name).lora_\(kind).weight", [rows, columns], values))
      }
    }
    try SafetensorsFile.write(tensors, metadata: [:], to: folder + "/adapter_model.safetensors")
    try Data(
      #"{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "k_proj", "v_proj"]}"#
        .utf8
    ).write(to: URL(fileURLWithPath: folder + "/adapter_config.json"))
    func adapted(_ name: String) throws -> Matrix {
      try Self.logits(Model.load(golden(name), adapters: [Adapter.open(folder)]))
    }
    let expected = try adapted("tiny-llama-llama3")
    let (difference, scale) = distance(try adapted("tiny-llama-llama3.gguf"), expected)
    #expect(difference < 5e-6 * scale)
    #expect(distance(try Self.logits(plain), expected).difference > 1e-2 * scale)
  }

  @Test func anAdapterOfAnotherModelIsRefused() throws {
    let error = expectProblem(.adapterMismatch) {
      _ = try Self.load("tied", [("llama-mlp", 1)])
    }
    #expect(error.map { "\($0)".contains("llama-mlp") } == true)
    expectProblem(.adapterMismatch) { _ = try Self.load("gpt2", [("llama-mlp", 1)]) }
  }
}
