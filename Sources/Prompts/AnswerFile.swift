import Files

/// Reads answers that were made here or elsewhere.
///
/// Four forms are told apart by what stands in them: JSONL with one answer a line (what `bathyscope
/// generate` writes is one), HarmBench's `{BehaviorID: [{test_case, generation, label}]}`,
/// JailbreakBench's artifacts `{parameters, jailbreaks}`, and StrongREJECT's columns as CSV or JSON.
public enum AnswerFile {
  /// The answers of a file, in its order.
  ///
  /// A row whose answer is null or empty is an answer that is not there, and counts.
  ///
  /// - Parameter markers: what encloses thinking, before the known families' markers are tried.
  /// - Throws: when the file cannot be read or is of no known form, a row has no member for an answer, or
  ///   two rows are the same sample of one request; the error names the line or the place.
  public static func read(
    _ path: String, markers: ThinkingMarkers = .deepSeek
  ) throws(Problem) -> [Answer] {
    let file = try MappedFile(path)
    guard let first = file.bytes.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
      throw Problem(
        .noAnswers, path, problem: "the file is empty", remedy: "give one answer a line")
    }
    var answers: [Answer]
    if first == UInt8(ascii: "{") {
      answers = try objects(file, path, markers)
    } else {
      answers = try table(path, markers)
    }
    try number(&answers, path)
    return answers
  }

  /// Further answers to one request without a number of their own are further samples.
  private static func number(_ answers: inout [Answer], _ path: String) throws(Problem) {
    var seen: Set<[UInt8]> = []
    for index in answers.indices {
      if answers[index].sample < 0 {
        var sample = 0
        while seen.contains(name(answers[index].id, sample)) { sample += 1 }
        answers[index].sample = sample
      }
      guard seen.insert(name(answers[index].id, answers[index].sample)).inserted else {
        throw Problem(
          .duplicateID, path, place: "answer '\(printable(answers[index].name.utf8))'",
          problem: "stands there twice", remedy: "give every sample a number of its own")
      }
    }
  }

  private static func name(_ id: String, _ sample: Int) -> [UInt8] {
    Array("\(sample) \(id)".utf8)
  }

  // MARK: JSON

  private static func objects(
    _ file: MappedFile, _ path: String, _ markers: ThinkingMarkers
  ) throws(Problem) -> [Answer] {
    let lines = file.bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    let first = lines.first { !$0.allSatisfy { [0x20, 0x09, 0x0D].contains($0) } }
    if let first,
      let json = try? JSONReader.parse(UnsafeRawBufferPointer(rebasing: first), file: path),
      let object = json.object, !isDocument(object)
    {
      return try rows(lines, path, markers)
    }
    guard file.count <= 1 << 30 else {
      throw Problem(
        .tooLarge, path, problem: "is larger than 1 GiB", remedy: "give answers as JSONL")
    }
    let json = try JSONReader.parse(file.bytes, file: path, valueLimit: 20_000_000)
    guard let object = json.object else {
      throw Problem(
        .wrongType, path, problem: "is no object",
        remedy: "give JSONL, HarmBench's or JailbreakBench's form")
    }
    if let jailbreaks = object["jailbreaks"] {
      return try jailbreakBench(jailbreaks, path, markers)
    }
    return try harmBench(object, path, markers)
  }

  /// Whether one object is a whole file and not a line of it.
  private static func isDocument(_ object: JSON.Object) -> Bool {
    if object["jailbreaks"]?.array != nil { return true }
    return !object.members.isEmpty
      && object.members.allSatisfy { $0.value.array?.allSatisfy { $0.object != nil } ?? false }
  }

  private static func rows(
    _ lines: [Slice<UnsafeRawBufferPointer>], _ path: String, _ markers: ThinkingMarkers
  ) throws(Problem) -> [Answer] {
    var answers: [Answer] = []
    for (index, line) in lines.enumerated() {
      guard !line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) else { continue }
      let place = "line \(index + 1)"
      guard line.count <= 16 << 20 else {
        throw Problem(
          .tooLarge, path, place: place, problem: "is longer than 16 MiB",
          remedy: "shorten or remove it")
      }
      let json: JSON
      do throws(Problem) {
        json = try JSONReader.parse(UnsafeRawBufferPointer(rebasing: line), file: path)
      } catch {
        throw Problem(
          error.code, path, place: place, problem: "\(error.place): \(error.problem)",
          remedy: "write one JSON object a line")
      }
      guard let object = json.object else {
        throw Problem(
          .wrongType, path, place: place, problem: "is no object",
          remedy: "write one JSON object a line")
      }
      let row = AnswerRow(
        path: path, place: place, members: members(object), number: answers.count + 1,
        markers: markers)
      answers.append(try row.answer())
      answers[answers.count - 1].sourceRow = index + 1
    }
    return answers
  }

  private static func harmBench(
    _ object: JSON.Object, _ path: String, _ markers: ThinkingMarkers
  ) throws(Problem) -> [Answer] {
    var answers: [Answer] = []
    for (key, value) in object.members {
      let id = String(decoding: key, as: UTF8.self)
      guard let items = value.array else {
        throw Problem(
          .wrongType, path, place: printable(key), problem: "is no list of answers",
          remedy: "write {BehaviorID: [{test_case, generation, label}]}")
      }
      if items.isEmpty {
        var answer = Answer(id: id, text: "", isBenign: false)
        (answer.isMissing, answer.sourceRow) = (true, answers.count + 1)
        answers.append(answer)
      }
      for (index, item) in items.enumerated() {
        let row = AnswerRow(
          path: path, place: "\(printable(key))[\(index)]", members: members(item.object),
          number: 0, markers: markers)
        answers.append(try row.harmBench(id, sample: index))
        answers[answers.count - 1].sourceRow = answers.count
      }
    }
    guard !answers.isEmpty else {
      throw Problem(.noAnswers, path, problem: "has no answers", remedy: "give at least one")
    }
    return answers
  }

  private static func jailbreakBench(
    _ value: JSON, _ path: String, _ markers: ThinkingMarkers
  ) throws(Problem) -> [Answer] {
    guard let items = value.array, !items.isEmpty else {
      throw Problem(
        .wrongType, path, place: "jailbreaks", problem: "is no list of answers",
        remedy: "give an artifact of JailbreakBench as it was published")
    }
    var answers: [Answer] = []
    for (index, item) in items.enumerated() {
      let row = AnswerRow(
        path: path, place: "jailbreaks[\(index)]", members: members(item.object),
        number: index + 1, markers: markers)
      answers.append(try row.jailbreakBench())
      answers[index].sourceRow = index + 1
    }
    return answers
  }

  static func members(_ object: JSON.Object?) -> [String: JSON] {
    Dictionary(
      (object?.members ?? []).map { (String(decoding: $0.key, as: UTF8.self), $0.value) },
      uniquingKeysWith: { first, _ in first })
  }

  // MARK: Tables

  /// A CSV, TSV or JSON array of rows, such as StrongREJECT's.
  private static func table(
    _ path: String, _ markers: ThinkingMarkers
  ) throws(Problem) -> [Answer] {
    let rows = try TableFile.read(path)
    guard !rows.isEmpty else {
      throw Problem(.noAnswers, path, problem: "has no rows", remedy: "give at least one answer")
    }
    var answers: [Answer] = []
    for (index, row) in rows.enumerated() {
      answers.append(
        try AnswerRow(
          path: path, place: "line \(row.line)", members: row.members, number: index + 1,
          markers: markers
        ).answer())
      answers[index].sourceRow = row.line
    }
    return answers
  }
}
