import Files

/// Reads further labels of prompts and answers: JSONL with an id, and a sample where one answer is meant,
/// such as a judge's verdicts.
package enum LabelFile {
  /// Gives each row the labels of the lines with its id or its answer's.
  /// - Parameter answers: the id and the sample of the answer that each row is of.
  /// - Throws: when a line is of none of the rows, or of one that an earlier line has labelled.
  package static func add(
    _ path: String, to rows: inout [Prompt], answers: [(id: String, sample: Int)]
  ) throws(Problem) {
    var places: [[UInt8]: [Int]] = [:]
    for (index, row) in rows.enumerated() {
      places[Array(row.id.utf8), default: []].append(index)
      let id = Array(answers[index].id.utf8)
      if id != Array(row.id.utf8) { places[id, default: []].append(index) }
    }
    var seen: Set<[Int]> = []
    let file = try MappedFile(path)
    for (number, line) in file.bytes.split(separator: 0x0A).enumerated() {
      func problem(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
        Problem(code, path, place: "line \(number + 1)", problem: problem, remedy: remedy)
      }
      let json = try JSONReader.parse(Array(line), file: path)
      guard let object = json.object,
        let id = json["id"]?.bytes ?? json["id"]?.int.map({ Array("\($0)".utf8) })
      else {
        throw problem(
          .wrongType, "is no object with an 'id'", "write one JSON object with an id a line")
      }
      let sample = json["sample"]?.int
      let mine = (places[id] ?? []).filter { sample == nil || answers[$0].sample == sample }
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
