import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Damaged and hostile input: status 4, an error that names the file and a remedy, and no output.
@Suite struct HostileFileTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try folder.write("good.jsonl", syntheticPrompts(6))
  }

  private func capture(
    model: String = TinyModel.llama, prompts: String = "good.jsonl", out: String = "a.h5"
  ) throws -> Tool.Outcome {
    try Tool.run(
      ["capture", "--model", model, "--prompts", prompts, "--out", out, "--json"], in: folder)
  }

  /// - Parameter hint: what the error has to say besides the file.
  private func expectRefusal(_ outcome: Tool.Outcome, of file: String, _ hint: String = "; ") {
    #expect(outcome.status == 4 && !outcome.wasKilled, "\(outcome.status)")
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("]: \(file)"), "\(outcome.errors)")
    // A semicolon stands between the problem and its remedy.
    for part in ["; ", hint] { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(!outcome.errors.unicodeScalars.contains { $0 != "\n" && $0.value < 32 })
    #expect(!folder.contents.contains { $0.contains("a.h5") || $0.contains("partial") })
  }

  // MARK: Prompts

  @Test(arguments: [
    ("empty", "", "[no-rows]"), ("no JSON", "{\"id\": 1\n", "line 1"),
    ("list", "{\"token_ids\": [1]}\n[1]\n", "line 2"),
    ("missing key", "{\"id\": \"a\"}", "[missing-field]"),
    ("two sources", "{\"text\": \"a\", \"token_ids\": [1]}", "[ambiguous]"),
    ("NUL", "{\"id\": \"a\\u0000b\", \"token_ids\": [1]}", "[nul-character]"),
    ("twice", "{\"id\": 1, \"token_ids\": [1]}\n{\"id\": 1, \"token_ids\": [1]}", "line 2"),
    ("negative", "{\"token_ids\": [-1]}", "[out-of-range]"),
    ("no tokens", "{\"token_ids\": []}", "[wrong-type]"),
    ("unknown table", "a,b\n1,2\n", "[unknown-table]"),
  ])
  func rowsThatAreNoPrompts(name: String, text: String, hint: String) throws {
    try folder.write("bad.jsonl", text)
    expectRefusal(try capture(prompts: "bad.jsonl"), of: "bad.jsonl", hint)
  }

  @Test(arguments: [("[3, 97]", "[unknown-token]"), ("[1" + ",1" * 128 + "]", "[prompt-length]")])
  func promptsThatTheModelCannotTake(tokens: String, hint: String) throws {
    try folder.write("bad.jsonl", #"{"id": "x", "token_ids": \#(tokens)}"#)
    expectRefusal(try capture(prompts: "bad.jsonl"), of: "prompt 'x'", hint)
  }

  @Test func windowsFilesAreRead() throws {
    try folder.write("bad.jsonl", "\u{FEFF}{\"token_ids\": [1]}\r\n\r\n{\"token_ids\": [2]}\r\n")
    #expect(try capture(prompts: "bad.jsonl").json["prompts"] as? Int == 2)
  }

  @Test func textWithoutTokenizer() throws {
    try folder.write("text.jsonl", #"{"text": "Hello"}"#)
    expectRefusal(try capture(prompts: "text.jsonl"), of: TinyModel.llama, "token_ids")
  }

  @Test func lineOfSeventeenMegabytes() throws {
    let line = Array(#"{"text": ""#.utf8) + [UInt8](repeating: 0x61, count: 17 << 20)
    try folder.write("bad.jsonl", line + Array("\"}\n".utf8))
    expectRefusal(try capture(prompts: "bad.jsonl"), of: "bad.jsonl", "line 1")
  }

  @Test func whatIsNoRegularFile() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("folder"), withIntermediateDirectories: true)
    try #require(mkfifo(folder.file("pipe"), 0o600) == 0)
    try #require(symlink("loop", folder.file("loop")) == 0)
    for name in ["folder", "pipe", "loop", "/dev/zero", "missing"] {
      expectRefusal(try capture(prompts: name), of: name)
      expectRefusal(try capture(model: name), of: name)
      let words = ["probe", "train", "--acts", name, "--label", "marked", "--out", "probe"]
      expectRefusal(try Tool.run(words, in: folder), of: name)
      let trace = [
        "trace", "--model", TinyModel.llama, "--prompts", "good.jsonl", "--probe", name, "--out",
        "trace",
      ]
      expectRefusal(try Tool.run(trace, in: folder), of: name)
    }
    #expect(folder.contents == ["folder", "good.jsonl", "loop", "pipe"])
  }

  // MARK: Models

  @Test func damagedModels() throws {
    try folder.write("short.gguf", "GGUF")
    try folder.write("other.gguf", "PK\u{3}\u{4} this is something else, and long enough")
    try folder.write("pickle.bin", [0x80, 0x02, 0x7D, 0x71, 0x00, 0x2E])
    for name in ["short.gguf", "other.gguf", "pickle.bin"] {
      expectRefusal(try capture(model: name), of: name)
    }
    try FileManager.default.createDirectory(
      atPath: folder.file("cut"), withIntermediateDirectories: true)
    let url = URL(fileURLWithPath: TinyModel.llama)
    try folder.write(
      "cut/config.json", Array(Data(contentsOf: url.appendingPathComponent("config.json"))))
    let weights = try Data(contentsOf: url.appendingPathComponent("model.safetensors"))
    for count in [0, 7, 100, weights.count / 2, weights.count - 2] {
      try folder.write("cut/model.safetensors", Array(weights.prefix(count)))
      expectRefusal(try capture(model: "cut"), of: "cut/model.safetensors")
    }
  }

  // MARK: Outputs

  @Test func placesThatCannotBeWritten() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("folder"), withIntermediateDirectories: true)
    for out in ["folder", "folder/", "missing/b.h5", "~/b.h5", "/dev/full", "/dev/null"] {
      expectRefusal(try capture(out: out), of: out)
    }
    expectRefusal(try capture(out: ""), of: ":")
    let trace = ["trace", "--model", TinyModel.llama, "--prompts", "good.jsonl", "--probe"]
    for (words, status) in [
      (["probe", "train", "--acts", Self.activations, "--label", "marked"], Int32(4)),
      // Its own input.
      (trace + [Self.probe], 2),
    ] {
      let outcome = try Tool.run(words + ["--out", "good.jsonl"], in: folder)
      #expect(outcome.status == status)
      #expect(outcome.errors.contains("]: good.jsonl: "), "\(outcome.errors)")
      #expect(!outcome.errors.contains("Domain="))
    }
    #expect(folder.contents == ["folder", "good.jsonl"])
  }

  /// Root may write everywhere.
  @Test(.enabled(if: getuid() != 0)) func foldersWithoutPermission() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("closed"), withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o555])
    expectRefusal(try capture(out: "closed/b.h5"), of: "closed/b.h5", "cannot be written")
  }

  #if os(Linux)
    @Test func foldersThatTakeNoFiles() throws {
      expectRefusal(try capture(out: "/proc/b.h5"), of: "/proc/b.h5")
    }

    @Test func outputThatIsLostIsAnError() throws {
      let process = Process()
      process.executableURL = Tool.executable
      process.arguments = ["models", "list", "--json"]
      process.standardOutput = FileHandle(forWritingAtPath: "/dev/full")
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 4)
    }
  #endif

  // MARK: Activations

  private static var activations: String {
    (try? Pipeline.shared.get().folder.file("acts.h5")) ?? "none"
  }
  private static var probe: String {
    (try? Pipeline.shared.get().folder.file("probe")) ?? "none"
  }

  @Test func activationsCutShort() throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: Self.activations))
    for count in [0, 8, whole.count / 4, whole.count / 2, whole.count - 1] {
      try folder.write("cut.h5", Array(whole.prefix(count)))
      let words = ["probe", "train", "--acts", "cut.h5", "--label", "marked", "--out", "probe"]
      expectRefusal(try Tool.run(words, in: folder), of: "cut.h5")
    }
    #expect(folder.contents == ["cut.h5", "good.jsonl"])
  }

  /// Every command reads activations in a process of its own first; that is this one.
  @Test func inspectionEndsWithAVerdict() throws {
    let good = try Tool.run(["inspect-activations", Self.activations], in: folder)
    #expect(good.status == 0)
    #expect(good.output.isEmpty && good.errors.isEmpty)
    try folder.write("bad.h5", "no HDF5")
    let bad = try Tool.run(["inspect-activations", "bad.h5"], in: folder)
    #expect(bad.status == 4)
    #expect(try Set(bad.json.keys) == ["code", "place", "problem", "remedy"])
  }

  /// libhdf5 may crash, but not in the command's own process, and its trace of the stack is not shown.
  @Test func fileThatCrashesLibhdf5() throws {
    let golden = testFolder.appendingPathComponent("Golden/crashes-libhdf5.h5")
    try folder.write("crash.h5", Array(Data(contentsOf: golden)))
    let inspected = try Tool.run(["inspect-activations", "crash.h5"], in: folder)
    for words in [["train", "--out", "probe"], ["eval", "--probe", Self.probe]] {
      let outcome = try Tool.run(
        ["probe"] + words + ["--acts", "crash.h5", "--label", "marked"], in: folder)
      #expect(outcome.status == 4 && !outcome.wasKilled)
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
      // Other versions of the library may see what is wrong.
      if inspected.wasKilled { #expect(outcome.errors.contains("libhdf5 crashed, hung")) }
    }
    #expect(folder.contents == ["crash.h5", "good.jsonl"])
  }

  // MARK: Probes

  @Test func damagedProbes() throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("probe"), withIntermediateDirectories: true)
    let card = try String(contentsOfFile: Self.probe + "/card.json", encoding: .utf8)
    let tensors = try Data(contentsOf: URL(fileURLWithPath: Self.probe + "/probe.safetensors"))
    let hostile: [(String, Data, String)] = [
      ("{}", tensors, "card.json"), ("[" * 100_000, tensors, "card.json"),
      (
        card.replacing("bathyscope-probe-card-1", with: "bathyscope-probe-card-9"), tensors,
        "schema"
      ),
      (card.replacing("\"chosen\" : ", with: "\"chosen\" : 7"), tensors, "report.chosen"),
      (card.replacing("\"width\" : 36", with: "\"width\" : 35"), tensors, "weight"),
      (card, tensors.dropLast(), "probe.safetensors"),
      ("{\"openerCosines\": [0.5]," + card.dropFirst(), tensors, "openerCosines"),
    ]
    for (card, tensors, hint) in hostile {
      try folder.write("probe/card.json", card)
      try folder.write("probe/probe.safetensors", Array(tensors))
      let words = [
        "trace", "--model", TinyModel.llama, "--prompts", "good.jsonl", "--probe", "probe", "--out",
        "trace",
      ]
      expectRefusal(try Tool.run(words, in: folder), of: "probe", hint)
      #expect(!folder.contents.contains("trace"))
    }
  }
}

private func * (text: String, count: Int) -> String { String(repeating: text, count: count) }
