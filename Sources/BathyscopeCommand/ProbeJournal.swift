import Bathyscope
import Foundation

/// The finished probes of a training that has not ended.
struct ProbeJournal: ProbeKeeper {
  /// All that decides the probes.
  struct Configuration: Encodable {
    var toolVersion = bathyscopeVersion
    var kernel = Diagnosis.kernel
    /// SHA-256 of each file of activations.
    var acts: [String]
    var examples: [Example]
    /// The other label of a 2 x 2 design.
    var crossed: [Bool]?
    var training: ProbeTraining
  }

  private let journal: KeyedJournal<TrainedProbe>
  /// What tells this training's probes from those of another in the same folder.
  private let run: String

  static let name = "probes.journal"

  /// - Parameters:
  ///   - folder: where the probes will be written; it is made when missing.
  ///   - overwrites: whether another training's journal is replaced.
  /// - Throws: when another training has not ended there.
  init(_ folder: String, _ configuration: Configuration, overwrites: Bool) throws {
    try MadeFolders.make(folder)
    let path = "\(folder)/\(Self.name)"
    let run = Digest.sha256(Array(try lineOfJSON(configuration).utf8))
    journal = try KeyedJournal(path, schema: "bathyscope-probe-journal-1")
    self.run = run
    guard !journal.keys.allSatisfy({ $0.hasPrefix("\(run) ") }) else { return }
    guard overwrites else {
      throw RunConflict.differs(
        ["it holds probes of other activations, labels or settings"], in: path)
    }
    try journal.removeAll()
  }

  func probe(at place: TrainedProbe.Place) -> TrainedProbe? { journal[key(place)] }

  func keep(_ probe: TrainedProbe, at place: TrainedProbe.Place) throws(Problem) {
    try journal.append(probe, for: key(place))
  }

  /// Removes the journal once everything is written.
  func remove() { journal.remove() }

  private func key(_ place: TrainedProbe.Place) -> String {
    let position = place.position.map { " at \($0)" } ?? ""
    return "\(run) \(place.kind.rawValue) \(place.factor ?? "") \(place.hook)\(position)"
  }
}
