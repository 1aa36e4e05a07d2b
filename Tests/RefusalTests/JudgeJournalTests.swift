import Files
import Foundation
import Testing

@testable import Refusal

/// What is remembered, and what a kill leaves of it.
@Suite struct JudgeJournalTests {
  let folder: TestFolder
  var path: String { "\(folder.path)/j" }

  init() throws { folder = try TestFolder() }

  func open() throws -> KeyedJournal<Judgement> { try KeyedJournal(path, schema: "test-1") }
  func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  @Test func everyCutKeepsWholeLines() throws {
    do {
      let journal = try open()
      for index in 0..<4 {
        try journal.append(.success(index % 2 == 0, score: 0.25, reason: "é\n"), for: "k\(index)")
      }
    }
    let whole = try bytes()
    for length in 0...whole.count {
      try whole.prefix(length).write(to: URL(fileURLWithPath: path))
      let kept =
        whole.prefix(length).split(separator: 0x0A, omittingEmptySubsequences: false)
        .count - 2
      do {
        let journal = try open()
        let found = (0..<4).filter { journal["k\($0)"] != nil }
        #expect(found == Array(0..<max(kept, 0)), "\(length)")
        for index in found.count..<4 {
          try journal.append(
            .success(index % 2 == 0, score: 0.25, reason: "é\n"), for: "k\(index)")
        }
      }
      let again = try bytes() == whole
      #expect(again, "cut at \(length)")
    }
  }

  @Test func twoRunsDoNotShareIt() throws {
    let first = try open()
    expectProblem(.inUse) { try open() }
    #expect(first["k"] == nil)
  }

  @Test(
    arguments: [
      ("my notes\n", .notAJournal), ("my notes", .notAJournal),
      ("{\"schema\":\"other-1\"}\n", .notAJournal),
      ("{\"schema\":\"test-1\"}\nnonsense\n", .journalDamaged),
      ("{\"schema\":\"test-1\"}\n{\"key\":\"a\"}\n", .journalDamaged),
      (
        "{\"schema\":\"test-1\"}\n{\"key\":\"a\",\"value\":{\"outcome\":\"maybe\",\"reason\":\"\"}}\n",
        .journalDamaged
      ),
      (
        "{\"schema\":\"test-1\"}\n{\"key\":1,\"value\":{\"outcome\":\"success\",\"reason\":\"\"}}\n",
        .journalDamaged
      ),
    ] as [(String, Problem.Code)])
  func strangersAreLeftAlone(text: String, code: Problem.Code) throws {
    _ = try folder.write("j", text)
    expectProblem(code) { try open() }
    #expect(try bytes() == Data(text.utf8))
  }
}
