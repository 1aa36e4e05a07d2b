import Bathyscope

/// The finished answers of a run that has not ended, each as its line of the file.
final class GenerationJournal {
  /// The answers that are still to be made.
  let missing: [GenerationJob]
  /// How many answers were there.
  let finished: Int
  private let record: GenerationRecord
  private let rows: RunJournal<GenerationJob, String>

  init(_ record: GenerationRecord) throws {
    let rows = try RunJournal<GenerationJob, String>.open(
      record.journalPath, of: try record.provenance(), overwriting: record.overwrites,
      where: { job, line in
        let answer = AnswerFile.generated(Array(line.utf8), record.journalPath)
        return answer?.effects != nil && answer.flatMap(record.job) == job
      })
    self.record = record
    self.rows = rows
    finished = rows.count
    missing = record.jobs.filter { !rows.contains($0) }
  }

  /// Adds a finished answer.
  func append(_ generation: Generation, seed: UInt64) throws {
    guard let line = try Answer(generation, seed: seed).line else { return }
    try rows.append(
      line, for: GenerationJob(prompt: generation.prompt, sample: generation.sample))
  }

  /// Puts the answers in order, under the name that was asked for, and removes the journal.
  ///
  /// - Throws: when an intervention never fired; the answers stay in the journal.
  func finish(_ interventions: [Intervention]) throws {
    var effects: [[GenerationEffect]] = []
    var output = try AtomicFile(record.path)
    for job in record.jobs {
      guard let line = try rows.row(job) else {
        throw Problem(
          .journalDamaged, rows.path,
          problem: "holds \(rows.count) of \(record.jobs.count) answers",
          remedy: "remove the file to start again")
      }
      effects.append(AnswerFile.generated(Array(line.utf8), rows.path)?.effects ?? [])
      try output.append(Array("\(line)\n".utf8))
    }
    _ = try GenerationEffect.summing(effects, of: interventions)
    try output.commit()
    try record.writeSidecar(interventions)
    rows.remove()
  }
}
