/// What went wrong with a file, where in it, and what to do about it.
///
/// Every room has an error type of this shape: the file, the place in it (a field, a byte offset, a
/// line), the problem, and the remedy.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
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

  public var description: String {
    let place = place.isEmpty ? "" : " \(place):"
    return "\(file):\(place) \(problem); \(remedy)"
  }
}
