import Files

/// Proof that an intervention happened while a model wrote: in the prompts, and in the steps behind.
///
/// A step runs the token before through the model, so n tokens take n - 1 of them; the last token is run
/// only where something is to be read at it.
public struct GenerationEffect: Sendable, Equatable, Codable {
  /// The intervention's place in the plan, counted from 0.
  public var intervention: Int
  /// The intervention in words, as `Intervention.summary` has it.
  public var summary: String
  /// Number of (hook, token) pairs touched in prompts.
  public var firedInPrefill: Int
  /// Number of (hook, token) pairs touched in generated tokens.
  public var firedInSteps: Int
  /// Number of generated tokens that went through the model, touched or not.
  public var steps: Int
  /// The hooks at which it fired.
  public var hooks: [HookPoint]
  /// Number of sequences in which it fired.
  public var sequences: Int
  /// Euclidean norm of the change over everything touched; 0 for an identity.
  public var norm: Double
  /// The largest norm of the change at one token.
  public var largestNorm: Double

  init(_ intervention: Int, _ summary: String) {
    (self.intervention, self.summary) = (intervention, summary)
    (firedInPrefill, firedInSteps, steps, sequences) = (0, 0, 0, 0)
    (norm, largestNorm, hooks) = (0, 0, [])
  }

  /// `fired 12 times in the prompts, 64 in 64 steps`.
  public var firings: String {
    "fired \(firedInPrefill) times in the prompts, \(firedInSteps) in \(steps) steps"
  }

  /// Adds what happened in one sequence or in several.
  mutating func add(_ other: GenerationEffect) {
    firedInPrefill += other.firedInPrefill
    firedInSteps += other.firedInSteps
    steps += other.steps
    sequences += other.sequences
    hooks = Set(hooks + other.hooks).sorted()
    norm = (norm * norm + other.norm * other.norm).squareRoot()
    largestNorm = max(largestNorm, other.largestNorm)
  }

  /// Sums the effects in many sequences; in one order of them, the same bits.
  /// - Parameter sequences: for each sequence, one effect per intervention.
  /// - Throws: when an intervention never fired.
  public static func summing(
    _ sequences: [[GenerationEffect]], of interventions: [Intervention]
  ) throws(Problem) -> [GenerationEffect] {
    var sums: [GenerationEffect] = []
    for (index, intervention) in interventions.enumerated() {
      var sum = GenerationEffect(index, intervention.summary)
      for effects in sequences where effects.indices.contains(index) { sum.add(effects[index]) }
      guard sum.firedInPrefill + sum.firedInSteps > 0 else {
        throw Problem(
          .noEffect, "intervention \(index) (\(intervention.summary))",
          problem: "touched nothing: no sequence has such positions",
          remedy: "check its positions against the prompts' and the answers' segments and lengths")
      }
      sums.append(sum)
    }
    return sums
  }
}

/// Counts what an intervention does in one sequence, pass by pass.
struct EffectCounter {
  private var effect: GenerationEffect
  private var hooks: Set<HookPoint> = []
  private var squares = 0.0

  init(_ intervention: Int, _ summary: String) { effect = GenerationEffect(intervention, summary) }

  mutating func count(_ mark: EffectMark, isPrefill: Bool) {
    if isPrefill {
      effect.firedInPrefill += mark.norms.count
    } else {
      effect.firedInSteps += mark.norms.count
    }
    hooks.insert(mark.hook)
    for norm in mark.norms {
      squares += norm * norm
      effect.largestNorm = max(effect.largestNorm, norm)
    }
  }

  /// - Parameter steps: generated tokens that went through the model.
  func total(steps: Int) -> GenerationEffect {
    var effect = effect
    effect.steps = steps
    effect.hooks = hooks.sorted()
    effect.sequences = hooks.isEmpty ? 0 : 1
    effect.norm = squares.squareRoot()
    return effect
  }
}
