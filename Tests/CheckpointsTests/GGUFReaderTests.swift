import Files
import Tensors
import Testing

@testable import Checkpoints

@Suite struct GGUFReaderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let place: String
    let code: Problem.Code
    let bytes: [UInt8]

    init(
      _ name: String, _ place: String, _ code: Problem.Code,
      _ build: (inout GGUFBuilder) -> Void
    ) {
      var builder = GGUFBuilder()
      builder.add("w", [8])
      builder.data = [UInt8](repeating: 0, count: 32)
      build(&builder)
      self.init(name, place, code, bytes: builder.bytes)
    }

    init(_ name: String, _ place: String, _ code: Problem.Code, bytes: [UInt8]) {
      testDescription = name
      self.place = place
      self.code = code
      self.bytes = bytes
    }
  }

  static let head: [Case] = [
    Case("empty", "magic", .cutShort, bytes: []),
    Case("cut in the magic", "magic", .cutShort, bytes: Array("GGU".utf8)),
    Case("cut in the version", "version", .cutShort, bytes: Array("GGUF\u{3}".utf8)),
    Case("bad magic", "magic", .wrongFormat) { $0.magic = Array("GGML".utf8) },
    Case("version 0", "version", .unknownVersion) { $0.version = 0 },
    Case("version 1", "version", .unknownVersion) { $0.version = 1 },
    Case("future version", "version", .unknownVersion) { $0.version = 4 },
    Case("big-endian", "version", .unsupported) { $0.version = UInt32(3).byteSwapped },
    Case("tensor count -1", "tensor count", .tooLarge) { $0.tensorCount = .max },
    Case("tensor count 2^62", "tensor count", .tooLarge) { $0.tensorCount = 1 << 62 },
    Case("key count -1", "key count", .tooLarge) { $0.keyCount = .max },
    Case("one key too many", "tensor 0", .invalidName) { $0.keyCount = 1 },
    Case("empty key", "key 0: length", .outOfRange) { $0.keys = [("", GGUFBuilder.uint32(1))] },
    Case(
      "key length -1", "key 0: length", .cutShort,
      bytes: Array("GGUF".utf8) + littleEndian(UInt32(3)) + littleEndian(UInt64(0))
        + littleEndian(UInt64(1)) + littleEndian(UInt64.max) + [UInt8](repeating: 65, count: 64)),
    Case("key with control character", "key 0", .invalidName) {
      $0.keys = [("a\u{1B}[2J", GGUFBuilder.uint32(1))]
    },
    Case("duplicate key", "key 'a'", .duplicateKey) {
      $0.keys = [("a", GGUFBuilder.uint32(1)), ("a", GGUFBuilder.uint32(2))]
    },
  ]

  static let values: [Case] = [
    Case("bad value type", "key 'a': type", .wrongType) {
      $0.keys = [("a", littleEndian(UInt32(13)) + [0, 0, 0, 0])]
    },
    Case("bad truth value", "key 'a'", .outOfRange) {
      $0.keys = [("a", littleEndian(UInt32(7)) + [2])]
    },
    Case("alignment 13", "general.alignment", .outOfRange) {
      $0.keys = [("general.alignment", GGUFBuilder.uint32(13))]
    },
    Case("alignment 0", "general.alignment", .outOfRange) {
      $0.keys = [("general.alignment", GGUFBuilder.uint32(0))]
    },
    Case("alignment 2^31", "general.alignment", .outOfRange) {
      $0.keys = [("general.alignment", GGUFBuilder.uint32(0x8000_0000))]
    },
    Case("alignment of the wrong type", "general.alignment", .wrongType) {
      $0.keys = [("general.alignment", littleEndian(UInt32(10)) + littleEndian(UInt64(32)))]
    },
    Case("array of 2^63 in a file of 49 bytes", "key 'a': length", .cutShort) {
      $0 = GGUFBuilder()
      $0.keys = [("a", GGUFBuilder.array(4, 1 << 63, []))]
    },
    Case(
      "array of 2^63 cut off after 43 bytes", "key 'a': length", .cutShort,
      bytes: {
        var builder = GGUFBuilder()
        builder.keys = [("a", GGUFBuilder.array(4, 1 << 63, []))]
        return Array(builder.bytes.prefix(43))
      }()),
    Case("array of strings longer than the file", "key 'a': length", .cutShort) {
      $0.keys = [("a", GGUFBuilder.array(8, 40, []))]
    },
    Case("array whose size overflows", "key 'a': length", .cutShort) {
      $0.keys = [("a", GGUFBuilder.array(12, 1 << 61, []))]
    },
    Case("deep arrays", "key 'a': element type", .unsupported) {
      $0.keys = [("a", GGUFBuilder.array(9, 1, GGUFBuilder.array(9, 1, [])))]
    },
    Case("array of an unknown type", "key 'a': element type", .wrongType) {
      $0.keys = [("a", GGUFBuilder.array(77, 1, [0]))]
    },
    Case("array of integers over 2^63", "key 'a'", .tooLarge) {
      $0.keys = [("a", GGUFBuilder.array(10, 1, littleEndian(UInt64.max)))]
    },
    Case("string longer than the file", "key 'a': length of a string", .cutShort) {
      $0.keys = [("a", littleEndian(UInt32(8)) + littleEndian(UInt64(1 << 40)))]
    },
    Case("string of length -1", "key 'a': length of a string", .cutShort) {
      $0.keys = [("a", littleEndian(UInt32(8)) + littleEndian(UInt64.max))]
    },
  ]

  static let tensors: [Case] = [
    Case("empty name", "tensor 0", .invalidName) { $0.tensors[0].name = [] },
    Case("name of 65 bytes", "tensor 0: length of its name", .tooLarge) {
      $0.tensors[0].name = [UInt8](repeating: 97, count: 65)
    },
    Case("name not UTF-8", "tensor 0", .notUTF8) { $0.tensors[0].name = [0xFF] },
    Case("NUL in a name", "tensor 0", .invalidName) { $0.tensors[0].name = [97, 0] },
    Case("path in a name", "tensor 0", .invalidName) { $0.tensors[0].name = Array("../w".utf8) },
    Case("duplicate name", "tensor 1, 'w'", .duplicateTensor) { $0.add("w", [1]) },
    Case("five dimensions", "'w': dimension count", .outOfRange) {
      $0.tensors[0].dimensions = [1, 1, 1, 1, 1]
    },
    Case("dimension 2^63", "'w': shape", .tooLarge) { $0.tensors[0].dimensions = [1 << 63] },
    Case("shape overflow", "'w': shape", .tooLarge) {
      $0.tensors[0].dimensions = [1 << 32, 1 << 32]
    },
    Case("byte overflow", "'w': shape", .tooLarge) { $0.tensors[0].dimensions = [1 << 62] },
    Case("unknown type", "'w': type", .unsupported) { $0.tensors[0].type = 999 },
    Case("known but unsupported type", "'w': type", .unsupported) { $0.tensors[0].type = 20 },
    Case("row that is no multiple of its block", "'w': shape", .wrongShape) {
      $0.tensors[0].type = 3
    },
    Case("rows of 16 that fill blocks together", "'w': shape", .wrongShape) {
      $0.tensors[0] = .init(name: [119], dimensions: [16, 2], type: 2, offset: 0)
    },
    Case("misaligned offset", "'w': offset", .badOffset) { $0.tensors[0].offset = 4 },
    Case("offset over 2^63", "'w': offset", .badOffset) { $0.tensors[0].offset = .max },
    Case("offset that overflows with the start", "'w': offset", .cutShort) {
      $0.tensors[0].offset = UInt64(Int.max) / 32 * 32
    },
    Case("offset behind the end", "'w': offset", .cutShort) { $0.tensors[0].offset = 64 },
    Case("data too short", "'w': offset", .cutShort) { $0.data.removeLast() },
    Case("no data", "'w': offset", .cutShort) { $0.data = [] },
    Case("two sizes that overflow together", "'w': offset", .cutShort) {
      $0.tensors[0].dimensions = [1 << 60]
      $0.add("v", [1 << 60], offset: 1 << 62)
    },
    Case("overlap", "'v': offset", .badOffset) {
      $0.tensors[0].dimensions = [16]
      $0.add("v", [8], offset: 32)
      $0.data += [UInt8](repeating: 0, count: 32)
    },
  ]

  @Test(arguments: head + values + tensors)
  func refuses(_ damaged: Case) throws {
    let found = try requireProblem(damaged.code) { try parseGGUF(damaged.bytes) }
    #expect(found.subject == "model.gguf")
    #expect(found.place.contains(damaged.place), "\(found)")
    #expect(!found.remedy.isEmpty)
    #expect(!"\(found)".utf8.contains(0x1B))
  }

  @Test func refusesMoreTensorsThanAModelHas() throws {
    var bytes = Array("GGUF".utf8) + littleEndian(UInt32(3))
    bytes += littleEndian(UInt64(1_000_000)) + littleEndian(UInt64(0))
    bytes += [UInt8](repeating: 0, count: 26_000_000)
    let error = expectProblem(.tooLarge) { try parseGGUF(bytes) }
    #expect(error?.place == "tensor count")
  }

  /// What does fit into its file, but would take many times as much memory or more than it is worth.
  @Test func refusesMoreMetadataThanAModelHas() throws {
    let zeros = [UInt8](repeating: 0, count: 33 << 20)
    for value in [
      GGUFBuilder.array(0, 8 << 20, zeros), GGUFBuilder.array(8, 1 << 20, zeros),
      GGUFBuilder.array(12, 4 << 20, zeros),
      littleEndian(UInt32(8)) + littleEndian(UInt64(33 << 20)) + zeros,
    ] {
      var builder = GGUFBuilder()
      builder.keys = [("a", value)]
      let bytes = builder.bytes
      let error = expectProblem(.tooLarge) { try parseGGUF(bytes) }
      #expect(error?.place == "key 'a'")
    }
  }

  @Test func refusesMoreKeysThanAModelHas() throws {
    var bytes = Array("GGUF".utf8) + littleEndian(UInt32(3)) + littleEndian(UInt64(0))
    bytes += littleEndian(UInt64(300_000))
    for index in 0..<300_000 {
      bytes += GGUFBuilder.string(String(index, radix: 16)) + littleEndian(UInt32(7)) + [1]
    }
    let error = expectProblem(.tooLarge) { try parseGGUF(bytes) }
    #expect(error?.problem.contains("larger") == true)
  }

  @Test func everyCutIsRefused() throws {
    let whole = try #require(try golden("files.json")["gguf"]?["file"]).hexadecimal
    // The last tensor's data end before the file's padding does.
    for end in 0..<(whole.count - 32) {
      let error = #expect(throws: Problem.self) { try parseGGUF(Array(whole[..<end])) }
      // A count of tensors may be more than what is left of the file.
      #expect([.cutShort, .tooLarge].contains(error?.code), "\(end): \(String(describing: error))")
    }
  }

  @Test func acceptsWhatIsLegal() throws {
    var builder = GGUFBuilder()
    #expect(try parseGGUF(builder.bytes).records.isEmpty)
    builder.version = 2
    builder.alignment = 64
    builder.keys = [("general.alignment", GGUFBuilder.uint32(64))]
    builder.add("scalar", [])
    builder.add("none", [4, 0], offset: 64)
    builder.add("matrix", [4, 3], type: 1, offset: 64)
    builder.data = [UInt8](repeating: 0, count: 64 + 24)
    let table = try parseGGUF(builder.bytes)
    #expect(table.records.map(\.shape) == [[], [0, 4], [3, 4]])
    #expect(table.records[2].offset % 64 == 0)
    #expect(table.records[2].byteCount == 24)
  }

  /// Expected values: written by the gguf package's writer.
  @Test func readsEveryTypeOfValue() throws {
    let file = try #require(try golden("files.json")["gguf"]?["file"]).hexadecimal
    let metadata = try parseGGUF(file).metadata
    #expect(metadata["general.architecture"] == .string(Array("llama".utf8)))
    #expect(metadata["test.uint8"] == .integer(255))
    #expect(metadata["test.int8"] == .integer(-128))
    #expect(metadata["test.uint16"] == .integer(65535))
    #expect(metadata["test.int16"] == .integer(-32768))
    #expect(metadata["test.uint32"] == .integer(1 << 32 - 1))
    #expect(metadata["test.int32"] == .integer(-1 << 31))
    #expect(metadata["test.uint64"] == .unsigned(.max))
    #expect(metadata["test.int64"] == .integer(.min))
    #expect(metadata["test.float32"] == .float(Double(Float(0.1))))
    #expect(metadata["test.float64"] == .float(0.1))
    #expect(metadata["test.bool"] == .bool(true))
    #expect(metadata["test.string"] == .string(Array("stream é".utf8)))
    // The last two are canonically equivalent and must stay apart.
    #expect(
      metadata["test.strings"] == .strings(["a", "", "\u{E9}", "e\u{301}"].map { Array($0.utf8) }))
    #expect(metadata["test.integers"] == .integers([1, -2, 3]))
    #expect(metadata["test.floats"] == .floats([0.5, -1.5]))
    #expect(metadata["test.bools"] == .bools([true, false]))
  }
}

func parseGGUF(_ bytes: [UInt8]) throws -> TensorTable {
  try bytes.withUnsafeBytes { try GGUFReader.parse($0, file: "model.gguf") }
}
