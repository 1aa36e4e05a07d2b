import Files

extension AnswerFile {
  /// Answers with those that were asked for and are not there, which count in every rate.
  ///
  /// Every request was asked, and every sample of each: as many as the file of 'generate' says, else up to
  /// the largest number that a row gives itself.
  /// - Parameter samples: how many answers to each request were asked for; nil where nobody says.
  /// - Throws: when the numbers of samples leave nearly all of them out.
  package static func complete(
    _ answers: [Answer], for prompts: [Prompt] = [], samples: Int? = nil, _ path: String
  ) throws(Problem) -> [Answer] {
    var found: [String: Set<Int>] = [:]
    var order: [Answer] = []
    for answer in answers where found[answer.id, default: []].insert(answer.sample).inserted {
      if found[answer.id]?.count == 1 { order.append(answer) }
    }
    for prompt in prompts where found.updateValue(found[prompt.id] ?? [], forKey: prompt.id) == nil
    {
      order.append(Answer(id: prompt.id, text: ""))
    }
    let largest = answers.filter(\.isNumbered).map(\.sample).max() ?? 0
    let asked = samples ?? (min(largest, Int.max - 1) + 1)
    guard asked == 1 || asked <= (1_000_000 + 10 * answers.count) / max(order.count, 1) else {
      throw Problem(
        .outOfRange, path,
        problem: "numbers its samples up to \(largest), which leaves nearly all of them out",
        remedy: "count the answers to a request from 0")
    }
    var complete = answers
    for first in order {
      let there = found[first.id] ?? []
      for sample in 0..<max(asked, 1) where !there.contains(sample) {
        var missing = Answer(
          id: first.id, sample: sample, group: first.group, request: first.request, text: "",
          isBenign: first.isBenign)
        missing.isMissing = true
        complete.append(missing)
      }
    }
    return complete
  }
}
