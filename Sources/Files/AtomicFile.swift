import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Keeps apart the temporary files of one process.
private let temporaryCounter = Atomic<Int>(0)

/// A file that appears under its name only when it is complete.
///
/// It is written under a temporary name in the same folder, flushed to the disk, and renamed. A killed
/// run, a full disk or an error leaves what stood there before, and never half a file.
public struct AtomicFile: ~Copyable {
  public let path: String
  /// Write here, then `commit()`.
  public let temporaryPath: String
  private var finished = false

  /// - Throws: when the folder is missing or cannot be written to.
  public init(_ path: String) throws(FileError) {
    self.path = path
    // Not as a URL, which would take ~ for the home folder where rename(2) does not.
    let slash = path.lastIndex(of: "/")
    let name = slash.map { path[path.index(after: $0)...] } ?? path[...]
    let folder = slash.map { String(path[...$0]) } ?? "./"
    let number = temporaryCounter.wrappingAdd(1, ordering: .relaxed).newValue
    temporaryPath = "\(folder).\(name).\(getpid()).\(number).partial"
    guard !name.isEmpty else {
      throw FileError(file: path, problem: "names no file", remedy: "name a file as output")
    }
    var folderStatus = stat()
    guard stat(folder, &folderStatus) == 0, folderStatus.st_mode & S_IFMT == S_IFDIR else {
      throw FileError(
        file: path, problem: "its folder \(folder) does not exist",
        remedy: "create the folder or choose another output")
    }
    guard access(folder, W_OK) == 0 else {
      throw FileError(
        file: path, problem: "its folder cannot be written to: \(systemErrorText())",
        remedy: "choose an output in a writable folder")
    }
    // A rename would put a file in the place of a folder, a pipe or a device such as /dev/null.
    var status = stat()
    guard stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(
        file: path, problem: "is not a regular file", remedy: "name a file as output")
    }
  }

  deinit {
    if !finished { unlink(temporaryPath) }
  }

  /// Flushes the temporary file to the disk and gives it its name.
  public mutating func commit() throws(FileError) {
    let descriptor = open(temporaryPath, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0, fsync(descriptor) == 0 else {
      let text = systemErrorText()
      if descriptor >= 0 { close(descriptor) }
      throw FileError(
        file: path, problem: "cannot be flushed to the disk: \(text)", remedy: "check free space")
    }
    close(descriptor)
    guard rename(temporaryPath, path) == 0 else {
      throw FileError(
        file: path, problem: "cannot be put in place: \(systemErrorText())",
        remedy: "check the folder's permissions")
    }
    finished = true
  }

  /// Writes a whole file at once.
  public static func write(_ content: some Sequence<UInt8>, to path: String) throws(FileError) {
    var file = try AtomicFile(path)
    do {
      try Data(content).write(to: URL(fileURLWithPath: file.temporaryPath))
    } catch {
      throw FileError(
        file: path, problem: "cannot be written: \(error.localizedDescription)",
        remedy: "check free space and permissions")
    }
    try file.commit()
  }
}
