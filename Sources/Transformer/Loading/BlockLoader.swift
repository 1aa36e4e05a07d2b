import Synchronization
import Tensors

/// Takes the weights of one block, under the names that Llama gave them and most architectures kept.
struct BlockLoader: Sendable {
  let weights: WeightLoader
  let shape: ModelShape
  let norms: NormStyle
  /// What stands before the block's number in Hugging Face's names.
  let stem: String
  let layer: Int

  var isGGUF: Bool { weights.isGGUF }

  func name(_ huggingFace: String, _ gguf: String) -> TensorName {
    TensorName("\(stem).\(layer).\(huggingFace)", "blk.\(layer).\(gguf)")
  }

  /// A norm, of the residual stream unless it says how wide it is.
  func norm(_ huggingFace: String, _ gguf: String, width: Int? = nil) throws -> Norm {
    try weights.norm(name(huggingFace, gguf), width ?? shape.dModel, norms)
  }

  /// A projection, `[outputs, inputs]`.
  /// - Parameter bias: whether the configuration says that it has one; nil when only the tensors tell.
  func linear(
    _ huggingFace: String, _ gguf: String, _ outputs: Int, _ inputs: Int, bias: Bool? = false,
    from rows: StoredRows? = nil, isTransposed: Bool = false
  ) throws -> Linear<PackedMatrix> {
    try weights.linear(
      name(huggingFace, gguf), outputs, inputs, bias: bias, from: rows, isTransposed: isTransposed)
  }

  /// Attention with a matrix each for queries, keys, values and output.
  /// - Parameters:
  ///   - bias: whether queries, keys and values have one; nil when only the tensors tell.
  ///   - outputBias: the same of the output.
  ///   - rotatesNeighbours: whether GGUF stores queries and keys for that.
  func attention(
    _ attention: AttentionShape, _ rotary: Rotary, bias: Bool? = false, outputBias: Bool? = false,
    rotatesNeighbours: Bool = false
  ) throws -> Attention<PackedMatrix> {
    let (d, dHead) = (shape.dModel, shape.dHead)
    func project(
      _ part: String, heads: Int, rotates: Bool
    ) throws -> Linear<PackedMatrix> {
      try linear(
        "self_attn.\(part)_proj", "attn_\(part)", heads * dHead, d, bias: bias,
        from: rotates && rotatesNeighbours && isGGUF
          ? .neighboursAsHalves(heads: heads, dHead: dHead) : nil)
    }
    return Attention(
      shape: attention, query: try project("q", heads: shape.heads, rotates: true),
      key: try project("k", heads: shape.keyValueHeads, rotates: true),
      value: try project("v", heads: shape.keyValueHeads, rotates: false),
      output: try linear(
        "self_attn.o_proj", "attn_output", d, shape.heads * dHead, bias: outputBias),
      rotary: rotary)
  }

  /// An MLP with a gate.
  func gatedMLP(
    _ activation: Activation, bias: Bool? = false
  ) throws -> MLP<PackedMatrix> {
    let (d, dMLP) = (shape.dModel, shape.dMLP)
    return .gated(
      gate: try linear("mlp.gate_proj", "ffn_gate", dMLP, d, bias: bias),
      up: try linear("mlp.up_proj", "ffn_up", dMLP, d, bias: bias),
      down: try linear("mlp.down_proj", "ffn_down", d, dMLP, bias: bias), activation)
  }
}

extension WeightLoader {
  /// A network, its blocks made two at a time.
  func network(
    _ shape: ModelShape, norms: NormStyle, isTied: Bool, names: NetworkNames = NetworkNames(),
    block: @Sendable (BlockLoader) throws -> Block<PackedMatrix>
  ) throws -> Network<PackedMatrix> {
    let blocks = Mutex<[Result<Block<PackedMatrix>, any Error>?]>(
      Array(repeating: nil, count: shape.layers))
    parallelFor(shape.layers, threads: 2) { layer in
      let loader = BlockLoader(
        weights: self, shape: shape, norms: norms, stem: names.blocks, layer: layer)
      let made = Result { try block(loader) }
      blocks.withLock { $0[layer] = made }
    }
    let (embedding, unembedding) = try embeddings(shape, isTied: isTied, names)
    return Network(
      shape: shape, embedding: embedding,
      blocks: try blocks.withLock { $0 }.compactMap { try $0?.get() },
      finalNorm: try norm(names.finalNorm, shape.dModel, norms), unembedding: unembedding)
  }
}

extension AttentionShape {
  /// Attention of an architecture whose blocks all have the same heads.
  init(
    _ shape: ModelShape, window: Int? = nil, scale: Float? = nil, softCap: Float? = nil
  ) {
    self.init(
      heads: shape.heads, keyValueHeads: shape.keyValueHeads, dHead: shape.dHead,
      scale: scale ?? 1 / Float(shape.dHead).squareRoot(), window: window, softCap: softCap)
  }
}
