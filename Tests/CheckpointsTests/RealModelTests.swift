import Files
import Testing

@testable import Checkpoints

/// Runs where `bathyscope models get smollm2-135m` was run before.
@Suite(.enabled(if: (try? ModelCatalogue.resolve("smollm2-135m")) != nil))
struct RealModelTests {
  /// Expected values: `gguf.quants.dequantize` of the gguf package.
  @Test func everyEighthRowExpandsToTheSameBits() throws {
    let checkpoint = try Checkpoint.open(try ModelCatalogue.resolve("smollm2-135m"))
    let expected = try #require(try golden("model.json").object).members
    #expect(expected.count == 272)
    #expect(Set(checkpoint.names) == Set(expected.map { String(decoding: $0.key, as: UTF8.self) }))
    for (name, expected) in expected {
      let tensor = try checkpoint.tensor(String(decoding: name, as: UTF8.self))
      #expect(tensor.elementType.rawValue == expected["type"]?.text)
      #expect(tensor.shape == expected["shape"]?.array?.compactMap(\.int))
      var digest = Digest()
      var row = [Float](repeating: 0, count: tensor.rowLength)
      for index in stride(from: 0, to: tensor.rowCount, by: 8) {
        row.withUnsafeMutableBufferPointer { buffer in
          if let target = buffer.baseAddress {
            tensor.expand(rows: index..<(index + 1), into: target)
          }
        }
        row.withUnsafeBytes { digest.update($0) }
      }
      #expect(digest.hexadecimal() == expected["sha256"]?.text, "\(tensor.name)")
    }
    #expect(try checkpoint.strings("tokenizer.ggml.tokens").count == 49_152)
    #expect(try checkpoint.integer("llama.block_count", in: 1...4096) == 30)
    #expect(checkpoint.sha256 == ModelCatalogue.entries[0].sha256)
  }
}
