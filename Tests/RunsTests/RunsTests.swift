import Files
import Foundation
import Runs
import Testing

private struct Row: Codable, Sendable, Equatable {
  var effects: [Double]
  var headID: String
}

private struct Place: Codable, Hashable, Sendable {
  var layer: Int
  var prompt: Int
}

private func provenance(seed: UInt64 = 1, study: String = "heads-sweep") -> Provenance {
  Provenance(
    study: study, version: "1",
    model: .init(
      id: "m", architecture: "llama", weightsSHA256: "ab", configurationSHA256: "cd",
      templateSettings: ["template_date": "2026-01-31", "enableThinking": "false"],
      precision: "float32", kernel: "x86-64-v4"),
    inputs: [.init(role: "prompts", name: "p.jsonl", sha256: "ef")],
    settings: .object(["share": .number(0.25), "sets": .list([.integer(1), .integer(2)])]),
    seed: seed, command: "bathyscope heads sweep")
}

private func code(_ body: () throws -> Void) -> Problem.Code? {
  do { try body() } catch { return (error as? Problem)?.code }
  return nil
}

private func makeFolder() throws -> String {
  let path = FileManager.default.temporaryDirectory.path + "/runs-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  return path
}

@Suite struct RunsTests {
  private let rows = (0..<5).map { Row(effects: [Double($0) / 3, -1e-300], headID: "L\($0)") }

  private func fill(_ folder: RunFolder) throws {
    let journal = try folder.journal(Place.self, Row.self)
    for (number, row) in rows.enumerated() {
      try journal.append(row, for: Place(layer: number, prompt: 7))
    }
  }

