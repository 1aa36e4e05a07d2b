import Checkpoints
import Files
import Synchronization
import Tensors

/// Takes a model's weights from a checkpoint, and remembers which: a tensor that no part of the forward
/// pass uses would make it another model.
final class WeightLoader: Sendable {
  let checkpoint: Checkpoint
  let precision: Precision
  /// Whether weights stay as they are stored and are expanded whenever they are used.
  let keepsStored: Bool
  private let adapters: Adapters
  private let used = Mutex<Set<String>>([])
  /// Hugging Face's names of the parameters that were asked for: those that adapters may change.
  private let parameters = Mutex<Set<String>>([])
  private let noted = Mutex<[String]>([])
  private let rounded = Mutex<(matrices: Int, change: Float)>((0, 0))
  private let names: Set<String>

  init(
    _ checkpoint: Checkpoint, precision: Precision = .float32, keepsStored: Bool = false,
    adapters: Adapters
  ) {
    (self.checkpoint, self.precision, self.adapters) = (checkpoint, precision, adapters)
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

  /// Leaves tensors aside that are not weights, or not of the part of the model that is offered.
  /// - Parameter warning: what users should know of it.
  func ignore(warning: String? = nil, _ isIgnored: (String) -> Bool) {
    let ignored = names.filter(isIgnored)
    used.withLock { $0.formUnion(ignored) }
    if let warning, !ignored.isEmpty {
      noted.withLock { $0.append("\(checkpoint.path): \(ignored.count) tensors: \(warning)") }
    }
  }

  /// Refuses tensors that were not asked for.
  func finish() throws {
    let used = used.withLock { $0 }
    let stranger = checkpoint.names.first {
      // Stored by old versions of transformers; recomputed from the configuration.
      !used.contains($0) && !$0.hasSuffix(".rotary_emb.inv_freq")
    }
    if let stranger {
      throw Problem(
        .unknownTensor, checkpoint.path, place: "tensor '\(stranger)'",
        problem: "is not part of a model of this architecture and configuration",
        remedy: "check that the file's architecture is the one it claims")
    }
    try adapters.requireUsed(parameters.withLock { $0 })
  }

  /// What adapters store in place of a parameter, `shape` as Hugging Face stores it.
  private func replacement(
    for parameter: String, _ shape: [Int], tiedTo tied: TensorName?
  ) throws -> StoredTensor? {
    parameters.withLock { _ = $0.insert(parameter) }
    let tensor = try adapters.replacement(
      for: parameter, shape: shape, tiedTo: tied.map { $0.huggingFace + ".weight" })
    // Gains less 1, rows for the rotation of neighbours, transposed weights: GGUF stores them otherwise.
    guard tensor == nil || !isGGUF else { throw unfitting(parameter) }
    return tensor
  }

  private func unfitting(_ parameter: String) -> Problem {
    Problem(
      .unsupported, checkpoint.path, place: "parameter '\(parameter)'",
      problem: "an adapter changes it in a way that does not fit the layout of GGUF files",
      remedy: "apply the adapter to the Hugging Face folder of the model")
  }

  private func tensor(_ name: String, _ shape: [Int]) throws -> StoredTensor {
    let tensor = try checkpoint.tensor(name)
    used.withLock { _ = $0.insert(name) }
    guard tensor.shape == shape else {
      throw Problem(
        .wrongShape, checkpoint.path, place: "tensor '\(tensor.name)'",
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
  ///   - tied: the weight whose tensor it shares.
  func weight(
    _ name: TensorName, _ outputs: Int, _ inputs: Int, from rows: StoredRows? = nil,
    experts: Int? = nil, isTransposed: Bool = false, tiedTo tied: TensorName? = nil
  ) throws -> PackedMatrix {
    let total = rows?.total ?? outputs
    var shape = isTransposed ? [inputs, total] : [total, inputs]
    if let experts { shape = [experts, total / experts, inputs] }
    let parameter = name.huggingFace + ".weight"
    var tensor = try tensor(stored(tied ?? name, "weight"), shape)
    if let replacement = try replacement(for: parameter, shape, tiedTo: tied) {
      tensor = replacement
    }
    // In GGUF files rows may be permuted, and parts of other parameters may stand in one tensor.
    guard !isGGUF || total == outputs || !adapters.touch(parameter) else {
      throw unfitting(parameter)
    }
    let update = try adapters.update(for: parameter, rows: total, columns: inputs)
    let source = tensor
    let values = isTransposed ? tensor.floats() : []
    let (order, isPermuted, isPacked) = (rows?.order, isGGUF, !keepsStored)
    let expand: @Sendable (Int, UnsafeMutablePointer<Float>) -> Void = { row, target in
      let stored = order?(row) ?? row
      if isTransposed {
        for input in 0..<inputs { target[input] = values[input * total + stored] }
      } else {
        source.expand(rows: stored..<(stored + 1), into: target)
        // Packed weights and what they are made from shall not be in memory side by side.
        if isPacked { source.release(upToRow: stored) }
      }
      update?.apply(toRow: isPermuted ? row : stored, target)
    }
    // A transposed matrix would have to be kept as floats beside what the file holds.
    let matrix =
      keepsStored && !isTransposed
      ? PackedMatrix(outputs: outputs, inputs: inputs) { range, target in
        for row in range { expand(row, target + (row - range.lowerBound) * inputs) }
      }
      : PackedMatrix(outputs: outputs, inputs: inputs, precision: precision, fill: expand)
    if matrix.roundingChange > 0 {
      rounded.withLock { $0 = ($0.matrices + 1, max($0.change, matrix.roundingChange)) }
    }
    if !keepsStored { tensor.release() }
    note(matrix.nonFinite, tensor)
    return matrix
  }

  /// A gain or a bias, `[count]`.
  func vector(
    _ name: TensorName, count: Int, kind: String = "weight", from rows: StoredRows? = nil
  ) throws -> [Float] {
    let shape = [rows?.total ?? count]
    let base = try tensor(stored(name, kind), shape)
    let parameter = "\(name.huggingFace).\(kind)"
    let tensor = try replacement(for: parameter, shape, tiedTo: nil) ?? base
    let values = tensor.floats()
    note(values.count { !$0.isFinite }, tensor)
    return rows.map { rows in (0..<count).map { values[rows.order($0)] } } ?? values
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
      throw Problem(
        .contradictory, checkpoint.path, place: "tensor '\(stored(name, "bias"))'",
        problem: isStored
          ? "is stored, and the configuration says that there is none"
          : "is missing, and the configuration says that there is one",
        remedy: "the configuration belongs to another model")
    }
    if isStored { linear.bias = try vector(name, count: outputs, kind: "bias", from: rows) }
    return linear
  }

  /// A norm over `count` values.
  func norm(_ name: TensorName, _ count: Int, _ style: NormStyle) throws -> Norm {
    let gain = try vector(name, count: count)
    switch style {
    case .layer(let epsilon):
      let bias = try vector(name, count: count, kind: "bias")
      return Norm(kind: .layer(bias: bias), gain: gain, epsilon: epsilon)
    case .rms(let epsilon): return Norm(kind: .rms, gain: gain, epsilon: epsilon)
    case .rmsOfGainLessOne(let epsilon):
      return Norm(kind: .rms, gain: gain.map { 1 + $0 }, epsilon: epsilon)
    }
  }

  /// The embedding and, unless it is the same, the unembedding: `[dVocabulary, dModel]` both.
  ///
  /// GGUF files tell that it is the same by leaving the unembedding out.
  func embeddings(
    _ shape: ModelShape, isTied: Bool, _ names: NetworkNames
  ) throws -> (PackedMatrix, Linear<PackedMatrix>) {
    let (rows, columns) = (shape.dVocabulary, shape.dModel)
    let embedding = try weight(names.embedding, rows, columns)
    let isStored = has(names.unembedding)
    guard isGGUF ? !isStored : isTied else {
      return (embedding, try linear(names.unembedding, rows, columns))
    }
    if isStored { try checkCopy(names.unembedding, of: names.embedding, [rows, columns]) }
    // An adapter of one of the two leaves the other as it was.
    let isAdapted = [names.embedding, names.unembedding].contains {
      adapters.touch($0.huggingFace + ".weight")
    }
    guard isAdapted else { return (embedding, Linear(weight: embedding)) }
    let unembedding = try weight(names.unembedding, rows, columns, tiedTo: names.embedding)
    return (embedding, Linear(weight: unembedding))
  }

  /// Some files store a tied matrix twice; where they differ, versions of transformers disagree about
  /// which of them counts.
  private func checkCopy(_ copy: TensorName, of original: TensorName, _ shape: [Int]) throws {
    let copy = try tensor(stored(copy, "weight"), shape)
    let original = try tensor(stored(original, "weight"), shape)
    guard copy.isStored(as: original) else {
      throw Problem(
        .contradictory, checkpoint.path, place: "tensor '\(copy.name)'",
        problem: "differs from '\(original.name)', and tie_word_embeddings says that they are one",
        remedy: "set tie_word_embeddings to false if the model was trained with both")
    }
  }
}
