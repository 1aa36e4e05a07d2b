import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Problem {
  /// A file or folder that would be written over an input of the same run, by whatever name, or over a
  /// folder that holds this one.
  static func isInput(_ file: String, _ input: String) -> Problem {
    Problem(
      .isInput, file,
      problem: "would be written over "
        + (input == file ? "an input" : "the input \(printable(input.utf8))"),
      remedy: "name another output")
  }

  /// A result of another run in the place of one.
  package static func wouldOverwrite(_ file: String) -> Problem {
    Problem(
      .wouldOverwrite, file, problem: "is there already",
      remedy: "name another output, or give --overwrite to replace it")
  }
}

/// What a run reads and writes: no input is ever replaced, and another run's result only on demand.
///
/// Files are told apart as the system does, so that links and other spellings of a path do not deceive.
package struct Outputs {
  private let inputs: [String]
  private let overwrites: Bool
  private var claimed: Set<String> = []

  /// - Parameters:
  ///   - inputs: files and folders that are read; those that are missing do not matter.
  ///   - overwrites: whether results of other runs may be replaced.
  package init(inputs: [String], overwrites: Bool) {
    (self.inputs, self.overwrites) = (inputs, overwrites)
  }

  /// Claims files to be written; `claim` before anything is computed.
  ///
  /// - Parameter isOwn: whether what is there is this very run's, which resumes or is done.
  package mutating func claim(files: [String], isOwn: Bool = false) throws(Problem) {
    for file in files {
      if let input = inputs.first(where: { isSame($0, file) || isInside(file, folder: $0) }) {
        throw Problem.isInput(file, input)
      }
      guard claimed.insert(canonicalPath(file)).inserted else {
        throw Problem(
          .namedTwice, file, problem: "would be written over another output",
          remedy: "name each its own")
      }
      guard overwrites || isOwn || !isResult(file) else {
        throw Problem.wouldOverwrite(file)
      }
    }
  }

  /// Claims a folder and the files that will be written into it.
  ///
  /// - Parameters:
  ///   - names: below the folder.
  ///   - isOwn: whether what is there is this very run's.
  package mutating func claim(
    folder: String, names: [String], isOwn: Bool = false
  ) throws(Problem) {
    let place = canonicalPath(folder)
    for input in inputs where isThere(input) {
      guard !"\(canonicalPath(input))/".hasPrefix(place == "/" ? place : "\(place)/") else {
        throw Problem.isInput(folder, input)
      }
    }
    try claim(files: names.map { "\(folder)/\($0)" }, isOwn: isOwn)
  }

  private func isSame(_ input: String, _ output: String) -> Bool {
    var (one, other) = (stat(), stat())
    guard stat(output, &other) == 0 else { return false }
    if stat(input, &one) == 0, one.st_dev == other.st_dev, one.st_ino == other.st_ino {
      return true
    }
    // Another name of a file in a folder that is read: a hard link.
    guard other.st_nlink > 1, other.st_mode & S_IFMT == S_IFREG,
      one.st_mode & S_IFMT == S_IFDIR,
      let names = FileManager.default.enumerator(atPath: input)
    else { return false }
    return names.contains { name in
      var status = stat()
      return stat("\(input)/\(name)", &status) == 0 && status.st_dev == other.st_dev
        && status.st_ino == other.st_ino
    }
  }

  /// Whether a file that is there is one of a folder that is read.
  private func isInside(_ file: String, folder: String) -> Bool {
    var status = stat()
    guard isThere(file), stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      return false
    }
    return canonicalPath(file).hasPrefix("\(canonicalPath(folder))/")
  }

  /// Whether something is there that a file could be put in place of: a folder, a pipe or a device is
  /// refused by whoever writes.
  private func isResult(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && [S_IFREG, S_IFLNK].contains(status.st_mode & S_IFMT)
  }

  private func isThere(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }
}

/// The path without links, `.` and `..`, of what is there or not yet there.
func canonicalPath(_ path: String) -> String {
  if let whole = realpath(path, nil) {
    defer { free(whole) }
    return String(cString: whole)
  }
  var path = path
  while path.count > 1, path.hasSuffix("/") { path.removeLast() }
  guard let slash = path.lastIndex(of: "/") else { return canonicalPath(".") + "/\(path)" }
  let parent = slash == path.startIndex ? "/" : String(path[..<slash])
  guard parent != path else { return path }
  let folder = canonicalPath(parent)
  return (folder == "/" ? "" : folder) + path[slash...]
}
