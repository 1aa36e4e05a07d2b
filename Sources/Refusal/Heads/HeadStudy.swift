import Files
import Foundation
import Probing
import Statistics
import Tensors
import Transformer

/// What heads do to a score: every head of every block ablated in every prompt.
///
///     let study = try HeadStudy(model, prompts, score: .probe(probe), ablation: .zero, seed: 42)
///     let effects = try study.effects()
///     let findings = try study.findings(effects)
public struct HeadStudy: Sendable {
  /// The one whose heads are ablated.
  public let model: Model
  /// Rows and scores name them by their place here.
  public let prompts: [HeadPrompt]
  /// What is read of each prompt at its last token.
  public let score: HeadScore
  /// The one that is done to every head.
  public let ablation: HeadAblation
  /// Of resample ablation, tests and intervals: the same seed gives the same findings.
  public let seed: UInt64
  /// How many the sweep runs on.
  public let threads: Int
  let memoryLimit: Int
  let table: AblationTable

  /// - Parameters:
  ///   - reference: what mean and resample ablation take their values from; the prompts by default.
  ///   - memoryLimit: how many bytes a sweep may take besides the weights.
  /// - Throws: when prompts do not fit the model, or the probe reads where no head can be swept.
  public init(
    _ model: Model, _ prompts: [HeadPrompt], score: HeadScore, ablation: HeadAblation = .zero,
    reference: [HeadPrompt]? = nil, seed: UInt64, threads: Int = Model.defaultThreads,
    memoryLimit: Int = .max
  ) throws {
    (self.model, self.prompts, self.score, self.ablation) = (model, prompts, score, ablation)
    (self.seed, self.threads, self.memoryLimit) = (seed, threads, memoryLimit)
    guard !prompts.isEmpty else {
      throw Problem(.noPrompts, "heads", problem: "there are no prompts", remedy: "give some")
    }
    if case .probe(let probe) = score, probe.width != model.shape.dModel {
      throw Problem(
        .probeMismatch, "probe at \(probe.hook)", problem: "reads \(probe.width) features",
        remedy: "use one of the model's width, \(model.shape.dModel)")
    }
    table = try AblationTable(
      ablation, model, prompts, reference: reference ?? prompts, seed: seed, threads: threads,
      memoryLimit: memoryLimit)
    guard model.shape.has(score.readout.hook), score.readout.lastLayer(model.shape) != nil else {
      throw Problem(
        .wrongHook, "sweep", place: "\(score.readout.hook)",
        problem: "heads cannot be swept at this hook",
        remedy:
          "use a probe of the residual stream before or after a block, or of ln_final.hook_out")
    }
    // Everything that can be refused is refused before a long run.
    _ = try engine(Array(prompts.indices))
  }

  /// The heads that can have an effect on the score, block by block.
  public var heads: [Head] {
    Head.all(of: model.shape, through: score.readout.lastLayer(model.shape) ?? 0)
  }

  /// Whether sets of heads can be ablated, by one intervention for all prompts.
  public var canAblateSets: Bool { table.takesSets }

  /// The prompts' groups, in their order.
  var groups: [String] { prompts.map(\.group) }

  /// What one prompt says about the heads of one block.
  public struct Row: Sendable, Equatable, Codable {
    /// Heads that are ablated in the clean run as well.
    public var base: [Head]
    /// The block whose heads were ablated one at a time.
    public var layer: Int
    /// The prompt's place.
    public var prompt: Int
    /// The score with the base alone ablated.
    public var clean: Double
    /// The score with each head ablated minus the clean one.
    public var effects: [Double]
    /// How much each head's z was changed: the Euclidean norm over all touched tokens.
    public var changes: [Double]
    /// The change of the activations that the score reads, `[H * dModel]` as little-endian floats;
    /// empty where it is not asked for.
    public var shifts: Data
  }

  /// Runs the units that are missing and hands each over once it is done, in no particular order.
  /// - Parameters:
  ///   - base: heads that are ablated throughout.
  ///   - isMissing: whether the row of a block and a prompt is wanted.
  ///   - keepsShifts: whether rows have `shifts`.
  ///   - receive: never called twice at a time.
  public func sweep(
    base: [Head] = [], keepingShifts keepsShifts: Bool = true,
    where isMissing: (_ layer: Int, _ prompt: Int) -> Bool = { _, _ in true },
    receive: (Row) throws -> Void
  ) throws {
    let units = (0..<(heads.count / model.shape.heads)).flatMap { layer in
      prompts.indices.filter { isMissing(layer, $0) }.map { HeadUnit(layer: layer, prompt: $0) }
    }
    guard !units.isEmpty else { return }
    let variants = HeadVariants(self, units)
    let readout = score.readout
    // A divergence is one from the model as it is, whatever a base has changed in the clean run.
    let origins =
      base.isEmpty || score.isSigned ? [:] : try cleanReadings(variants.places)
    var clean: [Int: HeadReading] = [:]
    var open: [Int: [Trial?]] = [:]
    try engine(variants.places, base: base).run(variants) { trial in
      let place = variants.place(of: trial.variant)
      guard let head = place.head else {
        clean[place.prompt] = HeadReading(trial, readout)
        return
      }
      open[place.unit, default: Array(repeating: nil, count: model.shape.heads)][head] = trial
      let trials = open[place.unit]?.compactMap(\.self) ?? []
      guard trials.count == model.shape.heads, let own = clean[place.prompt] else { return }
      open[place.unit] = nil
      try receive(
        try row(
          units[place.unit], base, clean: own, origin: origins[place.prompt] ?? own, trials,
          keepingShifts: keepsShifts))
    }
  }

