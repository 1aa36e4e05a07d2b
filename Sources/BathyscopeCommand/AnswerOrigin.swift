import Bathyscope
import Foundation

/// What the file beside answers says of where they came from; every command that reads answers asks it.
struct AnswerOrigin {
  let path: String
  private let configuration: JSON?

  init(_ path: String) {
    self.path = path
    let bytes = try? readFile(path + ".json", limit: 64 << 20)
    configuration = bytes.flatMap { try? JSONReader.parse($0, file: path) }?["configuration"]
  }

  /// How many answers to each prompt were asked for; nil where nothing is known.
  var samples: Int? {
    configuration?["settings"]?["samples"]?.int.flatMap { (1...1_000_000).contains($0) ? $0 : nil }
  }

  /// Refuses answers of another model or template, and answers to other prompts.
  ///
  /// Prompts are compared as tokens where the model is there, else their files are.
  /// - Parameters:
  ///   - prompts: all that are given, as tokens; those without an answer do not matter.
  ///   - answered: the ids of the prompts that have answers.
  ///   - files: names and digests of the prompts' files; nil where no prompts are given.
  /// - Returns: what was forced, which results record.
  /// - Throws: for what does not fit, unless it is forced.
  func check(
    model: ModelIdentity?, prompts: Batch? = nil, answered: [String] = [], files: [String]? = nil,
    force: Bool
  ) throws -> [String] {
    guard let configuration else { return [] }
    var differences: [(code: Problem.Code, text: String)] = []
    func differ(_ key: String, _ own: String?) -> Bool {
      guard let stored = configuration["model"]?[key]?.text, let own else { return false }
      return stored != own
    }
    if let model {
      let writer = printable((configuration["model"]?["id"]?.text ?? "another model").utf8)
      if differ("weights_sha256", model.weightsSHA256) {
        differences.append(
          (.otherModel, "was written by \(writer), and \(model.id) has other weights"))
      }
      if differ("template_sha256", model.templateSHA256) {
        differences.append(
          (.otherTemplate, "was written with another chat template or other thinking markers"))
      }
    }
    if let prompts {
      let ids = Set(answered.map { Array($0.utf8) })
      let own = Batch(prompts.sequences.filter { ids.contains(Array($0.id.utf8)) })
      let stored = configuration["prompt_tokens_sha256"]?.text
      if let stored, ![own.sha256, prompts.sha256].contains(stored) {
        differences.append(
          (.otherPrompts, "was generated for other prompts, or with another chat template"))
      }
    } else if let files, let stored = configuration["prompts"]?.array?.compactMap(\.text) {
      let given = Set(files.map(Self.digest))
      if !Set(stored.map(Self.digest)).isSubset(of: given) {
        differences.append((.otherPrompts, "was generated for other files of prompts"))
      }
    }
    if let first = differences.first, !force {
      throw Problem(
        first.code, path, problem: differences.map(\.text).joined(separator: "; "),
        remedy: "give what the answers were generated with, or --force to read them all the same")
    }
    let forced = differences.map { "\(path): \($0.text)" }
    for difference in forced { writeError("forced: \(difference)") }
    return forced
  }

  /// The digest behind a file's name.
  private static func digest(_ file: String) -> String {
    file.split(separator: " ").last.map(String.init) ?? file
  }
}

/// Warns of what was asked for and has no answer.
func warnOfMissing(_ answers: Int, of asked: Int, _ consequence: String) {
  guard answers < asked else { return }
  writeError("warning: \(asked - answers) of \(asked) have no answer: \(consequence)")
}
