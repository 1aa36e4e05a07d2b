import Checkpoints
import Files
import Foundation
import Probing
import Tensors
import Transformer

/// A model whose weights can no longer write along a direction: W <- W - r^ r^T W for embeddings,
/// attention's output projections and the last projections of MLPs, with their biases (Arditi et al.,
/// arXiv 2406.11717). It computes what the model does under `Intervention.directionalAblation`.
///
///     let orthogonalisation = try WeightOrthogonalisation(direction, of: "Qwen2.5-1.5B-Instruct")
///     let result = try orthogonalisation.write(to: "Qwen2.5-1.5B-without-refusal")
///
/// The unembedding stays as it was. Where it is the embedding, the two are stored apart, and
/// `tie_word_embeddings` becomes false.
public struct WeightOrthogonalisation: Sendable {
  /// What was done to one tensor.
  public struct Change: Sendable, Equatable, Codable {
    /// The tensor's name in the checkpoint.
    public var tensor: String
    /// The Euclidean norm of what was removed.
    public var removed: Double
    /// The largest |r^T w| left of any vector w that the tensor writes, over the largest |w|: 0 but for
    /// rounding to the type that it is stored in.
    public var residue: Double
    /// `F32`, `BF16`.
    public var elementType: String
  }

  /// What was written.
  public struct Result: Sendable, Equatable, Codable {
    /// One for each tensor that can write into the residual stream.
    public var changes: [Change]
    /// Whether embedding and unembedding were one tensor and are stored apart now.
    public var wasTied: Bool
    /// SHA-256 of the new weights.
    public var sha256: String
  }

  private let checkpoint: Checkpoint
  private let writers: ResidualWriters
  /// Of length 1, in double precision.
  private let unit: [Double]

  /// - Parameters:
  ///   - direction: `[dModel]`, of any length.
  ///   - folder: a Hugging Face folder.
  /// - Throws: when the architecture has norms behind its projections, the direction has no length or
  ///   another width, or the folder is not one.
  public init(_ direction: [Float], of folder: String) throws {
    checkpoint = try Checkpoint.open(folder)
    writers = try ResidualWriters(checkpoint)
    let length = norm(direction)
    guard direction.count == writers.dModel, length > 0, length.isFinite else {
      throw Problem(
        .unfitVector, "direction",
        problem: "has \(direction.count) values, no length, or one that is not finite",
        remedy: "give a direction of \(writers.dModel) values for this model")
    }
    unit = direction.map { Double($0) / length }
  }

  /// Bytes of the new weights, about.
  public var estimatedBytes: Int {
    checkpoint.names.reduce(0) { sum, name in
      let size = (try? checkpoint.tensor(name))?.bytes.count ?? 0
      return sum + (writers.isTied && name == writers.embedding ? 2 * size : size)
    }
  }

  /// Writes the folder: `model.safetensors`, `config.json`, and copies of the tokenizer's files.
  ///
  /// - Parameters:
  ///   - folder: must not exist, or be empty; it appears when it is complete.
  ///   - advance: called with the bytes of each finished tensor.
  /// - Throws: when it exists, a tensor cannot be read, or the disk is full.
  public func write(to folder: String, advance: (Int) -> Void = { _ in }) throws -> Result {
    var staged = try StagedFolder(folder)
    let result = try write(into: staged.path, advance: advance)
    try staged.commit()
    return result
  }

  /// Writes the same files into a folder that is there.
  package func write(into folder: String, advance: (Int) -> Void) throws -> Result {
    let changes = try writeWeights(to: "\(folder)/model.safetensors", advance)
    try copyDescription(to: folder)
    let written = try Checkpoint.open(folder)
    return Result(changes: changes, wasTied: writers.isTied, sha256: written.sha256)
  }

