import Files
import Foundation

/// What one run writes: a sealed document, the files beside it, and a journal while it has not ended.
///
///     let folder = try RunFolder.open("heads", provenance)
///     if let result = try folder.result(Sweep.self) { return result }
///     let journal = try folder.journal(Place.self, Row.self)
///     for place in places where !journal.contains(place) {
///       try journal.append(try row(place), for: place)
///     }
///     try folder.write("sweep.csv", table)
///     try folder.finish(result)
///
/// The document `STUDY.json` is written last: where it is, the run is complete. It states where it came from and the
/// SHA-256 of itself and of every file beside it. A killed run leaves `STUDY.journal`, and the next run with the same
/// provenance resumes it. Another run's document or journal is never replaced, unless that is asked for.
public final class RunFolder {
  /// The folder.
  public let path: String
  /// What the run is made from.
  public let provenance: Provenance
  /// Whether another run's results are replaced.
  public let overwrites: Bool
  /// The document's name, without `.json`.
  public let name: String
  private var files: [String: String] = [:]
  private var removeJournal: () -> Void = {}

  /// Opens or makes a folder for a run.
  ///
  /// - Parameters:
  ///   - name: of the document without `.json`; the study's by default.
  ///   - overwriting: whether another run's results, or what is left of them, are replaced.
  /// - Throws: `other-configuration` where another run's document is there, `digest-differs` where it was changed.
  public static func open(
    _ path: String, _ provenance: Provenance, name: String? = nil, overwriting: Bool = false
  ) throws(Problem) -> RunFolder {
    try MadeFolders.make(path)
    let folder = RunFolder(path, provenance, name ?? provenance.study, overwriting)
    _ = try folder.stored()
    return folder
  }

  private init(_ path: String, _ provenance: Provenance, _ name: String, _ overwrites: Bool) {
    self.path = path
    self.provenance = provenance
    self.name = name
    self.overwrites = overwrites
  }

  /// The result, where the run has ended.
  public func result<Result: Decodable>(_ type: Result.Type) throws(Problem) -> Result? {
    guard let stored = try stored() else { return nil }
    let result = try stored.result(type)
    // Of a run that was killed before it removed it.
    let journal = "\(path)/\(name).journal"
    if FileManager.default.fileExists(atPath: journal) { try LineFile(journal).remove() }
    return result
  }

  /// The rows that are finished, where the run has not ended.
  ///
  /// - Parameter accepts: whether a row that is there is one of this run: of the right length, say.
  /// - Throws: `other-configuration` for the journal of another run, `journal-damaged` for one that was changed.
  public func journal<Key, Row>(
    _ key: Key.Type, _ row: Row.Type, where accepts: (Key, Row) -> Bool = { _, _ in true }
  ) throws(Problem) -> RunJournal<Key, Row> {
    let journal = try RunJournal<Key, Row>.open(
      "\(path)/\(name).journal", of: provenance, overwriting: overwrites, where: accepts)
    removeJournal = { journal.remove() }
    return journal
  }

  /// Writes a file beside the document, as a whole.
  public func write(_ file: String, _ content: [UInt8]) throws(Problem) {
    try AtomicFile.write(content, to: "\(path)/\(file)")
    files[file] = Digest.sha256(content)
  }

  /// Writes the document, and removes the journal.
  ///
  /// - Parameter version: of the result's form.
  public func finish(_ result: some Encodable, version: Int = 2) throws(Problem) {
    try SealedDocument.write(
      StoredRun.Document(
        schema: "bathyscope-\(provenance.study)", schemaVersion: version, provenance: provenance,
        files: files, result: try Setting(encoding: result, for: documentPath)),
      to: documentPath)
    removeJournal()
  }

  /// The document's path.
  public var documentPath: String { "\(path)/\(name).json" }

  /// The document, where it is this run's; nil where there is none, or one that this run will replace.
  private func stored() throws(Problem) -> StoredRun? {
    guard FileManager.default.fileExists(atPath: documentPath) else { return nil }
    do {
      let stored = try StoredRun.open(path, name: name, study: provenance.study)
      try stored.provenance.check(provenance, in: stored.path)
      return stored
    } catch let problem {
      // It stays until there is another to put in its place.
      guard overwrites else { throw problem }
      return nil
    }
  }
}
