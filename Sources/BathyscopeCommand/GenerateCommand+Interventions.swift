import ArgumentParser
import Bathyscope
import Foundation

/// What is changed while a model writes.
struct InterventionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("A JSON array of interventions.", valueName: "file"), completion: .file())
  var interventions: String?

  @Option(
    help: ArgumentHelp(
      """
      A steering vector: .safetensors, .gguf, .json, raw .f32, or a probe's folder, whose vector is \
      as long as the probe is steep and not of unit length. A control vector with one direction.N a \
      block, and what 'direction select' chose, say themselves where they are added.
      """,
      valueName: "file"), completion: .file())
  var steer: String?

  @Option(
    help: ArgumentHelp(
      """
      The block, counted from 0, behind which one steering vector is added. direction.N of a \
      control vector belongs behind block N, where llama.cpp adds it; llama.cpp's own generator \
      has measured it behind N - 1.
      """, valueName: "layer"))
  var after: Int?

  @Option(parsing: .unconditional, help: "What the steering vector is multiplied with.")
  var scale: Float?

  @Option(help: ArgumentHelp("Heads to ablate, such as 7.3,8.1.", valueName: "layer.head"))
  var ablateHeads: String?

  @Option(
    help: ArgumentHelp(
      "A direction to remove from all that is written into the residual stream.",
      valueName: "file"), completion: .file())
  var projectOut: String?

  @Option(
    help: ArgumentHelp("Which tensor of a vector's file, if there are several.", valueName: "name"))
  var tensor: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Tokens that --steer, --ablate-heads and --project-out touch, as for --positions.",
      valueName: "positions"))
  var at: Positions?

  func validate() throws {
    guard (steer == nil) == (scale == nil), after == nil || steer != nil else {
      throw ValidationError("--steer and --scale belong together, and --after needs them.")
    }
    guard scale?.isFinite ?? true else { throw ValidationError("--scale must be finite.") }
    guard at == nil || steer != nil || projectOut != nil || ablateHeads != nil else {
      throw ValidationError("--at needs --steer, --ablate-heads or --project-out.")
    }
    guard tensor == nil || steer != nil || projectOut != nil else {
      throw ValidationError("--tensor needs --steer or --project-out.")
    }
    _ = try heads()
  }

  /// All interventions: those of the file, then steering, directions, and heads.
  func interventions(for model: Model) throws -> [Intervention] {
    var all = try interventions.map { try InterventionFile.read($0) } ?? []
    let at = at ?? .all
    if let steer, let scale {
      all += try steering(with: steer, scale: scale, at: at, in: model)
    }
    if let projectOut {
      let vector = try VectorFile(projectOut, tensor: tensor).vector(for: model, at: nil)
      all.append(.directionalAblation(vector, in: model.shape, at: at))
    }
    let heads = try heads()
    if !heads.isEmpty { all.append(.scaleHeads(heads, by: 0, at: at)) }
    return all
  }

  private func steering(
    with path: String, scale: Float, at positions: Positions, in model: Model
  ) throws -> [Intervention] {
    guard let after else {
      return try SteeringFile(path).interventions(scale: scale, at: positions, in: model)
    }
    guard (0..<model.shape.layers).contains(after) else {
      throw Problem(
        .invalidOption, "--after \(after)",
        problem: "the model has blocks 0 to \(model.shape.layers - 1)", remedy: "name one of these")
    }
    let vector = try VectorFile(path, tensor: tensor)
      .vector(for: model, at: .residual(after: after))
    if VectorFile.isFolder(path) {
      let length = vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      writeError("note: the probe's vector has the length \(fixed(length, 3)), not 1")
    }
    return [.add(vector, scale: scale, after: after, at: positions)]
  }

  private func heads() throws -> [Head] {
    try (ablateHeads?.split(separator: ",", omittingEmptySubsequences: false) ?? []).map { part in
      let numbers = part.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
      guard numbers.count == 2, let layer = numbers[0], let head = numbers[1], layer >= 0,
        head >= 0
      else {
        throw ValidationError(
          "--ablate-heads: '\(printable(part.utf8))' is no layer and head, such as 7.3.")
      }
      return Head(layer: layer, head: head)
    }
  }
}

/// Interventions as JSON.
enum InterventionFile {
  static func read(_ path: String) throws -> [Intervention] {
    let bytes = try readFile(path, limit: 256 << 20)
    let json = try JSONReader.parse(bytes, file: path)
    let interventions: [Intervention]
    do {
      interventions = try JSONDecoder().decode([Intervention].self, from: Data(bytes))
    } catch let error as DecodingError {
      throw Problem(
        .missingField, path, place: place(of: error), problem: "is missing or not understood",
        remedy: "see the example in: bathyscope generate --help")
    }
    guard !interventions.isEmpty else {
      throw Problem(
        .noRows, path, problem: "has no interventions", remedy: "leave --interventions out")
    }
    // A misspelt key would be passed over.
    let known = try JSONReader.parse(
      Array(try JSONEncoder().encode(interventions)), file: path)
    if let unknown = unknownKey(in: json, beside: known) {
      throw Problem(
        .unknownKey, path, place: printable(unknown.utf8), problem: "is a key that is not read",
        remedy: "see the example in: bathyscope generate --help")
    }
    return interventions
  }

