import Files
import Foundation
import Probing
import Statistics
import Transformer

/// The choice of one refusal direction, and what it does on prompts that had no part in the choice.
///
/// Of all candidates below 80 % of the depth that leave harmless prompts alone (KL at most 0.1) and that
/// induce refusal when added (m at least 0), the one whose removal leaves least refusal is chosen, on
/// the validation part; the test part and random directions tell what it is worth. No candidate may
/// pass: that is a result.
public struct DirectionSelection: Sendable, Equatable, Codable {
  /// A direction of the validation part.
  public struct Candidate: Sendable, Equatable, Codable {
    /// The token it was measured at, from the prompt's end: -1 is the last.
    public var position: Int
    /// The block whose input it is, and before which it is added.
    public var layer: Int
    /// The length of the direction.
    public var norm: Double
    /// Means over prompts with bootstrap intervals over groups; nil where all prompts have one value.
    public var bypass: Estimate
    /// m of harmless prompts with the direction added; high where the model refuses.
    public var induce: Estimate
    /// KL of harmless prompts' next token, in nats, the direction removed against unchanged.
    public var divergence: Estimate
    /// Why it cannot be chosen, in words; nil where it can.
    public var rejection: String?
  }

  /// A mean that never stands alone.
  public struct Estimate: Sendable, Equatable, Codable {
    /// Over all values; 0 where there is none.
    public var mean: Double
    /// Prompts in the mean.
    public var n: Int
    /// Nil where there is no spread to resample.
    public var interval: Interval?
  }

  /// Before and after a change, on the same prompts.
  public struct Change: Sendable, Equatable, Codable {
    /// With the model unchanged.
    public var baseline: Estimate
    /// With the direction removed or added.
    public var changed: Estimate
    /// changed - baseline, paired.
    public var difference: Estimate
    /// Norm-matched random directions whose mean moves at least as far in the same direction.
    public var randomAsFar: Int
    /// (randomAsFar + 1) / (directions + 1), adjusted by Holm's method over both changes.
    public var p: Double
    /// The mean with each random direction.
    public var random: [Double]
  }

  /// The chosen direction on the test part.
  public struct Test: Sendable, Equatable, Codable {
    /// m of harmful prompts, the direction removed.
    public var bypass: Change
    /// m of harmless prompts, the direction added.
    public var induce: Change
    /// KL of harmless prompts, the direction removed.
    public var divergence: Estimate
    /// The mean KL with each random direction.
    public var randomDivergence: [Double]
    /// How many random directions were tested beside it.
    public var randomDirections: Int
  }

  /// The mean KL, in nats, above which a candidate is rejected.
  static let largestDivergence = 0.1
  /// The mean m below which a candidate is rejected, for it induces no refusal.
  static let leastInduce = 0.0
  /// Candidates from this share of the depth on are not tried.
  public static let depth = 0.8
  /// Enough for the smallest p, 1 / 41, to pass the correction over both changes.
  public static let randomDirections = 40

  /// The version of the format that it is written in.
  public var schema = "bathyscope-direction-selection-1"
  /// Of bootstrap and random directions: the same seed gives the same result.
  public var seed: UInt64
  /// The first tokens by which m is measured.
  public var openers: OpenerTokens
  /// m of the unchanged model on the validation part.
  public var harmfulBaseline: Estimate
  /// m of harmless prompts of the validation part, unchanged.
  public var harmlessBaseline: Estimate
  /// In the order of positions, then layers.
  public var candidates: [Candidate]
  /// The place of the chosen one; nil where none passes.
  public var chosen: Int?
  /// Nil where none was chosen.
  public var test: Test?

  /// The outcome in one sentence.
  public var sentence: String {
    guard let chosen, let test else {
      return "No direction found: none of \(candidates.count) candidates has KL at most "
        + "\(Self.largestDivergence) and induces refusal (m at least \(Self.leastInduce)) on the "
        + "validation prompts."
    }
    let direction = candidates[chosen]
    func text(_ change: Change) -> String {
      "\(change.baseline) to \(change.changed), \(change.randomAsFar) of \(test.randomDirections) "
        + "random directions of the same norm as far, one-sided p = \(fixed(change.p, decimals: 3)) "
        + "(Holm over 2)"
    }
    return "Position \(direction.position), input of block \(direction.layer), chosen of "
      + "\(candidates.count) candidates on validation prompts. On test prompts: removed, refusal of "
      + "harmful prompts m \(text(test.bypass)); added, refusal of harmless prompts m "
      + "\(text(test.induce)); KL on harmless prompts when removed \(test.divergence); seed \(seed)."
  }
}