  private func writeWeights(to path: String, _ advance: (Int) -> Void) throws -> [Change] {
    // Masks and frequencies that are recomputed, some of a type that no weight has.
    let names = checkpoint.names.filter { name in
      ![".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"]
        .contains { name.hasSuffix($0) } && !name.hasSuffix(".rotary_emb.inv_freq")
    }
    var table: [SafetensorsWriter.Tensor] = []
    var sources: [(tensor: StoredTensor, axis: ResidualWriters.Axis?)] = []
    for name in names {
      let (tensor, axis) = (try checkpoint.tensor(name), writers.axes[name])
      table.append(
        .init(name, shape: tensor.shape, elementType: Self.type(of: tensor, isChanged: axis != nil))
      )
      sources.append((tensor, axis))
    }
    if writers.isTied, !names.contains(writers.unembedding) {
      let tensor = try checkpoint.tensor(writers.embedding)
      table.append(
        .init(writers.unembedding, shape: tensor.shape, elementType: tensor.elementType))
      sources.append((tensor, nil))
    }
    var writer = try SafetensorsWriter(table, metadata: ["format": "pt"], to: path)
    var changes: [Change] = []
    for (line, source) in zip(table, sources) {
      if let axis = source.axis {
        let change = try write(source.tensor, axis, as: line.elementType, to: &writer)
        changes.append(change)
      } else {
        try Self.copy(source.tensor, to: &writer)
      }
      advance(source.tensor.bytes.count)
    }
    try writer.finish()
    return changes
  }

  /// The stored type; half precision, which no other part of this tool writes, becomes F32.
  private static func type(of tensor: StoredTensor, isChanged: Bool) -> ElementType {
    isChanged && tensor.elementType != .bfloat16 ? .float32 : tensor.elementType
  }

  private static func copy(
    _ tensor: StoredTensor, to writer: inout SafetensorsWriter
  ) throws(Problem) {
    let bytes = tensor.bytes
    for start in stride(from: 0, to: bytes.count, by: 16 << 20) {
      let end = min(start + 16 << 20, bytes.count)
      try writer.append(bytes: Data(bytes[start..<end]))
    }
  }

  private func write(
    _ tensor: StoredTensor, _ axis: ResidualWriters.Axis, as type: ElementType,
    to writer: inout SafetensorsWriter
  ) throws -> Change {
    let d = writers.dModel
    guard (axis == .last ? tensor.shape.last : tensor.shape.first) == d else {
      throw Problem(
        .wrongShape, checkpoint.path, place: "tensor '\(tensor.name)'",
        problem: "has the shape \(tensor.shape), and the model's width is \(d)",
        remedy: "check that the folder is of one model")
    }
    var removal = Removal(unit: unit, roundsToBFloat16: type == .bfloat16)
    switch axis {
    case .last:
      // Some rows at a time: an embedding may be larger than all the rest of a block.
      let step = max(1, (4 << 20) / d)
      for first in stride(from: 0, to: tensor.rowCount, by: step) {
        let rows = first..<min(first + step, tensor.rowCount)
        var values = [Float](repeating: 0, count: rows.count * d)
        values.withUnsafeMutableBufferPointer {
          if let target = $0.baseAddress { tensor.expand(rows: rows, into: target) }
        }
        removal.apply(toRowsOf: &values)
        try writer.append(values)
      }
    case .first:
      var values = tensor.floats()
      removal.apply(toColumnsOf: &values)
      try writer.append(values)
    }
    return Change(
      tensor: tensor.name, removed: removal.removed.squareRoot(),
      residue: removal.largest > 0 ? removal.residue / removal.largest : 0,
      elementType: type.rawValue)
  }

  /// The configuration, untied where that is needed, and the tokenizer's files as they are.
  private func copyDescription(to folder: String) throws {
    var configuration = checkpoint.configuration ?? .null
    if writers.isTied {
      configuration = configuration.setting("tie_word_embeddings", to: .bool(false))
    }
    try AtomicFile.write(Array((configuration.text() + "\n").utf8), to: "\(folder)/config.json")
    for name in Self.copied {
      guard let path = checkpoint.file(named: name) else { continue }
      try AtomicFile.write(try readFile(path, limit: 256 << 20), to: "\(folder)/\(name)")
    }
  }

  private static let copied = [
    "LICENSE", "added_tokens.json", "chat_template.jinja", "generation_config.json", "merges.txt",
    "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
    "vocab.json",
  ]
}
