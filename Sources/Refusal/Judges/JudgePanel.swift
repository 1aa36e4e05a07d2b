import Files
import Prompts
import Runs

/// Several judges on the same answers.
package struct JudgePanel {
  package let judges: [any Judge]
  /// What was judged before.
  package let cache: RunJournal<String, Judgement>

  package init(_ judges: [any Judge], cache: RunJournal<String, Judgement>) {
    (self.judges, self.cache) = (judges, cache)
  }

  /// How many verdicts are not remembered yet.
  package func missing(_ answers: [Answer]) -> Int {
    judges.reduce(0) { sum, judge in
      sum + answers.count { isJudged($0, by: judge) && !cache.contains(judge.key($0)) }
    }
  }

  private func isJudged(_ answer: Answer, by judge: any Judge) -> Bool {
    answer.absence == nil || judge.judgesAbsent
  }

  /// One verdict of each judge on each answer, `[answers][judges]`.
  ///
  /// An answer that is not there gets no verdict but one that stands in its file, and nobody is asked about
  /// it.
  /// - Parameter progress: called after each verdict that was not remembered.
  package func judge(
    _ answers: [Answer], progress: () -> Void = {}
  ) throws -> [[Judgement]] {
    var verdicts = answers.map { answer -> [Judgement] in
      Array(repeating: .invalid(answer.absence ?? "not judged"), count: judges.count)
    }
    for (column, judge) in judges.enumerated() {
      // One request may have drawn the same answer twice.
      var places: [String: [Int]] = [:]
      var asked: [(key: String, answer: Answer)] = []
      for (index, answer) in answers.enumerated() where isJudged(answer, by: judge) {
        let key = judge.key(answer)
        if let known = try cache.row(key) {
          verdicts[index][column] = known
        } else if places.updateValue((places[key] ?? []) + [index], forKey: key) == nil {
          asked.append((key, answer))
        }
      }
      guard !asked.isEmpty else { continue }
      try judge.judge(asked.map(\.answer)) { index, verdict in
        if verdict.isLasting { try cache.append(verdict.judgement, for: asked[index].key) }
        for place in places[asked[index].key] ?? [] {
          verdicts[place][column] = verdict.judgement
        }
        progress()
      }
    }
    return verdicts
  }
}

extension Provenance {
  /// Of what is remembered under keys that say all that decides it, so that any run may use it: verdicts, losses.
  package static func memory(of rows: String) -> Provenance {
    Provenance(study: rows, version: "any")
  }
}
