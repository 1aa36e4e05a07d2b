import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A regular file mapped read-only into memory: opening costs the same for a kilobyte and for a gigabyte.
///
/// Directories, FIFOs and devices are refused before anything is read. All access is bounds-checked,
/// so a number read from the file can never lead outside of it.
public final class MappedFile: @unchecked Sendable {
  /// The path at which it was opened.
  public let path: String
  /// The whole file; valid for as long as the object lives.
  public let bytes: UnsafeRawBufferPointer

  /// - Throws: when the file is missing, unreadable, not a regular file or cannot be mapped.
  public init(_ path: String) throws(Problem) {
    self.path = path
    // Without O_NONBLOCK, opening a FIFO would wait for a writer for ever.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Problem(
        [ENOENT, ENOTDIR].contains(errno) ? .missing : .unreadable, path,
        problem: "cannot be opened: \(systemErrorText())",
        remedy: "check the path and its permissions")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Problem(
        .notAFile, path, problem: "is not a regular file",
        remedy: "name a file, not a folder or a pipe")
    }
    let size = Int(status.st_size)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED
    else {
      throw Problem(
        .systemLimit, path, problem: "cannot be mapped: \(systemErrorText())",
        remedy: "check free address space and the file system")
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
  }

  deinit {
    if let start = bytes.baseAddress {
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }

  /// The file's size in bytes when it was opened.
  public var count: Int { bytes.count }

  /// Lets go of memory pages that were read; the bytes stay readable and come back from the file.
  ///
  /// The pages at both ends go, too.
  package func release(_ range: Range<Int>) {
    guard let start = bytes.baseAddress, !range.isEmpty else { return }
    let first = range.lowerBound / Int(getpagesize()) * Int(getpagesize())
    let address = UnsafeMutableRawPointer(mutating: start + first)
    madvise(address, range.upperBound - first, MADV_DONTNEED)
  }

  /// The bytes `offset ..< offset + length`, or an error that names `field`.
  package func slice(
    _ offset: Int, _ length: Int, field: @autoclosure () -> String
  ) throws(Problem) -> UnsafeRawBufferPointer {
    guard offset >= 0, length >= 0, offset <= bytes.count, length <= bytes.count - offset else {
      throw Problem(
        .cutShort, path, place: field(),
        problem: "\(length) bytes at offset \(offset) do not fit into a file of \(bytes.count)",
        remedy: "the file is cut short or damaged: fetch it again")
    }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)])
  }
}

/// The text of the C library's last error.
package func systemErrorText() -> String { String(cString: strerror(errno)) }

/// The whole of a regular file of at most `limit` bytes, which is the sensible size of its kind.
package func readFile(_ path: String, limit: Int = 256 << 20) throws(Problem) -> [UInt8] {
  let file = try MappedFile(path)
  guard file.count <= limit else {
    throw Problem(
      .tooLarge, path,
      problem: "is \(file.count) bytes long, more than the \(limit) expected at most",
      remedy: "check that this is the file you meant")
  }
  return Array(file.bytes)
}
