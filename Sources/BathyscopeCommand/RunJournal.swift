import Bathyscope
import Foundation

/// The finished parts of a run that has not ended, one line of JSON each behind a line that says what
/// the run is.
///
/// A killed run leaves it behind; the next run with the same configuration goes on with it. A line that
/// was cut off by the kill is dropped.
final class RunJournal {
  /// Where each whole line behind the first stood when the journal was opened.
  let lines: [Range<Int>]
  private let journal: LineFile
  private var end: Int
  private var isEmpty: Bool

  /// - Parameters:
  ///   - header: one line of JSON with a `schema`: what the run is.
  ///   - content: what the journal holds, for errors.
  ///   - overwrites: whether another run's journal is replaced.
  /// - Throws: when another run's journal is there.
  init(_ path: String, header: String, of content: String, overwrites: Bool = false) throws {
    journal = try LineFile(path)
    do {
      (lines, end) = try Self.read(journal, header, content)
    } catch let problem as Problem where problem.code == .otherConfiguration && overwrites {
      try journal.cut(to: 0)
      (lines, end) = try Self.read(journal, header, content)
    }
    isEmpty = lines.isEmpty
  }

  deinit {
    // Nothing was finished: the run failed before, and leaves nothing behind.
    if isEmpty { journal.remove() }
  }

  /// The whole lines; the file begins with the header and ends with the last of them then.
  private static func read(
    _ journal: LineFile, _ header: String, _ content: String
  ) throws -> (lines: [Range<Int>], end: Int) {
    let path = journal.path
    let stranger = Problem(
      .notAJournal, path, problem: "is no journal of \(content)",
      remedy: "move it away or choose another --out")
    let file = try journal.content()
    let start = Array("\(header)\n".utf8)
    guard let headerEnd = file.bytes.firstIndex(of: 0x0A) else {
      guard start.starts(with: file.bytes) else { throw stranger }
      try journal.cut(to: 0)
      try journal.append(start)
      return ([], start.count)
    }
    let own = try JSONReader.parse(Array(header.utf8), file: path)
    guard let stored = try? JSONReader.parse(Array(file.bytes[..<headerEnd]), file: path),
      stem(of: stored) == stem(of: own)
    else { throw stranger }
    try RunConflict.check(stored, own, in: path)
    var lines: [Range<Int>] = []
    var lineStart = headerEnd + 1
    while let end = file.bytes[lineStart...].firstIndex(of: 0x0A) {
      lines.append(lineStart..<end)
      lineStart = end + 1
    }
    if lineStart < file.count { try journal.cut(to: lineStart) }
    return (lines, lineStart)
  }

  /// The schema without its number: a journal of another version is a conflict and no stranger.
  private static func stem(of header: JSON) -> Substring? {
    guard let schema = header["schema"]?.text, let dash = schema.lastIndex(of: "-") else {
      return nil
    }
    return schema[..<dash]
  }

  /// The journal as it stands now; ranges of lines stay where they are.
  var file: MappedFile { get throws { try journal.content() } }

  /// Adds a finished part and tells where it stands.
  @discardableResult
  func append(_ line: String) throws -> Range<Int> {
    let bytes = Array("\(line)\n".utf8)
    isEmpty = false
    try journal.append(bytes)
    defer { end += bytes.count }
    return end..<(end + bytes.count - 1)
  }

  /// An error about a line of `lines`.
  func error(at index: Int, _ problem: String) -> Problem {
    Problem(
      .journalDamaged, journal.path, place: "line \(index + 2)", problem: problem,
      remedy: "remove the file to start again")
  }

  /// Removes the journal of a run that has ended.
  func remove() {
    // One that is empty is removed in the end, and after this another run's may stand there.
    if !isEmpty { journal.remove() }
  }
}
