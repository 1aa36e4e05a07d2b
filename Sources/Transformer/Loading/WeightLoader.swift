import Checkpoints
import Synchronization
import Tensors

/// A tensor's name in either format, without `.weight` or `.bias`.
struct TensorName: Sendable {
  var huggingFace: String
  var gguf: String

  init(_ huggingFace: String, _ gguf: String) {
    (self.huggingFace, self.gguf) = (huggingFace, gguf)
  }

  /// The name of a part of block `layer`, under the names that most architectures use.
  static func block(_ layer: Int, _ huggingFace: String, _ gguf: String) -> TensorName {
    TensorName("model.layers.\(layer).\(huggingFace)", "blk.\(layer).\(gguf)")
  }
}

/// Which stored rows a weight is made of, where it is not all of them in order.
struct StoredRows: Sendable {
  /// How many rows the tensor has.
  var total: Int
  /// The stored row of each row.
  var order: [Int]

  /// A part of a tensor that holds several weights.
  static func slice(_ range: Range<Int>, of total: Int) -> StoredRows {
    StoredRows(total: total, order: Array(range))
  }
}

/// Takes a model's weights from a checkpoint, and remembers which: a tensor that no part of the forward
/// pass uses would make it another model.
final class WeightLoader: Sendable {
  let checkpoint: Checkpoint
  let precision: Precision
  /// Whether weights stay as they are stored and are expanded whenever they are used.
  let keepsStored: Bool
  private let used = Mutex<Set<String>>([])
  private let noted = Mutex<[String]>([])
  private let rounded = Mutex<(matrices: Int, change: Float)>((0, 0))
  private let names: Set<String>

  init(_ checkpoint: Checkpoint, precision: Precision = .float32, keepsStored: Bool = false) {
    (self.checkpoint, self.precision) = (checkpoint, precision)
    self.keepsStored = keepsStored
    names = Set(checkpoint.names)
  }

  /// What is odd about the weights: such a checkpoint runs, and says nothing.
  var warnings: [String] {
    let (matrices, change) = rounded.withLock { $0 }
    let rounding =
      "\(checkpoint.path): \(matrices) weight matrices are rounded to bfloat16, which changes "
      + "weights by up to \(change * 100) %: this is not quite the model that is stored"
    return (matrices > 0 ? [rounding] : []) + noted.withLock { $0 }.sorted()
  }

  var isGGUF: Bool { checkpoint.format == .gguf }

  func stored(_ name: TensorName, _ kind: String) -> String {
    (isGGUF ? name.gguf : name.huggingFace) + "." + kind
  }

  func has(_ name: TensorName, _ kind: String = "weight") -> Bool {
    names.contains(stored(name, kind))
  }

  /// Refuses tensors that were not asked for.
  /// - Parameter isHarmless: tells of those that are not weights.
  func finish(ignoring isHarmless: (String) -> Bool = { _ in false }) throws {
    let used = used.withLock { $0 }
    let stranger = checkpoint.names.first {
      // Stored by old versions of transformers; recomputed from the configuration.
      !used.contains($0) && !$0.hasSuffix(".rotary_emb.inv_freq") && !isHarmless($0)
    }
    if let stranger {
      throw TransformerError(
        checkpoint.path, place: "tensor '\(stranger)'",
        problem: "is not part of a model of this architecture and configuration",
        remedy: "check that the file's architecture is the one it claims")
    }
  }

  private func tensor(_ name: String, _ shape: [Int]) throws -> StoredTensor {
    let tensor = try checkpoint.tensor(name)
    used.withLock { _ = $0.insert(name) }
    guard tensor.shape == shape else {
      throw TransformerError(
        checkpoint.path, place: "tensor '\(tensor.name)'",
        problem: "has shape \(tensor.shape), and the configuration says \(shape)",
        remedy: "the file is damaged or its configuration belongs to another model")
    }
    return tensor
  }

  private func note(_ nonFinite: Int, _ tensor: StoredTensor) {
    guard nonFinite > 0 else { return }
    let text =
      "\(checkpoint.path): tensor '\(tensor.name)': \(nonFinite) values are NaN or infinite"
    noted.withLock { if !$0.contains(text) { $0.append(text) } }
  }

