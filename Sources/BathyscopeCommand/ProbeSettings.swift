import Bathyscope
import Foundation

/// All that decides the probes of a training, besides the activations.
struct ProbeSettings {
  var training: ProbeTraining
  var examples: [Example]
  /// The other label of a 2 x 2 design.
  var crossed: [Bool]?

  static let journal = "probes.journal"

  /// The probes of a training that has not ended.
  ///
  /// - Parameters:
  ///   - folder: where the probes will be written; it is made when missing.
  ///   - overwrites: whether another training's journal is replaced.
  /// - Throws: when another training has not ended there.
  func journal(
    _ folder: String, of sources: [ProbeSource], overwriting overwrites: Bool
  ) throws -> RunJournal<TrainedProbe.Place, TrainedProbe> {
    try MadeFolders.make(folder)
    let inputs = sources.map { source in
      Provenance.Input(
        role: "activations", name: URL(fileURLWithPath: source.file.path).lastPathComponent,
        sha256: source.sha256)
    }
    let settings = Settings(
      kernel: Diagnosis.kernel, training: training,
      // They are many, and a conflict names the file that they are in.
      examplesSHA256: Digest.sha256(Array(try lineOfJSON(examples).utf8)),
      crossedSHA256: try crossed.map { Digest.sha256(Array(try lineOfJSON($0).utf8)) })
    return try .open(
      "\(folder)/\(Self.journal)",
      of: try .run(of: "probes", inputs: inputs, settings: settings, seed: training.seed),
      overwriting: overwrites)
  }

  private struct Settings: Encodable {
    var kernel: String
    var training: ProbeTraining
    var examplesSHA256: String
    var crossedSHA256: String?
  }
}
