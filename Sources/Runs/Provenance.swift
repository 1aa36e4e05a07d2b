import Files
import Foundation

/// Where a result came from: all that decides its numbers.
///
/// The time and the machine are not among it: the same run gives the same bytes.
public struct Provenance: Codable, Sendable, Equatable {
  /// The study: `heads-sweep`, `trace`.
  public var study: String
  /// The version of Bathyscope.
  public var version: String
  /// The model; nil where none was run.
  public var model: Model?
  /// The files and folders that were read, in the order in which they were given.
  public var inputs: [Input]
  /// What was asked for, by option.
  public var settings: Setting
  /// Decides every split, shuffle, resample and random direction; nil where nothing is drawn.
  public var seed: UInt64?
  /// The command as it was typed, where it decides all bytes; else nil.
  public var command: String?

  /// What one run is made from.
  public init(
    study: String, version: String, model: Model? = nil, inputs: [Input] = [],
    settings: Setting = .object([:]), seed: UInt64? = nil, command: String? = nil
  ) {
    self.study = study
    self.version = version
    self.model = model
    self.inputs = inputs
    self.settings = settings
    self.seed = seed
    self.command = command
  }

  /// Which model, exactly, and how it computes.
  public struct Model: Codable, Sendable, Equatable {
    /// The name it was asked for by, or the last part of its path; adapters after plus signs.
    public var id: String
    /// The architecture, such as `llama`.
    public var architecture: String
    /// SHA-256 of the weights, adapters included.
    public var weightsSHA256: String
    /// SHA-256 of the configuration.
    public var configurationSHA256: String
    /// SHA-256 of the tokenizer's definition; nil without a tokenizer.
    public var tokenizerSHA256: String?
    /// SHA-256 of the chat template and what it is filled in with; nil without one.
    public var templateSHA256: String?
    /// Variables of the template and the date that it writes.
    public var templateSettings: [String: String]?
    /// The arithmetic: `float32`.
    public var precision: String
    /// The inner loops that ran: `x86-64-v4`.
    public var kernel: String

    /// A model by its digests.
    public init(
      id: String, architecture: String, weightsSHA256: String, configurationSHA256: String,
      tokenizerSHA256: String? = nil, templateSHA256: String? = nil,
      templateSettings: [String: String]? = nil, precision: String, kernel: String
    ) {
      self.id = id
      self.architecture = architecture
      self.weightsSHA256 = weightsSHA256
      self.configurationSHA256 = configurationSHA256
      self.tokenizerSHA256 = tokenizerSHA256
      self.templateSHA256 = templateSHA256
      self.templateSettings = templateSettings
      self.precision = precision
      self.kernel = kernel
    }
  }

  /// A file that was read.
  public struct Input: Codable, Sendable, Equatable {
    /// What it is to the study: `prompts`, `probe`.
    public var role: String
    /// The last part of its path.
    public var name: String
    /// SHA-256 of its bytes, or of what a folder of a run states.
    public var sha256: String

    /// A file by its digest.
    public init(role: String, name: String, sha256: String) {
      self.role = role
      self.name = name
      self.sha256 = sha256
    }

    /// Reads a file for its digest.
    public static func file(_ path: String, as role: String) throws(Problem) -> Input {
      Input(
        role: role, name: path.split(separator: "/").last.map(String.init) ?? path,
        sha256: Digest.sha256(of: try MappedFile(path)))
    }
  }
}

extension Provenance {
  /// Compares what a file says of its making with the run that wants to continue it.
  ///
  /// The words of the command do not count.
  /// - Throws: `other-configuration`, which names what differs with both values.
  package func check(_ own: Provenance, in file: String) throws(Problem) {
    let differences = Setting.differences(try setting(file), try own.setting(file), at: "")
    guard !differences.isEmpty else { return }
    throw Problem(
      .otherConfiguration, file,
      problem: "was begun with other arguments: "
        + differences.prefix(6).joined(separator: "; "),
      remedy: "repeat them, name another output, or give --overwrite to replace it")
  }

  private func setting(_ file: String) throws(Problem) -> Setting {
    var facts = self
    facts.command = nil
    return try Setting(encoding: facts, for: file)
  }
}
