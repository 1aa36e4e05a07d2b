import Foundation
import Synchronization

/// Results that are remembered under a key, in a file that a killed run leaves whole.
///
/// Each line holds one result and is written at once; a line that a kill cut off is dropped. So what was
/// computed or paid for once is not asked again.
package final class KeyedJournal<Value: Codable & Sendable>: Sendable {
  private struct Row: Codable {
    var key: String
    var value: Value
  }

  private let file: LineFile
  private let header: [UInt8]
  private let known: Mutex<[String: Value]>

  /// Opens or makes the file and keeps others from writing to it.
  /// - Parameter schema: what its first line says it is.
  package init(_ path: String, schema: String) throws(Problem) {
    file = try LineFile(path)
    header = Array("{\"schema\":\"\(schema)\"}\n".utf8)
    known = Mutex(try Self.read(file, header))
  }

  deinit {
    // Nothing was remembered: the run failed before, and leaves nothing behind.
    if known.withLock(\.isEmpty) { file.remove() }
  }

  /// The keys of all results.
  package var keys: [String] { known.withLock { Array($0.keys) } }

  /// Forgets all results.
  package func removeAll() throws(Problem) {
    try known.withLock { (known) throws(Problem) in
      try file.cut(to: header.count)
      known = [:]
    }
  }

  package subscript(key: String) -> Value? { known.withLock { $0[key] } }

  /// Remembers a result; written before it returns, from any thread.
  package func append(_ value: Value, for key: String) throws(Problem) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let line = try? encoder.encode(Row(key: key, value: value)) else {
      throw Problem(
        .notFinite, file.path, place: key, problem: "the result is not a finite number",
        remedy: "look for activations that are out of range")
    }
    try known.withLock { (known) throws(Problem) in
      guard known[key] == nil else { return }
      try file.append(Array(line) + [0x0A])
      known[key] = value
    }
  }

  /// Removes the file once what it was needed for is written.
  package func remove() {
    // One that is empty is removed in the end, and after this another run's may stand there.
    if !known.withLock(\.isEmpty) { file.remove() }
  }

  private static func read(
    _ file: LineFile, _ header: [UInt8]
  ) throws(Problem) -> [String: Value] {
    let (path, content) = (file.path, try file.content())
    let stranger = Problem(
      .notAJournal, path, problem: "holds something else than remembered results",
      remedy: "move it away or name another output")
    guard content.count >= header.count else {
      guard header.starts(with: content.bytes) else { throw stranger }
      try file.cut(to: 0)
      try file.append(header)
      return [:]
    }
    guard content.bytes.starts(with: header) else { throw stranger }
    var values: [String: Value] = [:]
    var (start, number) = (header.count, 1)
    while let end = content.bytes[start...].firstIndex(of: 0x0A) {
      number += 1
      let line = Array(content.bytes[start..<end])
      guard line.count <= 1 << 24, (try? JSONReader.parse(line, file: path)) != nil,
        let row = try? JSONDecoder().decode(Row.self, from: Data(line))
      else {
        throw Problem(
          .journalDamaged, path, place: "line \(number)", problem: "is no result of this kind",
          remedy: "remove the file to start again")
      }
      values[row.key] = row.value
      start = end + 1
    }
    if start < content.count { try file.cut(to: start) }
    return values
  }
}
