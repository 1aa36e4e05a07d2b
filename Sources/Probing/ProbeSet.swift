import Checkpoints
import Files
import Foundation
import Transformer

/// The model that a stored probe is about to read.
public struct ProbeHost: Sendable, Equatable {
  /// What the model is called, for messages.
  public var modelID: String
  /// SHA-256 of its weights, which has to be that of the probe's model.
  public var modelSHA256: String
  /// Width of its residual stream, dModel.
  public var width: Int
  /// The number of blocks.
  public var layerCount: Int

  /// A stored probe of another digest is loaded only by force.
  public init(modelID: String = "the model", modelSHA256: String, width: Int, layerCount: Int) {
    (self.modelID, self.modelSHA256) = (modelID, modelSHA256)
    (self.width, self.layerCount) = (width, layerCount)
  }
}

/// Probes of one training with their card, as they stand in a folder `Probes/<name>/`.
///
///     try ProbeSet(card: card, probes: trained.probes).write(to: "Probes/refusal")
///     let set = try ProbeSet.load("Probes/refusal", for: host)
///     let z = try set.chosen.score(activations)
///
/// `probe.safetensors` holds float32 tensors: weight, mean and scale `[probes, width]`, bias and
/// threshold `[probes]`. `card.json` is the card.
public struct ProbeSet: Sendable, Equatable {
  /// What the probes are, what they were made from and what they reached.
  public var card: ProbeCard
  /// One per hook of the card, in its order.
  public var probes: [Probe]
  /// The mismatches that were overridden when it was loaded, in words; to be written wherever its
  /// scores are.
  public internal(set) var forced: [String] = []

  /// Neither is checked before `write(to:)`.
  public init(card: ProbeCard, probes: [Probe]) { (self.card, self.probes) = (card, probes) }

  /// The probe at the hook that was chosen on the selection rows.
  /// - Precondition: the probes are those of the card, as those that were loaded are.
  public var chosen: Probe { probes[card.report.chosen] }

  /// The probe at a hook; nil when it has none.
  public subscript(hook: HookPoint) -> Probe? { probes.first { $0.hook == hook } }

  /// Writes both files into the folder, which is made when missing.
  ///
  /// The same probes and card give the same bytes. The card is written last and names the digest of
  /// the tensors, so that a pair torn apart by a killed run is refused and not used.
  /// - Throws: when the folder cannot be written to or the probes do not fit the card.
  public func write(to folder: String) throws(Problem) {
    guard probes.map(\.hook) == card.hooks, probes.allSatisfy({ $0.width == self.card.width }),
      !probes.isEmpty
    else {
      throw Problem(
        .contradictory, folder, problem: "the probes are not those that the card names",
        remedy: "make the card from the same training")
    }
    try MadeFolders.make(folder)
    let (count, width) = (probes.count, card.width)
    let tensors = Self.tensorsPath(folder)
    try SafetensorsFile.write(
      [
        ("weight", [count, width], probes.flatMap(\.weight)),
        ("bias", [count], probes.map(\.bias)),
        ("mean", [count, width], probes.flatMap(\.mean)),
        ("scale", [count, width], probes.flatMap(\.scale)),
        ("threshold", [count], probes.map(\.threshold)),
      ], metadata: ["format": "bathyscope-probe-1"], to: tensors)
    var card = self.card
    card.probeSHA256 = Digest.sha256(of: try MappedFile(tensors))
    try AtomicFile.write(try encoded(card), to: Self.cardPath(folder))
  }

  private func encoded(_ card: ProbeCard) throws(Problem) -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    do {
      return try encoder.encode(card) + Data("\n".utf8)
    } catch {
      throw Problem(
        .notFinite, "card.json", problem: "a metric is not a finite number",
        remedy: "look for features that are far out of range")
    }
  }

  /// The files of a folder.
  package static let names = ["probe.safetensors", "card.json"]

  static func tensorsPath(_ folder: String) -> String { "\(folder)/probe.safetensors" }
  static func cardPath(_ folder: String) -> String { "\(folder)/card.json" }
}
