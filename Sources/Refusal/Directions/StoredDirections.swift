import Checkpoints
import Files
import Foundation
import Statistics
import Tensors
import Transformer

/// A folder of candidate directions: `directions.safetensors` with one tensor `directions`
/// `[positions, layers, dModel]`, and `card.json` that says where they came from.
public struct StoredDirections: Sendable, Equatable {
  /// Where the directions came from, as `card.json` has it.
  public struct Card: Sendable, Equatable, Codable {
    /// The version of the format that is written, and the only one that is read.
    static let currentSchema = "bathyscope-directions-1"

    /// The version of the format, as the file has it.
    public var schema = Card.currentSchema
    /// Of the Bathyscope that extracted them.
    public var toolVersion: String
    /// The model that they were measured in.
    public var model: ModelIdentity
    /// In which the activations were computed.
    public var precision: Precision
    /// What computed the activations, as `Model.kernel` names it.
    public var kernel: String
    /// Counted from the prompt's end, both included.
    public var firstPosition: Int
    /// The last position, -1 for the prompt's last token.
    public var lastPosition: Int
    /// The number of blocks, each with one direction at its input.
    public var layers: Int
    /// The length of a direction, dModel.
    public var width: Int
    /// Training prompts of each class.
    public var harmfulCount: Int
    /// Harmless training prompts.
    public var harmlessCount: Int
    /// Places in the list of prompts.
    public var split: DirectionSplit
    /// The name of each prompt's group, in the order of the prompts.
    public var groups: [String]
    /// Prompts that repeat each other, and what became of them; nil where nobody looked.
    public var duplicates: Duplicates?
    /// The prompts' files, each with its digest.
    public var prompts: [String]
    /// SHA-256 of all prompts as tokens.
    public var promptTokensSHA256: String
    /// What tells harmful from harmless.
    public var label: String
    /// Of the split: the same seed gives the same parts.
    public var seed: UInt64
    /// The command line that extracted them, as JSON.
    public var arguments: String
    /// SHA-256 of `directions.safetensors`; filled in when written.
    public var directionsSHA256 = ""

    /// Takes model, precision and kernel from the model as it was loaded.
    public init(
      _ candidates: DirectionCandidates, of model: Model, split: DirectionSplit, groups: [String],
      prompts: [String], promptTokensSHA256: String, label: String, seed: UInt64,
      arguments: String, toolVersion: String
    ) {
      self.toolVersion = toolVersion
      (self.model, precision, kernel) = (model.identity, model.precision, model.kernel)
      (firstPosition, lastPosition) = (
        candidates.positions.lowerBound, candidates.positions.upperBound
      )
      (layers, width) = (candidates.layers, candidates.width)
      (harmfulCount, harmlessCount) = (candidates.harmfulCount, candidates.harmlessCount)
      (self.split, self.groups, self.prompts) = (split, groups, prompts)
      self.promptTokensSHA256 = promptTokensSHA256
      (self.label, self.seed, self.arguments) = (label, seed, arguments)
    }
  }

  /// What `card.json` says.
  public var card: Card
  /// What `directions.safetensors` holds.
  public var candidates: DirectionCandidates

  /// The card's digest is empty until both are written.
  public init(card: Card, candidates: DirectionCandidates) {
    (self.card, self.candidates) = (card, candidates)
  }

  /// Writes both files; the card is written last and names the digest of the tensors.
  public func write(to folder: String) throws {
    let path = "\(folder)/directions.safetensors"
    try SafetensorsFile.write(
      [
        (
          "directions", [candidates.positions.count, candidates.layers, candidates.width],
          candidates.values
        )
      ], metadata: ["format": Card.currentSchema], to: path)
    var card = card
    card.directionsSHA256 = Digest.sha256(of: try MappedFile(path))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try AtomicFile.write(try encoder.encode(card) + [0x0A], to: "\(folder)/card.json")
  }

