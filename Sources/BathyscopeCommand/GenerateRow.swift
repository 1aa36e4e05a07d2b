import Bathyscope
import Foundation

/// One answer as it stands in the file.
struct GenerationRow: Codable {
  var id: String
  var sample: Int
  var seed: UInt64
  /// Tokens of the prompt.
  var promptTokens: Int
  /// All generated tokens; `text` is the beginning of what they say.
  var tokens: [Int32]
  /// One name per generated token.
  var segments: [String]
  /// Places in `tokens` that the thinking budget forced in.
  var forced: [Int]
  var text: String?
  var thinking: String?
  var answer: String?
  var finish: FinishReason
  var effects: [GenerationEffect]

  /// `id`, or `id#2` for a further sample, as judges and pools call it.
  var name: String { sample == 0 ? id : "\(id)#\(sample)" }

  init(_ generation: Generation, seed: UInt64) {
    (id, sample, self.seed) = (generation.sequence.id, generation.sample, seed)
    let promptTokens = generation.sequence.tokens.count - generation.sequence.generated
    self.promptTokens = promptTokens
    tokens = Array(generation.tokens)
    segments = generation.segments.map(\.name)
    forced = generation.forced.map { $0 - promptTokens }
    (text, thinking, answer) = (generation.text, generation.thinking, generation.answer)
    (finish, effects) = (generation.finish, generation.effects)
  }

  /// Reads a line; nil when it is no row.
  init?(_ line: some Collection<UInt8>, file: String) {
    let bytes = Array(line)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard (try? JSONReader.parse(bytes, file: file)) != nil,
      let row = try? decoder.decode(GenerationRow.self, from: Data(bytes)),
      row.segments.count == row.tokens.count,
      row.segments.allSatisfy({ Segment(name: $0) != nil })
    else { return nil }
    self = row
  }

  /// The prompt with what was generated behind it.
  func transcript(behind prompt: TokenSequence, id: String) -> TokenSequence {
    TokenSequence(
      id: id, tokens: prompt.tokens + tokens,
      segments: prompt.segments + segments.compactMap { Segment(name: $0) },
      generated: tokens.count)
  }
}

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
    promptTokensSHA256 = batch.sha256
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
