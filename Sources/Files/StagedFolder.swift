import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder that appears under its name only when it is complete, as `AtomicFile` is for files.
package struct StagedFolder: ~Copyable {
  private var draft: Draft

  /// - Throws: when the folder in which it will be is missing or cannot be written to.
  package init(_ folder: String) throws(Problem) {
    var folder = folder
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    draft = try Draft(folder, isFolder: true)
  }

  /// Where the folder is written.
  package var path: String { draft.temporaryPath }

  /// Where a file of the folder is written.
  package func path(_ name: String) -> String { "\(draft.temporaryPath)/\(name)" }

  /// Whether another folder holds the same files, and perhaps more.
  package func isContained(in folder: String) -> Bool {
    let manager = FileManager.default
    let names = (try? manager.contentsOfDirectory(atPath: path)) ?? []
    return names.allSatisfy {
      manager.contentsEqual(atPath: path($0), andPath: "\(folder)/\($0)")
    }
  }

  /// Gives the folder its name, in the place of nothing or of an empty folder.
  ///
  /// - Parameter marker: a folder that has this file is replaced; nil replaces none.
  package mutating func commit(replacing marker: String? = nil) throws(Problem) {
    if draft.putInPlace() { return }
    let reason = systemErrorText()
    let folder = draft.path
    guard let marker, FileManager.default.fileExists(atPath: "\(folder)/\(marker)") else {
      throw Problem(
        .unwritable, folder, problem: "cannot be put in place: \(reason)",
        remedy: "choose another folder, or remove this one first")
    }
    // What was there goes the way of an abandoned draft.
    let old = try Draft(folder, isFolder: true)
    guard rename(folder, old.temporaryPath) == 0, draft.putInPlace() else {
      throw Problem(
        .unwritable, folder, problem: "cannot be replaced: \(systemErrorText())",
        remedy: "check the permissions of its folder")
    }
  }
}
