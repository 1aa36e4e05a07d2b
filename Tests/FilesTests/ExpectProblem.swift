import Files
import Testing

/// Expects a problem of one kind: a test that names only its type passes for any other reason, too.
///
/// - Returns: the problem, for tests of which file or field it names.
@discardableResult
func expectProblem<Value>(
  _ code: Problem.Code, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Value
) -> Problem? {
  let error = #expect(throws: Problem.self, comment, sourceLocation: sourceLocation) {
    _ = try body()
  }
  guard let problem = error else { return nil }
  #expect(problem.code == code, "\(comment ?? "") \(problem)", sourceLocation: sourceLocation)
  return problem
}

/// The same, for tests that cannot go on without the problem.
func requireProblem<Value>(
  _ code: Problem.Code, _ comment: Comment? = nil,
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Value
) throws -> Problem {
  let problem = expectProblem(code, comment, sourceLocation: sourceLocation, body)
  return try #require(problem, sourceLocation: sourceLocation)
}
