import Files
import Tensors

/// What the tensors of an adapter's file are, checked against its settings and each other.
struct AdapterTable {
  private(set) var factors: [String: AdapterFactors] = [:]
  private(set) var replacements: [String: AdapterReplacement] = [:]
  /// The entries of `modules_to_save` of which something was stored.
  private var savedNames: Set<String> = []
  private let checkpoint: Checkpoint
  private let settings: AdapterSettings

  private enum Part: String, CaseIterable {
    case a = ".lora_A.weight"
    case b = ".lora_B.weight"
    case embeddingA = ".lora_embedding_A"
    case embeddingB = ".lora_embedding_B"
    case magnitude = ".lora_magnitude_vector"
  }

  private static let prefix = "base_model.model."

  init(_ checkpoint: Checkpoint, _ settings: AdapterSettings) throws(Problem) {
    (self.checkpoint, self.settings) = (checkpoint, settings)
    var modules: [String: [Part: StoredTensor]] = [:]
    for name in checkpoint.names {
      let path = try path(of: name)
      if let part = Part.allCases.first(where: { path.hasSuffix($0.rawValue) }) {
        let module = String(path.dropLast(part.rawValue.count))
        modules[module, default: [:]][part] = try checkpoint.tensor(name)
      } else {
        try addReplacement(path, name)
      }
    }
    // Sorted, so that of several errors it is always the same one that is reported.
    var cost = 0
    for (module, parts) in modules.sorted(by: { $0.key < $1.key }) {
      try addFactors(module, parts, &cost)
    }
    guard !factors.isEmpty || !replacements.isEmpty else {
      throw .damaged(.missingTensor, checkpoint.path, "tensors", "there are none")
    }
    for name in settings.savedModules where !savedNames.contains(name) {
      throw .damaged(
        .missingTensor, checkpoint.path, "tensors",
        "none is of the module '\(name)' that modules_to_save names")
    }
  }

  /// The name in the base model of what a tensor belongs to.
  private func path(of name: String) throws(Problem) -> String {
    let path = name.dropFirst(Self.prefix.count)
    let components = path.split(separator: ".", omittingEmptySubsequences: false)
    guard name.hasPrefix(Self.prefix), (2...32).contains(components.count),
      components.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isNameByte) })
    else {
      throw problem(.unknownTensor, name, "its name is not that of a part of a PEFT adapter")
    }
    return String(path)
  }

  private func problem(_ code: Problem.Code, _ name: String, _ problem: String) -> Problem {
    .damaged(code, checkpoint.path, "tensor '\(name)'", problem)
  }

  // MARK: Updates

  private mutating func addFactors(
    _ module: String, _ parts: [Part: StoredTensor], _ cost: inout Int
  ) throws(Problem) {
    let parameter = module + ".weight"
    let isEmbedding = parts[.embeddingA] != nil || parts[.embeddingB] != nil
    guard let a = parts[isEmbedding ? .embeddingA : .a],
      let b = parts[isEmbedding ? .embeddingB : .b]
    else {
      throw problem(
        .missingTensor, Self.prefix + module, "of its factors A and B only one is stored")
    }
    guard !isEmbedding || (parts[.a] == nil && parts[.b] == nil) else {
      throw problem(
        .contradictory, Self.prefix + module, "has the factors of a matrix and of an embedding")
    }
    if let objection = settings.objection(to: module) {
      throw problem(.contradictory, a.name, objection)
    }
    if let replacement = replacements[parameter], !replacement.isBase {
      throw problem(.contradictory, a.name, "the module's whole weight is stored, too")
    }
    let (rank, scale) = settings.rankAndScale(of: module, cost: &cost)
    guard cost < 200_000_000 else {
      throw .damaged(
        .tooLarge, settings.file, "rank_pattern, alpha_pattern",
        "take too long to match with the modules")
    }
    guard a.shape.count == 2, b.shape.count == 2, a.shape[1] > 0, b.shape[0] > 0 else {
      throw problem(
        .wrongShape, a.name, "A of shape \(a.shape) and B of shape \(b.shape) are not two matrices")
    }
    guard a.shape[0] == rank, b.shape[1] == rank else {
      throw problem(
        .wrongShape, a.name,
        "A of shape \(a.shape) and B of shape \(b.shape) are not of the rank "
          + "\(rank) that adapter_config.json gives the module")
    }
    let (left, right) = isEmbedding ? (a, b) : (b, a)
    factors[parameter] = AdapterFactors(
      left: AdapterFactor(tensor: left, isTransposed: isEmbedding),
      right: AdapterFactor(tensor: right, isTransposed: isEmbedding), scale: scale,
      magnitude: try magnitude(module, parts[.magnitude], rows: b.shape[0], isEmbedding))
  }

  private func magnitude(
    _ module: String, _ tensor: StoredTensor?, rows: Int, _ isEmbedding: Bool
  ) throws(Problem) -> StoredTensor? {
    guard settings.hasMagnitudes == (tensor != nil) else {
      throw problem(
        .contradictory, Self.prefix + module + Part.magnitude.rawValue,
        tensor == nil
          ? "is missing, and use_dora is true" : "is stored, and use_dora is not true")
    }
    guard let tensor else { return nil }
    guard !isEmbedding else {
      throw Problem(
        .unsupported, checkpoint.path, place: "tensor '\(tensor.name)'",
        problem: "DoRA on an embedding is not supported", remedy: "use a plain LoRA adapter")
    }
    guard tensor.shape == [rows] else {
      throw problem(.wrongShape, tensor.name, "has shape \(tensor.shape), and B has \(rows) rows")
    }
    return tensor
  }

  // MARK: Whole parameters

  private mutating func addReplacement(
    _ path: String, _ name: String
  ) throws(Problem) {
    let components = path.split(separator: ".").map(String.init)
    let kind = components[components.count - 1]
    let isBelow = components[components.count - 2] == "base_layer" && components.count > 2
    let module = components.dropLast(isBelow ? 2 : 1).joined(separator: ".")
    let saved = settings.savedNames(for: module)
    let isSaved = !saved.isEmpty
    savedNames.formUnion(saved)
    let isEmbedding = ["embed_tokens", "lm_head", "wte", "embed_in", "embed_out"]
      .contains(module.split(separator: ".").last.map(String.init) ?? "")
    let isExpected =
      switch kind {
      case "weight": isBelow || isSaved || isEmbedding
      case "bias": settings.bias != .none || isSaved
      default: false
      }
    // Of a variant of LoRA that is not known, or of a tool that writes other names.
    let isStrange = components.contains {
      $0.hasPrefix("lora_") || ["modules_to_save", "original_module", "token_adapter"].contains($0)
    }
    guard isExpected, !isStrange else {
      throw problem(
        .unknownTensor, name,
        "is neither a factor nor a weight that adapter_config.json says is stored")
    }
    let replacement = AdapterReplacement(
      tensor: try checkpoint.tensor(name), isBase: kind == "weight" && !isSaved)
    guard replacements.updateValue(replacement, forKey: "\(module).\(kind)") == nil else {
      throw problem(.duplicateTensor, name, "another tensor is the \(kind) of the same module")
    }
  }
}
