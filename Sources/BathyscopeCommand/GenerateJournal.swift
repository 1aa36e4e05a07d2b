import Bathyscope
import Foundation

/// The finished answers of a run that has not ended, in the order in which they were finished.
///
/// Its first line is the configuration, each other one a row. A killed run leaves it behind; the next
/// run with the same configuration goes on with it. A line that was cut off by the kill is dropped.
final class GenerationJournal {
  /// The answers that are still to be made.
  let missing: [GenerationJob]
  /// How many answers were there.
  let finished: Int
  private let record: GenerationRecord
  private let descriptor: Int32

  init(_ record: GenerationRecord) throws {
    self.record = record
    let path = record.journalPath
    // A FIFO would wait for a reader for ever, without O_NONBLOCK.
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw Self.systemError(path, "cannot be opened") }
    do {
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        throw FileError(
          file: path, problem: "is being written by another run", remedy: "wait for its end")
      }
      let found = try Self.read(record, descriptor)
      finished = found.count
      missing = record.jobs.filter { !found.contains($0) }
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// The answers that the file holds; it begins with the configuration and ends with a whole line then.
  private static func read(
    _ record: GenerationRecord, _ descriptor: Int32
  ) throws -> Set<GenerationJob> {
    let path = record.journalPath
    let file = try MappedFile(path)
    let header = Array("\(record.header)\n".utf8)
    guard let headerEnd = file.bytes.firstIndex(of: 0x0A) else {
      guard header.starts(with: file.bytes) else { throw stranger(path) }
      guard ftruncate(descriptor, 0) == 0 else { throw systemError(path, "cannot be cut") }
      try write(header, to: descriptor, path)
      return []
    }
    guard let json = try? JSONReader.parse(Array(file.bytes[..<headerEnd]), file: path),
      json["schema"]?.text?.hasPrefix("bathyscope-generations") == true
    else { throw stranger(path) }
    try record.compare(json, in: path)
    var found: Set<GenerationJob> = []
    var (start, number) = (headerEnd + 1, 1)
    while let end = file.bytes[start...].firstIndex(of: 0x0A) {
      number += 1
      guard let row = GenerationRow(file.bytes[start..<end], file: path),
        let job = record.job(of: row), found.insert(job).inserted
      else {
        throw FileError(
          file: path, place: "line \(number)",
          problem: "is no answer to these prompts, or one that stands there twice",
          remedy: "remove the file to start again")
      }
      start = end + 1
    }
    if start < file.count {
      guard ftruncate(descriptor, off_t(start)) == 0 else {
        throw systemError(path, "cannot be cut")
      }
    }
    return found
  }

  /// Adds a finished answer.
  func append(_ row: GenerationRow) throws {
    try Self.write(Array("\(try lineOfJSON(row))\n".utf8), to: descriptor, record.journalPath)
  }

  /// Puts the answers in order, under the name that was asked for, and removes the journal.
  ///
  /// - Throws: when an intervention never fired; the answers stay in the journal.
  func finish(_ interventions: [Intervention]) throws {
    let path = record.journalPath
    let file = try MappedFile(path)
    var lines: [(job: GenerationJob, range: Range<Int>)] = []
    var effects: [GenerationJob: [GenerationEffect]] = [:]
    var start = (file.bytes.firstIndex(of: 0x0A) ?? -1) + 1
    while let end = file.bytes[start...].firstIndex(of: 0x0A) {
      if let row = GenerationRow(file.bytes[start..<end], file: path),
        let job = record.job(of: row)
      {
        lines.append((job, start..<(end + 1)))
        effects[job] = row.effects
      }
      start = end + 1
    }
    guard effects.count == record.jobs.count else {
      throw FileError(
        file: path, problem: "holds \(effects.count) of \(record.jobs.count) answers",
        remedy: "remove the file to start again")
    }
    _ = try GenerationEffect.summing(record.jobs.compactMap { effects[$0] }, of: interventions)
    lines.sort { ($0.job.prompt, $0.job.sample) < ($1.job.prompt, $1.job.sample) }
    var output = try AtomicFile(record.path)
    let target = open(output.temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard target >= 0 else { throw Self.systemError(record.path, "cannot be written") }
    do {
      defer { close(target) }
      for line in lines { try Self.write(Array(file.bytes[line.range]), to: target, record.path) }
    }
    try output.commit()
    try record.writeSidecar(interventions)
    unlink(path)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws {
    try bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = Foundation.write(
          descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { throw systemError(path, "cannot be written") }
        rest = rest.dropFirst(written)
      }
    }
  }

  private static func systemError(_ path: String, _ problem: String) -> FileError {
    FileError(
      file: path, problem: "\(problem): \(systemErrorText())",
      remedy: "check free space and permissions")
  }

  private static func stranger(_ path: String) -> FileError {
    FileError(
      file: path, problem: "is no journal of answers",
      remedy: "move it away or choose another --out")
  }
}
