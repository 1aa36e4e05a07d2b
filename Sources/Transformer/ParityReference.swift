import Checkpoints
import Files
import Tensors

/// What another implementation computed for a model, as `Scripts/record-reference.py` writes it.
///
/// Opening checks names, ids and shapes; values are read when they are compared.
public struct ParityReference: Sendable {
  /// One recorded prompt.
  struct Sequence: Sendable {
    var tokens: [Int32]
    /// The tokens whose rows are recorded, ascending.
    var positions: [Int]
    var hooks: [HookPoint]
    /// Those of which the file tells how far transformers in float32 is from what it recorded.
    var distant: Set<HookPoint>
    /// The recorded greedy continuation; empty when none was asked for.
    var continuation: [Int32]
  }

  /// The file.
  public let path: String
  /// What recorded it: the versions of the packages by name, their instruction set, and the model's
  /// type.
  public let provenance: [String: String]
  /// The arithmetic that recorded it: `float32` or `float64`.
  public let dtype: String
  let sequences: [Sequence]
  /// One logit of so many is recorded.
  let logitsStride: Int
  private let file: Checkpoint

  /// Opens a recorded file.
  /// - Throws: when something in it is missing, damaged or not known, naming the tensor.
  public init(_ path: String) throws(Problem) {
    self.path = path
    file = try Checkpoint.open(path)
    let texts = file.metadata.compactMapValues { value -> String? in
      guard case .string(let bytes) = value else { return nil }
      return String(validating: bytes, as: UTF8.self)
    }
    guard file.format == .safetensors, let stride = texts["logits_stride"].flatMap({ Int($0) }),
      stride >= 1
    else {
      throw Problem(
        .outOfRange, path, place: "metadata 'logits_stride'", problem: "is not a number from 1 up",
        remedy: "record a reference with Scripts/record-reference.py")
    }
    logitsStride = stride
    let known = ["transformers", "torch", "kernels", "model_type"]
    provenance = texts.filter { known.contains($0.key) }
    // Files of before this key are in float32.
    dtype = texts["dtype"] ?? "float32"
    guard ["float32", "float64"].contains(dtype) else {
      throw Problem(
        .outOfRange, path, place: "metadata 'dtype'", problem: "is neither float32 nor float64",
        remedy: "record a reference with Scripts/record-reference.py")
    }
    sequences = try Self.sequences(of: file)
  }

  /// The SHA-256 of the file, in hexadecimal.
  public var sha256: String { file.sha256 }

  /// The recorded rows of a hook, one per position.
  /// - Parameter width: the number of values that the model has there.
  func values(
    _ index: Int, _ hook: HookPoint, width: Int
  ) throws(Problem) -> Matrix {
    let name = "\(index)/\(hook)"
    let tensor = try Self.tensor(name, in: file)
    let columns = hook == .logits ? (width - 1) / logitsStride + 1 : width
    guard tensor.shape == [sequences[index].positions.count, columns] else {
      throw Problem(
        .wrongShape, path, place: "tensor '\(name)'",
        problem: "has the shape \(tensor.shape) where the model has "
          + "\([sequences[index].positions.count, columns])",
        remedy: "record the reference from this model")
    }
    let values = tensor.floats()
    let masked: Float? = hook.site == .attentionScores ? -.infinity : nil
    guard values.allSatisfy({ $0.isFinite || $0 == masked }) else {
      throw Problem(
        .notFinite, path, place: "tensor '\(name)'", problem: "holds a value that is not finite",
        remedy: "record the reference again; if it stays, the model itself overflows")
    }
    return Matrix(rows: tensor.shape[0], columns: columns, values: values)
  }
}

extension ParityReference {
  /// What stands before a hook's name where the rows' distances of transformers in float32 are.
  private static let peer = "float32/"

  /// How far each recorded row of transformers in float32 is from the recorded one; nil where the file
  /// does not tell.
  func distances(_ index: Int, _ hook: HookPoint) throws(Problem) -> [Float]? {
    guard sequences[index].distant.contains(hook) else { return nil }
    let name = "\(index)/\(Self.peer)\(hook)"
    let tensor = try Self.tensor(name, in: file)
    let values = tensor.floats()
    guard tensor.shape == [sequences[index].positions.count],
      values.allSatisfy({ $0 >= 0 && $0.isFinite })
    else {
      throw Self.damaged(.wrongShape, file, name, "is not one distance from 0 up for each position")
    }
    return values
  }
}

// MARK: Reading

extension ParityReference {
  private static func sequences(of file: Checkpoint) throws(Problem) -> [Sequence] {
    var parts: [Int: Set<String>] = [:]
    for name in file.names {
      let halves = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      guard halves.count == 2, let index = Int(halves[0]), index >= 0, String(index) == halves[0]
      else { throw damaged(.invalidName, file, name, "is not called '<prompt>/<hook>'") }
      parts[index, default: []].insert(String(halves[1]))
    }
    var sequences: [Sequence] = []
    while let names = parts.removeValue(forKey: sequences.count) {
      sequences.append(try sequence(sequences.count, names, in: file))
    }
    guard parts.isEmpty, !sequences.isEmpty else {
      throw damaged(.missingTensor, file, "\(sequences.count)/ids", "is missing")
    }
    return sequences
  }

  private static func sequence(
    _ index: Int, _ names: Set<String>, in file: Checkpoint
  ) throws(Problem) -> Sequence {
    let tokens = try integers("\(index)/ids", in: file)
    let positions = try integers("\(index)/positions", in: file).map(Int.init)
    let isAscending = zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 }
    guard let last = positions.last, last < tokens.count, isAscending else {
      throw damaged(.outOfRange, file, "\(index)/positions", "are not ascending places of its ids")
    }
    var hooks: [HookPoint] = []
    var distant: Set<HookPoint> = []
    for name in names.subtracting(["ids", "positions", "greedy"]).sorted() {
      let isDistance = name.hasPrefix(peer)
      guard let hook = HookPoint(isDistance ? String(name.dropFirst(peer.count)) : name) else {
        throw Problem(
          .noSuchHook, file.path, place: "tensor '\(index)/\(name)'",
          problem: "is no hook that is known here",
          remedy: "record the reference with the script of this version")
      }
      if isDistance { distant.insert(hook) } else { hooks.append(hook) }
    }
    return Sequence(
      tokens: tokens, positions: positions, hooks: hooks.sorted(), distant: distant,
      continuation: names.contains("greedy") ? try integers("\(index)/greedy", in: file) : [])
  }

  private static func integers(
    _ name: String, in file: Checkpoint
  ) throws(Problem) -> [Int32] {
    let tensor = try tensor(name, in: file)
    let values = tensor.floats()
    // Above 2^24, a float is not every integer.
    guard tensor.shape.count == 1, !values.isEmpty,
      values.allSatisfy({ $0 >= 0 && $0 < 16_777_216 && $0.rounded() == $0 })
    else { throw damaged(.wrongType, file, name, "is not a list of integers from 0 up") }
    return values.map { Int32($0) }
  }

  private static func tensor(
    _ name: String, in file: Checkpoint
  ) throws(Problem) -> StoredTensor {
    try file.tensor(name)
  }

  private static func damaged(
    _ code: Problem.Code, _ file: Checkpoint, _ name: String, _ problem: String
  ) -> Problem {
    Problem(
      code, file.path, place: "tensor '\(name)'", problem: problem,
      remedy: "the file is damaged or no reference: record it with Scripts/record-reference.py")
  }
}
