import Files
import Foundation
import Synchronization
import Tensors

/// A model's weights and configuration as they lie on the disk.
///
/// Opening maps the files and checks their headers; no weight is read before it is asked for.
///
///     let checkpoint = try Checkpoint.open("SmolLM2-135M-Instruct.Q4_1.gguf")
///     print(checkpoint.names.count, checkpoint.sha256)
public struct Checkpoint: Sendable {
  /// The format of the weight files.
  public enum Format: String, Codable, Sendable {
    case gguf
    case safetensors
  }

  /// How the weights are stored.
  public let format: Format
  /// The path that was opened: a file or a folder.
  public let path: String
  /// The names of all tensors, in the order of the files.
  public let names: [String]
  /// The key-value pairs of a GGUF file, the `__metadata__` of a single safetensors file.
  public let metadata: [String: MetadataValue]
  /// The content of `config.json`; nil unless a folder was opened.
  public let configuration: JSON?

  private let weights: [WeightFile]
  private let positions: [String: (file: Int, record: Int)]
  private let configurationFile: MappedFile?
  private let digest = DigestCache()

  /// Opens a `.gguf` file, a `.safetensors` file or a Hugging Face folder.
  ///
  /// A folder holds `config.json` and either `model.safetensors` or `model.safetensors.index.json`
  /// with its shards.
  ///
  /// - Throws: when something is missing or damaged, and for pickles (`.bin`, `.pt`, `.pkl`), which can
  ///   run code and are never read.
  public static func open(_ path: String) throws(Problem) -> Checkpoint {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw Problem(
        .missing, path, problem: "does not exist or cannot be reached",
        remedy: "name a Hugging Face folder, a .gguf file or one of the named models: "
          + ModelCatalogue.entries.map(\.name).joined(separator: ", "))
    }
    if isFolder.boolValue { return try openFolder(path) }
    try refusePickle(path)
    let format: Format = path.hasSuffix(".safetensors") ? .safetensors : .gguf
    return try Checkpoint(
      path: path, format: format, weights: [try WeightFile(path, format)], configurationFile: nil)
  }

  init(
    path: String, format: Format, weights: [WeightFile], configurationFile: MappedFile?
  ) throws(Problem) {
    self.path = path
    self.weights = weights
    self.configurationFile = configurationFile
    self.format = format
    metadata = weights.count == 1 ? weights[0].table.metadata : [:]
    configuration = try configurationFile.map { (file) throws(Problem) in
      try Self.smallJSON(file)
    }
    var names: [String] = []
    var positions: [String: (file: Int, record: Int)] = [:]
    for (file, weights) in weights.enumerated() {
      for (index, record) in weights.table.records.enumerated() {
        if let previous = positions.updateValue((file, index), forKey: record.name) {
          throw .damaged(
            .duplicateTensor, weights.file.path, "tensor '\(record.shownName)'",
            "it also stands in \(self.weights[previous.file].name)")
        }
        names.append(record.name)
      }
    }
    self.names = names
    self.positions = positions
  }

  /// The tensor with this name.
  ///
  /// - Throws: when there is none, or when its type is not one that is computed with.
  package func tensor(_ name: String) throws(Problem) -> StoredTensor {
    guard let position = positions[name] else {
      throw Problem(
        .missingTensor, path, place: "tensor '\(name)'",
        problem: "is not among the \(names.count) tensors",
        remedy: "check that the checkpoint is complete and of the expected architecture")
    }
    let file = weights[position.file]
    let record = file.table.records[position.record]
    guard let type = record.elementType else {
      throw Problem(
        .unsupported, file.file.path, place: "tensor '\(name)'",
        problem: "its type \(record.typeName) cannot be used as a weight",
        remedy: "convert the checkpoint to F32, F16 or BF16")
    }
    return StoredTensor(record, elementType: type, in: file.file)
  }

  /// The path of another file of the opened folder, such as `tokenizer.json`; nil when it is not there
  /// or when no folder was opened.
  package func file(named name: String) -> String? {
    guard configurationFile != nil else { return nil }
    let candidate = "\(path)/\(name)"
    return FileManager.default.fileExists(atPath: candidate) ? candidate : nil
  }

  /// The SHA-256 of the weights, in hexadecimal.
  ///
  /// With one weight file it is that file's digest. With several it is the digest of what
  /// `sha256sum` prints for them in the order of their names: a line `<digest>  <name>` for each.
  /// It is computed once, at the first call, and reads all weights.
  public var sha256: String {
    digest.value {
      let digests = weights.map { (name: $0.name, digest: Digest.sha256(of: $0.file)) }
      if digests.count == 1 { return digests[0].digest }
      let lines = digests.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        .map { "\($0.digest)  \($0.name)\n" }
      return Digest.sha256(Array(lines.joined().utf8))
    }
  }

  /// The SHA-256 of what configures the model: of `config.json`, or, for a single file, of its
  /// header, which holds the metadata and the table of tensors.
  public var configSHA256: String {
    if let configurationFile { return Digest.sha256(of: configurationFile) }
    var digest = Digest()
    for weights in weights {
      digest.update(
        UnsafeRawBufferPointer(rebasing: weights.file.bytes[..<weights.table.headerEnd]))
    }
    return digest.hexadecimal()
  }
}

/// One mapped file with the table of what is in it.
struct WeightFile: Sendable {
  let file: MappedFile
  let table: TensorTable

  var name: String { URL(fileURLWithPath: file.path).lastPathComponent }

  /// Maps the file and reads its header.
  init(_ path: String, _ format: Checkpoint.Format) throws(Problem) {
    let file = try MappedFile(path)
    self.file = file
    table =
      switch format {
      case .gguf: try GGUFReader.parse(file.bytes, file: path)
      case .safetensors: try SafetensorsReader.parse(file.bytes, file: path)
      }
  }
}

/// A digest that is computed at most once, whichever thread asks first.
private final class DigestCache: Sendable {
  private let stored = Mutex<String?>(nil)

  func value(_ compute: () -> String) -> String {
    stored.withLock { stored in
      if let stored { return stored }
      let value = compute()
      stored = value
      return value
    }
  }
}
