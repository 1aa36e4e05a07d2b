/// The tokens of a transcript's last turn: what follows the last token of a prompt.
package struct LastTurn: Equatable, Sendable {
  /// The tokens of the thinking before the answer, ascending; empty without thinking.
  package var thinking: [Int]
  /// The template tokens behind thinking, or else behind the prompt, and before the answer.
  package var template: [Int]

  package init(_ segments: [Segment]) {
    let start = segments.lastIndex(of: .prompt).map { $0 + 1 } ?? 0
    // A generated marker's first tokens may have been taken for an answer while they were written.
    let thought = segments[start...].firstIndex(of: .thinking) ?? start
    let end = segments[thought...].firstIndex(of: .answer) ?? segments.count
    thinking = (start..<end).filter { segments[$0] == .thinking }
    let afterThinking = thinking.last.map { $0 + 1 } ?? start
    template = (afterThinking..<end).filter { segments[$0] == .template }
  }
}
