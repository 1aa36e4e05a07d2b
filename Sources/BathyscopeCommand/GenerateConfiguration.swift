import Bathyscope
import Foundation

/// All that decides the rows.
struct GenerationConfiguration: Encodable {
  var schema = "bathyscope-generations-1"
  var toolVersion = bathyscopeVersion
  var model: ModelIdentity
  var precision: Precision
  var kernel: String
  /// The prompts' files, each with its digest.
  var prompts: [String]
  /// SHA-256 of all prompts as tokens: a template may write the date into them.
  var promptTokensSHA256: String
  var settings: GenerationSettings
  /// The tokens that end an answer, ascending.
  var endTokens: [Int32]
  /// What encloses thinking.
  var thinkingMarkers: [String]
  var interventions: [String]
  /// SHA-256 of the interventions with all their numbers.
  var interventionsSHA256: String

  init(
    model: Model, prompts: [String], batch: Batch, settings: GenerationSettings,
    interventions: [Intervention]
  ) throws {
    self.model = model.identity
    (precision, kernel, self.prompts, self.settings) = (
      model.precision, model.kernel, prompts, settings
    )
    endTokens = try settings.ignoresEndTokens ? [] : model.endTokenIDs
    let markers = try? model.encoder.markers
    thinkingMarkers = markers.map { [$0.open, $0.close] } ?? []
    promptTokensSHA256 = batch.sequences.sha256
    self.interventions = interventions.map(\.summary)
    interventionsSHA256 = Digest.sha256(Array(try lineOfJSON(interventions).utf8))
  }
}

/// One line of JSON with sorted keys, in which no control character is left as it is.
func lineOfJSON(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  encoder.keyEncodingStrategy = .convertToSnakeCase
  return escapingHarmful(String(decoding: try encoder.encode(value), as: UTF8.self))
}
