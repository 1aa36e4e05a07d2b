import Files
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Results that are remembered under a key, in a file that a killed run leaves whole.
///
/// Each line holds one result and is written at once; a line that a kill cut off is dropped. So what was
/// computed or paid for once is not asked again.
package final class KeyedJournal<Value: Codable & Sendable>: Sendable {
  private struct Row: Codable {
    var key: String
    var value: Value
  }

  package let path: String
  private let descriptor: Int32
  private let known: Mutex<[String: Value]>

  /// Opens or makes the file and keeps others from writing to it.
  /// - Parameter schema: what its first line says it is.
  package init(_ path: String, schema: String) throws(FileError) {
    self.path = path
    // A FIFO would wait for a reader for ever, without O_NONBLOCK.
    let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.systemError(path, "cannot be opened") }
    do {
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        throw FileError(
          file: path, problem: "is being written by another run", remedy: "wait for its end")
      }
      // Another run that remembered nothing may have removed it before the lock was ours.
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_nlink > 0 else {
        throw FileError(
          file: path, problem: "was removed by another run just now",
          remedy: "run the command again")
      }
      known = Mutex(try Self.read(path, schema, descriptor))
      self.descriptor = descriptor
    } catch {
      close(descriptor)
      throw error as? FileError ?? Self.systemError(path, "cannot be read")
    }
  }

  deinit {
    // Nothing was remembered: the run failed before, and leaves nothing behind.
    if known.withLock(\.isEmpty) { unlink(path) }
    close(descriptor)
  }

  package subscript(key: String) -> Value? { known.withLock { $0[key] } }

  /// Remembers a result; on the disk before it returns.
  package func append(_ value: Value, for key: String) throws(FileError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let line = try? encoder.encode(Row(key: key, value: value)) else {
      throw FileError(
        file: path, place: key, problem: "the result is not a finite number",
        remedy: "look for activations that are out of range")
    }
    let isNew = known.withLock { $0.updateValue(value, forKey: key) == nil }
    if isNew { try Self.write(Array(line) + [0x0A], to: descriptor, path) }
  }

  private static func read(
    _ path: String, _ schema: String, _ descriptor: Int32
  ) throws(FileError) -> [String: Value] {
    let header = Array("{\"schema\":\"\(schema)\"}\n".utf8)
    let file = try MappedFile(path)
    guard file.count >= header.count else {
      guard header.starts(with: file.bytes) else { throw stranger(path) }
      guard ftruncate(descriptor, 0) == 0 else { throw systemError(path, "cannot be cut") }
      try write(header, to: descriptor, path)
      return [:]
    }
    guard file.bytes.starts(with: header) else { throw stranger(path) }
    var values: [String: Value] = [:]
    var (start, number) = (header.count, 1)
    while let end = file.bytes[start...].firstIndex(of: 0x0A) {
      number += 1
      let line = Array(file.bytes[start..<end])
      guard line.count <= 1 << 20, (try? JSONReader.parse(line, file: path)) != nil,
        let row = try? JSONDecoder().decode(Row.self, from: Data(line))
      else {
        throw FileError(
          file: path, place: "line \(number)", problem: "is no result of this kind",
          remedy: "remove the file to start again")
      }
      values[row.key] = row.value
      start = end + 1
    }
    if start < file.count {
      guard ftruncate(descriptor, off_t(start)) == 0 else {
        throw systemError(path, "cannot be cut")
      }
    }
    return values
  }

  private static func write(
    _ bytes: [UInt8], to descriptor: Int32, _ path: String
  ) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { buffer in
        Foundation.write(
          descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw systemError(path, "cannot be written") }
      done += written
    }
  }

  private static func systemError(_ path: String, _ problem: String) -> FileError {
    FileError(
      file: path, problem: "\(problem): \(String(cString: strerror(errno)))",
      remedy: "check free space and permissions")
  }

  private static func stranger(_ path: String) -> FileError {
    FileError(
      file: path, problem: "holds something else than remembered results",
      remedy: "move it away or name another output")
  }
}
