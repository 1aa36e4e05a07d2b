import Files
import Foundation
import Synchronization

/// The finished rows of a run, each under a key, in a file that a killed run leaves whole.
///
/// The first line says what the run is; another run's journal is refused. Every row is a line of its own, is handed
/// to the system before `append` returns, and states a SHA-256 over itself and all lines before it: a row that was
/// changed, moved, repeated or taken out is noticed. A last line that a kill cut off is dropped. So what
/// was computed or paid for once is not computed again, and nothing else is believed.
///
/// Rows stay on the disk and are read when they are asked for. Any thread may append.
public final class RunJournal<Key: Codable & Hashable & Sendable, Row: Codable & Sendable>: Sendable
{
  private struct Line: Codable {
    var key: Key
    var row: Row
  }

  /// The first half of a line.
  private struct KeyOfLine: Codable {
    var key: Key
  }

  private struct State {
    var places: [Key: Range<Int>] = [:]
    var order: [Key] = []
    var digest: String
    var end: Int

    /// Adds a line that ends before a new line.
    mutating func add(
      _ line: UnsafeRawBufferPointer, _ path: String, _ place: String,
      where accepts: (Key, Row) -> Bool
    ) throws(Problem) {
      let damaged = Problem(
        .journalDamaged, path, place: place, problem: "is not what the run wrote",
        remedy: "it was changed or damaged: remove the file to start again")
      let content = RunJournal.content(of: line)
      let next = RunJournal.digest(of: content, after: digest)
      guard line.starts(with: Array(RunJournal.opening(next).utf8)),
        let row = try? RunJournal.read(content, from: path), accepts(row.key, row.row),
        places.updateValue(end..<(end + line.count), forKey: row.key) == nil
      else { throw damaged }
      order.append(row.key)
      digest = next
      end += line.count + 1
    }
  }

  private let file: LineFile
  private let state: Mutex<State>

  /// The file's path.
  public var path: String { file.path }

  /// Opens or makes the file and keeps other runs from writing to it.
  ///
  /// - Parameters:
  ///   - provenance: what the run is; all but the command's words have to be the same.
  ///   - overwriting: whether another run's journal is replaced.
  ///   - accepts: whether a row that is there is one of this run: of the right length, say.
  /// - Throws: `other-configuration` for another run's journal, `journal-damaged` for one that was changed,
  ///   `unknown-version` for one of another version's form, `in-use` where another run writes to it.
  package static func open(
    _ path: String, of provenance: Provenance, overwriting: Bool = false,
    where accepts: (Key, Row) -> Bool = { _, _ in true }
  ) throws(Problem) -> RunJournal {
    let file = try LineFile(path)
    do {
      return RunJournal(file, try read(file, provenance, where: accepts))
    } catch let problem where overwriting && problem.code == .otherConfiguration {
      try file.cut(to: 0)
      return RunJournal(file, try read(file, provenance, where: accepts))
    }
  }

  private init(_ file: LineFile, _ state: State) {
    self.file = file
    self.state = Mutex(state)
  }

  deinit {
    // Nothing was finished: the run failed before, and leaves nothing.
    if state.withLock(\.order.isEmpty) { file.remove() }
  }

  /// The keys of all rows, in the order in which they were finished.
  public var keys: [Key] { state.withLock(\.order) }

  /// How many rows there are.
  public var count: Int { state.withLock(\.order.count) }

  /// Whether a row is there.
  public func contains(_ key: Key) -> Bool { state.withLock { $0.places[key] != nil } }

  /// The row under a key; nil where there is none.
  public func row(_ key: Key) throws(Problem) -> Row? {
    guard let place = state.withLock({ $0.places[key] }) else { return nil }
    let content = try file.content()
    guard place.upperBound <= content.count else { throw changed("was cut meanwhile") }
    let bytes = withExtendedLifetime(content) {
      Self.content(of: UnsafeRawBufferPointer(rebasing: content.bytes[place]))
    }
    let line = try Self.read(bytes, from: path)
    guard line.key == key else { throw changed("was changed meanwhile") }
    return line.row
  }

  /// Adds a finished row; on the disk's way before it returns. A key that is there already is left as it is.
  public func append(_ row: Row, for key: Key) throws(Problem) {
    let content = try Self.content(Line(key: key, row: row), for: path)
    try state.withLock { (state) throws(Problem) in
      guard state.places[key] == nil else { return }
      let digest = Self.digest(of: content, after: state.digest)
      let start = Array(Self.opening(digest).utf8)
      try file.append(start + content.dropFirst() + [0x0A])
      let end = state.end + start.count + content.count - 1
      state.places[key] = state.end..<end
      state.order.append(key)
      state.digest = digest
      state.end = end + 1
    }
  }

