import Bathyscope
import Foundation

/// The finished answers of a run that has not ended, in the order in which they were finished.
///
/// Each line is a row.
final class GenerationJournal {
  /// The answers that are still to be made.
  let missing: [GenerationJob]
  /// How many answers were there.
  let finished: Int
  private let record: GenerationRecord
  private let journal: RunJournal

  init(_ record: GenerationRecord) throws {
    self.record = record
    journal = try RunJournal(
      record.journalPath, header: record.header, of: "answers",
      overwrites: record.overwrites)
    let file = try journal.file
    var found: Set<GenerationJob> = []
    for (index, range) in journal.lines.enumerated() {
      guard let row = AnswerFile.generated(file.bytes[range], record.journalPath),
        row.effects != nil, let job = record.job(of: row), found.insert(job).inserted
      else {
        throw journal.error(
          at: index, "is no answer to these prompts, or one that stands there twice")
      }
    }
    finished = found.count
    missing = record.jobs.filter { !found.contains($0) }
  }

  /// Adds a finished answer.
  func append(_ generation: Generation, seed: UInt64) throws {
    guard let line = try Answer(generation, seed: seed).line else { return }
    try journal.append(line)
  }

  /// Puts the answers in order, under the name that was asked for, and removes the journal.
  ///
  /// - Throws: when an intervention never fired; the answers stay in the journal.
  func finish(_ interventions: [Intervention]) throws {
    let path = record.journalPath
    let file = try journal.file
    var lines: [(job: GenerationJob, range: Range<Int>)] = []
    var effects: [GenerationJob: [GenerationEffect]] = [:]
    var start = (file.bytes.firstIndex(of: 0x0A) ?? -1) + 1
    while let end = file.bytes[start...].firstIndex(of: 0x0A) {
      if let row = AnswerFile.generated(file.bytes[start..<end], path),
        let job = record.job(of: row)
      {
        lines.append((job, start..<(end + 1)))
        effects[job] = row.effects
      }
      start = end + 1
    }
    guard effects.count == record.jobs.count else {
      throw Problem(
        .journalDamaged, path, problem: "holds \(effects.count) of \(record.jobs.count) answers",
        remedy: "remove the file to start again")
    }
    _ = try GenerationEffect.summing(record.jobs.compactMap { effects[$0] }, of: interventions)
    lines.sort { ($0.job.prompt, $0.job.sample) < ($1.job.prompt, $1.job.sample) }
    var output = try AtomicFile(record.path)
    for line in lines {
      try output.append(UnsafeRawBufferPointer(rebasing: file.bytes[line.range]))
    }
    try output.commit()
    try record.writeSidecar(interventions)
    journal.remove()
  }
}
