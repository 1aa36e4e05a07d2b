import Files
import Probing
import Statistics
import Tensors
import Transformer

/// What every head writes along a direction at the last token: c[l,h] = <o[l,h,T], w> / |w|, with o the
/// head's share of the output projection (arXiv 2510.06036).
///
///     let attribution = try HeadAttribution(
///       model, prompts, along: .probe(probe), threads: 2)
///     attribution.contributions[7]     // of one head, in each prompt
public struct HeadAttribution: Sendable {
  /// The direction, and where it lives.
  public struct Direction: Sendable, Equatable {
    /// `[dModel]`, of any length but 0: contributions are divided by it.
    public var vector: [Float]
    /// Whether it reads the final norm's output, so that its form through the frozen norm is offered.
    public var isBehindFinalNorm: Bool
    /// Blocks behind it cannot write along it; nil for all.
    public var lastLayer: Int?
    /// What it is, in words.
    public var name: String

    /// - Parameter lastLayer: nil for a direction that every block can write along.
    public init(
      _ vector: [Float], isBehindFinalNorm: Bool, lastLayer: Int? = nil, name: String
    ) {
      (self.vector, self.isBehindFinalNorm) = (vector, isBehindFinalNorm)
      (self.lastLayer, self.name) = (lastLayer, name)
    }
  }

  /// Along which contributions are measured.
  public let direction: Direction
  /// Block by block, all that can write along the direction.
  public let heads: [Head]
  /// `[heads][prompts]`: <o, w> / |w|.
  public let contributions: [[Double]]
  /// `[heads][prompts]`: <o, g w / rms(h_T)> / |w|, what the head adds to the score behind the final
  /// norm when the norm's scale is held; nil for a direction that lives before it.
  public let frozenContributions: [[Double]]?
  /// For each block the largest distance between the heads' shares plus bias and attention's output
  /// along the direction, and the largest size of that output: a check, not an estimate.
  public let completeness: [Completeness]
  private let cosines: (raw: [Double?], frozen: [Double?])
  private let groups: [String]
  private let width: Int

  /// How well the heads' shares of one block add up to what attention wrote.
  public struct Completeness: Sendable, Equatable, Codable {
    /// The block, from 0.
    public var layer: Int
    /// The largest distance over the prompts, along the direction of length 1.
    public var largestError: Double
    /// The largest size of attention's output over the prompts, along the same direction.
    public var largestOutput: Double
  }

  /// - Parameters:
  ///   - keeper: has what an earlier run with the same prompts read.
  ///   - advance: called with the number of tokens of each finished prompt.
  /// - Throws: when the direction has not the model's width or no length.
  public init(
    _ model: Model, _ prompts: [HeadPrompt], along direction: Direction,
    keeping keeper: (any CaptureKeeper)? = nil, threads: Int = Model.defaultThreads,
    advance: (Int) -> Void = { _ in }
  ) throws {
    let w = direction.vector.map { Double($0) }
    let length = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard w.count == model.shape.dModel, length > 0, length.isFinite else {
      throw Problem(
        .unfitVector, "direction \(direction.name)",
        problem:
          "has \(w.count) values and the length \(length), the model is \(model.shape.dModel) wide",
        remedy: "give a finite vector of the model's width")
    }
    guard !prompts.isEmpty else {
      throw Problem(.noPrompts, "heads", problem: "there are no prompts", remedy: "give some")
    }
    self.direction = direction
    groups = prompts.map(\.group)
    width = w.count
    let layers = 0...(direction.lastLayer ?? model.shape.layers - 1)
    heads = Head.all(of: model.shape, through: layers.upperBound)
    var sums = Sums(model, layers, prompts.count, w.map { $0 / length }, direction)
    let captures =
      layers.flatMap {
        [
          Capture(.headOutput(layer: $0), at: .last),
          Capture(.attentionOutput(layer: $0), at: .last),
        ]
      } + [.residual(after: model.shape.layers - 1, at: .last)]
    try model.run(
      Batch(prompts.map(\.sequence)), capturing: captures, keeping: keeper, threads: threads
    ) { capture in
      sums.add(capture)
      advance(prompts[capture.sequence].sequence.tokens.count)
    }
    contributions = sums.raw
    frozenContributions = direction.isBehindFinalNorm ? sums.frozen : nil
    completeness = sums.completeness
    cosines = sums.cosines
  }

  /// The heads whose contributions are lowest in some prompts, the lowest first.
  public func ranking(of contributions: [[Double]], on prompts: [Int]) -> [Head] {
    heads.ranked(by: contributions, on: prompts, sign: -1)
  }

