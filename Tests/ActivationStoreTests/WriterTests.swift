import Files
import Foundation
import Tensors
import Testing

@testable import ActivationStore
@testable import Transformer

@Suite struct WriterTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func refusal(_ change: (inout StoreDescription) -> Void) throws -> ActivationStoreError? {
    var description = StoreFixture.description()
    change(&description)
    do {
      _ = try ActivationWriter(folder.file("acts.h5"), description)
      return nil
    } catch { return error }
  }

  @Test func contradictionsAreRefused() throws {
    #expect(try refusal { _ in } == nil)
    #expect(try refusal { $0.hooks = [] }?.problem.contains("nothing") == true)
    #expect(try refusal { $0.hooks.append(.finalNorm) }?.problem.contains("twice") == true)
    let pattern = try refusal { $0.hooks.append(.attentionPattern(layer: 0)) }
    #expect(pattern?.remedy.contains("library") == true)
    #expect(try refusal { $0.widths[.finalNorm] = 9 }?.problem.contains("width") == true)
    #expect(try refusal { $0.widths[.finalNorm] = nil }?.problem.contains("width") == true)
    #expect(try refusal { $0.prompts[0].sequence.id = "空" }?.place == "空")
    #expect(try refusal { $0.prompts[0].positions = [2, 1] }?.place == "first")
    #expect(try refusal { $0.prompts[0].positions = [5] }?.place == "first")
    #expect(try refusal { $0.labels["class"] = .text(["a"]) }?.place == "labels/class")
    #expect(try refusal { $0.labels["a/b"] = $0.labels["class"] }?.place == "labels/a/b")
    #expect(try refusal { $0.prompts[0].sequence.id = "a\0b" }?.problem.contains("NUL") == true)
    #expect(folder.contents.isEmpty)
  }

  @Test func capturesMustBeTheDescribedOnes() throws {
    let description = StoreFixture.description()
    let captures = StoreFixture.captures(description)
    let path = folder.file("acts.h5")
    func fails(_ captures: [SequenceCapture]) -> Bool {
      (try? StoreFixture.write(path, description, captures: captures)) == nil
    }
    #expect(fails([]))
    #expect(fails(captures.dropLast()))
    #expect(fails([captures[1], captures[0]] + captures[2...]))
    #expect(fails(captures + [captures[4]]))
    var positions = captures[0].positions
    positions[.finalNorm] = [0, 1, 2, 3, 3]
    #expect(
      fails([SequenceCapture(sequence: 0, positions: positions, values: captures[0].values)]))
    var values = captures[0].values
    values[.finalNorm] = Matrix(rows: 5, columns: 7)
    #expect(
      fails([SequenceCapture(sequence: 0, positions: captures[0].positions, values: values)]))
    values[.finalNorm] = nil
    #expect(
      fails([SequenceCapture(sequence: 0, positions: captures[0].positions, values: values)]))
    #expect(folder.contents.isEmpty)
  }

  @Test func failedWriteKeepsTheFileOfBefore() throws {
    let path = folder.file("acts.h5")
    let description = StoreFixture.description()
    try StoreFixture.write(path, description)
    let before = try readFile(path)
    do {
      let writer = try ActivationWriter(path, description)
      try writer.append(StoreFixture.captures(description)[0])
    }
    #expect(try readFile(path) == before)
    #expect(folder.contents == ["acts.h5", "acts.h5.json"])
    #expect(StoreFixture.errorOpening(path) == nil)
  }

  @Test func halfOverflowFailsTheRun() throws {
    let description = StoreFixture.description(elementType: .float16)
    let capture = StoreFixture.captures(description)[0]
    var values = capture.values
    values[.residual(after: 2)]?[3, 1] = 65_520
    values[.residual(after: 2)]?[3, 2] = 65_519
    let writer = try ActivationWriter(folder.file("acts.h5"), description)
    let error = #expect(throws: ActivationStoreError.self) {
      try writer.append(
        SequenceCapture(sequence: 0, positions: capture.positions, values: values))
    }
    #expect(error?.place == "blocks.2.hook_resid_post of prompt first")
    #expect(error?.problem.hasPrefix("1 values") == true)
  }

  @Test func placesThatCannotBeWrittenAreNamed() throws {
    let description = StoreFixture.description()
    for path in [folder.file("none/acts.h5"), folder.path] {
      let error = #expect(throws: ActivationStoreError.self) {
        try ActivationWriter(path, description)
      }
      #expect(error?.file == path)
    }
  }

  /// A full disk, played by a limit on the size of files: libhdf5 sees a failing write.
  @Test func fullDiskLeavesNoFile() async throws {
    await #expect(processExitsWith: .success) { [path = folder.path as String] in
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 20_000, rlim_max: 20_000)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let description = StoreFixture.description(tokensPerPrompt: 300)
      do {
        try StoreFixture.write("\(path)/acts.h5", description)
        exit(1)
      } catch let error as ActivationStoreError {
        exit(error.problem.contains("libhdf5") ? 0 : 2)
      }
    }
    #expect(folder.contents.isEmpty)
  }
}
