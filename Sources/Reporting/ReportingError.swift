import Files

/// Why a report could not be written, where, and what to do about it.
public struct ReportingError: Error, Equatable, Sendable, CustomStringConvertible {
  public var file: String
  public var place: String
  public var problem: String
  public var remedy: String

  public init(file: String, place: String = "", problem: String, remedy: String) {
    self.file = file
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }

  public var description: String { errorLine(file, place, problem, remedy) }
}
