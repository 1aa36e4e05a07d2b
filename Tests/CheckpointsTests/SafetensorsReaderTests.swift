import Files
import Foundation
import Tensors
import Testing

@testable import Checkpoints

@Suite struct SafetensorsReaderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let place: String
    let code: Problem.Code
    let bytes: [UInt8]

    init(_ name: String, _ place: String, _ code: Problem.Code, _ bytes: [UInt8]) {
      testDescription = name
      self.place = place
      self.code = code
      self.bytes = bytes
    }

    /// A file whose header holds these members.
    init(_ name: String, _ place: String, _ code: Problem.Code, _ members: String, data: Int = 8) {
      self.init(name, place, code, safetensors("{\(members)}", data: data))
    }
  }

  /// A member for tensor `name`.
  static func tensor(
    _ name: String = "w", dtype: String = "F32", shape: String = "[2]", _ begin: String = "0",
    _ end: String = "8"
  ) -> String {
    "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
  }

  static let head: [Case] = [
    Case("empty", "header length", .cutShort, []),
    Case("seven bytes", "header length", .cutShort, [UInt8](repeating: 0, count: 7)),
    Case("header length 0", "header length", .outOfRange, safetensors("{}", data: 0, length: 0)),
    Case(
      "over 100 MB", "header length", .tooLarge,
      safetensors("{}", data: 0, length: 100_000_001)),
    Case(
      "over 16 MB, which the format allows", "header length", .tooLarge,
      safetensors("{}", data: 0, length: 16 << 20 + 1)),
    Case("over the file", "header length", .cutShort, safetensors("{}", data: 0, length: 3)),
    Case(
      "2^63", "header length", .tooLarge, safetensors("{}", data: 0, length: 1 << 63)),
    Case(
      "2^64 - 1", "header length", .tooLarge, safetensors("{}", data: 0, length: .max)),
    Case(
      "not UTF-8", "byte 4", .notUTF8,
      littleEndian(UInt64(8)) + Array("{\"".utf8) + [0xFF, 0xFE] + Array("\":1}".utf8)),
    Case("not JSON", "header", .wrongFormat, safetensors("hello", data: 0)),
    Case("only {", "byte 1", .notJSON, safetensors("{", data: 0)),
    Case("array", "header", .wrongFormat, safetensors("[]", data: 0)),
    Case("leading space", "header", .wrongFormat, safetensors(" {}", data: 0)),
    Case("trailing comma", "byte", .notJSON, safetensors("{\(tensor()),}", data: 8)),
    Case("two documents", "byte", .notJSON, safetensors("{}{}", data: 0)),
    Case("NUL behind the header", "byte", .notJSON, safetensors("{}\u{0}", data: 0)),
  ]

  static let members: [Case] = [
    Case("duplicate key", "byte", .duplicateKey, "\(tensor()),\(tensor())"),
    Case("unknown dtype", "'w': dtype", .unsupported, tensor(dtype: "F33")),
    Case("terminal codes in a dtype", "'w': dtype", .unsupported, tensor(dtype: "\\u001b[2J")),
    Case("dtype of four bits", "'w': dtype", .unsupported, tensor(dtype: "F4")),
    Case("no dtype", "'w': dtype", .unsupported, "\"w\":{\"shape\":[2],\"data_offsets\":[0,8]}"),
    Case("no shape", "'w': shape", .wrongType, "\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}"),
    Case("no offsets", "'w': data_offsets", .wrongType, "\"w\":{\"dtype\":\"F32\",\"shape\":[2]}"),
    Case(
      "unknown field", "'w'", .unknownKey,
      "\"w\":{\"dtype\":\"F32\",\"x\":1,\"shape\":[2],\"data_offsets\":[0,8]}"),
    Case("not an object", "'w'", .wrongType, "\"w\":3"),
    Case("negative shape", "'w': shape", .wrongType, tensor(shape: "[-2]")),
    Case("fractional shape", "'w': shape", .wrongType, tensor(shape: "[2.0]")),
    Case("shape over 2^63", "'w': shape", .wrongType, tensor(shape: "[9223372036854775808]")),
    Case("overflowing shape", "'w': shape", .tooLarge, tensor(shape: "[4294967296,4294967296]")),
    Case("overflowing bytes", "'w': shape", .tooLarge, tensor(shape: "[4611686018427387904]")),
    Case(
      "overflow before a zero", "'w': shape", .tooLarge,
      tensor(shape: "[4294967296,4294967296,0]", "0", "0")),
    Case("begin > end", "'w': data_offsets", .badOffset, tensor("w", "8", "0")),
    Case("end > data", "'w': data_offsets", .badOffset, tensor(shape: "[3]", "0", "12")),
    Case(
      "three offsets", "'w': data_offsets", .wrongType,
      "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}"),
    Case(
      "overlap", "'v': data_offsets", .badOffset, "\(tensor()),\(tensor("v", "4", "12"))", data: 12),
    Case("same bytes twice", "data_offsets", .badOffset, "\(tensor()),\(tensor("v"))"),
    Case(
      "hole", "'v': data_offsets", .badOffset, "\(tensor()),\(tensor("v", "12", "20"))",
      data: 20),
    Case(
      "hole at the start", "'w': data_offsets", .badOffset, tensor("w", "4", "12"), data: 12),
    Case("trailing bytes", "data", .badOffset, tensor(), data: 9),
    Case("data without tensors", "data", .badOffset, "", data: 3),
    Case("two bytes short", "'w': data_offsets", .badOffset, tensor(), data: 6),
    Case("shape and span disagree", "'w': data_offsets", .wrongShape, tensor(shape: "[3]")),
    Case(
      "non-string metadata", "__metadata__, 'a'", .wrongType,
      "\"__metadata__\":{\"a\":1},\(tensor())"
    ),
    Case("metadata no object", "__metadata__", .wrongType, "\"__metadata__\":[],\(tensor())"),
    Case("NUL in a name", "tensor 0", .invalidName, tensor("a\\u0000b")),
    Case("path in a name", "tensor 0", .invalidName, tensor("../../etc/passwd")),
    Case("empty name", "tensor 0", .invalidName, tensor("")),
    Case("name of 600 bytes", "tensor 0", .invalidName, tensor(String(repeating: "n", count: 600))),
  ]

  @Test(arguments: head + members)
  func refuses(_ damaged: Case) throws {
    let found = try requireProblem(damaged.code) { try parseSafetensors(damaged.bytes) }
    #expect(found.subject == "model.safetensors")
    #expect(found.place.contains(damaged.place), "\(found)")
    #expect(!"\(found)".utf8.contains(0x1B))
  }

  @Test func refusesAMillionTensorsAndAMillionBracketsQuickly() {
    func member(_ name: String) -> String {
      "\"\(name)\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
    }
    let million = safetensors("{" + String(repeating: member("a"), count: 1_000_000), data: 4)
    let many = safetensors("{" + (0..<30_000).map { member("\($0)") }.joined(), data: 4)
    let deep = safetensors("{\"a\":" + String(repeating: "[", count: 1_000_000), data: 0)
    let clock = ContinuousClock()
    for (bytes, code) in [
      (million, .tooLarge), (many, .tooLarge), (deep, .tooDeep),
    ] as [([UInt8], Problem.Code)] {
      let time = clock.measure {
        expectProblem(code) { try parseSafetensors(bytes) }
      }
      // Without optimisation, and beside other tests.
      #expect(time < .seconds(10))
    }
  }

  @Test func acceptsWhatIsLegal() throws {
    let header = """
      {"__metadata__":{"a":"b"},\(Self.tensor("scalar", shape: "[]", "9", "13")),\
      \(Self.tensor("none", shape: "[3,0]", "8", "8")),\(Self.tensor("odd", dtype: "U8", shape: "[1]", "8", "9")),\
      \(Self.tensor("half", dtype: "F16", shape: "[2,2]", "0", "8"))}   \n
      """
    let table = try parseSafetensors(safetensors(header, data: 13))
    #expect(table.records.map(\.name) == ["scalar", "none", "odd", "half"])
    #expect(table.records.map(\.shape) == [[], [3, 0], [1], [2, 2]])
    #expect(table.records.map(\.elementType) == [.float32, .float32, nil, .float16])
    #expect(table.metadata == ["a": .string([98])])
    #expect(table.records[0].offset % 4 != 0)
    #expect(try parseSafetensors(safetensors("{}", data: 0)).records.isEmpty)
  }

  /// Their bytes are copied to where floats may stand.
  @Test func readsMisalignedTensors() throws {
    var bytes = safetensors(
      "{\(Self.tensor("b", dtype: "U8", shape: "[3]", "0", "3")),\(Self.tensor("w", "3", "11"))}",
      data: 3)
    bytes += [Float(1.5), -2].flatMap { littleEndian($0.bitPattern) }
    let folder = try TemporaryFolder()
    let checkpoint = try Checkpoint.open(try folder.write("odd.safetensors", bytes))
    #expect(try checkpoint.tensor("w").floats() == [1.5, -2])
  }

  /// Expected bytes: `safetensors.numpy.save` of the Python package.
  @Test func writesWhatTheReferenceWrites() throws {
    let expected = try #require(try golden("files.json")["safetensors"])
    let file = try #require(expected["file"]).hexadecimal
    let tensors = try #require(expected["tensors"]?.object).members.map { name, tensor in
      (
        name: String(decoding: name, as: UTF8.self),
        shape: try #require(tensor["shape"]?.array).compactMap(\.int),
        values: floats(try #require(tensor["values"]).hexadecimal)
      )
    }
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/probe.safetensors"
    try SafetensorsFile.write(tensors, metadata: ["note": "a \"quoted\" \\ é"], to: path)
    #expect(try readFile(path) == file)
    let checkpoint = try Checkpoint.open(path)
    #expect(checkpoint.metadata == ["note": .string(Array("a \"quoted\" \\ é".utf8))])
    for (name, shape, values) in tensors {
      let tensor = try checkpoint.tensor(name)
      #expect(tensor.shape == shape)
      #expect(tensor.floats().map(\.bitPattern) == values.map(\.bitPattern))
    }
  }

  @Test func writerRefusesContradictions() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/probe.safetensors"
    let wrong: [(Problem.Code, [(name: String, shape: [Int], values: [Float])])] = [
      (.wrongShape, [("a", [2], [1])]), (.invalidName, [("a", [1], [1]), ("a", [1], [1])]),
      (.invalidName, [("", [1], [1])]), (.invalidName, [("__metadata__", [1], [1])]),
      (.wrongShape, [("a", [-1, -1], [1])]), (.wrongShape, [("a", [.max, 2], [1])]),
    ]
    for (code, tensors) in wrong {
      expectProblem(code) {
        try SafetensorsFile.write(tensors, metadata: [:], to: path)
      }
    }
    expectProblem(.missing) {
      try SafetensorsFile.write([("a", [1], [1])], metadata: [:], to: "\(path)/no/such/folder")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }
}

func parseSafetensors(_ bytes: [UInt8]) throws -> TensorTable {
  try bytes.withUnsafeBytes { try SafetensorsReader.parse($0, file: "model.safetensors") }
}
