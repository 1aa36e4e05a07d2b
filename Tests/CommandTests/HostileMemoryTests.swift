import Foundation
import Testing

/// What hostile files cost: each is refused with status 4, in under 64 MB and without output.
@Suite(.serialized) struct HostileMemoryTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try folder.write("prompts.jsonl", #"{"messages": [{"role": "user", "content": "ab"}]}"#)
  }

  private func tokens(of model: String) throws -> (outcome: Tool.Outcome, megabytes: Double) {
    try Tool.measured(
      ["tokens", "--model", model, "--prompts", "prompts.jsonl", "--json"], in: folder)
  }

  private func expectRefusal(of model: String, _ hint: String) throws {
    let start = ContinuousClock.now
    let (outcome, megabytes) = try tokens(of: model)
    #expect(outcome.status == 4 && !outcome.wasKilled, "\(outcome.status)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains(model) && outcome.errors.contains(hint), "\(outcome.errors)")
    #expect(outcome.errors.utf8.count < 2000)
    #expect(megabytes < 64, "\(model): \(megabytes) MB")
    // Under a second when optimised and alone.
    #expect(ContinuousClock.now - start < .seconds(30), "\(model)")
  }

  private func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  @Test func ggufFiles() throws {
    func file(_ type: UInt32, _ rest: [UInt8]) -> [UInt8] {
      Array("GGUF".utf8) + littleEndian(UInt32(3)) + littleEndian(UInt64(0))
        + littleEndian(UInt64(1)) + littleEndian(UInt64(1)) + Array("a".utf8) + littleEndian(type)
        + rest
    }
    let array = littleEndian(UInt32(0)) + littleEndian(UInt64(1) << 63)
    let many = littleEndian(UInt32(0)) + littleEndian(UInt64(40_000_000))
    let long = littleEndian(UInt64(40_000_000))
    let zeros = [UInt8](repeating: 0, count: 40_000_000)
    for (bytes, hint) in [
      (file(9, array), "9223372036854775808 elements"),
      (Array(file(9, array).prefix(43)), "43 bytes ends"),
      (file(9, many + zeros), "larger than that of any model"),
      (file(8, long + zeros), "larger than that of any model"),
    ] {
      try folder.write("bad.gguf", bytes)
      try expectRefusal(of: "bad.gguf", hint)
    }
  }

  @Test func safetensorsFiles() throws {
    func write(_ header: String) throws {
      try folder.write(
        "bad.safetensors", littleEndian(UInt64(header.utf8.count)) + Array(header.utf8))
    }
    try write("{\"a\":" + String(repeating: "[", count: 1_000_000))
    try expectRefusal(of: "bad.safetensors", "nested more than 128 deep")
    try write("{" + String(repeating: "\"a\":{\"dtype\":\"F32\",\"shape\":[],", count: 1_000_000))
    try expectRefusal(of: "bad.safetensors", "header length")
    try write("{\"a\":[" + String(repeating: "0,", count: 1_000_000))
    try expectRefusal(of: "bad.safetensors", "more values")
    try write("{\"__metadata__\":{\"a\":\"" + String(repeating: "a", count: 4_000_000) + "\"}}0")
    try expectRefusal(of: "bad.safetensors", "something stands behind")
  }

  /// A Hugging Face folder with a tokenizer of three tokens.
  private func write(
    tokenizer: String? = nil, template: String? = nil, config: String? = nil, index: String? = nil
  ) throws {
    try? FileManager.default.removeItem(atPath: folder.file("model"))
    try FileManager.default.createDirectory(
      atPath: folder.file("model"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: TinyModel.llama + "/config.json", toPath: folder.file("model/config.json"))
    if let config { try folder.write("model/config.json", config) }
    if let index {
      try folder.write("model/model.safetensors.index.json", index)
    } else {
      try FileManager.default.copyItem(
        atPath: TinyModel.llama + "/model.safetensors",
        toPath: folder.file("model/model.safetensors"))
    }
    try folder.write("model/tokenizer.json", tokenizer ?? Self.tokenizer(#""a":0,"b":1,"ab":2"#))
    try folder.write("model/chat_template.jinja", template ?? "{{ messages[0].content }}")
  }

  private static func tokenizer(_ vocabulary: String) -> String {
    #"{"model":{"vocab":{\#(vocabulary)},"merges":["a b"]},"#
      + #""pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}}"#
  }

  @Test func theFolderItselfIsSound() throws {
    try write()
    let (outcome, megabytes) = try tokens(of: "model")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(megabytes < 64)
    #if os(Linux)
      #expect(megabytes > 1)
    #endif
  }

  @Test func configurationsAndIndices() throws {
    try write(config: String(repeating: "[", count: 1_000_000))
    try expectRefusal(of: "model", "nested more than 128 deep")
    try write(config: "[" + String(repeating: "0,", count: 1_000_000))
    try expectRefusal(of: "model", "more values")
    let members = (0..<130_000).map { "\"\($0)\":\"\($0).safetensors\"" }.joined(separator: ",")
    try write(index: "{\"weight_map\":{\(members)}}")
    try expectRefusal(of: "model", "more values")
  }

  @Test func tokenizers() throws {
    for id in ["1000000000", "1048576", "2147483648", "-1"] {
      try write(tokenizer: Self.tokenizer("\"a\":\(id)"))
      try expectRefusal(of: "model", "model.vocab['a']: the id \(id)")
    }
    try write(tokenizer: Self.tokenizer(#""a":0,"b":1048575"#))
    try expectRefusal(of: "model", "model.merges[0]")
    try write(tokenizer: "{\"model\":" + String(repeating: "{\"a\":", count: 1_000_000))
    try expectRefusal(of: "model", "nested more than 128 deep")
  }

  @Test func templates() throws {
    for (template, hint) in [
      (String(repeating: "{{ a }}", count: 140_000), "longer than 131072 bytes"),
      ("{{ [" + String(repeating: "1,", count: 60_000) + "1]|length + none }}", "None"),
      ("{{ 'a' * 10**9 }}", "longer than"), ("{{ range(10**9) }}", "range"),
      ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recurses"),
      ("{% set s = 'a' * 250000 %}{{ s|list|length }}", "steps"),
      ("{{ ('a' * 250000)|reverse }}", "steps"),
      ("{{ ('\\n' * 250000)|indent }}", "steps"),
      ("{{ raise_exception('a' * 250000) }}", "aaa..."),
    ] {
      try write(template: template)
      try expectRefusal(of: "model", hint)
    }
  }
}
