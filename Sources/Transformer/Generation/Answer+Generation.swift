import Files
import Foundation
import Prompts

extension Answer {
  /// What a model wrote, as an answer to be judged and to be written.
  package init(_ generation: Generation, seed: UInt64) throws {
    self.init(
      id: generation.sequence.id, sample: generation.sample, thinking: generation.thinking,
      text: generation.answer ?? "")
    let promptTokens = generation.sequence.tokens.count - generation.sequence.generated
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let effects = try JSONReader.parse(
      Array(try encoder.encode(generation.effects)), file: "effects")
    generated = Generated(
      tokens: Array(generation.tokens), segments: Array(generation.segments),
      promptTokens: promptTokens, seed: seed, forced: generation.forced.map { $0 - promptTokens },
      finish: generation.finish, text: generation.text, isAnswered: generation.answer != nil,
      effects: effects.array ?? [])
  }

  /// What each intervention did while it was written; nil where its line cannot be understood.
  package var effects: [GenerationEffect]? {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let text = JSON.array(generated?.effects ?? []).text()
    return try? decoder.decode([GenerationEffect].self, from: Data(text.utf8))
  }
}

extension ModelIdentity {
  /// The model as answers know who wrote them.
  package var writer: AnswerOrigin.Writer {
    AnswerOrigin.Writer(id: id, weightsSHA256: weightsSHA256, templateSHA256: templateSHA256)
  }
}
