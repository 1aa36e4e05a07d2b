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

  private func refusal(_ path: String? = nil) throws -> CheckpointError {
    let error = #expect(throws: CheckpointError.self) {
      try Checkpoint.open(path ?? folder.path)
    }
    return try #require(error)
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
    #expect(throws: CheckpointError.self) { try checkpoint.tensor("v") }
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

  @Test(arguments: [
    #"{"w":"../../etc/passwd"}"#, #"{"w":"/etc/passwd"}"#, #"{"w":"/a.safetensors"}"#,
    #"{"w":"../a.safetensors"}"#, #"{"w":".safetensors"}"#, #"{"w":""}"#, #"{"w":3}"#, "{}", "[]",
    #"{"w":"a.bin"}"#, #"{"w":"a\u0000.safetensors"}"#, #"{"w":"missing.safetensors"}"#,
    #"{"v":"a.safetensors","x":"a.safetensors"}"#, #"{"v":"a.safetensors","v":"a.safetensors"}"#,
  ])
  func refusesAnIndex(map: String) throws {
    try shard("a.safetensors", "v")
    try index(map)
    let error = try refusal()
    #expect(error.file == "\(folder.path)/model.safetensors.index.json")
    #expect(error.place.contains("weight_map") || error.problem.contains("twice"), "\(error)")
  }

  @Test func refusesATensorInTwoShards() throws {
    try shard("a.safetensors", "v")
    try shard("b.safetensors", "v")
    try index(#"{"v":"a.safetensors","w":"b.safetensors"}"#)
    #expect(try refusal().problem.contains("not in its shard"))
    try index(#"{"v":"a.safetensors"}"#)
    #expect(try Checkpoint.open(folder.path).names == ["v"])
    try SafetensorsFile.write(
      [("v", [1], [1]), ("w", [1], [1])], metadata: [:], to: "\(folder.path)/b.safetensors")
    try index(#"{"v":"a.safetensors","w":"b.safetensors"}"#)
    let error = try refusal()
    #expect(error.place == "tensor 'v'")
    #expect(error.problem == "it also stands in a.safetensors")
  }

  @Test func refusesNamesThatSwiftTakesForEqual() throws {
    try SafetensorsFile.write(
      [("\u{E9}", [1], [1])], metadata: [:], to: "\(folder.path)/a.safetensors")
    try SafetensorsFile.write(
      [("e\u{301}", [1], [1])], metadata: [:], to: "\(folder.path)/b.safetensors")
    try index(#"{"\u00e9":"a.safetensors","e\u0301":"b.safetensors"}"#)
    #expect(try refusal().problem.contains("also stands in"))
  }

  @Test func refusesWhatIsNotACheckpoint() throws {
    #expect(try refusal().place == "config.json")
    #expect(try refusal("\(folder.path)/absent").problem.contains("does not exist"))
    for name in ["model.bin", "model.pt", "model.PKL", "model.pth", "model.ckpt"] {
      let error = try refusal(try folder.write(name, [0x80, 2]))
      #expect(error.remedy.contains("safetensors"))
    }
    _ = try folder.write("config.json", Array("{}".utf8))
    #expect(try refusal().problem.contains("pickle"))
    #expect(try refusal(try folder.write("notes.txt", Array("hello".utf8))).place == "magic")
    #expect(try refusal(try folder.write("empty.gguf", [])).place == "magic")
    #expect(mkfifo("\(folder.path)/pipe.gguf", 0o600) == 0)
    #expect(try refusal("\(folder.path)/pipe.gguf").problem.contains("regular"))
    #expect(symlink("loop.gguf", "\(folder.path)/loop.gguf") == 0)
    #expect(try refusal("\(folder.path)/loop.gguf").file.hasSuffix("loop.gguf"))
  }

  @Test func refusesADamagedConfiguration() throws {
    try shard("model.safetensors", "w")
    for text in ["", "{", "{\"a\":1,}", "{\"a\":1,\"a\":2}"] {
      let path = try folder.write("config.json", Array(text.utf8))
      #expect(try refusal().file == path)
    }
  }

  @Test func refusesAWeightThatIsNotAFloat() throws {
    let header = #"{"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#
    let path = try folder.write("ids.safetensors", safetensors(header, data: 8))
    let checkpoint = try Checkpoint.open(path)
    let error = #expect(throws: CheckpointError.self) { try checkpoint.tensor("ids") }
    #expect(error?.problem == "its type I64 cannot be used as a weight")
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
    let wrong: [(String, String, () throws -> Void)] = [
      (
        "llama.block_count", "1000000000",
        { _ = try checkpoint.integer("llama.block_count", in: 1...4096) }
      ),
      (
        "llama.attention.head_count", "0 is not",
        { _ = try checkpoint.integer("llama.attention.head_count", in: 1...4096) }
      ),
      ("absent", "missing", { _ = try checkpoint.string("absent") }),
      ("name", "an integer stands", { _ = try checkpoint.string("name") }),
      ("name", "an integer stands", { _ = try checkpoint.bool("name") }),
      ("rate", "finite", { _ = try checkpoint.float("rate") }),
      ("text", "UTF-8", { _ = try checkpoint.string("text") }),
      (
        "scores", "has 1 elements where 2",
        { _ = try checkpoint.floats("tokenizer.ggml.scores", count: 2) }
      ),
      (
        "token_type", "array of 2 strings",
        { _ = try checkpoint.integers("tokenizer.ggml.token_type", count: 2) }
      ),
      ("scores", "array of 1 floats", { _ = try checkpoint.strings("tokenizer.ggml.scores") }),
    ]
    for (place, problem, body) in wrong {
      let error = #expect(throws: CheckpointError.self) { try body() }
      #expect(error?.place.contains(place) == true)
      #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
    }
  }
}