  /// A weight matrix, `[outputs, inputs]`.
  /// - Parameters:
  ///   - experts: the tensor's shape where its rows belong to several matrices, `[experts, rows]`.
  ///   - isTransposed: whether it is stored as `[inputs, outputs]`.
  func weight(
    _ name: TensorName, _ outputs: Int, _ inputs: Int, from rows: StoredRows? = nil,
    experts: Int? = nil, isTransposed: Bool = false
  ) throws -> PackedMatrix {
    let total = rows?.total ?? outputs
    var shape = isTransposed ? [inputs, total] : [total, inputs]
    if let experts { shape = [experts, total / experts, inputs] }
    let tensor = try tensor(stored(name, "weight"), shape)
    let values = isTransposed ? tensor.floats() : []
    let order = rows?.order
    let expand: @Sendable (Int, UnsafeMutablePointer<Float>) -> Void = { row, target in
      let stored = order?[row] ?? row
      guard isTransposed else {
        tensor.expand(rows: stored..<(stored + 1), into: target)
        return
      }
      for input in 0..<inputs { target[input] = values[input * total + stored] }
    }
    let matrix =
      keepsStored
      ? PackedMatrix(outputs: outputs, inputs: inputs) { range, target in
        for row in range { expand(row, target + (row - range.lowerBound) * inputs) }
      }
      : PackedMatrix(outputs: outputs, inputs: inputs, precision: precision, fill: expand)
    if matrix.roundingChange > 0 {
      rounded.withLock { $0 = ($0.matrices + 1, max($0.change, matrix.roundingChange)) }
    }
    note(matrix.nonFinite, tensor)
    return matrix
  }

  /// A gain or a bias, `[count]`.
  func vector(
    _ name: TensorName, count: Int, kind: String = "weight", from rows: StoredRows? = nil
  ) throws -> [Float] {
    let tensor = try tensor(stored(name, kind), [rows?.total ?? count])
    let values = tensor.floats()
    note(values.count { !$0.isFinite }, tensor)
    return rows.map { $0.order.map { values[$0] } } ?? values
  }

  /// A projection with its bias, if it has one.
  /// - Parameter bias: whether the configuration says that there is one; nil when only the tensors tell.
  func linear(
    _ name: TensorName, _ outputs: Int, _ inputs: Int, bias: Bool? = false,
    from rows: StoredRows? = nil, isTransposed: Bool = false
  ) throws -> Linear<PackedMatrix> {
    var linear = Linear(
      weight: try weight(name, outputs, inputs, from: rows, isTransposed: isTransposed))
    let isStored = has(name, "bias")
    guard bias == nil || bias == isStored else {
      throw TransformerError(
        checkpoint.path, place: "tensor '\(stored(name, "bias"))'",
        problem: isStored
          ? "is stored, and the configuration says that there is none"
          : "is missing, and the configuration says that there is one",
        remedy: "the configuration belongs to another model")
    }
    if isStored { linear.bias = try vector(name, count: outputs, kind: "bias", from: rows) }
    return linear
  }

  /// An RMS norm.
  /// - Parameter offset: what the model adds to the stored gain; Hugging Face stores Gemma's less 1.
  func rmsNorm(_ name: TensorName, _ count: Int, epsilon: Float, offset: Float = 0) throws -> Norm {
    let gain = try vector(name, count: count)
    return Norm(kind: .rms, gain: offset == 0 ? gain : gain.map { $0 + offset }, epsilon: epsilon)
  }

  /// A layer norm.
  func layerNorm(_ name: TensorName, _ count: Int, epsilon: Float) throws -> Norm {
    Norm(
      kind: .layer(bias: try vector(name, count: count, kind: "bias")),
      gain: try vector(name, count: count), epsilon: epsilon)
  }

  /// The embedding and, unless it is the same, the unembedding: `[dVocabulary, dModel]` both.
  func embeddings(
    _ shape: ModelShape, isTied: Bool, bias: Bool = false,
    names: (TensorName, TensorName) = (
      TensorName("model.embed_tokens", "token_embd"), TensorName("lm_head", "output")
    )
  ) throws -> (PackedMatrix, Linear<PackedMatrix>) {
    let embedding = try weight(names.0, shape.dVocabulary, shape.dModel)
    guard isTied else {
      return (embedding, try linear(names.1, shape.dVocabulary, shape.dModel, bias: bias))
    }
    // Some files store a tied matrix twice.
    if has(names.1) { _ = try weight(names.1, shape.dVocabulary, shape.dModel) }
    return (embedding, Linear(weight: embedding))
  }

  /// Whether the unembedding is the embedding: GGUF files tell by leaving it out.
  func isTied(_ settings: Settings, default fallback: Bool = false) throws -> Bool {
    let isTied = try settings.flag("tie_word_embeddings", nil, default: fallback)
    return isGGUF ? !has(TensorName("lm_head", "output")) : isTied
  }

  /// Makes the blocks, two at a time.
  func blocks(
    _ count: Int, _ make: @Sendable (Int) throws -> Block<PackedMatrix>
  ) throws -> [Block<PackedMatrix>] {
    let results = Mutex<[Result<Block<PackedMatrix>, any Error>?]>(
      Array(repeating: nil, count: count))
    parallelFor(count, threads: 2) { layer in
      let block = Result { try make(layer) }
      results.withLock { $0[layer] = block }
    }
    return try results.withLock { $0 }.compactMap { try $0?.get() }
  }
}
