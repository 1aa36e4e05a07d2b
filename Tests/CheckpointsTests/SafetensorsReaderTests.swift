import Files
import Foundation
import Tensors
import Testing

@testable import Checkpoints

@Suite struct SafetensorsReaderTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let place: String
    let problem: String
    let bytes: [UInt8]

    init(_ name: String, _ place: String, _ problem: String, _ bytes: [UInt8]) {
      testDescription = name
      self.place = place
      self.problem = problem
      self.bytes = bytes
    }

    /// A file whose header holds these members.
    init(_ name: String, _ place: String, _ problem: String, _ members: String, data: Int = 8) {
      self.init(name, place, problem, safetensors("{\(members)}", data: data))
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
    Case("empty", "header length", "0 bytes", []),
    Case("seven bytes", "header length", "7 bytes", [UInt8](repeating: 0, count: 7)),
    Case("header length 0", "header length", "is 0", safetensors("{}", data: 0, length: 0)),
    Case(
      "over 100 MB", "header length", "100000001 is more",
      safetensors("{}", data: 0, length: 100_000_001)),
    Case(
      "over 16 MB, which the format allows", "header length", "16777217 is more",
      safetensors("{}", data: 0, length: 16 << 20 + 1)),
    Case("over the file", "header length", "fit", safetensors("{}", data: 0, length: 3)),
    Case(
      "2^63", "header length", "9223372036854775808", safetensors("{}", data: 0, length: 1 << 63)),
    Case(
      "2^64 - 1", "header length", "18446744073709551615", safetensors("{}", data: 0, length: .max)),
    Case(
      "not UTF-8", "byte 4", "UTF-8",
      littleEndian(UInt64(8)) + Array("{\"".utf8) + [0xFF, 0xFE] + Array("\":1}".utf8)),
    Case("not JSON", "header", "'{'", safetensors("hello", data: 0)),
    Case("only {", "byte 1", "expected", safetensors("{", data: 0)),
    Case("array", "header", "'{'", safetensors("[]", data: 0)),
    Case("leading space", "header", "'{'", safetensors(" {}", data: 0)),
    Case("trailing comma", "byte", "expected", safetensors("{\(tensor()),}", data: 8)),
    Case("two documents", "byte", "behind", safetensors("{}{}", data: 0)),
    Case("NUL behind the header", "byte", "behind", safetensors("{}\u{0}", data: 0)),
  ]

  static let members: [Case] = [
    Case("duplicate key", "byte", "'w' stands here twice", "\(tensor()),\(tensor())"),
    Case("unknown dtype", "'w': dtype", "'F33'", tensor(dtype: "F33")),
    Case("terminal codes in a dtype", "'w': dtype", "\\u{1B}", tensor(dtype: "\\u001b[2J")),
    Case("dtype of four bits", "'w': dtype", "'F4'", tensor(dtype: "F4")),
    Case("no dtype", "'w': dtype", "known", "\"w\":{\"shape\":[2],\"data_offsets\":[0,8]}"),
    Case("no shape", "'w': shape", "array", "\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}"),
    Case("no offsets", "'w': data_offsets", "array", "\"w\":{\"dtype\":\"F32\",\"shape\":[2]}"),
    Case(
      "unknown field", "'w'", "'x'",
      "\"w\":{\"dtype\":\"F32\",\"x\":1,\"shape\":[2],\"data_offsets\":[0,8]}"),
    Case("not an object", "'w'", "object", "\"w\":3"),
    Case("negative shape", "'w': shape", "integer", tensor(shape: "[-2]")),
    Case("fractional shape", "'w': shape", "integer", tensor(shape: "[2.0]")),
    Case("shape over 2^63", "'w': shape", "integer", tensor(shape: "[9223372036854775808]")),
    Case("overflowing shape", "'w': shape", "overflows", tensor(shape: "[4294967296,4294967296]")),
    Case("overflowing bytes", "'w': shape", "overflows", tensor(shape: "[4611686018427387904]")),
    Case(
      "overflow before a zero", "'w': shape", "overflows",
      tensor(shape: "[4294967296,4294967296,0]", "0", "0")),
    Case("begin > end", "'w': data_offsets", "range", tensor("w", "8", "0")),
    Case("end > data", "'w': data_offsets", "range", tensor(shape: "[3]", "0", "12")),
    Case(
      "three offsets", "'w': data_offsets", "two",
      "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}"),
    Case(
      "overlap", "'v': data_offsets", "overlaps", "\(tensor()),\(tensor("v", "4", "12"))", data: 12),
    Case("same bytes twice", "data_offsets", "overlaps", "\(tensor()),\(tensor("v"))"),
    Case(
      "hole", "'v': data_offsets", "4 bytes before", "\(tensor()),\(tensor("v", "12", "20"))",
      data: 20),
    Case(
      "hole at the start", "'w': data_offsets", "4 bytes before", tensor("w", "4", "12"), data: 12),
    Case("trailing bytes", "data", "1 bytes behind", tensor(), data: 9),
    Case("data without tensors", "data", "3 bytes", "", data: 3),
    Case("two bytes short", "'w': data_offsets", "range", tensor(), data: 6),
    Case("shape and span disagree", "'w': data_offsets", "12 bytes", tensor(shape: "[3]")),
    Case(
      "non-string metadata", "__metadata__, 'a'", "string", "\"__metadata__\":{\"a\":1},\(tensor())"
    ),
    Case("metadata no object", "__metadata__", "object", "\"__metadata__\":[],\(tensor())"),
    Case("NUL in a name", "tensor 0", "control", tensor("a\\u0000b")),
    Case("path in a name", "tensor 0", "path", tensor("../../etc/passwd")),
    Case("empty name", "tensor 0", "empty", tensor("")),
    Case("name of 600 bytes", "tensor 0", "600", tensor(String(repeating: "n", count: 600))),
  ]

  @Test(arguments: head + members)
  func refuses(_ damaged: Case) throws {
    let error = #expect(throws: CheckpointError.self) { try parseSafetensors(damaged.bytes) }
    let found = try #require(error)
    #expect(found.file == "model.safetensors")
    #expect(found.place.contains(damaged.place), "\(found)")
    #expect(found.problem.contains(damaged.problem), "\(found)")
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
    for (bytes, problem) in [
      (million, "is more than the 16777216 allowed"), (many, "more values"),
      (deep, "nested more than 128 deep"),
    ] {
      let time = clock.measure {
        let error = #expect(throws: CheckpointError.self) { try parseSafetensors(bytes) }
        #expect(error?.problem.contains(problem) == true)
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
    let wrong: [[(name: String, shape: [Int], values: [Float])]] = [
      [("a", [2], [1])], [("a", [1], [1]), ("a", [1], [1])], [("", [1], [1])],
      [("__metadata__", [1], [1])], [("a", [-1, -1], [1])], [("a", [.max, 2], [1])],
    ]
    for tensors in wrong {
      #expect(throws: CheckpointError.self) {
        try SafetensorsFile.write(tensors, metadata: [:], to: path)
      }
    }
    #expect(throws: CheckpointError.self) {
      try SafetensorsFile.write([("a", [1], [1])], metadata: [:], to: "\(path)/no/such/folder")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }
}

func parseSafetensors(_ bytes: [UInt8]) throws -> TensorTable {
  try bytes.withUnsafeBytes { try SafetensorsReader.parse($0, file: "model.safetensors") }
}