  /// Removes the file once everything that it was needed for is written.
  package func remove() {
    // One that is empty is removed in the end, and after this another run's may be there.
    if state.withLock({ !$0.order.isEmpty }) { file.remove() }
  }

  private func changed(_ problem: String) -> Problem {
    Problem(.journalDamaged, path, problem: problem, remedy: "run the command again")
  }

  // MARK: Lines

  /// A line begins with its digest, then come key and row.
  private static func opening(_ digest: String) -> String { "{\"sha256\":\"\(digest)\"," }

  private static func digest(of content: [UInt8], after digest: String) -> String {
    Digest.sha256(Array(digest.utf8) + content)
  }

  /// What comes after a line's digest, as an object of its own.
  private static func content(of line: UnsafeRawBufferPointer) -> [UInt8] {
    let length = opening("").utf8.count + 64
    guard line.count >= length else { return [] }
    var content = [UInt8](UnsafeRawBufferPointer(rebasing: line[(length - 1)...]))
    content[0] = UInt8(ascii: "{")
    return content
  }

  private static func content(_ line: Line, for path: String) throws(Problem) -> [UInt8] {
    guard let bytes = line.row as? Data else {
      return Array(try RunJSON.line(line, for: path).utf8)
    }
    // An encoder would take longer over activations than the model that they are of.
    let key = try RunJSON.line(KeyOfLine(key: line.key), for: path)
    return key.utf8.dropLast() + beforeBytes + bytes.base64EncodedData() + Array("\"}".utf8)
  }

  private static func read(_ content: [UInt8], from path: String) throws(Problem) -> Line {
    if Row.self == Data.self, let quote = content.dropLast(2).lastIndex(of: UInt8(ascii: "\"")),
      content[...quote].suffix(beforeBytes.count).elementsEqual(beforeBytes),
      let row = Data(base64Encoded: Data(content[(quote + 1)...].dropLast(2))) as? Row
    {
      let key = content[...quote].dropLast(beforeBytes.count) + [UInt8(ascii: "}")]
      return Line(key: try RunJSON.read(KeyOfLine.self, key, from: path).key, row: row)
    }
    return try RunJSON.read(Line.self, content, from: path)
  }

  private static var beforeBytes: [UInt8] { Array(",\"row\":\"".utf8) }

  private static func read(
    _ file: LineFile, _ provenance: Provenance, where accepts: (Key, Row) -> Bool
  ) throws(Problem) -> State {
    let path = file.path
    let header = Array(try RunJSON.line(Header(provenance: provenance), for: path).utf8)
    let content = try file.content()
    guard let headerEnd = content.bytes.firstIndex(of: 0x0A) else {
      guard content.count <= header.count || content.count == 0,
        header.starts(with: content.bytes)
      else { throw stranger(path) }
      try file.cut(to: 0)
      try file.append(header + [0x0A])
      return State(digest: Digest.sha256(header), end: header.count + 1)
    }
    let stored = Array(content.bytes[..<headerEnd])
    let head = try Self.header(stored, path)
    try head.provenance.check(provenance, in: path)
    var state = State(digest: Digest.sha256(stored), end: headerEnd + 1)
    var number = 1
    while let end = content.bytes[state.end...].firstIndex(of: 0x0A) {
      number += 1
      let line = UnsafeRawBufferPointer(rebasing: content.bytes[state.end..<end])
      try state.add(line, path, "line \(number)", where: accepts)
    }
    if state.end < content.count { try file.cut(to: state.end) }
    return state
  }

  /// The first line of a journal of this version.
  private static func header(_ line: [UInt8], _ path: String) throws(Problem) -> Header {
    guard line.count <= 1 << 24, let json = try? JSONReader.parse(line, file: path),
      let schema = json["schema"]?.text, schema.hasPrefix("bathyscope-")
    else { throw stranger(path) }
    let own = Header(provenance: Provenance(study: "", version: ""))
    guard schema == own.schema, json["schema_version"]?.int == own.schemaVersion else {
      throw Problem(
        .unknownVersion, path, problem: "is a journal of another version's form",
        remedy: "end its run with the version that began it, or move it away")
    }
    guard let header = try? RunJSON.read(Header.self, line, from: path) else {
      throw stranger(path)
    }
    return header
  }

  private static func stranger(_ path: String) -> Problem {
    Problem(
      .notAJournal, path, problem: "is no journal of a run",
      remedy: "move it away, or name another output")
  }

  /// The first line.
  private struct Header: Codable {
    var schema = "bathyscope-journal"
    var schemaVersion = 2
    var provenance: Provenance
  }
}
