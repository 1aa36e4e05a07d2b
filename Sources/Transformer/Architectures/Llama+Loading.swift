import Checkpoints
import Synchronization
import Tensors

extension Llama {
  /// Takes the weights of a checkpoint, expanded to the device's own form.
  /// - Throws: for a missing tensor, one of the wrong shape, and one that this architecture lacks.
  init(_ checkpoint: Checkpoint, _ configuration: LlamaConfiguration, on device: Device) throws {
    let loader = LlamaLoader(checkpoint, configuration, device)
    try loader.refuseStrangers()
    let shape = configuration.shape
    self.configuration = configuration
    self.device = device
    embedding = try loader.weight("embed_tokens", [shape.dVocabulary, shape.dModel])
    finalNorm = try loader.vector("norm", count: shape.dModel)
    unembedding = Linear(
      weight: configuration.tiesEmbeddings
        ? embedding : try loader.weight("lm_head", [shape.dVocabulary, shape.dModel]))
    let results = Mutex<[Result<Block, any Error>?]>(Array(repeating: nil, count: shape.layers))
    parallelFor(shape.layers, threads: 2) { layer in
      let block = Result { try loader.block(layer) }
      results.withLock { $0[layer] = block }
    }
    blocks = try results.withLock { $0 }.compactMap { try $0?.get() }
    warnings = loader.warnings.sorted()
  }
}

/// Finds a Llama's tensors under the names of either format.
private final class LlamaLoader<Device: Backend>: Sendable {
  let checkpoint: Checkpoint
  let configuration: LlamaConfiguration
  let device: Device
  let names: Set<String>
  private let found = Mutex<[String]>([])

  /// Tensors with values that are no numbers: such a checkpoint runs, and says nothing.
  var warnings: [String] { found.withLock { $0 } }

  init(_ checkpoint: Checkpoint, _ configuration: LlamaConfiguration, _ device: Device) {
    (self.checkpoint, self.configuration, self.device) = (checkpoint, configuration, device)
    names = Set(checkpoint.names)
  }

  /// The parts of a model: Hugging Face name, GGUF name.
  private static var parts: [(huggingFace: String, gguf: String)] {
    [
      ("embed_tokens", "token_embd"), ("norm", "output_norm"), ("lm_head", "output"),
      ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"),
      ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
      ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
      ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
    ]
  }

  private func name(_ part: String, layer: Int?, _ kind: String) -> String {
    switch checkpoint.format {
    case .gguf:
      let stored = Self.parts.first { $0.huggingFace == part }?.gguf ?? part
      return (layer.map { "blk.\($0)." } ?? "") + "\(stored).\(kind)"
    case .safetensors:
      if part == "lm_head" { return "lm_head.\(kind)" }
      return (layer.map { "model.layers.\($0)." } ?? "model.") + "\(part).\(kind)"
    }
  }

  /// A tensor that no part of the forward pass uses would be a model other than this one.
  func refuseStrangers() throws(TransformerError) {
    var expected: Set<String> = []
    for (index, (part, _)) in Self.parts.enumerated() {
      // Three parts stand outside of the blocks; behind the norms come those that may have a bias.
      guard index >= 3 else {
        expected.insert(name(part, layer: nil, "weight"))
        continue
      }
      for layer in 0..<configuration.shape.layers {
        expected.insert(name(part, layer: layer, "weight"))
        if index >= 5 { expected.insert(name(part, layer: layer, "bias")) }
      }
    }
    // Stored by old versions of transformers; recomputed from the configuration.
    let stranger = checkpoint.names.first {
      !expected.contains($0) && !$0.hasSuffix(".rotary_emb.inv_freq")
    }
    if let stranger {
      throw TransformerError(
        checkpoint.path, place: "tensor '\(stranger)'",
        problem: "is not part of a Llama-family model",
        remedy: "check that the file's architecture is the one it claims")
    }
  }

  func weight(
    _ part: String, layer: Int? = nil, _ shape: [Int], rowOrder: [Int]? = nil
  ) throws -> Device.Weight {
    let tensor = try tensor(part, layer, "weight", shape)
    let weight = device.weight(tensor, rowOrder: rowOrder)
    note(device.nonFinite(weight), tensor)
    return weight
  }

