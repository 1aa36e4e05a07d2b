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
  ) -> Problem.Code? {
    var plan = Outputs(
      inputs: ["input", "missing", "model"].map(path), overwrites: overwrites)
    do {
      try plan.claim(files: outputs.map(path), isOwn: isOwn)
      return nil
    } catch { return error.code }
  }

  @Test(arguments: [
    "input", "./input", "model/../input", "symbolic", "hard", "model/weights",
    "symbolic-model/weights", "symbolic-model/part/weights", "hard-weights",
  ]) func inputsAreNeverReplaced(name: String) {
    for overwrites in [false, true] {
      for isOwn in [false, true] {
        #expect(
          reason([name], overwrites: overwrites, isOwn: isOwn) == .isInput, "\(name)")
      }
    }
  }

  @Test func resultsAreReplacedOnDemand() {
    #expect(reason(["other"]) == .wouldOverwrite)
    #expect(reason(["dangling"]) == .wouldOverwrite)
    #expect(reason(["other"], overwrites: true) == nil)
    #expect(reason(["other"], isOwn: true) == nil)
    #expect(reason(["new", "model/new", "symbolic-model/other"]) == nil)
    #expect(reason(["new", "model/../new"], overwrites: true) == .namedTwice)
    #expect(reason(["missing"]) == nil)
  }

  @Test func aFolderThatHoldsAnInputIsNoOutput() throws {
    func conflict(_ name: String, _ names: [String] = ["report.html"]) -> Problem? {
      var plan = Outputs(inputs: [path("input"), path("model")], overwrites: true)
      do {
        try plan.claim(folder: path(name), names: names)
        return nil
      } catch { return error }
    }
    for name in ["", ".", "model/..", "model", "symbolic-model", "model/"] {
      #expect(conflict(name)?.code == .isInput, "\(name)")
    }
    #expect(conflict("new") == nil && conflict("model/new") == nil)
    let part = conflict("model/part", ["weights"])
    #expect(part?.code == .isInput && part?.problem.hasSuffix(path("model")) == true)
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
    let error = expectProblem(.unwritable) { try MadeFolders.make(path("input/a")) }
    #expect(error?.subject == path("input/a"))
  }
}
