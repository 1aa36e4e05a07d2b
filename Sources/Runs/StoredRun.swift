import Files
import Foundation

/// A run that has ended, read back.
public struct StoredRun: Sendable {
  /// The document.
  public let path: String
  /// What the run was made from.
  public let provenance: Provenance
  private let folder: String
  private let document: Document

  /// Opens the document of a run and compares it with its digest.
  ///
  /// - Parameters:
  ///   - name: of the document without `.json`; the study's by default.
  /// - Throws: `run-unfinished` where only a journal is there, `digest-differs` where the document was changed,
  ///   `wrong-format` where it is of another study, `unknown-version` where its form is of another version.
  public static func open(
    _ folder: String, name: String? = nil, study: String, version: Int = 2
  ) throws(Problem) -> StoredRun {
    let stem = "\(folder)/\(name ?? study)"
    let path = "\(stem).json"
    let manager = FileManager.default
    if !manager.fileExists(atPath: path), manager.fileExists(atPath: "\(stem).journal") {
      throw Problem(
        .runUnfinished, folder, problem: "holds a run that has not ended",
        remedy: "repeat its command, which resumes it")
    }
    return try open(document: path, studies: [study], version: version)
  }

  /// Opens the document of a run of one of several studies, whatever its name.
  ///
  /// - Parameter earlier: schemas of earlier versions, which are refused by name.
  /// - Throws: as the other does.
  public static func open(
    document path: String, studies: [String], earlier: Set<String> = [], version: Int = 2
  ) throws(Problem) -> StoredRun {
    let content: [UInt8]
    do {
      content = try SealedDocument.content(of: path)
    } catch let problem {
      let json = try? JSONReader.parse(try readFile(path, limit: 1 << 30), file: path)
      guard problem.code == .notSealed, let schema = json?["schema"]?.text,
        earlier.contains(schema) || studies.contains(where: { schema == "bathyscope-\($0)-1" })
      else { throw problem }
      throw Problem(
        .unknownVersion, path, place: "schema", problem: "is of an earlier version",
        remedy: "compute it again with this version, or read it with the one that wrote it")
    }
    let head = try RunJSON.read(Head.self, content, from: path)
    guard studies.contains(where: { head.schema == "bathyscope-\($0)" }) else {
      throw Problem(
        .wrongFormat, path, place: "schema",
        problem: "is '\(printable(head.schema.utf8))' and not "
          + studies.map { "'bathyscope-\($0)'" }.joined(separator: " or "),
        remedy: "name a result of that study")
    }
    guard head.schemaVersion == version else {
      throw Problem(
        .unknownVersion, path, place: "schema_version",
        problem: "is \(head.schemaVersion) and not \(version)",
        remedy: "compute it again with this version, or read it with the one that wrote it")
    }
    let document = try RunJSON.read(Document.self, content, from: path)
    guard head.schema == "bathyscope-\(document.provenance.study)" else {
      throw Problem(
        .contradictory, path, place: "provenance.study", problem: "is not that of the schema",
        remedy: "fetch or compute it again")
    }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    return StoredRun(path: path, folder: folder, document: document)
  }

  private init(path: String, folder: String, document: Document) {
    self.path = path
    self.folder = folder
    self.document = document
    provenance = document.provenance
  }

  /// The names of the files beside the document.
  public var files: Set<String> { Set(document.files.keys) }

  /// What was found.
  public func result<Result: Decodable>(_ type: Result.Type) throws(Problem) -> Result {
    try document.result.decoded(as: type, from: path, at: "result")
  }

  /// The bytes of a file beside the document.
  /// - Throws: `missing` where the run wrote none of this name, `digest-differs` where it was changed.
  public func file(_ name: String, limit: Int = 1 << 30) throws(Problem) -> [UInt8] {
    let path = "\(folder)/\(name)"
    guard let digest = document.files[name] else {
      throw Problem(
        .missing, path, problem: "is no file of this run",
        remedy: "name one of: \(document.files.keys.sorted().joined(separator: ", "))")
    }
    let bytes = try readFile(path, limit: limit)
    guard Digest.sha256(bytes) == digest else {
      throw Problem(
        .digestDiffers, path, problem: "does not have the SHA-256 that \(self.path) states",
        remedy: "it was changed or damaged: fetch or compute it again")
    }
    return bytes
  }

  struct Document: Codable {
    var schema: String
    var schemaVersion: Int
    var provenance: Provenance
    var files: [String: String]
    var result: Setting
  }

  private struct Head: Codable {
    var schema: String
    var schemaVersion: Int
  }
}
