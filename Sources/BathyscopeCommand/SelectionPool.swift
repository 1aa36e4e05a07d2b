import Bathyscope
import Foundation

/// The rows of all files of a pool, with what is known about them.
struct SelectionPool {
  private(set) var rows: [PoolRow] = []
  /// Rows that cannot be chosen, by reason.
  private(set) var unusable: [String: Int] = [:]
  /// Rows that do not say whether their request is harmful.
  private(set) var unlabelled = 0
  /// What was overridden to read the answers.
  private(set) var forced: [String] = []

  /// - Parameters:
  ///   - keepsBenign: whether rows whose request is benign can be chosen.
  ///   - force: reads answers to other prompts.
  init(
    _ files: [String], prompts: [String], keepsBenign: Bool, category: String?, safeLabel: String?,
    markers: ThinkingMarkers, force: Bool
  ) throws {
    let requests = Dictionary(
      try prompts.flatMap { try PromptFile.read($0) }.map { ($0.id, $0) },
      uniquingKeysWith: { first, _ in first })
    let digests = try prompts.map { Digest.sha256(of: try MappedFile($0)) }
    var answeredIDs: [String] = []
    for path in files {
      let name = URL(fileURLWithPath: path).lastPathComponent
      let sha256 = Digest.sha256(of: try MappedFile(path))
      for row in try transcripts(
        path, requests, markers,
        expected: prompts.isEmpty ? nil : .init(model: nil, files: digests, force: force))
      {
        answeredIDs.append(row.prompt.id)
        guard keepsBenign || row.prompt.isBenign != true else {
          unusable[Unusable.benign.rawValue, default: 0] += 1
          continue
        }
        do throws(PoolRow.Refusal) {
          var usable = try PoolRow(
            row.prompt, row.answer, source: name, sourceDigest: sha256)
          usable.category = category.flatMap { row.prompt.labels[$0]?.description }
          usable.safeAnswer = safeLabel.flatMap { row.prompt.labels[$0]?.description }
          rows.append(usable)
          if row.prompt.isBenign == nil { unlabelled += 1 }
        } catch {
          unusable[error.reason.rawValue, default: 0] += 1
        }
      }
    }
    let answered = Set(answeredIDs)
    let missing = requests.keys.count { !answered.contains($0) }
    if missing > 0 { unusable[Unusable.noAnswer.rawValue, default: 0] += missing }
    try check(files, category, safeLabel)
  }

  private func check(_ files: [String], _ category: String?, _ safeLabel: String?) throws {
    let file = files.joined(separator: ", ")
    guard !rows.isEmpty else {
      if let benign = unusable[Unusable.benign.rawValue] {
        throw Problem(
          .noRows, file, problem: "has no row to choose: \(benign) requests are benign",
          remedy: "give transcripts of harmful requests, or --with-benign")
      }
      throw Problem(
        .noRows, file, problem: "no row has a request, thinking and a response",
        remedy: "give transcripts, or --prompts with the answers that 'generate' wrote")
    }
    var seen: Set<[UInt8]> = []
    if let twice = rows.first(where: { !seen.insert(Array($0.id.utf8)).inserted }) {
      throw Problem(
        .duplicateID, file, place: "id '\(printable(twice.id.utf8))'",
        problem: "is in two files",
        remedy: "give every row an id of its own")
    }
    if let category, !rows.contains(where: { $0.category != nil }) {
      throw Problem(
        .invalidOption, "--quota-by \(printable(category.utf8))", problem: "no row has this label",
        remedy: "name a label of the rows")
    }
    if let safeLabel, let row = rows.first(where: { $0.safeAnswer == nil }) {
      throw Problem(
        .invalidOption, "--safe-label \(printable(safeLabel.utf8))",
        problem: "the row '\(printable(row.id.utf8))' does not have it",
        remedy: "name a label that every row has")
    }
  }

