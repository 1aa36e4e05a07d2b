import Files
import Foundation
import Tensors
import Testing

@testable import Checkpoints

@Suite struct CheckpointTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A file with one tensor of `count` ones.
  private func shard(_ name: String, _ tensor: String, count: Int = 2) throws {
    try SafetensorsFile.write(
      [(tensor, [count], [Float](repeating: 1, count: count))], metadata: [:],
      to: "\(folder.path)/\(name)")
  }

  private func index(_ map: String) throws {
    _ = try folder.write("config.json", Array("{\"a\":1}".utf8))
    _ = try folder.write(
      "model.safetensors.index.json", Array("{\"metadata\":{},\"weight_map\":\(map)}".utf8))
  }

  @discardableResult
  private func refusal(_ code: Problem.Code, _ path: String? = nil) throws -> Problem {
    try requireProblem(code) { try Checkpoint.open(path ?? folder.path) }
  }

  /// Expected values: written and expanded by the gguf package.
  @Test func expandsTensorsOfAGGUFFile() throws {
    let expected = try #require(try golden("files.json")["gguf"])
    let bytes = try #require(expected["file"]).hexadecimal
    let checkpoint = try Checkpoint.open(try folder.write("small.gguf", bytes))
    #expect(checkpoint.format == .gguf)
    #expect(checkpoint.configuration == nil)
    let tensors = try #require(expected["tensors"]?.object).members
    #expect(
      checkpoint.names.sorted() == tensors.map { String(decoding: $0.key, as: UTF8.self) }.sorted())
    for (name, expected) in tensors {
      let tensor = try checkpoint.tensor(String(decoding: name, as: UTF8.self))
      let values = floats(try #require(expected["values"]).hexadecimal).map(\.bitPattern)
      #expect(tensor.elementType.rawValue == expected["type"]?.text)
      #expect(tensor.shape == expected["shape"]?.array?.compactMap(\.int))
      #expect(tensor.floats().map(\.bitPattern) == values)
      // Row by row it is the same.
      var rows = [Float](repeating: .nan, count: tensor.elementCount)
      rows.withUnsafeMutableBufferPointer { buffer in
        guard let target = buffer.baseAddress else { return }
        for row in 0..<tensor.rowCount {
          tensor.expand(rows: row..<(row + 1), into: target + row * tensor.rowLength)
        }
      }
      #expect(rows.map(\.bitPattern) == values)
    }
    #expect(checkpoint.sha256 == Digest.sha256(bytes))
    #expect(checkpoint.configSHA256 != checkpoint.sha256)
  }

  @Test func tensorsOutliveTheirCheckpoint() throws {
    try shard("one.safetensors", "w")
    let tensor = try Checkpoint.open("\(folder.path)/one.safetensors").tensor("w")
    #expect(tensor.floats() == [1, 1])
  }

  @Test func readsAFolder() throws {
    let config = Array("{\"model_type\":\"llama\"}".utf8)
    _ = try folder.write("config.json", config)
    try shard("model.safetensors", "w")
    let checkpoint = try Checkpoint.open(folder.path)
    #expect(checkpoint.format == .safetensors)
    #expect(checkpoint.configuration?["model_type"]?.text == "llama")
    #expect(checkpoint.file(named: "config.json") == "\(folder.path)/config.json")
    #expect(checkpoint.file(named: "tokenizer.json") == nil)
    #expect(checkpoint.configSHA256 == Digest.sha256(config))
    #expect(checkpoint.sha256 == Digest.sha256(try readFile("\(folder.path)/model.safetensors")))
    expectProblem(.missingTensor) { try checkpoint.tensor("v") }
  }

  @Test func readsShards() async throws {
    try shard("b.safetensors", "w", count: 3)
    try shard("a.safetensors", "v")
    try index(#"{"w":"b.safetensors","v":"a.safetensors"}"#)
    let checkpoint = try Checkpoint.open(folder.path)
    #expect(checkpoint.names == ["v", "w"])
    #expect(try checkpoint.tensor("w").floats() == [1, 1, 1])
    // What `sha256sum a.safetensors b.safetensors | sha256sum` says.
    let list = try ["a.safetensors", "b.safetensors"].map {
      "\(Digest.sha256(try readFile("\(folder.path)/\($0)")))  \($0)\n"
    }
    let expected = Digest.sha256(Array(list.joined().utf8))
    await withTaskGroup(of: String.self) { group in
      for _ in 0..<8 { group.addTask { checkpoint.sha256 } }
      for await digest in group { #expect(digest == expected) }
    }
  }

  @Test(
    arguments: [
      (#"{"w":"../../etc/passwd"}"#, .invalidName), (#"{"w":"/etc/passwd"}"#, .invalidName),
      (#"{"w":"/a.safetensors"}"#, .invalidName), (#"{"w":"../a.safetensors"}"#, .invalidName),
      (#"{"w":".safetensors"}"#, .invalidName), (#"{"w":""}"#, .invalidName),
      (#"{"w":3}"#, .wrongType), ("{}", .missingTensor), ("[]", .wrongType),
      (#"{"w":"a.bin"}"#, .invalidName), (#"{"w":"a\u0000.safetensors"}"#, .invalidName),
      (#"{"w":"missing.safetensors"}"#, .missing),
      (#"{"v":"a.safetensors","x":"a.safetensors"}"#, .missingTensor),
      (#"{"v":"a.safetensors","v":"a.safetensors"}"#, .duplicateKey),
    ] as [(String, Problem.Code)])
  func refusesAnIndex(map: String, code: Problem.Code) throws {
    try shard("a.safetensors", "v")
    try index(map)
    let error = try refusal(code)
    #expect(error.subject == "\(folder.path)/model.safetensors.index.json")
    #expect(error.place.contains("weight_map") || code == .duplicateKey, "\(error)")
  }

  @Test func refusesATensorInTwoShards() throws {
    try shard("a.safetensors", "v")
    try shard("b.safetensors", "v")
    try index(#"{"v":"a.safetensors","w":"b.safetensors"}"#)
    #expect(try refusal(.missingTensor).place == "weight_map, 'w'")
    try index(#"{"v":"a.safetensors"}"#)
    #expect(try Checkpoint.open(folder.path).names == ["v"])
    try SafetensorsFile.write(
      [("v", [1], [1]), ("w", [1], [1])], metadata: [:], to: "\(folder.path)/b.safetensors")
    try index(#"{"v":"a.safetensors","w":"b.safetensors"}"#)
    let error = try refusal(.duplicateTensor)
    #expect(error.place == "tensor 'v'" && error.problem.hasSuffix("a.safetensors"))
  }

  @Test func refusesNamesThatSwiftTakesForEqual() throws {
    try SafetensorsFile.write(
      [("\u{E9}", [1], [1])], metadata: [:], to: "\(folder.path)/a.safetensors")
    try SafetensorsFile.write(
      [("e\u{301}", [1], [1])], metadata: [:], to: "\(folder.path)/b.safetensors")
    try index(#"{"\u00e9":"a.safetensors","e\u0301":"b.safetensors"}"#)
    try refusal(.duplicateTensor)
  }

  @Test func refusesWhatIsNotACheckpoint() throws {
    #expect(try refusal(.missing).place == "config.json")
    #expect(try refusal(.missing, "\(folder.path)/absent").place == "")
    for name in ["model.bin", "model.pt", "model.PKL", "model.pth", "model.ckpt"] {
      try refusal(.isPickle, try folder.write(name, [0x80, 2]))
    }
    _ = try folder.write("config.json", Array("{}".utf8))
    try refusal(.isPickle)
    try refusal(.wrongFormat, try folder.write("notes.txt", Array("hello".utf8)))
    #expect(try refusal(.cutShort, try folder.write("empty.gguf", [])).place == "magic")
    #expect(mkfifo("\(folder.path)/pipe.gguf", 0o600) == 0)
    try refusal(.notAFile, "\(folder.path)/pipe.gguf")
    #expect(symlink("loop.gguf", "\(folder.path)/loop.gguf") == 0)
    #expect(try refusal(.missing, "\(folder.path)/loop.gguf").subject.hasSuffix("loop.gguf"))
  }

  @Test func refusesADamagedConfiguration() throws {
    try shard("model.safetensors", "w")
    for (text, code) in [
      ("", .notJSON), ("{", .notJSON), ("{\"a\":1,}", .notJSON),
      ("{\"a\":1,\"a\":2}", .duplicateKey),
    ] as [(String, Problem.Code)] {
      let path = try folder.write("config.json", Array(text.utf8))
      #expect(try refusal(code).subject == path)
    }
  }

  @Test func refusesAWeightThatIsNotAFloat() throws {
    let header = #"{"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#
    let path = try folder.write("ids.safetensors", safetensors(header, data: 8))
    let checkpoint = try Checkpoint.open(path)
    expectProblem(.unsupported) { try checkpoint.tensor("ids") }
  }

  @Test func checksMetadataByTypeAndLength() throws {
    var builder = GGUFBuilder()
    builder.keys = [
      ("llama.block_count", GGUFBuilder.uint32(1_000_000_000)),
      ("llama.attention.head_count", GGUFBuilder.uint32(0)),
      ("tokenizer.ggml.tokens", GGUFBuilder.strings(["a", "b"])),
      ("tokenizer.ggml.scores", GGUFBuilder.array(6, 1, littleEndian(Float(1).bitPattern))),
      ("tokenizer.ggml.token_type", GGUFBuilder.strings(["a", "b"])),
      ("name", GGUFBuilder.uint32(1)),
      ("rate", littleEndian(UInt32(6)) + littleEndian(Float.nan.bitPattern)),
      ("text", littleEndian(UInt32(8)) + littleEndian(UInt64(1)) + [0xFF]),
    ]
    let checkpoint = try Checkpoint.open(try folder.write("meta.gguf", builder.bytes))
    #expect(try checkpoint.integer("name", in: 1...1) == 1)
    #expect(try checkpoint.strings("tokenizer.ggml.tokens", count: 2) == [[97], [98]])
    #expect(try checkpoint.floats("tokenizer.ggml.scores") == [1])
    let wrong: [(String, Problem.Code, () throws -> Void)] = [
      (
        "llama.block_count", .outOfRange,
        { _ = try checkpoint.integer("llama.block_count", in: 1...4096) }
      ),
      (
        "llama.attention.head_count", .outOfRange,
        { _ = try checkpoint.integer("llama.attention.head_count", in: 1...4096) }
      ),
      ("absent", .missingField, { _ = try checkpoint.string("absent") }),
      ("name", .wrongType, { _ = try checkpoint.string("name") }),
      ("name", .wrongType, { _ = try checkpoint.bool("name") }),
      ("rate", .notFinite, { _ = try checkpoint.float("rate") }),
      ("text", .notUTF8, { _ = try checkpoint.string("text") }),
      (
        "scores", .wrongCount,
        { _ = try checkpoint.floats("tokenizer.ggml.scores", count: 2) }
      ),
      (
        "token_type", .wrongType,
        { _ = try checkpoint.integers("tokenizer.ggml.token_type", count: 2) }
      ),
      ("scores", .wrongType, { _ = try checkpoint.strings("tokenizer.ggml.scores") }),
    ]
    for (place, code, body) in wrong {
      let error = expectProblem(code) { try body() }
      #expect(error?.place.contains(place) == true)
    }
  }
}
