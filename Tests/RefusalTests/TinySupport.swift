import Foundation
import Prompts
import Transformer

/// The tiny random models of the engine's tests.
func tinyModel(_ name: String) throws -> Model {
  let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
  return try Model.load(tests.appendingPathComponent("TransformerTests/Golden/\(name)").path)
}

/// Sequences with a common beginning of five tokens, but for the last one.
func tinySequences(_ lengths: [Int] = [9, 14, 7, 11]) -> [TokenSequence] {
  lengths.enumerated().map { index, length in
    let tokens = (0..<length).map { place -> Int32 in
      place < 5 && index < lengths.count - 1
        ? Int32(20 + place) : Int32((7 * place + 13 * index + 3) % 57)
    }
    return TokenSequence(id: "p\(index)", tokens: tokens)
  }
}
