import Foundation
import Testing

@testable import Files

/// What killed runs leave goes with the next run; what a living one writes stays.
@Suite struct DraftTests {
  let folder: TemporaryFolder
  var path: String { "\(folder.path)/out" }

  init() throws { folder = try TemporaryFolder() }

  /// A process of this number lives everywhere; numbers are no sign of life.
  private func abandon(_ name: String, isFolder: Bool = false) throws {
    if isFolder {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(name)/below", withIntermediateDirectories: true)
      return try abandon("\(name)/below/file")
    }
    try Data([1]).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
  }

  @Test func abandonedDraftsAreRemoved() throws {
    for name in [".out.1.1.partial", ".a.h5.1.7.partial", ".other.\(getpid()).0.partial"] {
      try abandon(name)
    }
    try abandon(".model.1.2.partial", isFolder: true)
    try AtomicFile.write([2], to: path)
    #expect(folder.content == ["out"])
    try abandon(".out.1.1.partial")
    try abandon(".model.1.2.partial", isFolder: true)
    do {
      let staged = try StagedFolder(path + "-folder")
      #expect(folder.content.count == 2)
      _ = consume staged
    }
    #expect(folder.content == ["out"])
  }

  @Test func draftsOfLivingWritersStay() throws {
    var file = try AtomicFile(path)
    try file.append([1, 2])
    var staged = try StagedFolder(path + "-folder")
    try AtomicFile.write([3], to: staged.path("a"))
    // Each of these looks for what was abandoned.
    try AtomicFile.write([4], to: path + "-other")
    #expect(folder.content.count == 3)
    try file.commit()
    try staged.commit()
    #expect(folder.content == ["out", "out-folder", "out-other"])
    #expect(try readFile(path) == [1, 2])
    #expect(try readFile("\(path)-folder/a") == [3])
  }

  @Test func otherNamesAreNobodysDrafts() throws {
    let names = [".partial", ".out.partial", ".a.b.c.partial", ".out.1.partial", "out.1.1.partial"]
    for name in names { try abandon(name) }
    try AtomicFile.write([2], to: path)
    #expect(folder.content == (names + ["out"]).sorted())
  }

  @Test func aFolderReplacesOnlyItsKind() throws {
    func write(_ marker: String?) throws {
      var staged = try StagedFolder(path)
      try AtomicFile.write([7], to: staged.path("made.json"))
      try staged.commit(replacing: marker)
    }
    try write(nil)
    try abandon("out/stale")
    expectProblem(.unwritable) { try write(nil) }
    expectProblem(.unwritable) { try write("other.json") }
    #expect(FileManager.default.fileExists(atPath: "\(path)/stale"))
    try write("made.json")
    #expect(!FileManager.default.fileExists(atPath: "\(path)/stale"))
    #expect(folder.content == ["out"])
  }
}

@Suite struct DurabilityTests {
  let folder: TemporaryFolder
  var path: String { "\(folder.path)/out" }

  init() throws { folder = try TemporaryFolder() }

  /// A pipe cannot be flushed, and so stands for a disk that fails.
  @Test func whatCannotBeFlushedGetsNoName() throws {
    try AtomicFile.write([1], to: path)
    var pipes: [Int32] = [0, 0]
    try #require(pipe(&pipes) == 0)
    defer { for end in pipes { close(end) } }
    do {
      var file = try AtomicFile(path)
      try file.append([2])
      try #require(dup2(pipes[1], file.descriptor) == file.descriptor)
      let error = expectProblem(.unwritable) { try file.commit() }
      #expect(error?.problem.hasPrefix("cannot be flushed") == true)
    }
    #expect(try readFile(path) == [1])
    #expect(folder.content == ["out"])
  }

  @Test func oneRunAtATimeAddsLines() throws {
    let first = try LineFile(path)
    try first.append([0x0A])
    let error = expectProblem(.inUse) { try LineFile(path) }
    #expect(error?.subject == path)
    _ = consume first
    let next = try LineFile(path)
    #expect(try next.content().count == 1)
  }

  /// The limit on the size of files stands for a full disk: both end a write in the middle.
  @Test func aFullDiskIsNamedAndLeavesNothing() async throws {
    try AtomicFile.write([1], to: path)
    await #expect(processExitsWith: .success) { [path = path as String] in
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 1000, rlim_max: 1000)
      #if os(Linux)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      #else
        setrlimit(RLIMIT_FSIZE, &limit)
      #endif
      do throws(Problem) {
        try AtomicFile.write([UInt8](repeating: 2, count: 1001), to: path)
        exit(1)
      } catch {
        exit(error.code == .unwritable && error.problem.hasSuffix("File too large") ? 0 : 2)
      }
    }
    #expect(folder.content == ["out"])
    #expect(try readFile(path) == [1])
  }
}
