import Foundation
import Testing

@testable import Files

/// A folder that is removed when the object goes.
final class TemporaryFolder {
  let path = NSTemporaryDirectory() + "bathyscope-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  var content: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

@Suite struct DigestTests {
  /// Expected values: Python's hashlib, of the bytes i % 251.
  static let expected = [
    (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    (3, "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc"),
    (55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"),
    (56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"),
    (63, "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488"),
    (64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"),
    (65, "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781"),
    (119, "da18797ed7c3a777f0847f429724a2d8cd5138e6ed2895c3fa1a6d39d18f7ec6"),
    (120, "f52b23db1fbb6ded89ef42a23ce0c8922c45f25c50b568a93bf1c075420bbb7c"),
    (128, "471fb943aa23c511f6f72f8d1652d9c880cfa392ad80503120547703e56a2be5"),
    (1000, "4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d"),
  ]

  @Test(arguments: expected)
  func agreesWithHashlib(length: Int, expected: String) {
    let bytes = (0..<length).map { UInt8($0 % 251) }
    #expect(Digest.sha256(bytes) == expected)
    // In pieces of every size it is the same.
    for piece in [1, 7, 63, 64, 65, 200] {
      var digest = Digest()
      for start in stride(from: 0, to: length, by: piece) {
        Array(bytes[start..<min(length, start + piece)]).withUnsafeBytes { digest.update($0) }
      }
      #expect(digest.hexadecimal() == expected)
    }
  }
}

@Suite struct MappedFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func readsARegularFile() throws {
    let path = "\(folder.path)/a"
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
    let file = try MappedFile(path)
    #expect(Array(file.bytes) == [1, 2, 3])
    #expect(Array(try file.slice(1, 2, field: "f")) == [2, 3])
    #expect(try file.slice(3, 0, field: "f").isEmpty)
    for (offset, length) in [(-1, 1), (0, 4), (4, 0), (2, -1), (1, .max), (.max, 1), (.max, .max)] {
      let error = expectProblem(.cutShort) { try file.slice(offset, length, field: "f") }
      #expect(error?.place == "f")
    }
    #expect(Digest.sha256(of: file) == Digest.sha256([1, 2, 3]))
  }

  @Test func releasesPagesOfAnyRangeAndReadsThemAgain() throws {
    let path = "\(folder.path)/pages"
    let written = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    try Data(written).write(to: URL(fileURLWithPath: path))
    let file = try MappedFile(path)
    for range in [5..<399_990, 0..<400_000, 70_001..<70_002, 9..<9] {
      #expect(Array(file.bytes) == written)
      #if os(Linux)
        let before = try residentBytes(of: path)
        #expect(before >= written.count)
      #endif
      file.release(range)
      #if os(Linux)
        #expect(try residentBytes(of: path) <= before - range.count)
      #endif
    }
    #expect(Array(file.bytes) == written)
  }

  /// How much of a mapped file stands in this process's memory.
  private func residentBytes(of path: String) throws -> Int {
    // It arrives in pieces, of which String(contentsOfFile:) takes the first only.
    let maps = try #require(FileHandle(forReadingAtPath: "/proc/self/smaps"))
    let lines = String(decoding: try #require(try maps.readToEnd()), as: UTF8.self)
      .split(separator: "\n")
    let start = try #require(lines.firstIndex { $0.hasSuffix(path) })
    let size = try #require(lines[start...].first { $0.hasPrefix("Rss:") })
    return try #require(size.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 1024
  }

  @Test func readsAnEmptyFile() throws {
    let path = "\(folder.path)/empty"
    try Data().write(to: URL(fileURLWithPath: path))
    let file = try MappedFile(path)
    #expect(file.count == 0)
    #expect(try file.slice(0, 0, field: "f").isEmpty)
    expectProblem(.cutShort) { try file.slice(0, 1, field: "f") }
    #expect(try readFile(path) == [])
  }

  @Test func refusesWhatIsNoRegularFile() throws {
    let pipe = "\(folder.path)/pipe"
    let loop = "\(folder.path)/loop"
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(symlink("loop", loop) == 0)
    for (path, code) in [
      (pipe, .notAFile), (loop, .unreadable), (folder.path, .notAFile), ("/dev/zero", .notAFile),
      ("\(folder.path)/missing", .missing), ("", .missing),
    ] as [(String, Problem.Code)] {
      let error = expectProblem(code) { try MappedFile(path) }
      #expect(error?.subject == path)
    }
  }

  @Test func refusesAFileOverItsLimit() throws {
    let path = "\(folder.path)/a"
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
    #expect(try readFile(path, limit: 3) == [1, 2, 3])
    expectProblem(.tooLarge) { try readFile(path, limit: 2) }
  }
}

@Suite struct AtomicFileTests {
  let folder: TemporaryFolder
  var path: String { "\(folder.path)/out" }

  init() throws { folder = try TemporaryFolder() }

  @Test func replacesAWholeFile() throws {
    try AtomicFile.write([1, 2], to: path)
    try AtomicFile.write([3], to: path)
    #expect(try readFile(path) == [3])
    #expect(folder.content == ["out"])
  }

  @Test func leavesNothingWhenAbandoned() throws {
    try AtomicFile.write([1], to: path)
    do {
      let file = try AtomicFile(path)
      try Data([2, 3]).write(to: URL(fileURLWithPath: file.temporaryPath))
      #expect(folder.content.count == 2)
      _ = consume file
    }
    #expect(try readFile(path) == [1])
    #expect(folder.content == ["out"])
  }

  @Test func twoWritersOfOneFileStayApart() throws {
    var one = try AtomicFile(path)
    var two = try AtomicFile(path)
    try Data([1]).write(to: URL(fileURLWithPath: one.temporaryPath))
    try Data([2]).write(to: URL(fileURLWithPath: two.temporaryPath))
    try one.commit()
    try two.commit()
    #expect(try readFile(path) == [2])
    #expect(folder.content == ["out"])
  }

  @Test func refusesAPlaceThatCannotBeWritten() throws {
    let pipe = "\(folder.path)/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    // Root may write into any folder that is on a disk, so the last one is not.
    for (path, code) in [
      (folder.path, .notAFile), ("\(folder.path)/no/out", .missing), ("\(pipe)/out", .missing),
      (pipe, .notAFile), ("/dev/null", .notAFile), ("/proc/out", .unwritable),
    ] as [(String, Problem.Code)] {
      let error = expectProblem(code) { try AtomicFile.write([1], to: path) }
      #expect(error?.remedy.isEmpty == false)
    }
    #expect(folder.content == ["pipe"])
    #expect(FileManager.default.fileExists(atPath: "/dev/null"))
  }

  @Test func committingNothingIsAnError() throws {
    do {
      var file = try AtomicFile(path)
      expectProblem(.invalidArgument) { try file.commit() }
    }
    #expect(folder.content.isEmpty)
  }
}

@Suite struct PrintableTests {
  @Test func escapesAndCuts() {
    #expect(printable("weight.é".utf8) == "weight.é")
    #expect(printable("a\u{1B}[2J\n\u{202E}".utf8) == "a\\u{1B}[2J\\n\\u{202E}")
    #expect(printable([0xFF]) == "\u{FFFD}")
    #expect(
      printable([UInt8](repeating: 97, count: 1000)) == String(repeating: "a", count: 80) + "...")
  }
}
