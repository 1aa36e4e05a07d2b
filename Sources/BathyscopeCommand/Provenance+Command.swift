import Bathyscope

extension Provenance {
  /// What a run of this program is made from.
  /// - Parameter settings: all that decides its rows besides model, inputs and seed.
  static func run(
    of study: String, _ model: Transformer.Model? = nil, inputs: [Input] = [],
    settings: some Encodable,
    seed: UInt64? = nil
  ) throws -> Provenance {
    Provenance(
      study: study, version: bathyscopeVersion, model: model.map(Provenance.Model.init),
      inputs: inputs, settings: try Setting(encoding: settings), seed: seed)
  }
}

extension Provenance.Model {
  init(_ model: Transformer.Model) {
    let identity = model.identity
    self.init(
      id: identity.id, architecture: identity.architecture,
      weightsSHA256: identity.weightsSHA256, configurationSHA256: identity.configurationSHA256,
      tokenizerSHA256: identity.tokenizerSHA256, templateSHA256: identity.templateSHA256,
      templateSettings: identity.templateSettings, precision: model.precision.rawValue,
      kernel: model.kernel)
  }
}

extension PromptOptions {
  /// The prompts' files, each with its digest.
  func inputsOfRun() throws -> [Provenance.Input] {
    try prompts.map { try .file($0, as: "prompts") }
  }
}

extension AnswerOptions {
  /// The files of answers and of labels, each with its digest.
  func inputsOfRun() throws -> [Provenance.Input] {
    let answers = try answers.map { [try Provenance.Input.file($0, as: "answers")] } ?? []
    return answers + (try labels.map { try .file($0, as: "labels") })
  }
}