  private static func unknownKey(in json: JSON, beside known: JSON) -> String? {
    if let members = json.object?.members {
      for (key, value) in members {
        guard let same = known.object?[key] else { return String(decoding: key, as: UTF8.self) }
        if let unknown = unknownKey(in: value, beside: same) { return unknown }
      }
    }
    for (value, same) in zip(json.array ?? [], known.array ?? []) {
      if let unknown = unknownKey(in: value, beside: same) { return unknown }
    }
    return nil
  }

  private static func place(of error: DecodingError) -> String {
    let path: [any CodingKey] =
      switch error {
      case .keyNotFound(let key, let context): context.codingPath + [key]
      case .typeMismatch(_, let context), .valueNotFound(_, let context),
        .dataCorrupted(let context):
        context.codingPath
      @unknown default: []
      }
    return printable(path.map(\.stringValue).joined(separator: ".").utf8)
  }
}

/// A vector of the residual stream in one of the forms in which such vectors are handed around.
struct VectorFile {
  let path: String
  let tensor: String?

  init(_ path: String, tensor: String?) { (self.path, self.tensor) = (path, tensor) }

  /// - Parameter hook: which probe of a probe's folder is meant; nil for the chosen one.
  func vector(for model: Model, at hook: HookPoint?) throws -> [Float] {
    let width = model.shape.dModel
    let values = try values(for: model, at: hook)
    guard values.count == width else {
      throw error(
        .unfitVector, "", "has \(values.count) values",
        "give a vector of \(width), the model's width")
    }
    guard values.allSatisfy(\.isFinite) else {
      throw error(.notFinite, "", "has values that are NaN or infinite", "give finite values")
    }
    return values
  }

  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  private func values(for model: Model, at hook: HookPoint?) throws -> [Float] {
    try SteeringVectors.refusePickle(path)
    if Self.isFolder(path) {
      let probes = try ProbeSet.load(
        path,
        for: ProbeHost(
          modelID: model.identity.id, modelSHA256: model.identity.weightsSHA256,
          width: model.shape.dModel,
          layerCount: model.shape.layers))
      guard let probe = hook.map({ probes[$0] }) ?? probes.chosen else {
        let hooks = probes.probes.map { "\($0.hook)" }.joined(separator: ", ")
        throw error(
          .noSuchHook, "", "has no probe at \(hook.map { "\($0)" } ?? "it")", "it has \(hooks)")
      }
      return probe.direction
    }
    switch URL(fileURLWithPath: path).pathExtension {
    case "safetensors", "gguf": return try checkpointValues(for: model)
    case "json":
      let json = try JSONReader.parse(try readFile(path, limit: 64 << 20), file: path)
      let numbers = json.array?.compactMap(\.double)
      guard let numbers, numbers.count == json.array?.count else {
        throw error(.wrongType, "", "is not a list of numbers", "write [0.1, -0.2, ...]")
      }
      return numbers.map { Float($0) }
    case "f32":
      let bytes = try readFile(path, limit: 64 << 20)
      guard bytes.count % 4 == 0 else {
        throw error(
          .wrongCount, "", "has \(bytes.count) bytes, not a multiple of 4",
          "write little-endian floats")
      }
      return stride(from: 0, to: bytes.count, by: 4).map { start in
        Float(
          bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) })
      }
    default:
      throw error(
        .unsupported, "", "is of no kind that is read",
        "name a .safetensors, .gguf, .json or .f32 file")
    }
  }

  private func checkpointValues(for model: Model) throws -> [Float] {
    let checkpoint = try Checkpoint.open(path)
    // What 'direction select' wrote says where it was measured: an adapter makes another model.
    if checkpoint.metadata["model_sha256"] != nil,
      try checkpoint.string("model_sha256") != model.identity.weightsSHA256
    {
      writeError("note: \(path) was measured in a model with other weights")
    }
    guard let name = tensor ?? (checkpoint.names.count == 1 ? checkpoint.names[0] : nil) else {
      let names = checkpoint.names.prefix(40).map { printable($0.utf8) }
      throw error(
        .ambiguous, "", "has \(checkpoint.names.count) tensors: \(names.joined(separator: ", "))",
        "say which one with --tensor")
    }
    let stored = try checkpoint.tensor(name)
    guard stored.shape.count(where: { $0 != 1 }) <= 1 else {
      throw error(
        .wrongShape, "tensor '\(name)'", "has the shape \(stored.shape)", "name a single vector")
    }
    return stored.floats()
  }

  private func error(_ code: Problem.Code, _ place: String, _ problem: String, _ remedy: String)
    -> Problem
  {
    Problem(code, path, place: place, problem: problem, remedy: remedy)
  }
}
