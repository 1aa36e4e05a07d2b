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
      let found: [GenerationRow]
      (origins, transcripts, found) = try Self.read(answers, batch, model)
      let origin = AnswerOrigin(answers)
      forced = try origin.check(
        model: model.identity, prompts: batch, answered: found.map(\.id), force: force)
      let largest = min(origins.map(\.sample).max() ?? 0, 1_000_000)
      asked = max(prompts.count * (origin.samples ?? (largest + 1)), origins.count)
      warnOfMissing(origins.count, of: asked, "what follows is of those that have one")
      let isSampled = origins.contains { $0.sample > 0 }
      rows = zip(origins, found).map {
        prompts[$0.prompt].row(of: $1, isSampled: isSampled)
      }
    }
    for path in labels { try Self.label(&rows, origins, transcripts, from: path) }
    return Transcripts(rows: rows, batch: transcripts, asked: asked, forced: forced)
  }

  /// Each file's name and SHA-256, for provenance.
  func provenance() throws -> [String] {
    try ((answers.map { [$0] } ?? []) + labels).map { path in
      "\(URL(fileURLWithPath: path).lastPathComponent) \(Digest.sha256(of: try MappedFile(path)))"
    }
  }

  private static func read(
    _ path: String, _ batch: Batch, _ model: Model
  ) throws -> (origins: [GenerationJob], transcripts: Batch, rows: [GenerationRow]) {
    let places = Dictionary(
      uniqueKeysWithValues: batch.sequences.enumerated().map { (Array($1.id.utf8), $0) })
    var (found, answers): ([GenerationJob], [GenerationRow]) = ([], [])
    let file = try MappedFile(path)
    for (number, line) in file.bytes.split(separator: 0x0A).enumerated() {
      func problem(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
        Problem(code, path, place: "line \(number + 1)", problem: problem, remedy: remedy)
      }
      guard let row = GenerationRow(line, file: path) else {
        throw problem(
          .wrongType, "is no answer of 'generate'", "give answers from elsewhere as --prompts")
      }
      guard let prompt = places[Array(row.id.utf8)] else {
        throw problem(
          .unknownID, "answers '\(printable(row.id.utf8))', which is none of the prompts",
          "give the prompts that were answered")
      }
      guard row.promptTokens == batch.sequences[prompt].tokens.count, row.sample >= 0 else {
        throw problem(
          .answerMismatch,
          "follows a prompt of \(row.promptTokens) tokens, and "
            + "'\(printable(row.id.utf8))' has \(batch.sequences[prompt].tokens.count)",
          "give the prompts, and a model with the chat template, that it was generated with")
      }
      found.append(GenerationJob(prompt: prompt, sample: row.sample))
      answers.append(row)
    }
    guard !found.isEmpty, Set(found).count == found.count else {
      throw Problem(
        found.isEmpty ? .noAnswers : .duplicateID, path,
        problem: found.isEmpty ? "has no answers" : "has an answer twice",
        remedy: "give the whole file that 'generate' wrote")
    }
    let transcripts = try zip(found, answers).map { job, row in
      var transcript = row.transcript(
        behind: batch.sequences[job.prompt], id: row.name)
      try model.readSegments(of: &transcript)
      return transcript
    }
    return (found, Batch(transcripts), answers)
  }

  private static func label(
    _ rows: inout [Prompt], _ origins: [GenerationJob], _ transcripts: Batch, from path: String
  ) throws {
    var places: [[UInt8]: [Int]] = [:]
    for (index, row) in rows.enumerated() {
      places[Array(row.id.utf8), default: []].append(index)
      let id = Array(transcripts.sequences[index].id.utf8)
      if id != Array(row.id.utf8) { places[id, default: []].append(index) }
    }
    var seen: Set<[Int]> = []
    let file = try MappedFile(path)
    for (number, line) in file.bytes.split(separator: 0x0A).enumerated() {
      func problem(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
        Problem(code, path, place: "line \(number + 1)", problem: problem, remedy: remedy)
      }
      let json = try JSONReader.parse(Array(line), file: path)
      guard let object = json.object, let id = json["id"]?.bytes ?? json["id"]?.int.map(digits)
      else {
        throw problem(
          .wrongType, "is no object with an 'id'", "write one JSON object with an id a line")
      }
      let sample = json["sample"]?.int
      let mine = (places[id] ?? []).filter { sample == nil || origins[$0].sample == sample }
      guard !mine.isEmpty else {
        throw problem(
          .unknownID, "is of '\(printable(id))', which is none of the transcripts",
          "give the prompts and answers that were judged")
      }
      guard seen.insert(mine).inserted else {
        throw problem(
          .duplicateID, "is of '\(printable(id))', which an earlier line has labelled",
          "keep one row for each answer, such as one judge's")
      }
      for (key, value) in object.members {
        let name = String(decoding: key, as: UTF8.self)
        guard !["id", "sample"].contains(name), let label = LabelValue(value) else { continue }
        for index in mine { rows[index].labels[name] = label }
      }
    }
  }

  private static func digits(_ number: Int) -> [UInt8] { Array("\(number)".utf8) }
}

extension Prompt {
  /// The row of an answer to it: with its thinking, and where there are several samples, in a group with
  /// them: they are no independent rows, and none of them tests what another one trained.
  func row(of answer: GenerationRow, isSampled: Bool) -> Prompt {
    var row = self
    row.conversation.thinking = answer.thinking
    if isSampled, (labels["group"]?.description ?? "").isEmpty { row.labels["group"] = .string(id) }
    return row
  }
}

extension LabelValue {
  /// A text, a number or a truth value; nil for anything else.
  fileprivate init?(_ json: JSON) {
    switch json {
    case .bool(let value): self = .bool(value)
    case .string(let bytes): self = .string(String(decoding: bytes, as: UTF8.self))
    case .number:
      guard let number = json.int.map(LabelValue.integer) ?? json.double.map(LabelValue.number)
      else { return nil }
      self = number
    case .null, .array, .object: return nil
    }
  }
}

extension Batch {
  /// SHA-256 of all sequences with their names, tokens and segments: a template may write the date
  /// into them.
  var sha256: String {
    var bytes: [UInt8] = []
    for sequence in sequences {
      bytes += Array("\(sequence.id.utf8.count) \(sequence.id) \(sequence.tokens)".utf8)
      bytes += sequence.segments.map(\.rawValue)
    }
    return Digest.sha256(bytes)
  }
}
