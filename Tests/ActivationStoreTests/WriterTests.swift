import Files
import Foundation
import Tensors
import Testing

@testable import ActivationStore
@testable import Transformer

@Suite struct WriterTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  private func refusal(_ change: (inout StoreDescription) -> Void) throws -> Problem? {
    var description = StoreFixture.description()
    change(&description)
    do {
      _ = try ActivationWriter(folder.file("acts.h5"), description)
      return nil
    } catch { return error }
  }

  @Test func contradictionsAreRefused() throws {
    #expect(try refusal { _ in } == nil)
    #expect(try refusal { $0.hooks = [] }?.code == .readsNothing)
    #expect(try refusal { $0.hooks.append(.finalNorm) }?.code == .duplicateHook)
    let pattern = try refusal { $0.hooks.append(.attentionPattern(layer: 0)) }
    #expect(pattern?.remedy.contains("library") == true)
    #expect(try refusal { $0.widths[.finalNorm] = 9 }?.code == .wrongShape)
    #expect(try refusal { $0.widths[.finalNorm] = nil }?.code == .wrongShape)
    #expect(try refusal { $0.prompts[0].sequence.id = "空" }?.place == "空")
    #expect(try refusal { $0.prompts[0].positions = [2, 1] }?.place == "first")
    #expect(try refusal { $0.prompts[0].positions = [5] }?.place == "first")
    #expect(try refusal { $0.labels["class"] = .text(["a"]) }?.place == "labels/class")
    #expect(try refusal { $0.labels["a/b"] = $0.labels["class"] }?.place == "labels/a/b")
    #expect(try refusal { $0.prompts[0].sequence.id = "a\0b" }?.code == .nulCharacter)
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
    func changed(
      _ change: (inout [HookPoint: [Int]], inout [HookPoint: Matrix]) -> Void
    ) -> [SequenceCapture] {
      var (positions, values) = (captures[0].positions, captures[0].values)
      change(&positions, &values)
      return [SequenceCapture(sequence: 0, positions: positions, values: values)] + captures[1...]
    }
    #expect(!fails(changed { _, _ in }))
    for name in folder.contents { try FileManager.default.removeItem(atPath: folder.file(name)) }
    #expect(fails(changed { positions, _ in positions[.finalNorm] = [0, 1, 2, 3, 3] }))
    #expect(fails(changed { _, values in values[.finalNorm] = Matrix(rows: 5, columns: 7) }))
    #expect(fails(changed { _, values in values[.finalNorm] = nil }))
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
    let error = expectProblem(.overflows) {
      try writer.append(
        SequenceCapture(sequence: 0, positions: capture.positions, values: values))
    }
    #expect(error?.place == "blocks.2.hook_resid_post of prompt first")
    #expect(error?.problem.hasPrefix("1 values") == true)
  }

  @Test func placesThatCannotBeWrittenAreNamed() throws {
    let description = StoreFixture.description()
    for (path, code) in [
      (folder.file("none/acts.h5"), .missing), (folder.path, .notAFile),
    ] as [(String, Problem.Code)] {
      let error = expectProblem(code) {
        try ActivationWriter(path, description)
      }
      #expect(error?.subject == path)
    }
  }

  /// A full disk, played by a limit on the size of files, at many sizes: room is reserved first where the
  /// size is known, and otherwise a write fails in the middle of libhdf5.
  @Test(arguments: [false, true]) func fullDiskLeavesNoFile(compresses: Bool) async throws {
    await #expect(processExitsWith: .success) {
      [path = folder.path as String, compresses = compresses as Bool] in
      signal(SIGXFSZ, SIG_IGN)
      let description = StoreFixture.description(compresses: compresses, tokensPerPrompt: 300)
      let whole = try StoreFixture.write("\(path)/whole.h5", description).size
      for name in ["whole.h5", "whole.h5.json"] {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
      }
      for size in stride(from: 0, to: whole, by: whole / 40) {
        // One that can be raised again.
        var limit = rlimit(rlim_cur: rlim_t(size), rlim_max: .max)
        #if os(Linux)
          setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        #else
          setrlimit(RLIMIT_FSIZE, &limit)
        #endif
        do {
          try StoreFixture.write("\(path)/acts.h5", description)
          exit(1)
        } catch let error as Problem {
          guard error.code == .unwritable, error.problem.hasSuffix("File too large"),
            !"\(error)".contains("\n")
          else { exit(2) }
        }
        guard try FileManager.default.contentsOfDirectory(atPath: path).isEmpty else { exit(3) }
      }
    }
    #expect(folder.contents.isEmpty)
  }
}
