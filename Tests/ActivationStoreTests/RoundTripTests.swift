import Files
import Foundation
import Tensors
import Testing

@testable import ActivationStore
@testable import Transformer

@Suite struct RoundTripTests {
  let folder: ScratchFolder
  init() throws { folder = try ScratchFolder() }

  @Test(arguments: StoreDescription.ElementType.allCases, [false, true])
  func everythingComesBack(_ type: StoreDescription.ElementType, compresses: Bool) throws {
    // 3 x 300 tokens and more, so that several chunks and a rest are written.
    let description = StoreFixture.description(
      elementType: type, compresses: compresses, tokensPerPrompt: 300)
    let path = folder.file("acts.h5")
    let captures = StoreFixture.captures(description)
    try StoreFixture.write(path, description, captures: captures)
    let file = try ActivationFile(path)
    #expect(file.description == description)
    #expect(file.nonFinite.isEmpty)
    for hook in description.hooks {
      let expected = Matrix.concatenating(
        captures.compactMap { $0.values[hook] }.filter { $0.rows > 0 })
      let isSame = try file.matrix(hook) == expected
      #expect(isSame, "\(hook)")
      for prompt in description.prompts.indices {
        let rows = try file.matrix(hook, rows: file.rows(of: prompt))
        let isSame = rows == captures[prompt].values[hook]
        #expect(isSame, "\(hook) of prompt \(prompt)")
      }
    }
  }

  /// Also in another process, whose memory holds other things where libhdf5 leaves gaps.
  @Test func sameContentGivesSameBytes() async throws {
    let description = StoreFixture.description(tokensPerPrompt: 300)
    let (first, second, third) = (folder.file("a.h5"), folder.file("b.h5"), folder.file("c.h5"))
    let journal = try StoreFixture.write(first, description)
    #expect(try StoreFixture.write(second, description) == journal)
    await #expect(processExitsWith: .success) { [third = third as String] in
      try StoreFixture.write(third, StoreFixture.description(tokensPerPrompt: 300))
    }
    let bytes = try readFile(first)
    for other in [second, third] {
      let isSame = try readFile(other) == bytes
      #expect(isSame)
    }
    #expect(journal.sha256 == Digest.sha256(try readFile(first)))
    #expect(journal.rows == description.rowCount)
  }

  @Test func configurationHashFollowsWhatDecidesTheNumbers() throws {
    let description = StoreFixture.description()
    var changed = description
    changed.arguments = "another folder"
    #expect(changed.runConfiguration() == description.runConfiguration())
    changed.prompts[0].sequence.tokens[1] += 1
    #expect(changed.runConfiguration() != description.runConfiguration())
    changed = description
    changed.hooks.removeLast()
    #expect(changed.runConfiguration() != description.runConfiguration())
  }

  @Test func estimateIsNearTheSize() throws {
    let description = StoreFixture.description(tokensPerPrompt: 2000)
    let journal = try StoreFixture.write(folder.file("acts.h5"), description)
    let ratio = Double(journal.size) / Double(description.estimatedBytes)
    #expect(ratio > 0.9 && ratio < 1.1, "\(journal.size) of \(description.estimatedBytes)")
  }

  @Test func nonFiniteValuesAreCounted() throws {
    let description = StoreFixture.description()
    let captures = StoreFixture.captures(description).map { capture in
      guard capture.sequence == 3 else { return capture }
      var values = capture.values
      values[.finalNorm]?[0, 1] = .nan
      values[.finalNorm]?[1, 2] = -.infinity
      values[.finalNorm]?[2, 3] = .nan
      return SequenceCapture(sequence: 3, positions: capture.positions, values: values)
    }
    let path = folder.file("acts.h5")
    let writer = try ActivationWriter(path, description)
    for capture in captures { try writer.append(capture) }
    #expect(writer.nonFinite.keys.map { $0 } == [.finalNorm])
    _ = try writer.finish()
    let counts = try #require(try ActivationFile(path).nonFinite[.finalNorm])
    #expect(counts == (2, 1))
  }

  @Test func readsWhatAnotherProgramWrote() throws {
    let url = try #require(Bundle.module.url(forResource: "Golden/h5py", withExtension: "h5"))
    let file = try ActivationFile(url.path, verifies: false)
    #expect(try !ActivationFile(url.path).isVerified)
    #expect(file.hooks == [.residual(after: 4), .residual(after: 7), .finalNorm])
    #expect(file.prompts.map(\.sequence.id) == ["a", "née", "c"])
    #expect(file.prompts.map(\.positions) == [[0, 2], [], [0, 1, 2]])
    #expect(file.prompts[2].sequence.tokens == [9, 10, 11])
    #expect(file.prompts[2].sequence.segments == [.template, .thinking, .answer])
    #expect(file.description.labels["class"] == .text(["harmful", "harmless", "harmful"]))
    #expect(file.description.seed == .max)
    #expect(file.description.model.templateSHA256 == "22")
    #expect(file.description.created == Date(timeIntervalSince1970: 1_767_323_045))
    let rows = try file.matrix(.residual(after: 7), rows: file.rows(of: 2))
    #expect(rows == Matrix(rows: 3, columns: 3, values: [15, 16, 17, 21, 22, 23, 27, 28, 29]))
    #expect(try file.matrix(.finalNorm)[4] == [-24, -25, -26])
    expectProblem(.notCaptured) { try file.matrix(.residual(after: 5)) }
    expectProblem(.outOfRange) { try file.matrix(.finalNorm, rows: 3..<6) }
  }
}
