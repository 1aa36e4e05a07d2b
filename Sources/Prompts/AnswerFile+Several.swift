import Files
import Foundation

extension AnswerFile {
  /// The answers of several files to the same requests, with those that were asked for and are in none.
  ///
  /// Files that share no request are parts of one, and else each answers all requests.
  /// - Parameter requests: what was answered, where the files do not say it.
  /// - Returns: the answers, how many of them are in no file, and what was forced.
  /// - Throws: what reading one file does, and for an answer that has no request.
  package static func read(
    _ paths: [String], to requests: [Prompt], markers: ThinkingMarkers,
    expected: AnswerOrigin.Expected
  ) throws(Problem) -> (answers: [Answer], unanswered: Int, forced: [String]) {
    let read = try paths.map { (path) throws(Problem) in
      try self.read(path, markers: markers, expected: expected)
    }
    let ids = read.map { Set($0.answers.map(\.id)) }
    let all = ids.reduce(into: Set<String>()) { $0.formUnion($1) }
    let areParts = ids.reduce(0) { $0 + $1.count } == all.count
    let byID = Dictionary(requests.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var answers: [Answer] = []
    for (index, file) in read.enumerated() {
      let isLast = index == read.count - 1
      let asked = areParts ? (isLast ? requests.filter { !all.contains($0.id) } : []) : requests
      var complete = try complete(file.answers, for: asked, samples: file.samples, paths[index])
      let name = URL(fileURLWithPath: paths[index]).deletingPathExtension().lastPathComponent
      for place in complete.indices {
        if !requests.isEmpty { try complete[place].join(byID) }
        // Two files may answer the same requests; their ids have met again in the prompts.
        guard paths.count > 1 else { continue }
        complete[place].sourceFile = "\(name)-\(index + 1)"
        complete[place].id = "\(name)-\(index + 1)/\(complete[place].id)"
      }
      answers += complete
    }
    let found = read.reduce(0) { $0 + $1.answers.count }
    return (answers, answers.count - found, read.flatMap(\.forced))
  }
}

extension Answer {
  fileprivate mutating func join(_ requests: [String: Prompt]) throws(Problem) {
    guard let request = requests[id] else { throw .withoutRequest(self) }
    join(request)
  }
}

extension Problem {
  /// An answer to none of the prompts that are given.
  package static func withoutRequest(_ answer: Answer) -> Problem {
    Problem(
      .unfitPrompts, "--prompts",
      problem: "the answer '\(printable(answer.id.utf8))' has no request in --prompts",
      remedy: "give the prompts that were answered")
  }
}
