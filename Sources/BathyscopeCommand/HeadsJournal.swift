import Bathyscope
import Foundation

/// The finished rows of a study of heads that has not ended.
///
/// Each line is a row: of a sweep, of a set of heads, or of answers with a set ablated.
final class HeadsJournal {
  /// Which row of a sweep: its base, block and prompt.
  struct Unit: Hashable {
    var base: [Head]
    var layer: Int
    var prompt: Int
  }

  /// The effects of a set of heads in some prompts.
  struct SetRow: Codable {
    struct Key: Hashable, Codable {
      var heads: [Head]
      var prompts: [Int]
    }
    var set: Key
    var effects: [Double]
  }

  /// What a judge said of the answers to some prompts with a set of heads ablated.
  struct VerdictRow: Codable {
    var answered: SetRow.Key
    /// One for each sample of each prompt, the samples of one prompt together.
    var verdicts: [Judgement.Outcome]
  }

  private let journal: RunJournal
  /// Where each row of a sweep stands.
  private var units: [Unit: Range<Int>] = [:]
  private var sets: [SetRow.Key: [Double]] = [:]
  private var verdicts: [SetRow.Key: [Judgement.Outcome]] = [:]
  /// Whether a row is one of this study.
  private let isRow: (HeadStudy.Row) -> Bool
  /// Verdicts of one prompt.
  private let samples: Int

  /// - Parameters:
  ///   - heads: how many heads a row of a sweep has.
  ///   - prompts: how many prompts there are.
  ///   - shiftBytes: how long a row's shifts are.
  ///   - samples: how many answers each prompt has, where answers are judged.
  init(
    _ folder: HeadsFolder, heads: Int, layers: Int, prompts: Int, shiftBytes: Int, samples: Int = 1
  ) throws {
    self.samples = samples
    journal = try RunJournal(
      folder.journal, header: try lineOfJSON(folder.configuration), of: "heads",
      overwrites: folder.overwrites)
    isRow = { row in
      row.effects.count == heads && row.changes.count == heads && row.shifts.count == shiftBytes
        && (0..<layers).contains(row.layer) && (0..<prompts).contains(row.prompt)
    }
    try read()
  }

  /// How many rows of sweeps were there or were added.
  var unitCount: Int { units.count }

  func has(_ unit: Unit) -> Bool { units[unit] != nil }

  func effects(of key: SetRow.Key) -> [Double]? { sets[key] }

  func verdicts(of key: SetRow.Key) -> [Judgement.Outcome]? { verdicts[key] }

  /// How many sets have verdicts.
  var verdictCount: Int { verdicts.count }

  private func read() throws {
    let file = try journal.file
    for (index, range) in journal.lines.enumerated() {
      let line = Array(file.bytes[range])
      if let row = Self.decode(SetRow.self, line), sets[row.set] == nil,
        row.effects.count == row.set.prompts.count
      {
        sets[row.set] = row.effects
      } else if let row = Self.decode(VerdictRow.self, line), verdicts[row.answered] == nil,
        row.verdicts.count == row.answered.prompts.count * samples
      {
        verdicts[row.answered] = row.verdicts
      } else if let row = Self.decode(HeadStudy.Row.self, line), units[Unit(row)] == nil, isRow(row)
      {
        units[Unit(row)] = range
      } else {
        throw journal.error(
          at: index, "is no row of this study, or one that stands there twice")
      }
    }
  }

  /// Adds a finished row.
  func append(_ row: HeadStudy.Row) throws {
    units[Unit(row)] = try journal.append(try lineOfJSON(row))
  }

  func append(_ row: SetRow) throws {
    try journal.append(try lineOfJSON(row))
    sets[row.set] = row.effects
  }

  func append(_ row: VerdictRow) throws {
    try journal.append(try lineOfJSON(row))
    verdicts[row.answered] = row.verdicts
  }

  /// All rows of a base, by prompt and then by block.
  func forEachRow(base: [Head] = [], _ body: (HeadStudy.Row) throws -> Void) throws {
    let file = try journal.file
    let wanted = units.filter { $0.key.base == base }
      .sorted { ($0.key.prompt, $0.key.layer) < ($1.key.prompt, $1.key.layer) }
    for (_, range) in wanted {
      guard range.upperBound <= file.count,
        let row = Self.decode(HeadStudy.Row.self, Array(file.bytes[range]))
      else {
        throw Problem(
          .inUse, file.path, problem: "was changed meanwhile", remedy: "run the command again")
      }
      try body(row)
    }
  }

  private static func decode<Row: Decodable>(_ type: Row.Type, _ line: [UInt8]) -> Row? {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try? decoder.decode(type, from: Data(line))
  }
}

extension HeadsJournal.Unit {
  init(_ row: HeadStudy.Row) { self.init(base: row.base, layer: row.layer, prompt: row.prompt) }
}
