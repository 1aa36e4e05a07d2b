import Files
import Foundation
import Runs
import Testing

@testable import Refusal

/// What is remembered, and what a kill leaves of it.
@Suite struct JudgeJournalTests {
  let folder: TestFolder
  var path: String { "\(folder.path)/j" }

  init() throws { folder = try TestFolder() }

  func open() throws -> RunJournal<String, Judgement> {
    try .open(path, of: .memory(of: "verdicts"))
  }

  func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

  private func fill(from first: Int = 0) throws {
    let journal = try open()
    for index in first..<4 {
      try journal.append(.success(index % 2 == 0, score: 0.25, reason: "é\n"), for: "k\(index)")
    }
  }

  @Test func everyCutKeepsWholeLines() throws {
    try fill()
    let whole = try bytes()
    for length in 0...whole.count {
      let cut = whole.prefix(length)
      try cut.write(to: URL(fileURLWithPath: path))
      let kept = cut.split(separator: 0x0A, omittingEmptySubsequences: false).count - 2
      let found = try { try open().keys }()
      #expect(found == (0..<max(kept, 0)).map { "k\($0)" }, "\(length)")
      try fill(from: found.count)
      let again = try bytes() == whole
      #expect(again, "cut at \(length)")
    }
  }

  @Test func twoRunsDoNotShareIt() throws {
    let first = try open()
    expectProblem(.inUse) { try open() }
    #expect(try first.row("k") == nil)
  }

  @Test(
    arguments: [
      ("my notes\n", .notAJournal), ("my notes", .notAJournal),
      ("{\"schema\":\"other-1\"}\n", .notAJournal),
      ("{\"schema\":\"bathyscope-verdicts-1\"}\n", .unknownVersion),
    ] as [(String, Problem.Code)])
  func strangersAreLeftAlone(text: String, code: Problem.Code) throws {
    _ = try folder.write("j", text)
    expectProblem(code) { try open() }
    #expect(try bytes() == Data(text.utf8))
  }

  /// Rows that are none, each with the digest that it would have.
  @Test(
    arguments: [
      "{\"key\":\"a\"}", "{\"key\":\"a\",\"row\":{\"outcome\":\"maybe\",\"reason\":\"\"}}",
      "{\"key\":1,\"row\":{\"outcome\":\"success\",\"reason\":\"\"}}", "{nonsense",
    ])
  func rowsThatAreNoneAreRefused(row: String) throws {
    try fill()
    let header = Array(try #require(try bytes().split(separator: 0x0A).first))
    let digest = Digest.sha256(Array(Digest.sha256(header).utf8) + Array(row.utf8))
    let line = "{\"sha256\":\"\(digest)\"," + row.dropFirst() + "\n"
    try Data(header + [0x0A] + Array(line.utf8)).write(to: URL(fileURLWithPath: path))
    expectProblem(.journalDamaged) { try open() }
  }
}
