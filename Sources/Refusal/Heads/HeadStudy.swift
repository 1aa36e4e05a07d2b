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
  public let model: Model
  public let prompts: [HeadPrompt]
  public let score: HeadScore
  public let ablation: HeadAblation
  public let seed: UInt64
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
    // Everything that can be refused is refused before a long run.
    _ = try rerun(base: [], places: Array(prompts.indices))
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
    for (_, places) in base.isEmpty
      ? [(.all, Array(prompts.indices))] : AblationTable.grouped(prompts)
    {
      let rerun = try rerun(base: base, places: places)
      let units = rerun.layers.flatMap { layer in
        places.indices.filter { isMissing(layer, places[$0]) }
          .map { HeadRerun.Unit(layer: layer, prompt: $0) }
      }
      // A divergence is one from the model as it is, whatever a base has changed in the clean run.
      let origins =
        base.isEmpty || score.isSigned || units.isEmpty
        ? [] : try self.rerun(base: [], places: places).cleanReadings()
      let table = table
      let variants = { @Sendable (unit: HeadRerun.Unit) in
        table.variants(.init(layer: unit.layer, prompt: places[unit.prompt]))
      }
      try rerun.run(units, shared: table.isShared, variants: variants) { unit, clean, readings in
        let origin = origins.isEmpty ? clean : origins[unit.prompt]
        let before = score.value(clean, clean: origin)
        let scores = readings.map { score.value($0, clean: origin) }
        guard before.isFinite, scores.allSatisfy(\.isFinite) else {
          throw Problem(
            .notFinite, "prompt \(prompts[places[unit.prompt]].sequence.id)",
            place: "block \(unit.layer)",
            problem: "a score is not a finite number",
            remedy: "use another precision, or ablate less strongly")
        }
        try receive(
          Row(
            base: base, layer: unit.layer, prompt: places[unit.prompt], clean: before,
            effects: scores.map { $0 - before },
            changes: readings.map { $0.changeSquared.squareRoot() },
            shifts: keepsShifts ? Data(shiftsFrom: clean, to: readings) : Data()))
      }
    }
  }

  /// The scores of prompts with a set of heads ablated, by whole forward passes.
  /// - Parameter places: which prompts; all by default.
  /// - Throws: for an ablation that no intervention says for all prompts alike.
  public func scores(ablating heads: [Head], prompts places: [Int]? = nil) throws -> [Double] {
    let places = places ?? Array(prompts.indices)
    let clean = score.isSigned ? [] : try rerun(base: [], places: places).cleanReadings()
    let chosen = places.map { prompts[$0] }
    var scores = [Double](repeating: 0, count: places.count)
    for (touched, members) in AblationTable.grouped(chosen) {
      let readout = score.readout
      var captures = [Capture(readout.hook, at: .last)]
      if readout.logits != .none { captures.append(.logits()) }
      let plan = Plan(
        capturing: captures, applying: try table.interventions(heads, at: touched))
      _ = try model.run(Batch(members.map { chosen[$0].sequence }), plan, threads: threads) {
        let reading = HeadReading($0, readout)
        let member = members[$0.sequence]
        scores[member] = score.value(
          reading, clean: clean.indices.contains(member) ? clean[member] : reading)
      }
    }
    return scores
  }

  /// Clean readings of all prompts, for the direction of the score.
  func cleanReadings() throws -> [HeadReading] {
    try rerun(base: [], places: Array(prompts.indices)).cleanReadings()
  }

  func rerun(base: [Head], places: [Int]) throws -> HeadRerun {
    let touched = places.first.map { prompts[$0].touched } ?? .all
    return try HeadRerun(
      model, places.map { SweepPrompt(prompts[$0].sequence, touched: prompts[$0].touched) },
      reading: score.readout, base: try table.interventions(base, at: touched), threads: threads,
      memoryLimit: memoryLimit)
  }

  /// How many tokens go through how many blocks in a sweep, and about how many bytes it takes besides
  /// the weights.
  public func estimate() throws -> (tokenBlocks: Int, bytes: Int) {
    let rerun = try rerun(base: [], places: Array(prompts.indices))
    let heads = model.shape.heads
    return (
      try rerun.tokenBlocks(variants: heads, shared: table.isShared),
      try rerun.estimatedBytes(variants: heads, shared: table.isShared)
    )
  }
}

extension HeadReading {
  /// What a whole pass captured.
  init(_ capture: SequenceCapture, _ readout: HeadReadout) {
    let all = capture.values[.logits]?.values ?? []
    let logits: [Float] =
      switch readout.logits {
      case .none: []
      case .all: all
      case .tokens(let tokens): tokens.map { all[Int($0)] }
      }
    self.init(
      state: capture.values[readout.hook]?.values ?? [], logits: logits, changeSquared: 0)
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
