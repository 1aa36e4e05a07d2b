import Files

/// What went wrong with an activation file, where in it, and what to do about it.
public struct ActivationStoreError: Error, Equatable, Sendable, CustomStringConvertible {
  public var file: String
  /// A data set, an attribute, a hook or a prompt; empty when it is the file as a whole.
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
    self.init(file: error.file, place: error.place, problem: error.problem, remedy: error.remedy)
  }

  /// An error in a file that was given to be read.
  static func damaged(_ file: String, _ place: String, _ problem: String) -> Self {
    Self(
      file: file, place: place, problem: problem,
      remedy: "it is no whole activation file of Bathyscope: capture or fetch it again")
  }

  public var description: String { errorLine(file, place, problem, remedy) }
}

/// Runs something from the room of files and hands its error on as one of this room.
func translating<T>(_ body: () throws(FileError) -> T) throws(ActivationStoreError) -> T {
  do { return try body() } catch { throw ActivationStoreError(error) }
}
