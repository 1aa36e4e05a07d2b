import Files

/// What is wrong with a checkpoint: the file, the field or tensor in it, the problem, and the remedy.
public struct CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
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

  init(_ error: FileError) {
    self.init(
      file: error.file, place: error.place, problem: error.problem, remedy: error.remedy)
  }

  /// The error for a field of a file that contradicts its format.
  static func damaged(_ file: String, _ place: String, _ problem: String) -> CheckpointError {
    CheckpointError(
      file: file, place: place, problem: problem,
      remedy: "the file is damaged or was written by a faulty tool: fetch or convert it again")
  }

  public var description: String { errorLine(file, place, problem, remedy) }
}

/// Runs something of the room `Files` and gives its error this room's type.
func withFiles<Value>(
  _ body: () throws(FileError) -> Value
) throws(CheckpointError) -> Value {
  do { return try body() } catch { throw CheckpointError(error) }
}
