import Files
import Foundation
import Tensors

/// A low-rank adapter (LoRA, arXiv:2106.09685) as PEFT saves it, to be applied to a model's weights
/// when they are loaded.
///
/// It is a folder with `adapter_config.json` and `adapter_model.safetensors`. An adapted weight W
/// `[outputs, inputs]` becomes W + weight * alpha / r * B A, or with alpha / sqrt(r) where the adapter
/// says so. Plain LoRA and DoRA are applied exactly; every other variant is refused.
///
///     let adapter = try Adapter.open("refusal-lora", weight: 0.5)
public struct Adapter: Sendable {
  /// The folder that was opened.
  public let path: String
  /// What the update is multiplied by: 1 applies the adapter as it was trained.
  public let weight: Float
  /// Parameters that the adapter adds to, by the name that they have in a Hugging Face checkpoint,
  /// such as `model.layers.0.self_attn.q_proj.weight`.
  let factors: [String: AdapterFactors]
  /// Parameters of which the adapter holds the whole.
  let replacements: [String: AdapterReplacement]
  private let checkpoint: Checkpoint
  private let configurationFile: MappedFile

  /// Opens a folder as PEFT's `save_pretrained` writes it.
  ///
  /// - Parameter weight: what the update is multiplied by. Only 1 is possible for an adapter that
  ///   also stores whole weights or biases, or row lengths (DoRA): a part of these has no meaning
  ///   that everyone agrees on.
  /// - Throws: when something is missing, damaged or contradictory, for variants that would give
  ///   other numbers, and for pickles (`adapter_model.bin`), which can run code and are never read.
  public static func open(_ path: String, weight: Float = 1) throws(Problem) -> Adapter {
    let configuration = "\(path)/adapter_config.json"
    let weights = "\(path)/adapter_model.safetensors"
    let manager = FileManager.default
    guard manager.fileExists(atPath: configuration) else {
      throw Problem(
        .missing, path, place: "adapter_config.json", problem: "is not there or cannot be reached",
        remedy: "name the folder of a LoRA adapter as PEFT's save_pretrained writes it")
    }
    guard manager.fileExists(atPath: weights) else {
      let pickle = "\(path)/adapter_model.bin"
      if manager.fileExists(atPath: pickle) { try Checkpoint.refusePickle(pickle) }
      throw Problem(
        .missing, path, place: "adapter_model.safetensors", problem: "is not in the folder",
        remedy: "fetch the adapter's weights in safetensors format")
    }
    guard weight.isFinite else {
      throw Problem(
        .notFinite, path, place: "weight", problem: "\(weight) is not a finite number",
        remedy: "give a weight such as 1 or 0.5")
    }
    let file = try MappedFile(configuration)
    let settings = try AdapterSettings(try Checkpoint.smallJSON(file), file: configuration)
    return try Adapter(
      path: path, weight: weight, settings, configurationFile: file,
      checkpoint: try Checkpoint.open(weights))
  }

  private init(
    path: String, weight: Float, _ settings: AdapterSettings, configurationFile: MappedFile,
    checkpoint: Checkpoint
  ) throws(Problem) {
    let table = try AdapterTable(checkpoint, settings)
    (self.path, self.weight) = (path, weight)
    (self.checkpoint, self.configurationFile) = (checkpoint, configurationFile)
    (factors, replacements) = (table.factors, table.replacements)
    guard weight != 1 else { return }
    let whole = replacements.filter { !$0.value.isBase }.keys.min()
    if let parameter = whole ?? (settings.hasMagnitudes ? factors.keys.min() : nil) {
      throw Problem(
        .adapterWeight, path, place: "parameter '\(parameter)'",
        problem: whole != nil
          ? "is stored whole, which cannot be applied with weight \(weight)"
          : "has its row lengths given (DoRA), which cannot be applied with weight \(weight)",
        remedy: "apply this adapter with weight 1")
    }
  }

  /// The path of another file of the folder, such as `chat_template.jinja`; nil when it is not there.
  package func file(named name: String) -> String? {
    let candidate = "\(path)/\(name)"
    return FileManager.default.fileExists(atPath: candidate) ? candidate : nil
  }

  /// Which adapter this is, exactly; reads its weights once, for their digest.
  public var identity: AdapterIdentity {
    AdapterIdentity(
      id: URL(fileURLWithPath: path).lastPathComponent, weight: weight,
      weightsSHA256: checkpoint.sha256, configurationSHA256: Digest.sha256(of: configurationFile))
  }
}

/// Which adapter was applied, and how strongly: what every file that Bathyscope writes says about it.
public struct AdapterIdentity: Sendable, Equatable, Codable {
  /// The last part of its path.
  public var id: String
  /// What its update was multiplied by.
  public var weight: Float
  /// SHA-256 of `adapter_model.safetensors`.
  public var weightsSHA256: String
  /// SHA-256 of `adapter_config.json`.
  public var configurationSHA256: String
}

/// The two factors of one parameter's update, as they are stored.
struct AdapterFactors: Sendable {
  /// One row of the parameter for each row of `left` and one column for each column of `right`,
  /// whichever of PEFT's A and B they are: those of an embedding stand the other way round.
  let left: AdapterFactor
  let right: AdapterFactor
  /// alpha / r or alpha / sqrt(r).
  let scale: Double
  /// The length of each row of the adapted parameter, `[rows]`; nil without DoRA.
  let magnitude: StoredTensor?
}

/// A stored matrix, to be read as it is or transposed.
struct AdapterFactor: Sendable {
  let tensor: StoredTensor
  let isTransposed: Bool

  var rows: Int { tensor.shape[isTransposed ? 1 : 0] }
  var columns: Int { tensor.shape[isTransposed ? 0 : 1] }

  /// - Throws: when a value is NaN or infinite, which would spread over the whole model.
  func matrix(_ file: String) throws(Problem) -> Matrix {
    let stored = try finiteFloats(tensor, file)
    guard isTransposed else { return Matrix(rows: rows, columns: columns, values: stored) }
    var matrix = Matrix(rows: rows, columns: columns)
    for row in 0..<rows {
      for column in 0..<columns { matrix[row, column] = stored[column * rows + row] }
    }
    return matrix
  }
}

/// A whole parameter that an adapter stores.
struct AdapterReplacement: Sendable {
  let tensor: StoredTensor
  /// Whether it is a copy of the base weight that goes below the update: PEFT stores one with every
  /// adapted embedding. Otherwise it is a trained weight that takes the place of the base weight.
  let isBase: Bool
}

/// The tensor's values, which must all be finite.
func finiteFloats(_ tensor: StoredTensor, _ file: String) throws(Problem) -> [Float] {
  let values = tensor.floats()
  guard values.allSatisfy(\.isFinite) else {
    throw .damaged(.notFinite, file, "tensor '\(tensor.name)'", "holds NaN or infinite values")
  }
  return values
}
