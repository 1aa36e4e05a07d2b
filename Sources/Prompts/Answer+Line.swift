import Files
import Foundation

extension Answer {
  /// The answer as a line of a file of answers; nil for one that was not generated here.
  package var line: String? {
    get throws {
      guard let generated, let promptTokens = generated.promptTokens, let seed = generated.seed,
        let forced = generated.forced, let finish = generated.finish
      else { return nil }
      let row = Line(
        id: id, sample: sample, seed: seed, promptTokens: promptTokens, tokens: generated.tokens,
        segments: generated.segments.map(\.name), forced: forced, text: generated.text,
        thinking: thinking, answer: generated.isAnswered ? text : nil, finish: finish,
        effects: generated.effects.map(Line.Value.init))
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return escapingHarmful(String(decoding: try encoder.encode(row), as: UTF8.self))
    }
  }

  /// What a line says.
  private struct Line: Encodable {
    var id: String
    var sample: Int
    var seed: UInt64
    var promptTokens: Int
    var tokens: [Int32]
    var segments: [String]
    var forced: [Int]
    var text: String?
    var thinking: String?
    var answer: String?
    var finish: FinishReason
    var effects: [Value]

    /// A value that another room wrote.
    struct Value: Encodable {
      var json: JSON

      init(_ json: JSON) { self.json = json }

      struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
      }

      func encode(to encoder: any Encoder) throws {
        switch json {
        case .array(let values):
          var container = encoder.unkeyedContainer()
          for value in values { try container.encode(Value(value)) }
        case .object(let object):
          var container = encoder.container(keyedBy: Key.self)
          for (key, value) in object.members {
            try container.encode(
              Value(value), forKey: Key(stringValue: String(decoding: key, as: UTF8.self)))
          }
        default:
          var container = encoder.singleValueContainer()
          if let bool = json.bool {
            try container.encode(bool)
          } else if let text = json.text {
            try container.encode(text)
          } else if let integer = json.int {
            try container.encode(integer)
          } else if let number = json.double {
            try container.encode(number)
          } else {
            try container.encodeNil()
          }
        }
      }
    }
  }
}
