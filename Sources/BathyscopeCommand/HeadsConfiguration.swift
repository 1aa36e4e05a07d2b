import Bathyscope
import Foundation

/// All that decides the numbers of a study of heads.
struct HeadsConfiguration: Encodable {
  struct Score: Encodable {
    var kind: String
    var hook: HookPoint?
    var probe: String?
    var probeSHA256: String?
    var openers: OpenerTokens?
    /// SHA-256 of a vector's file, and of its floats.
    var vector: String?
    /// Who decides what a success is, how answers are written, and the tokens that end one.
    var judge: JudgeCard?
    var settings: GenerationSettings?
    var endTokens: [Int32]?
    var forced: [String] = []
  }

  var schema = "bathyscope-heads-1"
  var toolVersion = bathyscopeVersion
  /// `attribute`, `sweep` or `search`.
  var study: String
  var model: ModelIdentity
  var precision: Precision
  var kernel: String
  /// The prompts' files, each with its digest, and those of the reference.
  var prompts: [String]
  var reference: [String] = []
  /// SHA-256 of what is run: tokens, segments, groups and the tokens to be touched.
  var promptTokensSHA256: String
  var read: String
  var keepsDuplicates: Bool
  var score: Score
  var ablation: HeadAblation?
  var at: String?
  var sets: HeadSetPlan?
  var search: HeadSearch?
  var candidates: Int?
  /// The heads to choose from; nil for all.
  var among: [Head]?
  var seed: UInt64

  init(
    _ study: String, _ model: Model, _ options: HeadPromptOptions, _ prompts: [HeadPrompt],
    score: Score, seed: UInt64
  ) throws {
    self.study = study
    self.model = model.identity
    (precision, kernel) = (model.precision, model.kernel)
    self.prompts = try options.prompts.provenance() + options.answers.provenance()
    read = options.read.rawValue
    keepsDuplicates = options.duplicates.keepDuplicates
    (self.score, self.seed) = (score, seed)
    var bytes: [UInt8] = []
    for prompt in prompts {
      let sequence = prompt.sequence
      let texts = [sequence.id, prompt.group, "\(prompt.touched)", "\(sequence.tokens)"]
      for text in texts { bytes += Array("\(text.utf8.count) \(text)".utf8) }
      bytes += sequence.segments.map(\.rawValue)
    }
    promptTokensSHA256 = Digest.sha256(bytes)
  }

  /// Adds what a study of ablations is made with.
  mutating func add(_ options: HeadAblationOptions) throws {
    ablation = options.ablation
    at = options.at.description
    if let path = options.reference {
      reference = [
        "\(URL(fileURLWithPath: path).lastPathComponent) \(Digest.sha256(of: try MappedFile(path)))"
      ]
    }
  }
}

/// The folder that a study of heads writes.
struct HeadsFolder {
  let path: String
  let configuration: HeadsConfiguration
  /// Whether another study's results and journal are replaced.
  let overwrites: Bool

  var document: String { "\(path)/\(configuration.study).json" }
  var table: String { "\(path)/\(configuration.study).csv" }
  var journal: String { "\(path)/\(configuration.study).journal" }

  /// Claims the study's files; what is there of the same study is compared with it later.
  static func claim(
    _ path: String, _ study: String, _ output: OutputOptions, inputs: [String]
  ) throws {
    let document = "\(study).json"
    let isStudy = FileManager.default.fileExists(atPath: "\(path)/\(document)")
    try output.claim(
      folder: path, [document, "\(study).csv"], journal: isStudy ? document : "\(study).journal",
      inputs: inputs)
  }

  /// Whether the document is there and made with these arguments.
  /// - Throws: where it was made with others.
  func isComplete() throws -> Bool {
    guard FileManager.default.fileExists(atPath: document) else { return false }
    let json = try JSONReader.parse(try readFile(document, limit: 1 << 30), file: document)
    let own = try JSONReader.parse(Array(lineOfJSON(configuration).utf8), file: document)
    do {
      try RunConflict.check(json["configuration"] ?? .null, own, in: document)
    } catch let problem as Problem where problem.code == .otherConfiguration && overwrites {
      return false
    }
    // Of a run that was killed before it removed it.
    if FileManager.default.fileExists(atPath: journal) { try LineFile(journal).remove() }
    return true
  }

  /// The finished document's content.
  func read<Content: Decodable>(_ type: Content.Type) throws -> Content {
    let bytes = try readFile(document, limit: 1 << 30)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let content = try? decoder.decode(type, from: Data(bytes)) else {
      throw Problem(
        .damaged, document, problem: "is damaged", remedy: "remove it to compute it again")
    }
    return content
  }

  /// Writes table and document, the document last.
  func write(_ content: some Encodable, table rows: [[String]]) throws {
    let text = rows.map { $0.map(CSVCell.text).joined(separator: ",") + "\n" }.joined()
    try AtomicFile.write(Array(text.utf8), to: table)
    let document = try Document(
      schema: "heads-\(configuration.study)",
      content: StoredStudy(content: content, configuration: configuration)
    ).text
    try AtomicFile.write(Array("\(document)\n".utf8), to: self.document)
    unlink(journal)
  }
}

/// What a study's file says: what was found, and what it was made from.
private struct StoredStudy<Content: Encodable>: Encodable {
  var content: Content
  var configuration: HeadsConfiguration

  enum CodingKeys: CodingKey { case configuration }

  func encode(to encoder: any Encoder) throws {
    try content.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(configuration, forKey: .configuration)
  }
}
