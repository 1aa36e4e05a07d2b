import Files
import Foundation

extension Checkpoint {
  static func openFolder(_ folder: String) throws(Problem) -> Checkpoint {
    let manager = FileManager.default
    let config = "\(folder)/config.json"
    guard manager.fileExists(atPath: config) else {
      throw Problem(
        .missing, folder, place: "config.json", problem: "is not in the folder",
        remedy: "name a folder as Hugging Face writes it, or a .gguf file")
    }
    let configurationFile = try MappedFile(config)
    let single = "\(folder)/model.safetensors"
    let index = "\(folder)/model.safetensors.index.json"
    let weights: [WeightFile]
    if manager.fileExists(atPath: single) {
      weights = [try WeightFile(single, .safetensors)]
    } else if manager.fileExists(atPath: index) {
      weights = try shards(of: index, in: folder)
    } else {
      let names = (try? manager.contentsOfDirectory(atPath: folder)) ?? []
      for name in names.sorted() { try refusePickle("\(folder)/\(name)") }
      throw Problem(
        .missing, folder, place: "model.safetensors",
        problem: "is not in the folder, nor an index of shards",
        remedy: "fetch the weights in safetensors format")
    }
    return try Checkpoint(
      path: folder, format: .safetensors, weights: weights, configurationFile: configurationFile)
  }

  /// Opens the shards that an index names, and sees that each tensor is where the index says.
  private static func shards(
    of index: String, in folder: String
  ) throws(Problem) -> [WeightFile] {
    let json = try smallJSON(try MappedFile(index))
    guard let map = json["weight_map"]?.object else {
      throw .damaged(.wrongType, index, "weight_map", "is not an object")
    }
    var tensors: [String: [[UInt8]]] = [:]
    for (tensor, shard) in map.members {
      let place = "weight_map, '\(printable(tensor))'"
      guard let bytes = shard.bytes, let name = String(validating: bytes, as: UTF8.self) else {
        throw .damaged(.wrongType, index, place, "is not a file name")
      }
      let isPlain = bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
      guard isPlain, name.hasSuffix(".safetensors"), !name.hasPrefix(".") else {
        throw .damaged(
          .invalidName, index, place,
          "'\(printable(bytes))' is not the name of a .safetensors file in the folder")
      }
      tensors[name, default: []].append(tensor)
    }
    guard !tensors.isEmpty else {
      throw .damaged(.missingTensor, index, "weight_map", "names no tensor")
    }
    var weights: [WeightFile] = []
    for (name, expected) in tensors.sorted(by: { $0.key < $1.key }) {
      guard FileManager.default.fileExists(atPath: "\(folder)/\(name)") else {
        throw Problem(
          .missing, index, place: "weight_map",
          problem: "the shard '\(printable(name.utf8))' is missing",
          remedy: "fetch all shards into the folder")
      }
      let shard = try WeightFile("\(folder)/\(name)", .safetensors)
      let found = Set(shard.table.records.map { Array($0.name.utf8) })
      for tensor in expected where !found.contains(tensor) {
        throw .damaged(
          .missingTensor, index, "weight_map, '\(printable(tensor))'",
          "the tensor is not in its shard \(name)")
      }
      weights.append(shard)
    }
    return weights
  }

  /// The strict JSON in a file that describes a checkpoint, which is never large.
  static func smallJSON(_ file: MappedFile) throws(Problem) -> JSON {
    guard file.count <= 16 << 20 else {
      throw .damaged(
        .tooLarge, file.path, "size", "\(file.count) bytes are more than such a file can need")
    }
    return try JSONReader.parse(file.bytes, file: file.path, valueLimit: 120_000)
  }

  /// - Throws: when the name is that of a pickle.
  static func refusePickle(_ path: String) throws(Problem) {
    let suffix = URL(fileURLWithPath: path).pathExtension.lowercased()
    guard ["bin", "pt", "pth", "pkl", "pickle", "ckpt"].contains(suffix) else { return }
    throw Problem(
      .isPickle, path, problem: "is a Python pickle, which can run code and is never read",
      remedy: "convert it to safetensors, for example with model.save_pretrained(folder, "
        + "safe_serialization=True) of transformers, on a machine that trusts it")
  }
}
