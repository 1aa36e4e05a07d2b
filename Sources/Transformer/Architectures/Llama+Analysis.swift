import Tensors

extension Llama {
  func headResults(_ z: Matrix, layer: Int) -> [Matrix] {
    let weight = rows(
      Array(0..<Int32(shape.dModel)), of: blocks[layer].output.weight,
      width: shape.heads * shape.dHead)
    return (0..<shape.heads).map { head in
      let columns = (head * shape.dHead)..<((head + 1) * shape.dHead)
      return z.columns(columns).multiplied(byTransposeOf: weight.columns(columns))
    }
  }

  func attentionBias(layer: Int) -> [Float]? { blocks[layer].output.bias }

  func unembedding(of tokens: [Int32]) -> Matrix {
    rows(tokens, of: unembedding.weight, width: shape.dModel)
  }

  private func rows(_ indices: [Int32], of weight: Device.Weight, width: Int) -> Matrix {
    let out = device.activations(capacity: indices.count, columns: width)
    device.gather(indices, from: weight, into: out)
    return device.read(Array(0..<indices.count), of: out)
  }
}