  /// What the contributions say about each head; a suppression head's is negative.
  /// - Parameter frozen: through the frozen norm.
  public func findings(
    frozen: Bool = false, seed: UInt64, resamples: Int = 10_000
  ) throws -> [HeadFinding] {
    let values = frozen ? frozenContributions ?? contributions : contributions
    return try HeadFinding.judge(
      heads, values, groups: groups, cosines: frozen ? cosines.frozen : cosines.raw,
      dimensions: width, suppressingSign: -1, seed: seed, resamples: resamples)
  }
}

extension HeadAttribution.Direction {
  /// The direction along which a probe's score rises.
  /// - Throws: for a probe that reads nothing that heads write into.
  public init(of probe: Probe, name: String) throws(Problem) {
    switch (probe.hook.site, probe.hook.layer) {
    case (.finalNorm, _): self.init(probe.direction, isBehindFinalNorm: true, name: name)
    case (.residualAfter, let layer?):
      self.init(probe.direction, isBehindFinalNorm: false, lastLayer: layer, name: name)
    case (.residualBefore, let layer?) where layer > 0:
      self.init(probe.direction, isBehindFinalNorm: false, lastLayer: layer - 1, name: name)
    default:
      throw Problem(
        .wrongHook, name, place: "\(probe.hook)", problem: "is no place that heads write into",
        remedy:
          "use a probe of the residual stream before or after a block, or of ln_final.hook_out")
    }
  }

  /// The mean unembedding row of refusal openers minus that of compliance openers.
  public init(of openers: OpenerTokens, in model: Model) {
    func mean(_ tokens: [Int32]) -> [Double] {
      let rows = model.unembedding(of: tokens)
      return (0..<rows.columns).map { column in
        (0..<rows.rows).reduce(0) { $0 + Double(rows[$1, column]) } / Double(rows.rows)
      }
    }
    let difference = zip(mean(openers.refusal), mean(openers.compliance)).map { Float($0 - $1) }
    self.init(
      difference, isBehindFinalNorm: true,
      name: "unembedding of refusal openers minus compliance openers")
  }
}

/// Collects contributions prompt by prompt.
private struct Sums {
  let layers: ClosedRange<Int>
  let unit: [Double]
  /// The unit direction times the final norm's gain, without its mean where the norm takes it out.
  let gained: [Double]
  let isFrozen: Bool
  let analyses: [HeadWriter]
  let finalScale: ([Float]) -> Double
  var raw: [[Double]]
  var frozen: [[Double]]
  var means: [[Double]]
  var completeness: [HeadAttribution.Completeness]
  let heads: Int

  init(
    _ model: Model, _ layers: ClosedRange<Int>, _ prompts: Int, _ unit: [Double],
    _ direction: HeadAttribution.Direction
  ) {
    (self.layers, self.unit, heads) = (layers, unit, model.shape.heads)
    isFrozen = direction.isBehindFinalNorm
    let norm = model.finalNormPullback(unit)
    (gained, finalScale) = (norm.direction, norm.scale)
    analyses = layers.map { HeadWriter(model, layer: $0) }
    let empty = [Double](repeating: .nan, count: prompts)
    raw = Array(repeating: empty, count: layers.count * heads)
    frozen = raw
    means = Array(
      repeating: [Double](repeating: 0, count: unit.count), count: layers.count * heads)
    completeness = layers.map { .init(layer: $0, largestError: 0, largestOutput: 0) }
  }

  mutating func add(_ capture: SequenceCapture) {
    let last = capture.values.max { $0.key < $1.key }?.value.values ?? []
    let scale = isFrozen ? finalScale(last) : 0
    for (index, layer) in layers.enumerated() {
      let z = capture.values[.headOutput(layer: layer)]?.values ?? []
      let (shares, bias) = analyses[index].shares(of: z)
      for head in 0..<heads {
        let place = index * heads + head
        raw[place][capture.sequence] = dot(shares[head], unit)
        frozen[place][capture.sequence] = dot(shares[head], gained) / max(scale, 1e-300)
        for column in unit.indices { means[place][column] += shares[head][column] }
      }
      let output = capture.values[.attentionOutput(layer: layer)]?.values.map { Double($0) } ?? []
      let sum = (0..<heads).reduce(dot(bias, unit)) { $0 + dot(shares[$1], unit) }
      let along = dot(output, unit)
      completeness[index].largestError = max(completeness[index].largestError, abs(sum - along))
      completeness[index].largestOutput = max(completeness[index].largestOutput, abs(along))
    }
  }

  var cosines: (raw: [Double?], frozen: [Double?]) {
    (means.map { cosine($0, unit) }, means.map { cosine($0, gained) })
  }
}

private func dot(_ first: [Double], _ second: [Double]) -> Double {
  zip(first, second).reduce(0) { $0 + $1.0 * $1.1 }
}