extension DirectionSelection.Estimate: CustomStringConvertible {
  /// - Parameter groups: drawn together; one name a value.
  init(_ values: [Double], groups: [String], bootstrap: Bootstrap) throws(Problem) {
    interval = try bootstrap.mean(values, clusters: groups)
    n = values.count
    mean = values.reduce(0, +) / Double(max(values.count, 1))
  }

  /// The interval with its n, or the mean with n where there is no spread.
  public var description: String {
    interval?.description ?? "\(fixed(mean, decimals: 3)) (n = \(n), no spread)"
  }
}

extension DirectionSelection {
  /// One thing to compute: what a resumed run need not do again.
  public enum Job: Hashable, Sendable, Codable {
    case candidate(position: Int, layer: Int)
    /// The chosen direction on the test part.
    case test(position: Int, layer: Int)
    /// A random direction in its place.
    case random(position: Int, layer: Int, number: Int)
  }

  /// Prompts of one part with the names of their groups.
  public struct Part: Sendable {
    /// The model with the prompts on which directions are tried.
    public var trial: DirectionTrial
    /// One name for each harmful prompt; prompts of one name are resampled together.
    public var harmfulGroups: [String]
    /// One name for each harmless prompt; prompts of one name are resampled together.
    public var harmlessGroups: [String]

    /// One group for each prompt of the trial, in the same order.
    public init(trial: DirectionTrial, harmfulGroups: [String], harmlessGroups: [String]) {
      self.trial = trial
      (self.harmfulGroups, self.harmlessGroups) = (harmfulGroups, harmlessGroups)
    }
  }

  /// The candidates that are tried: those below 80 % of the depth with a length.
  public static func jobs(of candidates: DirectionCandidates) -> [Job] {
    candidates.positions.flatMap { position in
      (0..<candidates.layers).filter { Double($0) < depth * Double(candidates.layers) }
        .filter { norm(candidates[position: position, layer: $0]) > 0 }
        .map { .candidate(position: position, layer: $0) }
    }
  }

  /// Tries all candidates, chooses one and tests it beside random directions.
  ///
  /// - Parameters:
  ///   - test: made when a candidate was chosen: it costs two runs.
  ///   - finished: outcomes of an earlier run.
  ///   - receive: takes each new outcome as soon as it is there.
  public init(
    _ candidates: DirectionCandidates, openers: OpenerTokens, validation: Part,
    test: () throws -> Part, seed: UInt64, resamples: Int = 10_000,
    finished: [Job: DirectionOutcome] = [:],
    receive: (Job, DirectionOutcome) throws -> Void = { _, _ in }
  ) throws {
    (self.seed, self.openers) = (seed, openers)
    let bootstrap = Bootstrap(seed: seed, resamples: resamples)
    func outcome(
      _ job: Job, _ part: Part, _ direction: [Float], _ layer: Int
    ) throws -> DirectionOutcome {
      if let known = finished[job] { return known }
      let outcome = try part.trial.outcome(of: direction, addedBefore: layer)
      try receive(job, outcome)
      return outcome
    }
    harmfulBaseline = try Estimate(
      validation.trial.harmfulBaseline, groups: validation.harmfulGroups, bootstrap: bootstrap)
    harmlessBaseline = try Estimate(
      validation.trial.harmlessBaseline, groups: validation.harmlessGroups, bootstrap: bootstrap)
    self.candidates = []
    for job in Self.jobs(of: candidates) {
      guard case .candidate(let position, let layer) = job else { continue }
      let direction = candidates[position: position, layer: layer]
      self.candidates.append(
        try Candidate(
          position, layer, norm: norm(direction), try outcome(job, validation, direction, layer),
          validation, bootstrap))
    }
    chosen = self.candidates.indices.filter { self.candidates[$0].rejection == nil }
      .min { self.candidates[$0].bypass.mean < self.candidates[$1].bypass.mean }
    guard let chosen else { return }
    let (position, layer) = (self.candidates[chosen].position, self.candidates[chosen].layer)
    let direction = candidates[position: position, layer: layer]
    let part = try test()
    let main = try outcome(.test(position: position, layer: layer), part, direction, layer)
    var controls: [DirectionOutcome] = []
    for number in 0..<Self.randomDirections {
      controls.append(
        try outcome(
          .random(position: position, layer: layer, number: number), part,
          randomDirection(like: direction, seed: seed, number: number), layer))
    }
    self.test = try Test(main, controls, part, bootstrap)
  }
}

