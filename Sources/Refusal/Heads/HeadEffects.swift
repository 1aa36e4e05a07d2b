import Probing
import Statistics
import Transformer

/// The effect of every head in every prompt, gathered from the rows of a sweep.
public struct HeadEffects: Sendable {
  /// Block by block.
  public let heads: [Head]
  /// The clean score of each prompt.
  public private(set) var clean: [Double]
  /// `[heads][prompts]`: the score with the head ablated minus the clean one.
  public private(set) var values: [[Double]]
  /// `[heads][prompts]`: how much the head's z was changed.
  public private(set) var changes: [[Double]]
  /// `[heads][dModel]`: sums of the shifts over prompts.
  private var shifts: [[Double]]
  private let headsPerLayer: Int

  /// Nothing yet.
  public init(_ study: HeadStudy) {
    heads = study.heads
    headsPerLayer = study.model.shape.heads
    let empty = [Double](repeating: .nan, count: study.prompts.count)
    clean = empty
    values = heads.map { _ in empty }
    changes = values
    let zeros = [Double](repeating: 0, count: study.score.isSigned ? study.model.shape.dModel : 0)
    shifts = heads.map { _ in zeros }
  }

  /// Adds a row; rows come in the order of their prompts, so that sums have the same bits always.
  public mutating func add(_ row: HeadStudy.Row) {
    clean[row.prompt] = row.clean
    let floats = row.shifts.floats
    for head in row.effects.indices {
      let place = row.layer * headsPerLayer + head
      values[place][row.prompt] = row.effects[head]
      changes[place][row.prompt] = row.changes[head]
      let width = shifts[place].count
      guard floats.count == width * row.effects.count else { continue }
      for column in 0..<width { shifts[place][column] += Double(floats[head * width + column]) }
    }
  }

  /// The heads whose ablation raises the score most in some prompts, the strongest first.
  public func ranking(on prompts: [Int]) -> [Head] {
    heads.ranked(by: values, on: prompts, sign: 1)
  }

  /// The cosine of each head's mean shift with the direction along which the score rises.
  func cosines(with direction: [Double]) -> [Double?] {
    shifts.map { cosine($0, direction) }
  }
}

extension HeadStudy {
  /// All effects at once, where nothing has to be resumed.
  public func effects() throws -> HeadEffects {
    var rows: [Row] = []
    try sweep(keepingShifts: score.isSigned) { rows.append($0) }
    var effects = HeadEffects(self)
    for row in rows.sorted(by: { ($0.prompt, $0.layer) < ($1.prompt, $1.layer) }) {
      effects.add(row)
    }
    return effects
  }

  /// What the effects say about each head.
  public func findings(
    _ effects: HeadEffects, resamples: Int = 10_000
  ) throws -> [HeadFinding] {
    let places = Array(prompts.indices)
    let clean = try cleanReadings(places)
    let direction = score.direction(model, clean: places.compactMap { clean[$0] })
    return try HeadFinding.judge(
      effects.heads, effects.values, groups: groups,
      cosines: direction.map { effects.cosines(with: $0) },
      dimensions: model.shape.dModel, suppressingSign: score.isSigned ? 1 : nil, seed: seed,
      resamples: resamples)
  }
}
