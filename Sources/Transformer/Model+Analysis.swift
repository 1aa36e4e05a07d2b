import Tensors

extension Model {
  /// The heads' shares of attention's output projection: W_O restricted to each query head, times that
  /// head's z.
  ///
  /// Together with the projection's bias they sum to what attention adds to the residual stream, in
  /// models without a norm behind attention.
  /// - Parameter z: what was captured at `blocks.<layer>.attn.hook_z`, `[T, heads * dHead]`.
  /// - Precondition: the model has the layer, and z has its width.
  /// - Returns: one `[T, dModel]` matrix per head.
  public func headResults(_ z: Matrix, layer: Int) -> [Matrix] {
    let attention = network.blocks[layer].attention
    let weight = rows(Array(0..<Int32(shape.dModel)), of: attention.output.weight)
    let dHead = attention.shape.dHead
    return (0..<attention.shape.heads).map { head in
      let columns = (head * dHead)..<((head + 1) * dHead)
      return z.columns(columns).multiplied(byTransposeOf: weight.columns(columns))
    }
  }

  /// The bias of a block's attention output projection, `[dModel]`; nil when it has none.
  /// - Precondition: the model has the layer.
  public func attentionBias(layer: Int) -> [Float]? {
    network.blocks[layer].attention.output.bias
  }

  /// Rows of the unembedding matrix, `[tokens, dModel]`.
  /// - Precondition: the tokens are in the vocabulary.
  public func unembedding(of tokens: [Int32]) -> Matrix {
    rows(tokens, of: network.unembedding.weight)
  }

  private func rows(_ indices: [Int32], of weight: PackedMatrix) -> Matrix {
    let device = CPUBackend()
    return device.read(Array(indices.indices), of: device.gather(indices, from: weight))
  }
}