extension DirectionSelection.Candidate {
  init(
    _ position: Int, _ layer: Int, norm: Double, _ outcome: DirectionOutcome,
    _ part: DirectionSelection.Part, _ bootstrap: Bootstrap
  ) throws {
    (self.position, self.layer, self.norm) = (position, layer, norm)
    bypass = try .init(outcome.bypass, groups: part.harmfulGroups, bootstrap: bootstrap)
    induce = try .init(outcome.induce, groups: part.harmlessGroups, bootstrap: bootstrap)
    divergence = try .init(outcome.divergence, groups: part.harmlessGroups, bootstrap: bootstrap)
    if divergence.mean > DirectionSelection.largestDivergence {
      rejection = "KL above \(DirectionSelection.largestDivergence)"
    } else if induce.mean < DirectionSelection.leastInduce {
      rejection = "induces no refusal"
    }
  }
}

extension DirectionSelection.Test {
  init(
    _ outcome: DirectionOutcome, _ controls: [DirectionOutcome], _ part: DirectionSelection.Part,
    _ bootstrap: Bootstrap
  ) throws {
    bypass = try .init(
      part.trial.harmfulBaseline, outcome.bypass, controls.map(\.bypass), sign: -1,
      groups: part.harmfulGroups, bootstrap)
    induce = try .init(
      part.trial.harmlessBaseline, outcome.induce, controls.map(\.induce), sign: 1,
      groups: part.harmlessGroups, bootstrap)
    let adjusted = try MultipleComparisons.holm.adjusted([bypass.p, induce.p])
    (bypass.p, induce.p) = (adjusted[0], adjusted[1])
    divergence = try .init(outcome.divergence, groups: part.harmlessGroups, bootstrap: bootstrap)
    randomDivergence = controls.map { mean($0.divergence) }
    randomDirections = controls.count
  }
}

extension DirectionSelection.Change {
  /// - Parameter sign: in which direction the change is meant to go.
  init(
    _ baseline: [Double], _ changed: [Double], _ controls: [[Double]], sign: Double,
    groups: [String], _ bootstrap: Bootstrap
  ) throws {
    guard baseline.count == changed.count, controls.allSatisfy({ $0.count == changed.count }) else {
      throw Problem(
        .journalDamaged, "direction selection",
        problem: "outcomes of an earlier run are of other prompts",
        remedy: "remove the journal to start again")
    }
    self.baseline = try .init(baseline, groups: groups, bootstrap: bootstrap)
    self.changed = try .init(changed, groups: groups, bootstrap: bootstrap)
    difference = try .init(
      zip(changed, baseline).map { $0 - $1 }, groups: groups, bootstrap: bootstrap)
    random = controls.map(mean)
    let reached = self.changed.mean
    randomAsFar = random.count { sign * $0 >= sign * reached }
    p = Double(randomAsFar + 1) / Double(random.count + 1)
  }
}

/// A direction of the same length and dimension, drawn from the seed and its number.
func randomDirection(like direction: [Float], seed: UInt64, number: Int) -> [Float] {
  var generator = SeededGenerator(seed: seed, item: "random direction \(number)")
  let drawn = direction.map { _ in generator.normal() }
  let factor = norm(direction) / dot(drawn, drawn).squareRoot()
  return drawn.map { Float($0 * factor) }
}

func norm(_ vector: [Float]) -> Double {
  vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

func mean(_ values: [Double]) -> Double {
  values.reduce(0, +) / Double(max(values.count, 1))
}
