import Files
import Probing
import Prompts
import Statistics
import Transformer

/// The difference in means of every layer and every position behind the instruction: what a refusal
/// direction is chosen from (Arditi et al., arXiv 2406.11717).
///
///     let candidates = try DirectionCandidates(
///       model, harmful: harmful, harmless: harmless, positions: -5 ... -1)
///     candidates[position: -1, layer: 15]      // [dModel]
public struct DirectionCandidates: Sendable, Equatable {
  /// Tokens, counted from the prompt's end: -1 is the last. Ascending and without gaps.
  public let positions: ClosedRange<Int>
  /// The number of blocks.
  public let layers: Int
  /// The length of a direction, dModel.
  public let width: Int
  /// Prompts of each class.
  public let harmfulCount: Int
  /// Harmless prompts of the means.
  public let harmlessCount: Int
  /// `[positions][layers][width]`, one behind the other: mean harmful - mean harmless of what enters
  /// the block.
  public let values: [Float]

  package init(
    positions: ClosedRange<Int>, layers: Int, width: Int, harmfulCount: Int, harmlessCount: Int,
    values: [Float]
  ) {
    precondition(values.count == positions.count * layers * width, "one vector a cell")
    (self.positions, self.layers, self.width) = (positions, layers, width)
    (self.harmfulCount, self.harmlessCount) = (harmfulCount, harmlessCount)
    self.values = values
  }

  /// The direction at a position and a block's input, `[dModel]`.
  public subscript(position position: Int, layer layer: Int) -> [Float] {
    let cell = (position - positions.lowerBound) * layers + layer
    return Array(values[(cell * width)..<((cell + 1) * width)])
  }

  /// Runs both classes once, up to the last block's input; sums are taken in double precision.
  ///
  /// - Parameters:
  ///   - keeper: has what an earlier run with the same prompts read, harmful ones first.
  ///   - advance: called with the number of tokens of each finished prompt.
  /// - Throws: when a class is empty, a prompt is shorter than the positions need, or an activation is
  ///   not finite.
  public init(
    _ model: Model, harmful: Batch, harmless: Batch, positions: ClosedRange<Int>,
    keeping keeper: (any CaptureKeeper)? = nil, threads: Int = Model.defaultThreads,
    advance: (Int) -> Void = { _ in }
  ) throws {
    let shape = model.shape
    guard positions.upperBound < 0 else {
      throw Problem(
        .outOfRange, "directions", place: "positions",
        problem: "\(positions) are not counted from the end",
        remedy: "name positions such as -5..-1")
    }
    let shortest = (harmful.sequences + harmless.sequences).min {
      $0.tokens.count < $1.tokens.count
    }
    guard let shortest, !harmful.sequences.isEmpty, !harmless.sequences.isEmpty else {
      throw Problem(
        .oneClass, "directions", problem: "there are no prompts of one of the classes",
        remedy: "give harmful and harmless prompts")
    }
    // The other way round, the smallest number would have no opposite.
    guard positions.lowerBound >= -shortest.tokens.count else {
      throw Problem(
        .promptLength, "prompt '\(shortest.id)'",
        problem:
          "has \(shortest.tokens.count) tokens, and position \(positions.lowerBound) is read",
        remedy: "leave it out, or name fewer positions")
    }
    let rule: Positions = .range(positions.lowerBound, positions.upperBound)
    let hooks = (0..<shape.layers).map { HookPoint.residual(before: $0) }
    let empty = [Double](repeating: 0, count: positions.count * shape.layers * shape.dModel)
    var (high, low) = (empty, empty)
    let batch = Batch(harmful.sequences + harmless.sequences)
    try model.run(
      batch, capturing: hooks.map { Capture($0, at: rule) }, keeping: keeper, threads: threads
    ) { capture in
      let isHarmful = capture.sequence < harmful.sequences.count
      for (layer, hook) in hooks.enumerated() {
        guard let rows = capture.values[hook], rows.rows == positions.count else { continue }
        for row in 0..<rows.rows {
          let start = (row * shape.layers + layer) * shape.dModel
          for (column, value) in rows[row].enumerated() {
            if isHarmful {
              high[start + column] += Double(value)
            } else {
              low[start + column] += Double(value)
            }
          }
        }
      }
      advance(batch.sequences[capture.sequence].tokens.count)
    }
    let counts = (Double(harmful.sequences.count), Double(harmless.sequences.count))
    let values = zip(high, low).map { Float($0 / counts.0 - $1 / counts.1) }
    guard values.allSatisfy(\.isFinite) else {
      throw Problem(
        .notFinite, "directions", problem: "an activation is not a finite number",
        remedy: "look at the model's weights: 'bathyscope doctor' and its warnings")
    }
    self.init(
      positions: positions, layers: shape.layers, width: shape.dModel,
      harmfulCount: harmful.sequences.count, harmlessCount: harmless.sequences.count,
      values: values)
  }

