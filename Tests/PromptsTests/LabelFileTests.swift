import Files
import Foundation
import Testing

@testable import Prompts

/// Labels that join the rows of prompts and answers.
@Suite struct LabelFileTests {
  /// The labels of two samples of one prompt and of another prompt.
  private func labels(_ text: String) throws -> [[String: LabelValue]] {
    let path = NSTemporaryDirectory() + "labels-\(UUID().uuidString)"
    defer { unlink(path) }
    try AtomicFile.write(text.utf8, to: path)
    var rows = ["a", "a", "b"].map {
      Prompt(conversation: Conversation(id: $0, source: .text("t")), row: 1)
    }
    try LabelFile.add(path, to: &rows, answers: [("a", 0), ("a#2", 2), ("b", 0)])
    return rows.map(\.labels)
  }

  @Test func theyGoToTheirPromptOrToTheirSample() throws {
    let all = try labels(#"{"id": "a", "refused": true, "nested": [1], "none": null}"#)
    #expect(all == [["refused": .bool(true)], ["refused": .bool(true)], [:]])
    let one = try labels(#"{"id": "a", "sample": 2, "n": 1}"# + "\n" + #"{"id": "b", "r": 0.5}"#)
    #expect(one == [[:], ["n": .integer(1)], ["r": .number(0.5)]])
    #expect(try labels(#"{"id": "a#2", "s": "x"}"#) == [[:], ["s": .string("x")], [:]])
  }

  @Test(
    arguments: [
      (#"{"id": "c"}"#, .unknownID), (#"{"id": "a", "sample": 1}"#, .unknownID),
      ("{\"id\": \"b\"}\n{\"id\": \"b\"}", .duplicateID), (#"{"sample": 0}"#, .wrongType),
      ("[]", .wrongType),
    ] as [(String, Problem.Code)]) func linesThatDoNotFit(text: String, code: Problem.Code)
  {
    let problem = expectProblem(code) { try labels(text) }
    #expect(problem?.place.hasPrefix("line") == true)
  }
}