  func vector(
    _ part: String, layer: Int? = nil, count: Int, kind: String = "weight", order: [Int]? = nil
  ) throws -> [Float] {
    let tensor = try tensor(part, layer, kind, [count])
    let vector = device.vector(tensor, order: order)
    note(vector.count { !$0.isFinite }, tensor)
    return vector
  }

  private func note(_ nonFinite: Int, _ tensor: StoredTensor) {
    guard nonFinite > 0 else { return }
    let text =
      "\(checkpoint.path): tensor '\(tensor.name)': \(nonFinite) values are NaN or infinite"
    found.withLock { $0.append(text) }
  }

  private func tensor(
    _ part: String, _ layer: Int?, _ kind: String, _ shape: [Int]
  ) throws -> StoredTensor {
    let tensor = try checkpoint.tensor(name(part, layer: layer, kind))
    guard tensor.shape == shape else {
      throw TransformerError(
        checkpoint.path, place: "tensor '\(tensor.name)'",
        problem: "has shape \(tensor.shape), and the configuration says \(shape)",
        remedy: "the file is damaged or its configuration belongs to another model")
    }
    return tensor
  }

  private func linear(
    _ part: String, _ layer: Int, outputs: Int, inputs: Int, rotatedHeads: Int? = nil
  ) throws -> Linear<Device.Weight> {
    let order = rotatedHeads.flatMap { rowOrder(heads: $0) }
    var linear = Linear(
      weight: try weight(part, layer: layer, [outputs, inputs], rowOrder: order))
    let isStored = names.contains(name(part, layer: layer, "bias"))
    let isExpected =
      part.hasPrefix("mlp.") ? configuration.mlpBias : configuration.attentionBias
    guard isExpected == nil || isExpected == isStored else {
      throw TransformerError(
        checkpoint.path, place: "tensor '\(name(part, layer: layer, "bias"))'",
        problem: isStored
          ? "is stored, and the configuration says that there is none"
          : "is missing, and the configuration says that there is one",
        remedy: "the configuration belongs to another model")
    }
    if isStored {
      linear.bias = try vector(part, layer: layer, count: outputs, kind: "bias", order: order)
    }
    return linear
  }

  /// GGUF stores the rows of query and key for rotation of neighbours; this engine, like Hugging Face,
  /// rotates halves. Row `half * (dHead / 2) + i` of a head is stored at `2 * i + half`.
  private func rowOrder(heads: Int) -> [Int]? {
    guard checkpoint.format == .gguf else { return nil }
    let dHead = configuration.shape.dHead
    return (0..<(heads * dHead)).map { row in
      let (head, inside) = row.quotientAndRemainder(dividingBy: dHead)
      let (half, index) = inside.quotientAndRemainder(dividingBy: dHead / 2)
      return head * dHead + 2 * index + half
    }
  }

  func block(_ layer: Int) throws -> Llama<Device>.Block {
    let shape = configuration.shape
    let (d, queries) = (shape.dModel, shape.heads * shape.dHead)
    let keys = shape.keyValueHeads * shape.dHead
    return Llama<Device>.Block(
      attentionNorm: try vector("input_layernorm", layer: layer, count: d),
      query: try linear(
        "self_attn.q_proj", layer, outputs: queries, inputs: d, rotatedHeads: shape.heads),
      key: try linear(
        "self_attn.k_proj", layer, outputs: keys, inputs: d, rotatedHeads: shape.keyValueHeads),
      value: try linear("self_attn.v_proj", layer, outputs: keys, inputs: d),
      output: try linear("self_attn.o_proj", layer, outputs: d, inputs: queries),
      mlpNorm: try vector("post_attention_layernorm", layer: layer, count: d),
      gate: try linear("mlp.gate_proj", layer, outputs: shape.dMLP, inputs: d),
      up: try linear("mlp.up_proj", layer, outputs: shape.dMLP, inputs: d),
      down: try linear("mlp.down_proj", layer, outputs: d, inputs: shape.dMLP))
  }
}