  /// The positions behind the instruction: the template's tokens at the end of all prompts.
  ///
  /// - Throws: when a prompt ends with its instruction, as a plain text does.
  public static func positionsBehindInstruction(
    of batch: Batch
  ) throws(Problem) -> ClosedRange<Int> {
    var count = Int.max
    for sequence in batch.sequences {
      let mine = sequence.segments.reversed().prefix { $0 == .template }.count
      guard mine > 0 else {
        throw Problem(
          .noSuchPosition, "prompt '\(sequence.id)'",
          problem: "has no template after the instruction",
          remedy: "give prompts as messages, or name the positions, such as -1..-1")
      }
      count = min(count, mine)
    }
    guard count < Int.max else {
      throw Problem(.noPrompts, "directions", problem: "there are no prompts", remedy: "give some")
    }
    return -count ... -1
  }
}

/// Prompts in three disjoint parts: to take directions from, to choose one with, to report it on.
public struct DirectionSplit: Sendable, Equatable, Codable {
  /// Places in the list of prompts, ascending.
  public struct Part: Sendable, Equatable, Codable {
    /// Of harmful prompts.
    public var harmful: [Int]
    /// Of harmless prompts.
    public var harmless: [Int]

    /// Both are places in one list of prompts.
    public init(harmful: [Int], harmless: [Int]) {
      (self.harmful, self.harmless) = (harmful, harmless)
    }
  }

  /// Directions are the differences in means over these.
  public var training: Part
  /// Candidates are tried on these.
  public var validation: Part
  /// The chosen direction is reported on these.
  public var test: Part

  /// Half of the groups, a quarter and a quarter; no group stands in two parts.
  ///
  /// - Parameters:
  ///   - groups: prompts of one group are near-duplicates or of one behaviour; one name a prompt.
  ///   - most: the largest number of prompts of each class in the second and the third part, whose
  ///     prompts are run many times.
  /// - Throws: when a class has too few groups for three parts.
  public init(
    harmful: [Bool], groups: [String], seed: UInt64, most: (validation: Int, test: Int) = (32, 100)
  ) throws(Problem) {
    let parts = try GroupedSplit.parts(
      [0.5, 0.25, 0.25], groups: groups, labels: harmful.map { "\($0)" }, seed: seed)
    func part(_ items: [Int], _ most: Int) -> Part {
      func chosen(_ isHarmful: Bool) -> [Int] {
        var generator = SeededGenerator(seed: seed, item: "direction split \(isHarmful)")
        let mine = items.filter { harmful[$0] == isHarmful }
        return mine.count <= most ? mine : generator.shuffled(mine).prefix(most).sorted()
      }
      return Part(harmful: chosen(true), harmless: chosen(false))
    }
    training = part(parts[0], .max)
    validation = part(parts[1], most.validation)
    test = part(parts[2], most.test)
    for part in [training, validation, test] where part.harmful.isEmpty || part.harmless.isEmpty {
      throw Problem(
        .oneClass, "direction split", problem: "a part has no prompt of one class",
        remedy: "give both classes at least ten groups each")
    }
  }
}
