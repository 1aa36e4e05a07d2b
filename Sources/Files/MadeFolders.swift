import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The folders that this process made, so that a run that fails takes back those it put nothing into.
package enum MadeFolders {
  private static let made = Mutex<[String]>([])

  /// Makes a folder, and those in which it is, where they are missing.
  package static func make(_ path: String) throws(Problem) {
    let missing = Self.missing(path)
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      removeEmpty(missing)
      throw Problem(
        .unwritable, path, problem: "the folder cannot be made: \(systemErrorText())",
        remedy: "name a folder that can be made")
    }
    made.withLock { $0 += missing }
  }

  /// Removes those that are empty.
  package static func removeEmpty() { removeEmpty(made.withLock { $0 }) }

  private static func removeEmpty(_ paths: [String]) {
    // Those made last stand in those made first; rmdir(2) refuses what is not empty.
    for path in paths.reversed() { rmdir(path) }
  }

  /// What would have to be made, the outermost first.
  private static func missing(_ path: String) -> [String] {
    var missing: [String] = []
    var parts = path.split(separator: "/", omittingEmptySubsequences: false)
    while !parts.isEmpty {
      let start = parts.joined(separator: "/")
      var status = stat()
      if start.isEmpty || stat(start, &status) == 0 { break }
      missing.insert(start, at: 0)
      parts.removeLast()
    }
    return missing
  }
}
