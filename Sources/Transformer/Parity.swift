import Prompts
import Tensors

/// How far a model's every hook is from what another implementation recorded for the same tokens.
///
///     let parity = try Parity(of: model, with: ParityReference("reference.safetensors"))
///     print(parity.agrees, parity.sites.map(\.worst.relative))
public struct Parity: Sendable, Encodable {
  /// The largest difference of a site, and where it is.
  public struct Worst: Sendable, Encodable {
    /// The difference, in the unit of the recorded values.
    public var absolute: Double
    /// The difference in units of the largest absolute recorded value of its tensor.
    public var relative: Double
    /// The layer's hook, where the largest difference is.
    public var hook: HookPoint
    /// The prompt, counted from 0.
    public var prompt: Int
    /// The token.
    public var position: Int
  }

  /// One site in all layers and prompts.
  public struct Site: Sendable, Encodable {
    /// The same hook of every layer that has one.
    public var site: HookPoint.Site
    /// How many values were compared.
    public var values: Int
    /// The largest absolute difference, which may be elsewhere than the largest relative one.
    public var absolute: Double
    /// The largest relative difference.
    public var worst: Worst
    /// The largest difference in units of the largest absolute recorded value of its own token: the
    /// first token of many models is a hundred times larger than the others.
    public var byToken: Double
    /// How many of the model's values are NaN or infinite; they are in no difference.
    public var nonFinite: Int
    /// Whether no value is NaN or infinite and the differences are within the tolerance.
    public var agrees: Bool
  }

  /// A greedy choice that is not the recorded one; later choices of its prompt depend on it.
  public struct Departure: Sendable, Encodable {
    /// The recorded prompt, counted from 0.
    public var prompt: Int
    /// The step, counted from 0.
    public var step: Int
    /// The recorded token.
    public var expected: Int32
    /// The token that this model chooses.
    public var found: Int32
  }

  /// The bound of relative differences.
  public let tolerance: Double
  /// How much larger a difference may be in units of its own token's largest value.
  static let tokenAllowance = 20.0
  /// How many prompts were recorded.
  public let prompts: Int
  /// In the order of the forward pass.
  public let sites: [Site]
  /// For each hook how far this model and transformers in float32 are from the reference, where that
  /// is in float64 and tells both; in the order of the forward pass.
  public let distances: [Distance]
  /// Hooks that are recorded and that the model does not have.
  public let missing: [HookPoint]
  /// How many greedy choices were compared.
  public let greedyTokens: Int
  /// The first departure of each prompt that has one.
  public let departures: [Departure]
  /// Whether everything recorded is in the model and within the tolerance.
  public let agrees: Bool

  /// Runs the model over the recorded prompts and compares every recorded hook and greedy choice.
  ///
  /// - Parameters:
  ///   - tolerance: the bound of the difference, relative to the largest absolute recorded value of
  ///     the tensor. 5e-5 is what two orders of summation in single precision stay below.
  ///   - threads: results are the same for any number.
  /// - Throws: `Problem` when the file is damaged or belongs to a model of other sizes.
  public init(
    of model: Model, with reference: ParityReference, tolerance: Double = 5e-5,
    threads: Int = Model.defaultThreads
  ) throws {
    let recorded = Set(reference.sequences.flatMap(\.hooks))
    let hooks = recorded.filter { model.shape.has($0) }.sorted()
    var tally = Tally()
    if !hooks.isEmpty {
      let isLastOnly = reference.sequences.allSatisfy { $0.positions == [$0.tokens.count - 1] }
      let plan = Plan(capturing: hooks.map { Capture($0, at: isLastOnly ? .last : .all) })
      let batch = Batch(
        reference.sequences.enumerated().map { TokenSequence(id: "\($0)", tokens: $1.tokens) })
      _ = try model.run(batch, plan, threads: threads) { capture in
        try tally.add(capture, reference, model.shape)
      }
    }
    let departures = try reference.departures(of: model, threads: threads)
    self.tolerance = tolerance
    prompts = reference.sequences.count
    sites = tally.sites(tolerance)
    distances = tally.distances.means
    missing = recorded.filter { !model.shape.has($0) }.sorted()
    greedyTokens = reference.sequences.reduce(0) { $0 + $1.continuation.count }
    self.departures = departures
    // A prompt of which nothing is recorded would agree with any model.
    let isCompared = reference.sequences.allSatisfy {
      !$0.hooks.isEmpty || !$0.continuation.isEmpty
    }
    agrees =
      isCompared && !reference.sequences.isEmpty && missing.isEmpty && departures.isEmpty
      && sites.allSatisfy(\.agrees)
  }
}
