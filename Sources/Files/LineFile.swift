import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that one run at a time adds lines to: what a kill leaves of it is whole but for its last line.
package final class LineFile: Sendable {
  package let path: String
  private let descriptor: Int32

  /// Opens or makes the file and keeps others from writing to it.
  /// - Throws: when another run writes to it, or it is no file that can be written.
  package init(_ path: String) throws(Problem) {
    self.path = path
    // A FIFO would wait for a reader for ever, without O_NONBLOCK.
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw systemError("cannot be opened") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw Problem(
        .inUse, path, problem: "is being written by another run", remedy: "wait for its end")
    }
    // Another run that had nothing to keep may have removed it before the lock was ours.
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_nlink > 0 else {
      throw Problem(
        .inUse, path, problem: "was removed by another run just now",
        remedy: "run the command again")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The file as it is now.
  package func content() throws(Problem) -> MappedFile { try MappedFile(path) }

  /// Drops what comes after so many bytes.
  package func cut(to count: Int) throws(Problem) {
    guard ftruncate(descriptor, off_t(count)) == 0 else { throw systemError("cannot be cut") }
  }

  /// Adds bytes that end with a new line; handed to the system before it returns.
  package func append(_ bytes: [UInt8]) throws(Problem) {
    guard bytes.withUnsafeBytes({ writeAll($0, to: descriptor) }) else {
      throw AtomicFile.unwritable(path)
    }
  }

  package func remove() { unlink(path) }

  private func systemError(_ problem: String) -> Problem {
    Problem(
      .unwritable, path, problem: "\(problem): \(systemErrorText())",
      remedy: "check free space and permissions")
  }
}