  /// - Throws: when a file is missing or damaged, or the two are not of one writing.
  public init(_ folder: String) throws {
    let (path, cardPath) = ("\(folder)/directions.safetensors", "\(folder)/card.json")
    let bytes = try readFile(cardPath, limit: 64 << 20)
    _ = try JSONReader.parse(bytes, file: cardPath)
    func damaged(_ code: Problem.Code, _ file: String, _ problem: String) -> Problem {
      Problem(code, file, problem: problem, remedy: "extract the directions again")
    }
    guard let card = try? JSONDecoder().decode(Card.self, from: Data(bytes)),
      card.schema == Card.currentSchema
    else { throw damaged(.wrongFormat, cardPath, "is no card of directions") }
    guard Digest.sha256(of: try MappedFile(path)) == card.directionsSHA256 else {
      throw damaged(.digestDiffers, path, "is not the file that card.json was written with")
    }
    let tensor = try Checkpoint.open(path).tensor("directions")
    let parts = [card.split.training, card.split.validation, card.split.test]
    let places = parts.flatMap { $0.harmful + $0.harmless }
    guard card.firstPosition <= card.lastPosition, card.lastPosition < 0,
      card.firstPosition > -1_000_000, tensor.shape.count == 3,
      tensor.shape == [card.lastPosition - card.firstPosition + 1, card.layers, card.width],
      Set(places).count == places.count,
      places.allSatisfy({ card.groups.indices.contains($0) })
    else {
      throw damaged(
        .contradictory, cardPath, "does not fit directions.safetensors, or its split overlaps")
    }
    let values = tensor.floats()
    guard values.allSatisfy(\.isFinite) else {
      throw damaged(.notFinite, path, "holds what is not finite")
    }
    self.card = card
    candidates = DirectionCandidates(
      positions: card.firstPosition...card.lastPosition, layers: card.layers, width: card.width,
      harmfulCount: card.harmfulCount, harmlessCount: card.harmlessCount, values: values)
  }
}

/// One chosen direction in a safetensors file: a tensor `direction` `[dModel]`, and in the metadata the
/// block input that it was measured at.
public struct StoredDirection: Sendable, Equatable {
  /// `[dModel]`, as it was measured: its length counts where it is added.
  public var vector: [Float]
  /// Where it is added: the block whose input it is.
  public var layer: Int
  /// The token that it was measured at, counted from the prompt's end.
  public var position: Int
  /// SHA-256 of the weights of the model that it was measured in.
  public var modelSHA256: String

  /// - Parameter vector: finite, `[dModel]`.
  public init(vector: [Float], layer: Int, position: Int, modelSHA256: String) {
    (self.vector, self.layer, self.position) = (vector, layer, position)
    self.modelSHA256 = modelSHA256
  }

  /// Writes one safetensors file; how it was measured is in its metadata.
  public func write(to path: String) throws {
    try SafetensorsFile.write(
      [("direction", [vector.count], vector)],
      metadata: [
        "format": "bathyscope-direction-1", "hook": "\(HookPoint.residual(before: layer))",
        "position": "\(position)", "model_sha256": modelSHA256,
      ], to: path)
  }

  /// Reads one; nil for a safetensors file of another kind.
  /// - Throws: when the file is damaged.
  public init?(_ path: String) throws {
    let checkpoint = try Checkpoint.open(path)
    guard checkpoint.metadata["format"] == .string(Array("bathyscope-direction-1".utf8)) else {
      return nil
    }
    let tensor = try checkpoint.tensor("direction")
    guard let hook = HookPoint(try checkpoint.string("hook")), hook.site == .residualBefore,
      let layer = hook.layer, let position = Int(try checkpoint.string("position")),
      tensor.shape.count == 1, tensor.elementCount <= 1 << 20
    else {
      throw Problem(
        .missingField, path, place: "__metadata__", problem: "names no block input, or no token",
        remedy: "select the direction again")
    }
    vector = tensor.floats()
    guard vector.allSatisfy(\.isFinite) else {
      throw Problem(
        .notFinite, path, place: "tensor 'direction'", problem: "holds a number that is not finite",
        remedy: "select the direction again")
    }
    (self.layer, self.position) = (layer, position)
    modelSHA256 = try checkpoint.string("model_sha256")
  }
}
