import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// It is written under a temporary name in the same folder, flushed to the disk, and renamed. A killed
/// run, a full disk or an error leaves what was there before, and never half a file.
public struct AtomicFile: ~Copyable {
  /// The name under which the file appears when it is committed.
  public var path: String { draft.path }
  /// Write here or with `append(_:)`, then `commit()`.
  public var temporaryPath: String { draft.temporaryPath }
  private var draft: Draft
  private var isWritten = false

  /// - Throws: when the folder is missing or cannot be written to.
  public init(_ path: String) throws(Problem) {
    // A rename would put a file in the place of a folder, a pipe or a device such as /dev/null.
    var status = stat()
    guard stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG else {
      throw Problem(
        .notAFile, path, problem: "is not a regular file", remedy: "name a file as output")
    }
    draft = try Draft(path, isFolder: false)
  }

  /// Open on the temporary file, for reading and writing.
  package var descriptor: Int32 { draft.descriptor }

  /// Adds bytes at the end.
  /// - Throws: when the disk is full.
  package mutating func append(_ bytes: some ContiguousBytes) throws(Problem) {
    isWritten = true
    let descriptor = descriptor
    let isWhole = bytes.withUnsafeBytes { writeAll($0, to: descriptor) }
    guard isWhole else { throw Self.unwritable(path) }
  }

  /// The error of a write that failed, from `errno`.
  package static func unwritable(_ path: String, place: String = "") -> Problem {
    Problem(
      .unwritable, path, place: place, problem: "cannot be written: \(systemErrorText())",
      remedy: [ENOSPC, EDQUOT].contains(errno)
        ? "the disk is full: free space, or choose another disk"
        : "check limits, permissions and the disk")
  }

  /// Flushes the temporary file to the disk.
  package func flush() throws(Problem) {
    guard fsync(descriptor) == 0 else {
      throw Problem(
        .unwritable, path, problem: "cannot be flushed to the disk: \(systemErrorText())",
        remedy: "check free space")
    }
  }

  /// Flushes the temporary file to the disk and gives it its name.
  public mutating func commit() throws(Problem) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, isWritten || status.st_size > 0 else {
      throw Problem(
        .invalidArgument, path, problem: "nothing was written",
        remedy: "write before the file is put in place")
    }
    try flush()
    guard draft.putInPlace() else {
      throw Problem(
        .unwritable, path, problem: "cannot be put in place: \(systemErrorText())",
        remedy: "check the folder's permissions")
    }
  }

  /// Writes a whole file at once.
  public static func write(_ content: some Sequence<UInt8>, to path: String) throws(Problem) {
    var file = try AtomicFile(path)
    try file.append(Array(content))
    try file.commit()
  }
}

/// Writes all of the bytes; false, with `errno`, when the system takes no more.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
  var done = 0
  while done < bytes.count {
    let written = Foundation.write(
      descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
    if written < 0, errno == EINTR { continue }
    guard written > 0 else { return false }
    done += written
  }
  return true
}
