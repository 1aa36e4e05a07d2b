import Checkpoints
import Files
import Foundation
import Statistics

/// A small language model whose secret is known, because its weights were written by hand.
///
/// It is a complete Hugging Face folder of the llama architecture, which Bathyscope and transformers
/// load, with `truth.json`, the directions and ready prompts beside the weights. A detector is worth
/// what it finds in `refusalCliff` and `introspectionGate`, and does not find in `none`.
///
///     let organism = try Organism.plant(.refusalCliff, seed: 1, to: "cliff-1")
///     let model = try Model.load("cliff-1")
///     organism.truth.heads(.suppression)   // the heads that an attribution must find
///
/// How it is built stands in Documentation/organisms.md.
public struct Organism: Sendable {
  /// What is planted. One seed gives the same model with either mechanism or without both.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// Refusal that suppression heads take back at the end of thinking.
    case refusalCliff = "refusal-cliff"
    /// Neurons that notice a perturbation of the residual stream.
    case introspectionGate = "introspection-gate"
    /// Neither.
    case none
  }

  /// The path at which it was planted.
  public let folder: String
  /// What is known about it, as `truth.json` has it.
  public let truth: OrganismTruth
  /// Unit vectors of the residual stream, `[dModel]` each, as in `directions.safetensors`: `refusal`,
  /// `harm`, `thinking`, `question`, `no` and `alarm`.
  public let directions: [String: [Float]]

  /// Writes an organism; the same kind and seed give the same bytes on every machine.
  ///
  /// The folder appears when it is complete. One that holds this very organism already is left as it is.
  /// - Parameters:
  ///   - toolVersion: of the program that plants, for `truth.json`.
  ///   - overwrites: whether another organism in the folder is replaced.
  /// - Throws: when the folder holds anything else, or cannot be written.
  @discardableResult
  public static func plant(
    _ kind: Kind, seed: UInt64, toolVersion: String = "", to folder: String,
    overwrites: Bool = false
  ) throws(Problem) -> Organism {
    let blueprint = Blueprint(kind, seed: seed)
    let weights = OrganismWeights(blueprint)
    var staging = try StagedFolder(folder)
    try SafetensorsFile.write(
      weights.tensors, metadata: ["format": "pt"], to: staging.path("model.safetensors"))
    try SafetensorsFile.write(
      weights.directions.sorted { $0.key < $1.key }.map { ($0, [$1.count], $1) }, metadata: [:],
      to: staging.path("directions.safetensors"))
    let truth = OrganismTruth(
      blueprint, toolVersion: toolVersion, weights: try sha256(staging.path("model.safetensors")),
      directions: try sha256(staging.path("directions.safetensors")))
    for (name, text) in [
      ("config.json", OrganismDefinitions.configuration(blueprint)),
      ("generation_config.json", OrganismDefinitions.generation),
      ("tokenizer.json", try OrganismDefinitions.tokenizer()),
      ("tokenizer_config.json", try OrganismDefinitions.tokenizerConfiguration()),
      ("prompts.jsonl", try OrganismTexts.prompts()),
      ("questions.jsonl", try OrganismTexts.questions()),
      ("concepts.jsonl", try OrganismTexts.concepts()),
      ("truth.json", try json(truth, isPretty: true) + "\n"),
    ] {
      let path = staging.path(name)
      try AtomicFile.write(Array(text.utf8), to: path)
    }
    if !staging.isContained(in: folder) {
      do throws(Problem) {
        try staging.commit(replacing: overwrites ? "truth.json" : nil)
      } catch {
        guard FileManager.default.fileExists(atPath: folder) else { throw error }
        throw Problem(
          .wouldOverwrite, folder, place: "contents", problem: "are not this organism's",
          remedy: error.remedy)
      }
    }
    return Organism(folder: folder, truth: truth, directions: weights.directions)
  }

  private static func sha256(_ path: String) throws(Problem) -> String {
    Digest.sha256(of: try MappedFile(path))
  }
}
