import Files
import Foundation

/// What the file beside answers says of where they came from; every command that reads answers asks it.
package struct AnswerOrigin {
  package let path: String
  private let configuration: JSON?

  /// Reads the file beside answers, where there is one: answers of other tools have none.
  /// - Throws: when it is there and cannot be read, so that nothing would be compared.
  package init(_ path: String) throws(Problem) {
    self.path = path
    let record = path + ".json"
    guard FileManager.default.fileExists(atPath: record) else {
      configuration = nil
      return
    }
    let bytes = try readFile(record, limit: 64 << 20)
    configuration = try JSONReader.parse(bytes, file: record)["configuration"]
  }

  /// How many answers to each prompt were asked for; nil where nothing is known.
  var samples: Int? {
    configuration?["settings"]?["samples"]?.int.flatMap { (1...1_000_000).contains($0) ? $0 : nil }
  }

  /// A model by its name and its digests.
  package struct Writer {
    var id: String
    var weightsSHA256: String
    var templateSHA256: String?

    package init(id: String, weightsSHA256: String, templateSHA256: String?) {
      self.id = id
      self.weightsSHA256 = weightsSHA256
      self.templateSHA256 = templateSHA256
    }
  }

  /// What answers have to belong to.
  ///
  /// Prompts are compared as tokens where the model is there, else their files are.
  package struct Expected {
    var model: Writer?
    var prompts: [TokenSequence]?
    var files: [String]?
    var force: Bool

    /// - Parameters:
    ///   - prompts: all that are given, as tokens; those without an answer do not matter.
    ///   - files: names and digests of the prompts' files; nil where no prompts are given.
    ///   - force: reads answers of something else, which results record.
    package init(
      model: Writer?, prompts: [TokenSequence]? = nil, files: [String]? = nil, force: Bool
    ) {
      self.model = model
      self.prompts = prompts
      self.files = files
      self.force = force
    }
  }

  /// Refuses answers of another model or template, and answers to other prompts.
  /// - Throws: for what does not fit, unless it is forced.
  func check(_ answers: [Answer], _ expected: Expected) throws(Problem) -> AnswersRead {
    let differences = differences(answers, expected)
    if let first = differences.first, !expected.force {
      throw Problem(
        first.code, path, problem: differences.map(\.text).joined(separator: "; "),
        remedy: "give what the answers were generated with, or --force to read them all the same")
    }
    return AnswersRead(
      answers: answers, samples: samples, forced: differences.map { "\(path): \($0.text)" })
  }

  private func differences(_ answers: [Answer], _ expected: Expected) -> [(
    code: Problem.Code, text: String
  )] {
    guard let configuration else { return [] }
    var differences: [(code: Problem.Code, text: String)] = []
    func differ(_ key: String, _ own: String?) -> Bool {
      guard let stored = configuration["model"]?[key]?.text, let own else { return false }
      return stored != own
    }
    if let model = expected.model {
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
    if let prompts = expected.prompts {
      let ids = Set(answers.map { Array($0.id.utf8) })
      let own = prompts.filter { ids.contains(Array($0.id.utf8)) }
      let stored = configuration["prompt_tokens_sha256"]?.text
      if let stored, ![own.sha256, prompts.sha256].contains(stored) {
        differences.append(
          (.otherPrompts, "was generated for other prompts, or with another chat template"))
      }
    } else if let files = expected.files,
      let stored = configuration["prompts"]?.array?.compactMap(\.text)
    {
      let given = Set(files.map(Self.digest))
      if !Set(stored.map(Self.digest)).isSubset(of: given) {
        differences.append((.otherPrompts, "was generated for other files of prompts"))
      }
    }
    return differences
  }

  /// The digest after a file's name.
  private static func digest(_ file: String) -> String {
    file.split(separator: " ").last.map(String.init) ?? file
  }
}

/// The answers of a file, and what is known of all of them.
package struct AnswersRead {
  package var answers: [Answer]
  /// How many answers to each prompt were asked for; nil where nothing is known.
  package var samples: Int?
  /// What was forced to read them, which results record.
  package var forced: [String]
}

extension AnswerFile {
  /// The answers of a file, where they belong to what is expected.
  /// - Throws: what `read(_:markers:)` does, and for answers of another model or template or to other prompts.
  package static func read(
    _ path: String, markers: ThinkingMarkers, expected: AnswerOrigin.Expected
  ) throws(Problem) -> AnswersRead {
    try AnswerOrigin(path).check(try read(path, markers: markers), expected)
  }
}

extension [TokenSequence] {
  /// SHA-256 of all sequences with their names, tokens and segments: a template may write the date
  /// into them.
  package var sha256: String {
    var bytes: [UInt8] = []
    for sequence in self {
      bytes += [UInt8]("\(sequence.id.utf8.count) \(sequence.id) \(sequence.tokens)".utf8)
      bytes += sequence.segments.map(\.rawValue)
    }
    return Digest.sha256(bytes)
  }
}
