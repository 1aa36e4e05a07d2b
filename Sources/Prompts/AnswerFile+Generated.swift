import Files

extension AnswerFile {
  /// A line that was generated here; nil where it is none.
  package static func generated(_ line: some Collection<UInt8>, _ path: String) -> Answer? {
    guard let json = try? JSONReader.parse(Array(line), file: path), json["id"]?.text != nil,
      json["sample"]?.int != nil, json["effects"]?.array != nil
    else { return nil }
    let row = AnswerRow(
      path: path, place: "", members: members(json.object), number: 0, markers: .deepSeek)
    let answer = try? row.answer(needsText: false)
    return answer?.isGenerated == true ? answer : nil
  }

  /// The answers that were generated here, each after its prompt.
  ///
  /// - Parameters:
  ///   - prompts: all that may have been answered, as tokens.
  ///   - expected: what the answers have to belong to.
  /// - Throws: when a row was not generated here, or follows none of the prompts.
  package static func transcripts(
    _ path: String, behind prompts: [TokenSequence], expected: AnswerOrigin.Expected
  ) throws(Problem) -> (answers: [(prompt: Int, answer: Answer)], read: AnswersRead) {
    let places = Dictionary(
      uniqueKeysWithValues: prompts.enumerated().map { (Array($1.id.utf8), $0) })
    let answers = try read(path)
    var found: [(prompt: Int, answer: Answer)] = []
    for var answer in answers {
      func problem(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
        Problem(
          code, path, place: "line \(answer.sourceRow)", problem: problem, remedy: remedy)
      }
      guard answer.isGenerated, let generated = answer.generated else {
        throw problem(
          .wrongType, "is no answer of 'generate'", "give answers from elsewhere as --prompts")
      }
      guard let prompt = places[Array(answer.id.utf8)] else {
        throw problem(
          .unknownID, "answers '\(printable(answer.id.utf8))', which is none of the prompts",
          "give the prompts that were answered")
      }
      let count = prompts[prompt].tokens.count
      guard generated.promptTokens == count else {
        throw problem(
          .answerMismatch,
          "follows a prompt of \(generated.promptTokens ?? 0) tokens, and "
            + "'\(printable(answer.id.utf8))' has \(count)",
          "give the prompts, and a model with the chat template, that it was generated with")
      }
      answer.transcript = generated.transcript(behind: prompts[prompt], id: answer.name)
      found.append((prompt, answer))
    }
    return (found, try AnswerOrigin(path).check(answers, expected))
  }
}

extension Answer {
  /// Whether it has all that a line of 'generate' has.
  var isGenerated: Bool {
    guard let generated else { return false }
    return generated.promptTokens != nil && generated.seed != nil && generated.forced != nil
      && generated.finish != nil && isNumbered
  }
}
