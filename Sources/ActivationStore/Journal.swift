import Files
import Foundation

/// The JSON beside an activation file, `<file>.json`: which bytes it has and where they came from.
///
/// It is written last, so its presence says that the file was finished. It proves that a file is
/// undamaged, not that it is friendly: whoever forges the one can forge the other.
public struct Journal: Sendable, Equatable, Encodable {
  /// What tells the file from other JSON.
  public var schema = "bathyscope-activations-journal"
  /// The version of the journal's format.
  public var schemaVersion = 1
  /// The activation file's size in bytes.
  public var size: Int
  /// SHA-256 of the activation file.
  public var sha256: String
  /// SHA-256 of the run's configuration: everything that decides the numbers.
  public var configurationSHA256: String
  /// When the file was begun, as ISO 8601 in UTC, or SOURCE_DATE_EPOCH.
  public var created: String
  /// Of the Bathyscope that captured.
  public var toolVersion: String
  /// The whole command line.
  public var arguments: String
  /// The model's name; `modelSHA256` decides which one it is.
  public var modelID: String
  /// SHA-256 of the weights whose activations the file has.
  public var modelSHA256: String
  /// Prompts of the file, captured at any number of tokens.
  public var prompts: Int
  /// Captured tokens of all prompts.
  public var rows: Int

  enum CodingKeys: String, CodingKey {
    case schema, size, sha256, created, arguments, prompts, rows
    case schemaVersion = "schema_version"
    case configurationSHA256 = "config_sha256"
    case toolVersion = "tool_version"
    case modelID = "model_id"
    case modelSHA256 = "model_sha256"
  }

  /// The journal's place beside an activation file.
  public static func path(of file: String) -> String { file + ".json" }

  /// The journal beside an activation file; nil when there is none.
  static func beside(_ file: String) throws(Problem) -> Journal? {
    let path = path(of: file)
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let json = try JSONReader.parse(try readFile(path, limit: 1 << 20), file: path)
    func damaged(_ code: Problem.Code, _ field: String, _ problem: String) -> Problem {
      Problem(
        code, path, place: field, problem: problem,
        remedy: "fetch it again together with its activation file, or remove it")
    }
    func text(_ field: String) throws(Problem) -> String {
      guard let text = json[field]?.text else {
        throw damaged(.wrongType, field, "is missing or no text")
      }
      return text
    }
    func number(_ field: String) throws(Problem) -> Int {
      guard let number = json[field]?.int, number >= 0 else {
        throw damaged(.wrongType, field, "is missing or no whole number")
      }
      return number
    }
    let journal = Journal(
      size: try number("size"), sha256: try text("sha256"),
      configurationSHA256: try text("config_sha256"), created: try text("created"),
      toolVersion: try text("tool_version"), arguments: try text("arguments"),
      modelID: try text("model_id"), modelSHA256: try text("model_sha256"),
      prompts: try number("prompts"), rows: try number("rows"))
    let (schema, version) = (try text("schema"), try number("schema_version"))
    guard schema == journal.schema, version == journal.schemaVersion else {
      throw damaged(.unknownVersion, "schema", "'\(schema)' version \(version) is not known here")
    }
    return journal
  }

  /// Reads a whole activation file and compares it with its journal, as opening one does.
  ///
  /// - Throws: when there is no journal, or when it tells of other bytes.
  public static func verify(_ file: String) throws(Problem) -> Journal {
    guard let journal = try beside(file) else {
      throw Problem(
        .missing, file, problem: "has no journal \(path(of: file)) to compare it with",
        remedy: "fetch the journal too")
    }
    try journal.check(file)
    return journal
  }

  /// - Throws: when a file has other bytes.
  func check(_ file: String) throws(Problem) {
    let content = try MappedFile(file)
    guard content.count == size else { throw isOfAnother(than: file) }
    guard Digest.sha256(of: content) == sha256 else {
      throw Problem(
        .digestDiffers, file,
        problem: "does not have the bytes that \(Self.path(of: file)) tells of",
        remedy: "the file was damaged or changed: capture or fetch it again")
    }
  }

  func isOfAnother(than file: String) -> Problem {
    Problem(
      .otherJournal, file, problem: "is not the file that \(Self.path(of: file)) tells of",
      remedy: "fetch both again, or remove the journal of another file")
  }

  /// The journal on the disk, without its name yet.
  func draft(beside file: String) throws(Problem) -> AtomicFile {
    let text = jsonText(self) + "\n"
    var draft = try AtomicFile(Journal.path(of: file))
    try draft.append(Array(text.utf8))
    try draft.flush()
    return draft
  }
}
