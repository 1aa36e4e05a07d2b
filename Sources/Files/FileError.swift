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

  public var description: String { errorLine(file, place, problem, remedy) }
}

/// What every error says, on one line whatever its parts are made of.
package func errorLine(
  _ subject: String, _ place: String, _ problem: String, _ remedy: String
) -> String {
  let parts = [subject, place, problem, remedy].map { onOneLine($0, limit: 1000) }
  let place = parts[1].isEmpty ? "" : " \(parts[1]):"
  return "\(parts[0]):\(place) \(parts[2]); \(parts[3])"
}
