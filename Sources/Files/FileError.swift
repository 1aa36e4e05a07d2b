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

/// Bytes from a file as text for a message: control characters escaped, so that they never reach a
/// terminal, and cut after 80 characters.
package func printable(_ bytes: some Sequence<UInt8>) -> String {
  let start = Array(bytes.prefix(321))
  let text = String(decoding: start, as: UTF8.self).unicodeScalars
  var result = ""
  for scalar in text.prefix(80) {
    let category = scalar.properties.generalCategory
    let isPlain = category != .control && category != .format
    result += isPlain ? String(Character(scalar)) : scalar.escaped(asASCII: true)
  }
  return text.count > 80 ? result + "..." : result
}
