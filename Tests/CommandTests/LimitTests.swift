import Foundation
import Testing

/// Limits of the system: a run ends well, or with status 4 and one line that says why; it never hangs and no
/// signal ends it.
@Suite(.serialized) struct LimitTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try folder.write("p.jsonl", syntheticPrompts(24))
  }

  private func run(
    _ shell: String, _ words: [String], environment: [String: String] = [:]
  ) throws -> Tool.Outcome {
    try Tool.start(
      ["-c", shell, "sh", Tool.executable.path] + words, in: folder, environment: environment,
      as: URL(fileURLWithPath: "/bin/sh")
    ).outcome(within: 100)
  }

  private var capture: [String] {
    ["capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--overwrite", "--out", "a.h5"]
  }
  private var train: [String] {
    ["probe", "train", "--acts", "a.h5", "--label", "marked", "--overwrite", "--out", "probe"]
  }

  private func expectEnd(_ outcome: Tool.Outcome, _ what: String) {
    #expect(!outcome.wasKilled, "\(what): signal \(outcome.status)")
    guard outcome.status != 0 else { return }
    #expect(outcome.status == 4, "\(what): \(outcome.status) \(outcome.errors)")
    #expect(outcome.code != nil, "\(what): \(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(what): \(outcome.errors)")
    #expect(!outcome.errors.contains("made to do harm"), "\(what): \(outcome.errors)")
  }

  #if os(Linux)
    /// From what no program can be loaded in, which the loader says, to enough.
    @Test func addressSpace() throws {
      try #require(run("exec \"$@\"", capture).status == 0)
      var ends: Set<Int32> = []
      for megabytes in stride(from: 240, through: 480, by: 80) + [900, 8000] {
        for words in [capture, train + ["--force"], ["tokens", "--model", "none", "--text", "a"]] {
          let outcome = try run("ulimit -c 0; ulimit -v \(megabytes * 1024); exec \"$@\"", words)
          guard outcome.status != 127 else { continue }
          expectEnd(outcome, "\(megabytes) MB, \(words[0])")
          ends.insert(outcome.status)
        }
      }
      #expect(ends == [0, 4])
    }

    /// Where no thread can be started, one does all the work. The superuser has no such limit.
    @Test func processes() throws {
      let words = capture + ["--threads", "4"]
      try #require(run("exec \"$@\"", words).status == 0)
      let expected = try folder.bytes("a.h5")
      chmod(folder.path, 0o777)
      let drop = geteuid() == 0 ? "setpriv --reuid 65534 --clear-groups " : ""
      guard try run("\(drop)test -x \"$1\"", []).status == 0 else { return }
      for count in [0, 1, 3] {
        let limited =
          "exec \(drop)sh -c 'ulimit -c 0; ulimit -u \(count); exec \"$@\"' \"$0\" \"$@\""
        expectEnd(try run(limited, train), "\(count)")
        try FileManager.default.removeItem(atPath: folder.file("a.h5"))
        try? FileManager.default.removeItem(atPath: folder.file("a.h5.json"))
        try? FileManager.default.removeItem(atPath: folder.file("probe"))
        let outcome = try run(limited, words)
        #expect(outcome.status == 0, "\(count): \(outcome.errors)")
        #expect(try folder.bytes("a.h5") == expected, "\(count)")
      }
    }

    /// OpenBLAS starts a thread for each processor when it is loaded, and only probes need it.
    @Test func openBLASIsLoadedWhereItIsUsed() throws {
      for (words, isUsed) in [(capture, false), (train, true)] {
        let outcome = try run("exec \"$@\"", words, environment: ["LD_DEBUG": "files"])
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("libhdf5"), "the loader tells")
        #expect(outcome.errors.contains("libopenblas") == isUsed, "\(words[0])")
      }
    }

    /// The system's own figure survives a change of program: it would be the shell's.
    @Test func peakMemoryIsOfThisProgram() throws {
      let script = "x=$(head -c 250000000 /dev/zero | tr '\\0' a); exec \"$@\""
      let words = ["generate"] + capture.dropFirst().dropLast(2)
      let outcome = try run(
        script, words + ["--max-new-tokens", "2", "--out", "g.jsonl", "--json"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let peak = try #require(outcome.json["peak_memory_bytes"] as? Int)
      #expect((10_000_000...200_000_000).contains(peak), "\(peak)")
    }
  #endif

  /// Under four the loader itself finds no library.
  @Test(arguments: [4, 5, 6, 8, 12, 16]) func openFiles(count: Int) throws {
    try #require(run("exec \"$@\"", capture).status == 0)
    let tokens = ["tokens", "--model", TinyModel.llama, "--text", "a"]
    let doctor = try run("ulimit -n \(count); exec \"$@\"", ["doctor"])
    #expect(!doctor.wasKilled && [0, 4, 127].contains(doctor.status), "\(count) files")
    for words in [capture, train, tokens] {
      let outcome = try run("ulimit -n \(count); exec \"$@\"", words)
      expectEnd(outcome, "\(count) files, \(words[0])")
    }
  }

  @Test func smallStack() throws {
    try folder.write(
      "deep.json", String(repeating: "[", count: 120) + String(repeating: "]", count: 120))
    let generate = ["generate"] + capture.dropFirst().dropLast(2)
    for kilobytes in [64, 128, 1024] {
      let out = ["--out", "g\(kilobytes).jsonl", "--max-new-tokens", "4"]
      for words in [
        capture, train, generate + out, ["tokens", "--model", "none", "--prompts", "deep.json"],
      ] {
        let outcome = try run("ulimit -c 0; ulimit -s \(kilobytes); exec \"$@\"", words)
        expectEnd(outcome, "\(kilobytes) kB, \(words[0])")
        #expect((outcome.status == 0) == (words[0] != "tokens"), "\(kilobytes) kB, \(words[0])")
      }
      for name in folder.contents where name != "p.jsonl" && name != "deep.json" {
        try? FileManager.default.removeItem(atPath: folder.file(name))
      }
    }
  }

  @Test func closedStreams() throws {
    for closed in ["<&-", "2>&-", "<&- 2>&-"] {
      let outcome = try run("exec \"$@\" \(closed)", capture)
      #expect(outcome.status == 0, "\(closed): \(outcome.errors)")
    }
    for closed in [">&-", "<&- >&-", "<&- >&- 2>&-"] {
      let outcome = try run("exec \"$@\" \(closed)", ["doctor"])
      #expect(outcome.status == 4 && !outcome.wasKilled, "\(closed): \(outcome.status)")
      guard !closed.contains("2>") else { continue }
      #expect(outcome.errors.contains("standard output"), "\(outcome.errors)")
    }
    // What is printed must not land in a file that took the stream's number.
    let outcome = try run("exec \"$@\" >&- 2>&-", capture + ["--json"])
    #expect(outcome.status == 4)
    #expect(try folder.bytes("a.h5").starts(with: [0x89] + Array("HDF".utf8)))
    #expect(try Tool.run(train, in: folder).status == 0)
  }
}
