import Bathyscope
import Foundation

/// All that decides the numbers of a study of heads, besides model, files and seed.
struct HeadsSettings: Encodable {
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

  init(_ options: HeadPromptOptions, _ prompts: [HeadPrompt], score: Score) {
    read = options.read.rawValue
    keepsDuplicates = options.duplicates.keepDuplicates
    self.score = score
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
  mutating func add(_ options: HeadAblationOptions) {
    ablation = options.ablation
    at = options.at.description
  }

  /// Opens the folder of a study with these settings.
  /// - Parameters:
  ///   - study: `attribute`, `sweep` or `search`.
  ///   - reference: a file of prompts whose activations take the heads' place.
  func folder(
    _ path: String, of study: String, _ model: Model, _ options: HeadPromptOptions,
    reference: String? = nil, seed: UInt64, overwriting overwrites: Bool
  ) throws -> RunFolder {
    var inputs = try options.prompts.inputsOfRun() + options.answers.inputsOfRun()
    if let reference { inputs.append(try .file(reference, as: "reference")) }
    return try .open(
      path,
      try .run(of: "heads-\(study)", model, inputs: inputs, settings: self, seed: seed),
      name: study, overwriting: overwrites)
  }
}

extension RunFolder {
  /// Claims the files of a study of heads; what is there of the same study is compared with it later.
  static func claimHeads(
    _ path: String, _ study: String, _ output: OutputOptions, inputs: [String]
  ) throws {
    let document = "\(study).json"
    let isStudy = FileManager.default.fileExists(atPath: "\(path)/\(document)")
    try output.claim(
      folder: path, [document, "\(study).csv"], journal: isStudy ? document : "\(study).journal",
      inputs: inputs)
  }

  /// Writes table and document, the document last.
  func finish(_ content: some Encodable, table rows: [[String]]) throws {
    let text = rows.map { $0.map(CSVCell.text).joined(separator: ",") + "\n" }.joined()
    try write("\(name).csv", Array(text.utf8))
    try finish(content)
  }
}