  @Test func aKilledRunResumes() throws {
    let path = try makeFolder()
    try fill(RunFolder.open(path, provenance()))
    // A kill cuts the last line.
    let file = "\(path)/heads-sweep.journal"
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    try Data(bytes.dropLast(9)).write(to: URL(fileURLWithPath: file))
    #expect(
      code { _ = try StoredRun.open(path, study: "heads-sweep") } == .runUnfinished)
    do {
      let folder = try RunFolder.open(path, provenance())
      let journal = try folder.journal(Place.self, Row.self)
      #expect(journal.count == 4 && !journal.contains(Place(layer: 4, prompt: 7)))
      #expect(try journal.row(Place(layer: 2, prompt: 7)) == rows[2])
      try journal.append(rows[4], for: Place(layer: 4, prompt: 7))
      #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: file))) == bytes)
      try folder.write("sweep.csv", Array("a,b\n".utf8))
      try folder.finish(rows)
    }
    #expect(!FileManager.default.fileExists(atPath: file))
    let again = try RunFolder.open(path, provenance())
    #expect(try again.result([Row].self) == rows)
    let stored = try StoredRun.open(path, study: "heads-sweep")
    #expect(try stored.file("sweep.csv") == Array("a,b\n".utf8))
    #expect(stored.provenance.model == provenance().model)
    #expect(code { _ = try stored.file("other.csv") } == .missing)
  }

  @Test func anotherRunIsAConflict() throws {
    let path = try makeFolder()
    try fill(RunFolder.open(path, provenance()))
    let other = try RunFolder.open(path, provenance(seed: 2))
    #expect(code { _ = try other.journal(Place.self, Row.self) } == .otherConfiguration)
    let replacing = try RunFolder.open(path, provenance(seed: 2), overwriting: true)
    #expect(try replacing.journal(Place.self, Row.self).count == 0)
    try replacing.finish(rows)
    #expect(code { _ = try RunFolder.open(path, provenance()) } == .otherConfiguration)
    #expect(
      code { _ = try StoredRun.open(path, study: "heads-sweep", version: 3) } == .unknownVersion)
  }

  /// Two seeds that are one number to a `Double`.
  @Test func largeSeedsAreTold() throws {
    let path = try makeFolder()
    try fill(RunFolder.open(path, provenance(seed: .max)))
    let other = try RunFolder.open(path, provenance(seed: .max - 1))
    #expect(code { _ = try other.journal(Place.self, Row.self) } == .otherConfiguration)
    #expect(
      try RunFolder.open(path, provenance(seed: .max)).journal(Place.self, Row.self).count == 5)
  }

  /// Numbers come back with all their bits, a zero with its sign.
  @Test func numbersKeepTheirBits() throws {
    let path = try makeFolder()
    let numbers = [0, -0.0, 0.1, -1e-300, 2.5e-308, 1e22, -3, 1.7976931348623157e308]
    try RunFolder.open(path, provenance()).finish(["numbers": numbers])
    let stored = try StoredRun.open(path, study: "heads-sweep").result([String: [Double]].self)
    #expect(stored["numbers"]?.map(\.bitPattern) == numbers.map(\.bitPattern))
    let floats: [Float] = [0.1, -1e-38, 3.4028235e38, 16_777_216]
    try RunFolder.open(path, provenance(), overwriting: true).finish(["floats": floats])
    let again = try StoredRun.open(path, study: "heads-sweep").result([String: [Float]].self)
    #expect(again["floats"] == floats)
  }

  /// Bytes are spelled without an encoder, and read back the same.
  @Test func bytesAreRows() throws {
    let path = "\(try makeFolder())/j"
    let rows = [Data(), Data([0, 255, 62, 63]), Data((0..<1000).map { UInt8($0 % 251) })]
    do {
      let journal = try RunJournal<Int, Data>.open(path, of: provenance())
      for (key, row) in rows.enumerated() { try journal.append(row, for: key) }
    }
    let journal = try RunJournal<Int, Data>.open(path, of: provenance())
    #expect(try journal.keys.map { try journal.row($0) } == rows)
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains(#","key":1,"row":"AP8+Pw=="}"#))
  }

  @Test func rowsThatAreNotWantedAreRefused() throws {
    let path = try makeFolder()
    try fill(RunFolder.open(path, provenance()))
    let file = "\(path)/heads-sweep.journal"
    func open(_ accepts: (Place, Row) -> Bool) throws -> Int {
      try RunJournal<Place, Row>.open(file, of: provenance(), where: accepts).count
    }
    #expect(try open { place, row in place.prompt == 7 && row.effects.count == 2 } == 5)
    #expect(code { _ = try open { place, _ in place.layer != 3 } } == .journalDamaged)
  }

  /// A line states a digest over all before it: no row can be taken out, moved or given twice.
  @Test func rowsKeepTheirOrder() throws {
    let path = try makeFolder()
    try fill(RunFolder.open(path, provenance()))
    let file = "\(path)/heads-sweep.journal"
    let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
    let (header, rest) = (lines[0], Array(lines[1...]))
    let orders = [
      [1, 2, 3, 4], [0, 1, 3, 4], [1, 0, 2, 3, 4], [0, 1, 2, 3, 4, 4], [0, 0, 1, 2, 3, 4],
    ]
    for order in orders {
      let text = ([header] + order.map { rest[$0] }).map { "\($0)\n" }.joined()
      try text.write(toFile: file, atomically: false, encoding: .utf8)
      let found = code {
        _ = try RunFolder.open(path, provenance()).journal(Place.self, Row.self)
      }
      #expect(found == .journalDamaged, "\(order)")
    }
  }

  /// What is to be replaced stays until there is another to put in its place.
  @Test func nothingIsLostBeforeItIsReplaced() throws {
    let path = try makeFolder()
    try RunFolder.open(path, provenance()).finish(rows)
    let old = try Data(contentsOf: URL(fileURLWithPath: "\(path)/heads-sweep.json"))
    do {
      let folder = try RunFolder.open(path, provenance(seed: 2), overwriting: true)
      #expect(try folder.result([Row].self) == nil)
      _ = try folder.journal(Place.self, Row.self)
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(path)/heads-sweep.json")) == old)
    try RunFolder.open(path, provenance(seed: 2), overwriting: true).finish([rows[0]])
    let stored = try StoredRun.open(path, study: "heads-sweep")
    #expect(try stored.result([Row].self) == [rows[0]] && stored.provenance.seed == 2)
  }

  @Test func oneRunAtATimeWrites() throws {
    let path = try makeFolder()
    let first = try RunFolder.open(path, provenance()).journal(Place.self, Row.self)
    let second = try RunFolder.open(path, provenance())
    #expect(code { _ = try second.journal(Place.self, Row.self) } == .inUse)
    try withExtendedLifetime(first) { try first.append(rows[0], for: Place(layer: 0, prompt: 0)) }
  }

  /// Every byte of a journal, a document and a file beside it, changed in several ways.
  @Test func anyChangedCharacterIsRefused() throws {
    let path = try makeFolder()
    try fill(RunFolder.open(path, provenance()))
    let journal = "\(path)/heads-sweep.journal"
    let lines = [UInt8](try Data(contentsOf: URL(fileURLWithPath: journal)))
    let header = lines.firstIndex(of: 0x0A) ?? 0
    var codes: [Problem.Code?: Int] = [:]
    for place in lines.indices {
      let values = [lines[place] ^ 1, lines[place] ^ 0x20, UInt8(ascii: "7")]
      for value in [values[place % 3]] where value != lines[place] {
        var edited = lines
        edited[place] = value
        try Data(edited).write(to: URL(fileURLWithPath: journal))
        var count = 0
        let found = code {
          let folder = try RunFolder.open(path, provenance())
          count = try folder.journal(Place.self, Row.self).count
        }
        // A last line without its end is one that a kill cut off.
        if place == lines.count - 1 {
          #expect(found == nil && count == rows.count - 1)
        } else if place > header {
          #expect(found == .journalDamaged, "byte \(place) as \(value)")
        } else {
          #expect(found != nil, "byte \(place) as \(value)")
        }
        codes[found, default: 0] += 1
      }
    }
    let expected: Set<Problem.Code?> = [
      .journalDamaged, .otherConfiguration, .notAJournal, .unknownVersion, nil,
    ]
    #expect(Set(codes.keys).isSubset(of: expected), "\(codes)")
  }

  @Test func anyChangedResultIsRefused() throws {
    let path = try makeFolder()
    let folder = try RunFolder.open(path, provenance())
    try folder.write("sweep.csv", Array("head,effect\nL1H2,0.5\n".utf8))
    try folder.finish(rows)
    for (name, codes) in [
      ("heads-sweep.json", [Problem.Code.notSealed, .digestDiffers]),
      ("sweep.csv", [.digestDiffers]),
    ] {
      let file = URL(fileURLWithPath: "\(path)/\(name)")
      let bytes = [UInt8](try Data(contentsOf: file))
      for place in bytes.indices {
        let values = [bytes[place] ^ 1, bytes[place] ^ 0x20, UInt8(ascii: "7")]
        for value in [values[place % 3]] where value != bytes[place] {
          var edited = bytes
          edited[place] = value
          try Data(edited).write(to: file)
          let found = code {
            _ = try StoredRun.open(path, study: "heads-sweep").file("sweep.csv")
          }
          #expect(found.map(codes.contains) == true, "\(name), byte \(place) as \(value)")
        }
      }
      try Data(bytes).write(to: file)
    }
    #expect(try StoredRun.open(path, study: "heads-sweep").result([Row].self) == rows)
  }

  @Test func whatDiffersIsNamed() throws {
    let path = try makeFolder()
    try RunFolder.open(path, provenance()).finish(rows)
    var other = provenance()
    other.model?.weightsSHA256 = "ba"
    other.settings = .object(["share": .number(0.5), "sets": .list([.integer(1), .integer(2)])])
    other.command = "bathyscope heads sweep --again"
    do {
      _ = try RunFolder.open(path, other)
      Issue.record("is another run")
    } catch {
      #expect(error.code == .otherConfiguration)
      #expect(error.problem.contains("model.weights_sha256 was 'ab' and is 'ba'"))
      #expect(error.problem.contains("settings.share was 0.25 and is 0.5"))
      #expect(!error.problem.contains("command"))
    }
  }

  @Test func numbersThatAreNoneAreRefused() throws {
    let folder = try RunFolder.open(try makeFolder(), provenance())
    #expect(code { try folder.finish(["a": Double.nan]) } == .notFinite)
    let journal = try folder.journal(Place.self, Row.self)
    let row = Row(effects: [.infinity], headID: "")
    #expect(code { try journal.append(row, for: Place(layer: 0, prompt: 0)) } == .notFinite)
    #expect(journal.count == 0)
  }
}