  /// Requests with their answers: of a file of transcripts, or of answers and their requests.
  private mutating func transcripts(
    _ path: String, _ requests: [String: Prompt], _ markers: ThinkingMarkers,
    expected: AnswerOrigin.Expected?
  ) throws -> [(prompt: Prompt, answer: Answer)] {
    guard let expected else {
      return try PromptFile.read(path).map { ($0, Answer($0, by: markers)) }
    }
    let read = try AnswerFile.read(path, markers: markers, expected: expected)
    forced += read.forced
    noteForced(read.forced)
    return try read.answers.map { answer in
      guard let prompt = requests[answer.id] else { throw Problem.withoutRequest(answer) }
      return (prompt, answer)
    }
  }

  /// - Parameter verdicts: what the trace says, by the label of its transcripts.
  mutating func add(
    _ traces: [String: TokenTrace], _ verdicts: [String: Verdict], rule: PlateauRule,
    _ path: String
  ) throws {
    for index in rows.indices {
      guard let trace = traces[rows[index].id] else { continue }
      // Samples and models answer under the same ids.
      guard trace.thinkingDigest ?? rows[index].thinkingDigest == rows[index].thinkingDigest else {
        throw Problem(
          .answerMismatch, TraceFile.path(path), place: "transcript '\(printable(trace.id.utf8))'",
          problem: "has other thinking than the pool's row: these scores are of something else",
          remedy: "trace the transcripts of the pool")
      }
      let cliff = trace.cliff(rule: rule)
      (rows[index].plateau, rows[index].final) = (cliff.plateau, cliff.final)
      rows[index].verdict = verdicts[trace.label ?? "unlabelled"]
    }
    let missing = rows.count { $0.misalignment == nil }
    if missing > 0 {
      writeError(
        "note: \(missing) of \(rows.count) rows have no trace with thinking and a final token")
    }
  }

  mutating func add(_ result: JudgeResult, judge: String, _ path: String) throws {
    guard result.judges.contains(where: { $0.name == judge }) else {
      throw Problem(
        .invalidOption, "--judge \(printable(judge.utf8))",
        problem: "\(printable(path.utf8)) has the judges "
          + result.judges.map { printable($0.name.utf8) }.joined(separator: ", "),
        remedy: "name one of these")
    }
    let judged = result.rowsByName
    for row in rows {
      guard let digest = judged[row.id]?.answerDigest else { continue }
      guard digest == Digest.sha256(Array(row.answer.utf8)) else {
        throw Problem(
          .answerMismatch, path, place: "answer '\(printable(row.id.utf8))'",
          problem: "is another answer than the pool's: these verdicts are of something else",
          remedy: "judge the answers of the pool")
      }
    }
    for card in result.judges {
      let verdicts = result.verdicts(of: card.name) ?? [:]
      for index in rows.indices { rows[index].votes[card.name] = verdicts[rows[index].id] }
    }
    let missing = rows.count { $0.votes[judge]?.success == nil }
    if missing > 0 {
      writeError("note: \(missing) of \(rows.count) rows have no valid verdict of \(judge)")
    }
  }

  mutating func fill(licence: String?) {
    for index in rows.indices where rows[index].licence == nil { rows[index].licence = licence }
  }
}

/// Reads what 'judge' wrote.
enum JudgeFile {
  static func read(_ path: String) throws -> JudgeResult {
    let bytes = try readFile(path, limit: 1 << 30)
    let json = try JSONReader.parse(bytes, file: path, valueLimit: 50_000_000)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard json["schema"]?.text == "bathyscope-judge-1",
      let result = try? decoder.decode(JudgeResult.self, from: Data(bytes)),
      result.rows.allSatisfy({ $0.verdicts.count == result.judges.count })
    else {
      throw Problem(
        .wrongFormat, path, problem: "is not what 'bathyscope judge' writes",
        remedy: "name the file of its --out")
    }
    return result
  }
}
