import Bathyscope
import Foundation

/// Runs what a study lacks, and keeps every finished row.
final class HeadsRunner {
  let study: HeadStudy
  let rows: RunJournal<HeadsPlace, HeadsRow>
  private let total: Int
  private let keepsShifts: Bool

  /// - Parameters:
  ///   - total: how many rows there will be.
  ///   - keepsShifts: whether rows say how the activations moved, which claims need.
  init(_ study: HeadStudy, _ folder: RunFolder, total: Int, keepingShifts keepsShifts: Bool)
    throws
  {
    (self.study, self.total, self.keepsShifts) = (study, total, keepsShifts)
    let (heads, prompts) = (study.model.shape.heads, study.prompts.count)
    let layers = study.heads.count / heads
    let shiftBytes = keepsShifts ? 4 * heads * study.model.shape.dModel : 0
    rows = try folder.journal(HeadsPlace.self, HeadsRow.self) { place, row in
      switch (place, row) {
      case (.block, .block(let row)):
        HeadsPlace(row) == place && (0..<layers).contains(row.layer)
          && (0..<prompts).contains(row.prompt) && row.effects.count == heads
          && row.changes.count == heads && row.shifts.count == shiftBytes
      case (.set(_, let prompts), .effects(let effects)): effects.count == prompts.count
      default: false
      }
    }
  }

  /// How many rows of sweeps were there or were added.
  var blockCount: Int { rows.keys.count(where: \.isBlock) }

  /// Says what a long run will take.
  func announce(_ estimate: (tokenBlocks: Int, bytes: Int), setPasses: Int, sweeps: Int = 1) {
    let (model, prompts) = (study.model, study.prompts)
    let tokens = prompts.reduce(0) { $0 + $1.sequence.tokens.count }
    let left = Double(max(total - blockCount, 0)) / Double(max(total, 1))
    let passes = Double(estimate.tokenBlocks * sweeps) * left / Double(model.shape.layers)
    let sets = Double(setPasses * tokens) / Double(max(prompts.count, 1))
    let seconds = (passes + sets) / model.estimatedTokensPerSecond(threads: study.threads)
    guard seconds > 2 else { return }
    writeError(
      "\(study.heads.count) heads x \(prompts.count) prompts: about \(duration(seconds)), "
        + "\(bytes(peakMemory() + estimate.bytes)) of memory")
  }

  /// The effects of all heads in all prompts.
  func effects() throws -> HeadEffects {
    try complete(base: [], places: Set(study.prompts.indices))
    var effects = HeadEffects(study)
    try forEachRow(of: []) { effects.add($0) }
    return effects
  }

  /// All rows of a base, by prompt and then by block.
  func forEachRow(of base: [Head], _ body: (HeadStudy.Row) throws -> Void) throws {
    let places = rows.keys.compactMap { place -> (prompt: Int, layer: Int)? in
      guard case .block(base, let layer, let prompt) = place else { return nil }
      return (prompt, layer)
    }
    for (prompt, layer) in places.sorted(by: { ($0.prompt, $0.layer) < ($1.prompt, $1.layer) }) {
      let row = try rows.row(.block(base: base, layer: layer, prompt: prompt))
      if case .block(let row) = row { try body(row) }
    }
  }

  /// Runs what a base lacks.
  func complete(base: [Head], places: Set<Int>) throws {
    let missing = { (layer: Int, prompt: Int) in
      places.contains(prompt)
        && !self.rows.contains(.block(base: base, layer: layer, prompt: prompt))
    }
    var progress = Progress(of: total, "rows")
    try study.sweep(base: base, keepingShifts: keepsShifts, where: missing) { row in
      try rows.append(.block(row), for: HeadsPlace(row))
      progress.advance(by: 1)
    }
    progress.finish()
  }

  /// The effects of a set of heads in some prompts.
  func effects(of heads: [Head], in places: [Int], clean: [Double]) throws -> [Double] {
    let key = HeadsPlace.set(heads: heads, prompts: places)
    if case .effects(let known) = try rows.row(key) { return known }
    let scores = try study.scores(ablating: heads, prompts: places)
    let effects = zip(scores, places).map { $0 - clean[$1] }
    try rows.append(.effects(effects), for: key)
    return effects
  }
}
