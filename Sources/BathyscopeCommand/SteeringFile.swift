import Bathyscope
import Foundation

/// A file that says itself where its vectors are added: a control vector, or a chosen direction.
struct SteeringFile {
  let path: String

  init(_ path: String) { self.path = path }

  func interventions(
    scale: Float, at positions: Positions, in model: Model
  ) throws -> [Intervention] {
    try SteeringVectors.refusePickle(path)
    let ending = URL(fileURLWithPath: path).pathExtension
    guard ["gguf", "safetensors"].contains(ending), !VectorFile.isFolder(path) else {
      throw Problem(
        .invalidOption, path, problem: "does not say where it is added",
        remedy: "name the block with --after")
    }
    if ending == "safetensors", let direction = try StoredDirection(path) {
      try check([direction.layer], width: direction.vector.count, model)
      if direction.modelSHA256 != model.identity.weightsSHA256 {
        writeError("note: \(path) was measured in a model with other weights")
      }
      return [
        .directionAddition(
          direction.vector, scale: scale, before: direction.layer, at: positions)
      ]
    }
    let vectors = try SteeringVectors.read(path)
    try check(Array(vectors.directions.keys), width: vectors.width, model)
    if let hint = vectors.modelHint, hint != model.identity.architecture {
      writeError(
        "note: \(path) is said to be for \(printable(hint.utf8)), and the model is a "
          + model.identity.architecture)
    }
    return vectors.interventions(scale: scale, at: positions)
  }

  private func check(_ blocks: [Int], width: Int, _ model: Model) throws {
    guard width == model.shape.dModel, (blocks.max() ?? 0) < model.shape.layers else {
      throw Problem(
        .unfitVector, path,
        problem:
          "has vectors of \(width) values for blocks up to \(blocks.max() ?? 0), and the model "
          + "\(model.shape.layers) blocks of width \(model.shape.dModel)",
        remedy: "give vectors that were made for this model")
    }
  }
}
