import Foundation
import Testing

@testable import Files

/// No input is replaced, by whatever name, and another run's result only on demand.
@Suite struct OutputsTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: path("model/part"), withIntermediateDirectories: true)
    for name in ["input", "other", "model/weights", "model/part/weights"] {
      try Data(name.utf8).write(to: URL(fileURLWithPath: path(name)))
    }
    try #require(symlink("input", path("symbolic")) == 0)
    try #require(symlink("model", path("symbolic-model")) == 0)
    try #require(symlink("nowhere", path("dangling")) == 0)
    try #require(link(path("input"), path("hard")) == 0)
    try #require(link(path("model/part/weights"), path("hard-weights")) == 0)
  }

  private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

  private func reason(
    _ outputs: [String], overwrites: Bool = false, isOwn: Bool = false
  ) -> OutputConflict.Reason? {
    var plan = Outputs(
      inputs: ["input", "missing", "model"].map(path), overwrites: overwrites)
    do {
      try plan.claim(files: outputs.map(path), isOwn: isOwn)
      return nil
    } catch { return error.reason }
  }

  @Test(arguments: [
    "input", "./input", "model/../input", "symbolic", "hard", "model/weights",
    "symbolic-model/weights", "symbolic-model/part/weights", "hard-weights",
  ]) func inputsAreNeverReplaced(name: String) {
    for overwrites in [false, true] {
      for isOwn in [false, true] {
        guard case .isInput = reason([name], overwrites: overwrites, isOwn: isOwn) else {
          Issue.record("\(name) may be replaced")
          return
        }
      }
    }
  }

  @Test func resultsAreReplacedOnDemand() {
    #expect(reason(["other"]) == .exists)
    #expect(reason(["dangling"]) == .exists)
    #expect(reason(["other"], overwrites: true) == nil)
    #expect(reason(["other"], isOwn: true) == nil)
    #expect(reason(["new", "model/new", "symbolic-model/other"]) == nil)
    #expect(reason(["new", "model/../new"], overwrites: true) == .isNamedTwice)
    #expect(reason(["missing"]) == nil)
  }

  @Test func aFolderThatHoldsAnInputIsNoOutput() throws {
    func reason(_ name: String, _ names: [String] = ["report.html"]) -> OutputConflict.Reason? {
      var plan = Outputs(inputs: [path("input"), path("model")], overwrites: true)
      do {
        try plan.claim(folder: path(name), names: names)
        return nil
      } catch { return error.reason }
    }
    for name in ["", ".", "model/..", "model", "symbolic-model", "model/"] {
      guard case .isInput = reason(name) else {
        Issue.record("'\(name)' may be written")
        return
      }
    }
    #expect(reason("new") == nil && reason("model/new") == nil)
    #expect(reason("model/part", ["weights"]) == .isInput(path("model")))
  }

  @Test func foldersThatNothingWasPutIntoAreTakenBack() throws {
    try MadeFolders.make(path("a/b/c"))
    try MadeFolders.make(path("d/e"))
    try MadeFolders.make(path("model/f"))
    try AtomicFile.write([1], to: path("d/e/file"))
    MadeFolders.removeEmpty()
    #expect(!FileManager.default.fileExists(atPath: path("a")))
    #expect(!FileManager.default.fileExists(atPath: path("model/f")))
    #expect(FileManager.default.fileExists(atPath: path("d/e/file")))
    #expect(FileManager.default.fileExists(atPath: path("model")))
    let error = #expect(throws: FileError.self) { try MadeFolders.make(path("input/a")) }
    #expect(error?.file == path("input/a"))
  }
}
