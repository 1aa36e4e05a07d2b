import ArgumentParser
import Bathyscope
import Foundation

/// Transcripts that are to be run, each with its row of labels.
struct Transcripts {
  var rows: [Prompt]
  var batch: Batch
  /// How many were asked for; those without an answer are not among the rows.
  var asked: Int
  /// What was overridden to read them.
  var forced: [String]
}

/// Answers that follow prompts, and what judges say of them.
struct AnswerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What 'generate' wrote for these prompts: each answer is read behind its prompt.",
      valueName: "file"), completion: .file())
  var answers: String?

  @Option(
    help: ArgumentHelp(
      """
      JSONL rows that give further labels, such as a judge's 'refused', to the prompt or answer \
      of their id (and sample); may be repeated.
      """, valueName: "file"), completion: .file())
  var labels: [String] = []

  /// What is to be run, each with its row of labels and thinking: the prompts with their own thinking
  /// and response, or the generated answers.
  /// - Parameter force: reads answers of another model or template, or to other prompts.
  func transcripts(
    _ prompts: [Prompt], in model: Model, force: Bool
  ) throws -> Transcripts {
    let batch = try model.encode(prompts.map(\.conversation))
    var rows = prompts
    var transcripts = batch
    var (forced, asked): ([String], Int) = ([], prompts.count)
    // Which prompt and sample each transcript is.
    var origins = prompts.indices.map { GenerationJob(prompt: $0, sample: 0) }
    if let answers {
      let (found, read) = try AnswerFile.transcripts(
        answers, behind: batch.sequences,
        expected: .init(model: model.identity.writer, prompts: batch.sequences, force: force))
      origins = found.map { GenerationJob(prompt: $0.prompt, sample: $0.answer.sample) }
      transcripts = Batch(
        try found.compactMap(\.answer.transcript).map { transcript in
          var transcript = transcript
          try model.readSegments(of: &transcript)
          return transcript
        })
      forced = read.forced
      noteForced(forced)
      let largest = min(origins.map(\.sample).max() ?? 0, 1_000_000)
      asked = max(prompts.count * (read.samples ?? (largest + 1)), origins.count)
      warnOfMissing(origins.count, of: asked, "what follows is of those that have one")
      let isSampled = origins.contains { $0.sample > 0 }
      rows = found.map { prompts[$0.prompt].row(of: $0.answer, isSampled: isSampled) }
    }
    for path in labels {
      try LabelFile.add(
        path, to: &rows,
        answers: origins.indices.map { index in
          (transcripts.sequences[index].id, origins[index].sample)
        })
    }
    return Transcripts(rows: rows, batch: transcripts, asked: asked, forced: forced)
  }

  /// Each file's name and SHA-256, for provenance.
  func provenance() throws -> [String] {
    try ((answers.map { [$0] } ?? []) + labels).map { path in
      "\(URL(fileURLWithPath: path).lastPathComponent) \(Digest.sha256(of: try MappedFile(path)))"
    }
  }
}

/// Says what was overridden to read answers.
func noteForced(_ forced: [String]) {
  for difference in forced { writeError("forced: \(difference)") }
}

/// Warns of what was asked for and has no answer.
func warnOfMissing(_ answers: Int, of asked: Int, _ consequence: String) {
  guard answers < asked else { return }
  writeError("warning: \(asked - answers) of \(asked) have no answer: \(consequence)")
}
