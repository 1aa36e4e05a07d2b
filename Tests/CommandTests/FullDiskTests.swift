import Foundation
import Testing

/// A disk of any size: done, or status 4 and one line that says that it is full, and nothing left.
@Suite struct FullDiskTests {
  let folder: Scratch

  init() throws {
    folder = try Scratch()
    try folder.write("p.jsonl", syntheticPrompts(60))
    try FileManager.default.createDirectory(
      atPath: folder.file("disk"), withIntermediateDirectories: true)
  }

  private static let capture = [
    "capture", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--positions", "all", "--hooks",
    "blocks.*.hook_resid_post,blocks.*.attn.hook_z",
  ]

  /// Runs a command on a disk of its own, whose content it lists then; nil where none can be mounted.
  private func onDisk(ofKilobytes size: Int, _ words: [String]) throws -> (Tool.Outcome, [String])?
  {
    let script = """
      mount -t tmpfs -o size=\(size)k tmpfs disk 2> /dev/null || exit 99
      "$@"; status=$?; ls -A disk > left; exit $status
      """
    let unshare = URL(fileURLWithPath: "/usr/bin/unshare")
    guard FileManager.default.isExecutableFile(atPath: unshare.path) else { return nil }
    let outcome = try Tool.start(
      ["-m", "/bin/sh", "-c", script, "sh", Tool.executable.path] + words, in: folder, as: unshare
    ).outcome()
    guard let left = try? folder.text("left") else { return nil }
    try FileManager.default.removeItem(atPath: folder.file("left"))
    return (outcome, left.split(separator: "\n").map(String.init))
  }

  @Test(arguments: [false, true]) func captureOnDisksOfManySizes(compresses: Bool) throws {
    let words = Self.capture + ["--out", "disk/a.h5"] + (compresses ? ["--compress"] : [])
    var (done, full) = (0, 0)
    for size in [4, 8, 16, 32, 64, 96, 128, 192, 256, 320, 384, 448, 512, 768, 1024, 4096] {
      guard let (outcome, left) = try onDisk(ofKilobytes: size, words) else { return }
      if outcome.status == 0 {
        #expect(left == ["a.h5", "a.h5.json"])
        done += 1
        continue
      }
      full += 1
      #expect(outcome.status == 4 && !outcome.wasKilled, "\(size) \(outcome)")
      #expect(outcome.errors.contains("disk is full"), "\(size) \(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(size) \(outcome.errors)")
      #expect(!outcome.errors.contains("0x") && outcome.output.isEmpty)
      #expect(left.isEmpty, "\(size) \(left)")
    }
    #expect(done > 0 && full > 4)
  }

  @Test func otherWritersOnAFullDisk() throws {
    try folder.write("v.json", "\((0..<36).map { Double($0 % 7) / 7 - 0.4 })")
    let commands = [
      ["direction", "orthogonalise", "--model", TinyModel.llama, "--direction", "v.json"],
      ["organism", "plant", "--kind", "none", "--seed", "1"],
      [
        "heads", "attribute", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--vector",
        "v.json",
      ],
      [
        "direction", "extract", "--model", TinyModel.llama, "--prompts", "p.jsonl", "--label",
        "marked", "--positions=-3..-1",
      ],
    ]
    for words in commands {
      for size in [4, 16, 48] {
        let words = words + ["--out", "disk/out"]
        guard let (outcome, left) = try onDisk(ofKilobytes: size, words) else { return }
        #expect(outcome.status == 4 && !outcome.wasKilled, "\(words) \(size) \(outcome)")
        #expect(outcome.errors.contains("No space left on device"), "\(outcome.errors)")
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        // A journal of finished rows waits for a larger disk.
        #expect(left.isEmpty || words[0] == "heads" || words[1] == "extract", "\(words) \(left)")
        #expect(!left.contains { $0.hasSuffix(".partial") })
      }
    }
  }

  /// The same with a limit that every system has.
  @Test func captureUnderALimitOnTheSizeOfFiles() throws {
    for blocks in [1, 20, 100, 300] {
      let script = "trap '' XFSZ; ulimit -f \(blocks); exec \"$@\""
      let outcome = try Tool.start(
        ["-c", script, "sh", Tool.executable.path] + Self.capture + ["--out", "disk/a.h5"],
        in: folder, as: URL(fileURLWithPath: "/bin/sh")
      ).outcome()
      #expect(outcome.status == 4 && !outcome.wasKilled, "\(blocks) \(outcome)")
      #expect(outcome.errors.contains("File too large"), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
      #expect(folder.contents == ["disk", "p.jsonl"])
    }
  }
}
