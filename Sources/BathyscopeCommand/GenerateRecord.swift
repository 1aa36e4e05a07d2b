import Bathyscope
import Foundation

/// The file of answers that a run makes, and what it is made from.
struct GenerationRecord {
  let path: String
  let batch: Batch
  let configuration: GenerationConfiguration
  /// The configuration as one line of JSON.
  let header: String
  /// Every answer, in the order of the file.
  let jobs: [GenerationJob]
  private let samples: Int
  /// Whether other answers and their journal are replaced.
  let overwrites: Bool
  private let prompts: [[UInt8]: Int]

  init(
    _ configuration: GenerationConfiguration, batch: Batch, samples: Int, path: String,
    overwrites: Bool
  ) throws {
    (self.path, self.batch, self.samples) = (path, batch, samples)
    self.overwrites = overwrites
    self.configuration = configuration
    header = try lineOfJSON(configuration)
    jobs = batch.sequences.indices.flatMap { prompt in
      (0..<samples).map { GenerationJob(prompt: prompt, sample: $0) }
    }
    // By bytes: two ids that differ in their normal form are two ids.
    prompts = Dictionary(
      uniqueKeysWithValues: batch.sequences.enumerated().map { (Array($1.id.utf8), $0) })
  }

  var journalPath: String { path + ".journal" }
  private var sidecarPath: String { path + ".json" }

  /// What the answers are made from, for their journal.
  func provenance() throws -> Provenance { try .run(of: "answers", settings: configuration) }

  /// Which answer it is; nil when it was not asked for.
  func job(of answer: Answer) -> GenerationJob? {
    guard let prompt = prompts[Array(answer.id.utf8)], (0..<samples).contains(answer.sample),
      answer.generated?.promptTokens == batch.sequences[prompt].tokens.count
    else { return nil }
    return GenerationJob(prompt: prompt, sample: answer.sample)
  }

  /// Whether the file is there, whole and made with these arguments.
  /// - Throws: when another file stands in its place.
  func isComplete() throws -> Bool {
    // Only to see whether the place can be written to.
    _ = try AtomicFile(path)
    guard FileManager.default.fileExists(atPath: path),
      !FileManager.default.fileExists(atPath: journalPath)
    else { return false }
    do {
      guard FileManager.default.fileExists(atPath: sidecarPath) else {
        throw Problem.wouldOverwrite(path)
      }
      let json = try JSONReader.parse(
        try readFile(sidecarPath, limit: 64 << 20), file: sidecarPath)
      try compare(json["configuration"] ?? .null, in: sidecarPath)
      guard json["sha256"]?.text == Digest.sha256(of: try MappedFile(path)) else {
        throw Problem(
          .digestDiffers, path, problem: "does not have the bytes that \(sidecarPath) tells of",
          remedy: "give --overwrite to generate the answers again")
      }
    } catch  where overwrites {
      return false
    }
    return true
  }

  /// - Throws: where a stored configuration is not this one.
  func compare(_ stored: JSON, in file: String) throws {
    try RunConflict.check(
      stored, JSONReader.parse(Array(header.utf8), file: file), in: file)
  }

  /// The rows of the finished file, one at a time.
  func forEachRow(_ body: (Answer) throws -> Void) throws {
    let file = try MappedFile(path)
    for (number, line) in file.bytes.split(separator: 0x0A).enumerated() {
      guard let row = AnswerFile.generated(line, path), row.effects != nil else {
        throw Problem(
          .wrongType, path, place: "line \(number + 1)", problem: "is no answer",
          remedy: "remove the file to generate its answers again")
      }
      try body(row)
    }
  }

  /// What all rows say together.
  struct Summary: Encodable {
    var sha256: String
    var rows: Int
    var finish: [String: Int]
    /// Answers whose thinking was closed because its budget was spent.
    var closedThinking: Int
    var effects: [GenerationEffect]
  }

  func summary(_ interventions: [Intervention]) throws -> Summary {
    var finish: [String: Int] = [:]
    var effects: [[GenerationEffect]] = []
    var closed = 0
    try forEachRow { row in
      if let reason = row.generated?.finish { finish[reason.rawValue, default: 0] += 1 }
      effects.append(row.effects ?? [])
      if row.generated?.forced?.isEmpty == false { closed += 1 }
    }
    return Summary(
      sha256: Digest.sha256(of: try MappedFile(path)), rows: effects.count, finish: finish,
      closedThinking: closed, effects: try GenerationEffect.summing(effects, of: interventions))
  }

  /// Writes where the finished file came from beside it.
  func writeSidecar(_ interventions: [Intervention]) throws {
    struct Content: Encodable {
      var configuration: GenerationConfiguration
      var summary: Summary
      var command: [String]

      enum CodingKeys: CodingKey { case configuration, command }

      func encode(to encoder: any Encoder) throws {
        try summary.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(configuration, forKey: .configuration)
        try container.encode(command, forKey: .command)
      }
    }
    let content = Content(
      configuration: configuration, summary: try summary(interventions),
      command: ["bathyscope"] + CommandLine.arguments.dropFirst())
    let text = try Document(schema: "generations", content: content).text
    try AtomicFile.write(Array("\(text)\n".utf8), to: sidecarPath)
  }
}
