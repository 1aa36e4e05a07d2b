import Checkpoints
import Files
import Foundation
import Prompts
import Transformer

/// Vectors that are added to the residual stream behind blocks, one a block: a control vector.
///
///     let vectors = try SteeringVectors.read("honest.gguf")
///     let run = try model.run(batch, capturing: captures, applying: vectors.interventions(scale: 1.5))
///     try vectors.write(to: "honest.safetensors")
///
/// In files a vector is called `direction.N`. N is the block, counted from 0, behind which it is added:
/// repeng writes it so, and llama.cpp adds it there. What llama.cpp's own `cvector-generator` has
/// measured behind block N it calls `direction.(N + 1)`, so that it is added one block later than
/// measured, there as here.
public struct SteeringVectors: Sendable, Equatable {
  /// `[dModel]` each, by block.
  public let directions: [Int: [Float]]
  /// The architecture that a GGUF file says they were made for.
  public let modelHint: String?

  /// - Throws: when there are none, a block is below 0, widths differ or a value is not finite.
  public init(
    _ directions: [Int: [Float]], modelHint: String? = nil
  ) throws(Problem) {
    let widths = Set(directions.values.map(\.count))
    guard widths.count == 1, widths != [0], directions.keys.allSatisfy({ $0 >= 0 }),
      directions.values.allSatisfy({ $0.allSatisfy(\.isFinite) })
    else {
      throw Problem(
        .unfitVector, "steering vectors",
        problem: "there are none, their widths differ, or a value is not finite",
        remedy: "give finite vectors of one width")
    }
    (self.directions, self.modelHint) = (directions, modelHint)
  }

  /// The number of values of each vector, dModel.
  public var width: Int { directions.values.first?.count ?? 0 }

  /// Adds every vector, times the scale, behind its block.
  public func interventions(
    scale: Float, at positions: Positions = .all
  ) -> [Intervention] {
    directions.sorted { $0.key < $1.key }.map {
      .add($0.value, scale: scale, after: $0.key, at: positions)
    }
  }

  /// Reads a control vector in GGUF (`general.architecture` is `controlvector`) or tensors
  /// `direction.N` in safetensors.
  ///
  /// - Throws: for pickles, which are never read; for a tensor that is called otherwise, is no vector of
  ///   the others' width, or is not finite; in GGUF also for one that is not F32 or stands behind block
  ///   0, where llama.cpp adds nothing.
  public static func read(_ path: String) throws(Problem) -> SteeringVectors {
    try refusePickle(path)
    let checkpoint = try Checkpoint.open(path)
    let isGGUF = checkpoint.format == .gguf
    var hint: String?
    if isGGUF {
      guard try checkpoint.string("general.architecture") == "controlvector" else {
        throw Problem(
          .wrongFormat, path, place: "general.architecture", problem: "is not 'controlvector'",
          remedy: "name a control vector, or choose one tensor of this file with --tensor")
      }
      let key = "controlvector.model_hint"
      if checkpoint.metadata[key] != nil { hint = try checkpoint.string(key) }
    }
    var directions: [Int: [Float]] = [:]
    // Four times what the largest models in use can need.
    var left = 1 << 23
    for name in checkpoint.names {
      left -= try checkpoint.tensor(name).elementCount
      guard left >= 0 else {
        throw Problem(
          .tooLarge, path, place: "tensor '\(printable(name.utf8))'",
          problem: "makes the vectors larger than those of any model",
          remedy: "name a file of steering vectors")
      }
      let (block, values) = try vector(name, of: checkpoint, isGGUF: isGGUF)
      directions[block] = values
    }
    return try SteeringVectors(checked: directions, modelHint: hint, path)
  }

  private static func vector(
    _ name: String, of checkpoint: Checkpoint, isGGUF: Bool
  ) throws(Problem) -> (block: Int, values: [Float]) {
    let digits = name.dropFirst("direction.".count)
    guard name.hasPrefix("direction."), let block = Int(digits), "\(block)" == digits,
      block >= (isGGUF ? 1 : 0), block < 100_000
    else {
      throw Problem(
        .invalidName, checkpoint.path, place: "tensor '\(printable(name.utf8))'",
        problem: "is not called direction.N with N from \(isGGUF ? 1 : 0)",
        remedy: "name a file of steering vectors, or choose one tensor with --tensor")
    }
    let tensor = try checkpoint.tensor(name)
    guard tensor.shape.count == 1, tensor.elementCount > 0,
      !isGGUF || tensor.elementType == .float32
    else {
      throw Problem(
        .wrongShape, checkpoint.path, place: "tensor '\(name)'",
        problem: "is \(tensor.elementType.rawValue) of the shape \(tensor.shape), not a vector"
          + (isGGUF ? " of F32" : ""), remedy: "write the vectors again")
    }
    return (block, tensor.floats())
  }

  private init(
    checked directions: [Int: [Float]], modelHint: String?, _ path: String
  ) throws(Problem) {
    do throws(Problem) {
      try self.init(directions, modelHint: modelHint)
    } catch {
      throw Problem(error.code, path, problem: error.problem, remedy: error.remedy)
    }
  }

  /// Writes a `.gguf` or a `.safetensors` file; the same vectors give the same bytes.
  ///
  /// - Throws: for another ending, and for a vector after block 0 in GGUF, which has no place for it.
  public func write(to path: String) throws(Problem) {
    let sorted = directions.sorted { $0.key < $1.key }
    switch URL(fileURLWithPath: path).pathExtension {
    case "gguf":
      guard directions[0] == nil else {
        throw Problem(
          .unsupported, path, problem: "a vector after block 0 has no place in a control vector",
          remedy: "leave it out, or write a .safetensors file")
      }
      var metadata: [(key: String, value: GGUFFile.Value)] = [
        ("general.architecture", .string("controlvector"))
      ]
      if let modelHint { metadata.append(("controlvector.model_hint", .string(modelHint))) }
      metadata.append(("controlvector.layer_count", .uint32(UInt32(directions.count))))
      try GGUFFile.write(
        sorted.map { ("direction.\($0.key)", $0.value) }, metadata: metadata, to: path)
    case "safetensors":
      try SafetensorsFile.write(
        sorted.map { ("direction.\($0.key)", [$0.value.count], $0.value) },
        metadata: ["format": "bathyscope-steering-1"]
          .merging(modelHint.map { ["model_hint": $0] } ?? [:]) { $1 }, to: path)
    default:
      throw Problem(
        .unsupported, path, problem: "is of no kind that is written",
        remedy: "name a .gguf or a .safetensors file")
    }
  }

  /// - Throws: when the name is that of a pickle, with how such vectors are converted.
  package static func refusePickle(_ path: String) throws(Problem) {
    let ending = URL(fileURLWithPath: path).pathExtension.lowercased()
    guard ["bin", "pt", "pth", "pkl", "pickle", "ckpt", "npy", "npz"].contains(ending) else {
      return
    }
    let isNumPy = ending.hasPrefix("np")
    throw Problem(
      .isPickle, path,
      problem: isNumPy
        ? "is a NumPy file, which may hold pickles and is not read"
        : "is a Python pickle, which can run code and is never read",
      remedy: "convert it where it is trusted: ControlVector.export_gguf of repeng, or "
        + "safetensors.\(isNumPy ? "numpy" : "torch").save_file({'direction.N': vector}, path)")
  }
}
