import Checkpoints
import Files
import Foundation
import Prompts

/// Which model, exactly: what every file that Bathyscope writes says about where it came from.
public struct ModelIdentity: Sendable, Equatable, Codable {
  /// The name it was asked for by, or the last part of its path; adapters behind plus signs.
  public var id: String
  /// The architecture, such as `llama`.
  public var architecture: String
  /// SHA-256 of the weight files. With adapters it is the digest of a text: that digest, then for each
  /// adapter a line with the digests of its weights and its configuration and its weight.
  public var weightsSHA256: String
  /// SHA-256 of the configuration.
  public var configurationSHA256: String
  /// The configuration as JSON text with sorted keys.
  public var configurationJSON: String
  /// SHA-256 of the tokenizer's definition; nil without a tokenizer.
  public var tokenizerSHA256: String?
  /// SHA-256 of the chat template's text, or of its digest, the thinking markers and the variables where those
  /// were given; nil without any.
  public var templateSHA256: String?
  /// What the chat template was filled in with besides messages: variables, and `template_date` where it writes
  /// one; nil without any, and not kept in activation files.
  public var templateSettings: [String: String]?

  /// An identity made of digests that are known, such as those that a file holds.
  public init(
    id: String, architecture: String, weightsSHA256: String, configurationSHA256: String,
    configurationJSON: String, tokenizerSHA256: String? = nil, templateSHA256: String? = nil,
    templateSettings: [String: String]? = nil
  ) {
    self.id = id
    self.architecture = architecture
    self.weightsSHA256 = weightsSHA256
    self.configurationSHA256 = configurationSHA256
    self.configurationJSON = configurationJSON
    self.tokenizerSHA256 = tokenizerSHA256
    self.templateSHA256 = templateSHA256
    self.templateSettings = templateSettings
  }
}

extension ModelIdentity {
  /// The model with interventions, as what is read of it must be told from what the model alone gives:
  /// another name and another digest, so that no probe mistakes one for the other.
  public func changed(by interventions: [Intervention]) throws -> ModelIdentity {
    guard !interventions.isEmpty else { return self }
    let encoding = JSONEncoder()
    encoding.outputFormatting = [.sortedKeys]
    let changes = Digest.sha256(Array(try encoding.encode(interventions)))
    var changed = self
    changed.id += "~" + changes.prefix(8)
    changed.weightsSHA256 = Digest.sha256(Array("\(weightsSHA256)\n\(changes)\n".utf8))
    return changed
  }

  /// Names a checkpoint; reads all of its weights once, for their digest.
  init(
    _ nameOrPath: String, _ checkpoint: Checkpoint, _ configuration: any Architecture,
    encoder: PromptEncoder?, adapters: [AdapterIdentity]
  ) throws {
    let encoding = JSONEncoder()
    encoding.outputFormatting = [.sortedKeys]
    var (id, weights) = (URL(fileURLWithPath: nameOrPath).lastPathComponent, checkpoint.sha256)
    if !adapters.isEmpty {
      id += adapters.map { "+\($0.id)" + ($0.weight == 1 ? "" : "*\($0.weight)") }.joined()
      let lines = adapters.map { "\($0.weightsSHA256) \($0.configurationSHA256) \($0.weight)\n" }
      weights = Digest.sha256(Array((weights + "\n" + lines.joined()).utf8))
    }
    self.init(
      id: id, architecture: try checkpoint.architectureName(), weightsSHA256: weights,
      configurationSHA256: checkpoint.configSHA256,
      configurationJSON: String(decoding: try encoding.encode(configuration), as: UTF8.self),
      tokenizerSHA256: encoder?.tokenizer.sha256, templateSHA256: encoder?.templateSHA256,
      templateSettings: encoder?.template.flatMap { $0.settings.isEmpty ? nil : $0.settings })
  }
}
