import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A run that does not reach its end leaves no file under the name that was asked for.
@Suite struct InterruptionTests {
  let folder: Scratch

  init() throws { folder = try Scratch() }

  @Test(arguments: [SIGTERM, SIGINT, SIGKILL]) func killedHalfWay(signal: Int32) throws {
    let row = #""token_ids": \#(Array(repeating: 5, count: 120))}"#
    try folder.write(
      "p.jsonl", (0..<2000).map { #"{"id": "\#($0)", \#(row)"# }.joined(separator: "\n"))
    let running = try Tool.start(
      [
        "capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--positions", "all",
        "--out",
        "a.h5",
      ], in: folder)
    let deadline = ContinuousClock.now + .seconds(40)
    while !folder.contents.contains(where: { $0.hasSuffix(".partial") }),
      running.process.isRunning, ContinuousClock.now < deadline
    { usleep(2000) }
    kill(running.process.processIdentifier, signal)
    let outcome = try running.outcome()
    #expect(outcome.wasKilled && outcome.status == signal, "\(outcome.status)")
    #expect(outcome.output.isEmpty)
    #expect(folder.contents.contains { $0.hasSuffix(".partial") }, "killed while it wrote")
    #expect(!folder.contents.contains("a.h5") && !folder.contents.contains("a.h5.json"))
    // The next run takes it away, whatever process has that number now.
    try folder.write("q.jsonl", #"{"token_ids": [5]}"#)
    let next = try Tool.run(
      ["capture", "--model", TinyModel.llama, "--prompts", "q.jsonl", "--out", "b.h5"], in: folder)
    #expect(next.status == 0, "\(next.errors)")
    #expect(folder.contents == ["b.h5", "b.h5.json", "p.jsonl", "q.jsonl"])
  }

  /// A folder appears with what says where it came from, and a killed run is repeated.
  @Test func aModelIsWrittenWholeOrNotAtAll() throws {
    try folder.write("v.json", "\((0..<36).map { Double($0 % 5) - 1.7 })")
    let words = [
      "direction", "orthogonalise", "--model", TinyModel.llama, "--direction", "v.json", "--out",
      "out",
    ]
    for blocks in [1, 40] {
      _ = try Tool.killed(words, whenAFileHas: blocks, in: folder)
      #expect(folder.contents.contains { $0.hasSuffix(".partial") }, "killed while it wrote")
      #expect(!folder.contents.contains { $0.hasPrefix("out") })
    }
    let whole = try Tool.run(words, in: folder)
    #expect(whole.status == 0, "\(whole.errors)")
    #expect(folder.contents.contains("out/bathyscope.json"))
    #expect(!folder.contents.contains { $0.contains("partial") }, "\(folder.contents)")
  }

  /// One embedding of 10^6 is too much for float16, and is met in the last prompt.
  @Test func failureHalfWayKeepsWhatWasThere() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("model"), withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(TinyModel.llama)/\(name)")))
      if name == "model.safetensors" { try enlargeEmbedding(of: 50, in: &bytes) }
      try folder.write("model/\(name)", bytes)
    }
    try folder.write("p.jsonl", "{\"token_ids\": [7, 8]}\n{\"token_ids\": [50]}\n")
    try folder.write("a.h5", "what was there")
    let words = [
      "capture", "--model", "model", "--prompts", "p.jsonl", "--hooks", "hook_embed", "--out",
      "a.h5", "--overwrite",
    ]
    let before = folder.contents
    let failed = try Tool.run(words + ["--store", "float16"], in: folder)
    #expect(failed.status == 4)
    #expect(failed.code == "overflows", "\(failed.errors)")
    #expect(folder.contents == before)
    #expect(try folder.text("a.h5") == "what was there")
    #expect(try Tool.run(words, in: folder).status == 0)
    #expect(try folder.bytes("a.h5").count > 1000)
  }

  private func enlargeEmbedding(of token: Int, in bytes: inout [UInt8]) throws {
    let length = bytes[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: Data(bytes[8..<(8 + length)]))
    let tensors = try #require(header as? [String: Any])
    let embedding = try #require(tensors["model.embed_tokens.weight"] as? [String: Any])
    let offsets = try #require(embedding["data_offsets"] as? [Int])
    let place = 8 + length + offsets[0] + token * 36 * 4
    withUnsafeBytes(of: Float(1e6).bitPattern.littleEndian) {
      bytes.replaceSubrange(place..<(place + 4), with: $0)
    }
  }
}
