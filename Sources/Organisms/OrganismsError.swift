import Checkpoints
import Files

/// Why an organism cannot be planted: the folder or file, the problem, and the remedy.
public struct OrganismsError: Error, Equatable, Sendable, CustomStringConvertible {
  public var file: String
  public var place: String
  public var problem: String
  public var remedy: String

  public init(_ file: String, place: String = "", problem: String, remedy: String) {
    self.file = file
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }

  init(_ error: FileError) {
    self.init(error.file, place: error.place, problem: error.problem, remedy: error.remedy)
  }

  init(_ error: CheckpointError) {
    self.init(error.file, place: error.place, problem: error.problem, remedy: error.remedy)
  }

  public var description: String { errorLine(file, place, problem, remedy) }
}

/// Runs something from the room of files and hands its error on as one of this room.
func withFiles<Value: ~Copyable>(
  _ body: () throws(FileError) -> Value
) throws(OrganismsError) -> Value {
  do { return try body() } catch { throw OrganismsError(error) }
}