  private func row(
    _ unit: HeadUnit, _ base: [Head], clean: HeadReading, origin: HeadReading, _ trials: [Trial],
    keepingShifts keepsShifts: Bool
  ) throws(Problem) -> Row {
    let readings = trials.map { HeadReading($0, score.readout) }
    let before = score.value(clean, clean: origin)
    let scores = readings.map { score.value($0, clean: origin) }
    guard before.isFinite, scores.allSatisfy(\.isFinite) else {
      throw Problem(
        .notFinite, "prompt \(prompts[unit.prompt].sequence.id)", place: "block \(unit.layer)",
        problem: "a score is not a finite number",
        remedy: "use another precision, or ablate less strongly")
    }
    return Row(
      base: base, layer: unit.layer, prompt: unit.prompt, clean: before,
      effects: scores.map { $0 - before }, changes: trials.map { $0.changeSquared.squareRoot() },
      shifts: keepsShifts ? Data(shiftsFrom: clean, to: readings) : Data())
  }

  /// The scores of prompts with a set of heads ablated, by whole forward passes.
  /// - Parameter places: which prompts; all by default.
  /// - Throws: for an ablation that no intervention says for all prompts alike.
  public func scores(ablating heads: [Head], prompts places: [Int]? = nil) throws -> [Double] {
    let places = places ?? Array(prompts.indices)
    let clean = score.isSigned ? [:] : try cleanReadings(places)
    let chosen = places.map { prompts[$0] }
    var scores = [Double](repeating: 0, count: places.count)
    for (touched, members) in AblationTable.grouped(chosen) {
      let readout = score.readout
      let plan = Plan(
        capturing: readout.captures, applying: try table.interventions(heads, at: touched))
      _ = try model.run(Batch(members.map { chosen[$0].sequence }), plan, threads: threads) {
        let reading = HeadReading($0, readout)
        let member = members[$0.sequence]
        scores[member] = score.value(reading, clean: clean[places[member]] ?? reading)
      }
    }
    return scores
  }

  /// Readings of the model as it is, by prompt.
  func cleanReadings(_ places: [Int]) throws -> [Int: HeadReading] {
    var readings: [Int: HeadReading] = [:]
    let readout = score.readout
    try engine(places).run(places.indices.map { Variant(of: $0, []) }) { trial in
      readings[places[trial.variant]] = HeadReading(trial, readout)
    }
    return readings
  }

  /// Runs variants of some prompts.
  /// - Parameter base: heads that are ablated throughout.
  private func engine(_ places: [Int], base: [Head] = []) throws -> Counterfactuals {
    var interventions: [Intervention] = []
    if !base.isEmpty {
      for (touched, members) in AblationTable.grouped(places.map { prompts[$0] }) {
        interventions += try table.interventions(base, at: touched).map { $0.only(in: members) }
      }
    }
    return try Counterfactuals(
      model, Batch(places.map { prompts[$0].sequence }), capturing: score.readout.captures,
      logitsOf: score.readout.tokens, applying: interventions, threads: threads,
      memoryLimit: memoryLimit)
  }

  /// How many tokens go through how many blocks in a sweep, and about how many bytes it takes besides
  /// the weights.
  public func estimate() throws -> (tokenBlocks: Int, bytes: Int) {
    let units = (0..<(heads.count / model.shape.heads)).flatMap { layer in
      prompts.indices.map { HeadUnit(layer: layer, prompt: $0) }
    }
    let variants = HeadVariants(self, units)
    return try engine(variants.places).estimate(variants)
  }
}

extension Data {
  /// Differences of states, as little-endian floats.
  init(shiftsFrom clean: HeadReading, to readings: [HeadReading]) {
    let bits = readings.flatMap { reading in
      zip(reading.state, clean.state).map { ($0 - $1).bitPattern.littleEndian }
    }
    self = bits.withUnsafeBytes { Data($0) }
  }

  /// The floats that the bytes are.
  var floats: [Float] {
    withUnsafeBytes { bytes in
      (0..<(bytes.count / 4)).map { index in
        Float(
          bitPattern: UInt32(
            littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
      }
    }
  }
}
