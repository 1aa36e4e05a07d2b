import Files

/// What is wrong with a tokenizer, a chat template or a prompt file, where in it, and what to do
/// about it.
public struct TokenizationError: Error, Equatable, Sendable, CustomStringConvertible {
  public var file: String
  /// A field, a line or a row; empty when the whole file is meant.
  public var place: String
  public var problem: String
  public var remedy: String

  public init(file: String, place: String = "", problem: String, remedy: String) {
    self.file = file
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }

  package init(_ error: FileError) {
    self.init(
      file: error.file, place: error.place, problem: error.problem, remedy: error.remedy)
  }

  public var description: String { errorLine(file, place, problem, remedy) }
}
