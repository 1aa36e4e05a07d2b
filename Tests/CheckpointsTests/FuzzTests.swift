import Files
import Testing

@testable import Checkpoints

@Suite struct FuzzTests {
  /// Numbers at which parsers trip.
  static let numbers: [UInt64] = [
    0, 1, 2, 31, 32, 255, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 62, 1 << 63 - 1, 1 << 63, .max,
  ]

  static func mutate(_ seed: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 2: bytes.removeSubrange(place..<end)
      case 3: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
      case 4: bytes.removeLast(bytes.count - place)
      default:
        let number = littleEndian(numbers.randomElement(using: &random) ?? 0)
        for (offset, byte) in number.enumerated() where place + offset < bytes.count {
          bytes[place + offset] = byte
        }
      }
    }
    return bytes
  }

  /// Runs 20,000 mutants; how many the parser took. It must refuse some and take some, or the mutants
  /// would not reach anything.
  private func accepted(
    _ seed: [UInt8], state: UInt64, _ parse: ([UInt8]) throws -> Void
  ) -> Int {
    var random = SplitMix64(state: state)
    return (0..<20_000).count { _ in
      (try? parse(Self.mutate(seed, &random))) != nil
    }
  }

  @Test func mutatedGGUFReturnsOrThrows() throws {
    var builder = GGUFBuilder()
    builder.keys = [
      ("general.alignment", GGUFBuilder.uint32(32)), ("t", GGUFBuilder.strings(["a", "bc"])),
      ("i", GGUFBuilder.array(4, 2, [1, 0, 0, 0, 2, 0, 0, 0])),
    ]
    builder.add("w", [8])
    builder.add("q", [32, 2], type: 3, offset: 32)
    builder.data = [UInt8](repeating: 1, count: 72)
    let seed = builder.bytes
    let count = accepted(seed, state: 1) { bytes in
      for record in try parseGGUF(bytes).records {
        #expect(record.offset >= 0 && record.byteCount >= 0)
        #expect(record.byteCount <= bytes.count - record.offset)
      }
    }
    #expect((100..<19_900).contains(count), "\(count)")
  }

  @Test func mutatedSafetensorsReturnsOrThrows() throws {
    let tensor = SafetensorsReaderTests.tensor()
    let seed = safetensors("{\"__metadata__\":{\"a\":\"b\"},\(tensor)}", data: 8)
    let count = accepted(seed, state: 2) { bytes in
      for record in try parseSafetensors(bytes).records {
        #expect(record.byteCount <= bytes.count - record.offset)
      }
    }
    #expect((100..<19_900).contains(count), "\(count)")
  }

  @Test func mutatedJSONReturnsOrThrows() {
    let seed = Array(#"{"a":[1,-2.5e3,true,null],"é\n\ud83d\ude00":{"b":"\u00e9"}}"#.utf8)
    let count = accepted(seed, state: 3) { _ = try JSONReader.parse($0, file: "fuzz.json") }
    #expect((100..<19_900).contains(count), "\(count)")
  }
}
