import Files

/// What stands between a checkpoint, a plan and a run, and what to do about it.
public struct TransformerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file, hook or intervention concerned.
  public var subject: String
  public var place: String
  public var problem: String
  public var remedy: String

  public init(_ subject: String, place: String = "", problem: String, remedy: String) {
    self.subject = subject
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }

  public var description: String { errorLine(subject, place, problem, remedy) }
}
