import Files
import Statistics

/// Why a transcript cannot be traced or a cliff not be summarised, and what to do about it.
public struct RefusalError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The transcript or statistic concerned.
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

  init(_ error: FileError) {
    self.init(error.file, place: error.place, problem: error.problem, remedy: error.remedy)
  }

  init(_ error: StatisticsError) {
    self.init(
      error.statistic, place: error.place, problem: error.problem, remedy: error.remedy)
  }

  public var description: String { errorLine(subject, place, problem, remedy) }
}
