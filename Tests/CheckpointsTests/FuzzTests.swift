import Files
import Foundation
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

  /// As `mutate`, or with one of the text's numbers or strings in the place of another.
  static func mutateJSON(_ seed: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    guard Bool.random(using: &random) else { return mutate(seed, &random) }
    let isWord = { (byte: UInt8) in
      (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x22
    }
    var bytes = seed
    let start = Int.random(in: 0..<bytes.count, using: &random)
    let rest = bytes[start...].drop { !isWord($0) }
    let word = rest.startIndex..<(rest.firstIndex { !isWord($0) } ?? bytes.count)
    let number = numbers.randomElement(using: &random) ?? 0
    let words = [
      "\(number)", "-1", "\(number).5", "1e999", "null", "[\(number)]", "{}", "\"a\"", "\"\"", "",
    ]
    bytes.replaceSubrange(word, with: (words.randomElement(using: &random) ?? "").utf8)
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

  /// Half of the mutants keep a header length that fits, or hardly one would get past it.
  @Test func mutatedSafetensorsReturnsOrThrows() throws {
    let header = Array("{\"__metadata__\":{\"a\":\"b\"},\(SafetensorsReaderTests.tensor())}".utf8)
    var random = SplitMix64(state: 2)
    let count = (0..<20_000).count { _ in
      let isWhole = Bool.random(using: &random)
      let file = littleEndian(UInt64(header.count)) + header + [UInt8](repeating: 0, count: 8)
      var bytes = isWhole ? Self.mutate(file, &random) : Self.mutateJSON(header, &random)
      if !isWhole {
        bytes = littleEndian(UInt64(bytes.count)) + bytes + [UInt8](repeating: 0, count: 8)
      }
      guard let table = try? parseSafetensors(bytes) else { return false }
      for record in table.records { #expect(record.byteCount <= bytes.count - record.offset) }
      return true
    }
    #expect((100..<19_900).contains(count), "\(count)")
  }

  /// `config.json` and the index of two shards, in files.
  @Test func mutatedFoldersOpenOrThrow() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try SafetensorsFile.write(
        [(name, [1], [1])], metadata: [:], to: "\(folder.path)/\(name).safetensors")
    }
    let config = Array(#"{"model_type":"llama","hidden_size":8,"rope":{"theta":1e4,"x":[]}}"#.utf8)
    let index = Array(
      #"{"metadata":{},"weight_map":{"a":"a.safetensors","b":"b.safetensors"}}"#.utf8)
    _ = try folder.write("config.json", config)
    _ = try folder.write("model.safetensors.index.json", index)
    var random = SplitMix64(state: 4)
    let count = try (0..<20_000).count { _ in
      let (name, seed) =
        Bool.random(using: &random)
        ? ("config.json", config) : ("model.safetensors.index.json", index)
      try overwrite("\(folder.path)/\(name)", Self.mutateJSON(seed, &random))
      defer { try? overwrite("\(folder.path)/\(name)", seed) }
      guard let checkpoint = try? Checkpoint.open(folder.path) else { return false }
      #expect(checkpoint.names.allSatisfy { $0 == "a" || $0 == "b" })
      return true
    }
    #expect((100..<19_900).contains(count), "\(count)")
  }

  private func overwrite(_ path: String, _ bytes: [UInt8]) throws {
    let file = try #require(fopen(path, "w"))
    defer { fclose(file) }
    fwrite(bytes, 1, bytes.count, file)
  }

  @Test func mutatedJSONReturnsOrThrows() {
    let seed = Array(#"{"a":[1,-2.5e3,true,null],"é\n\ud83d\ude00":{"b":"\u00e9"}}"#.utf8)
    var random = SplitMix64(state: 3)
    let count = (0..<20_000).count { _ in
      (try? JSONReader.parse(Self.mutateJSON(seed, &random), file: "fuzz.json")) != nil
    }
    #expect((100..<19_900).contains(count), "\(count)")
  }
}
