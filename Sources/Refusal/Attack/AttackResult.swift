import Statistics
import Transformer

/// All that an attack measured, down to every verdict.
///
/// Rates are over behaviours, each with n and interval; every tested arm stands beside its random
/// controls, over-refusal and a capability figure.
public struct AttackResult: Sendable, Equatable, Codable {
  /// One arm's numbers.
  public struct Arm: Sendable, Equatable, Codable {
    /// As the arm was called in the attack.
    public var name: String
    /// Whether it is the baseline, tested, or a control.
    public var role: AttackArm.Role
    /// What is changed, in words.
    public var interventions: [String]
    /// All heads that its interventions change, each once.
    public var heads: [Head]
    /// Those heads as a share of the model's.
    public var headShare: Double
    /// Proof that the changes happened while the attack's answers were written.
    public var effects: [GenerationEffect]
    /// One for each judge.
    public var rates: [JudgeRate]
    /// Against the baseline, one for each judge; empty for the baseline.
    public var comparisons: [Comparison]
    /// On benign prompts, one for each judge that measures refusal; empty for controls.
    public var overRefusal: [JudgeRate]
    /// Against the baseline on benign prompts; empty for baseline and controls.
    public var overRefusalComparisons: [Comparison]
    /// Its loss on neutral text; nil where that was not measured.
    public var neutralLoss: NeutralLoss?
  }

  /// An arm against the baseline, on the same prompts, by one judge.
  public struct Comparison: Sendable, Equatable, Codable {
    /// The judge's name, as its card has it.
    public var judge: String
    /// Answers that were asked for in both.
    public var asked: Int
    /// Those with a verdict in both, which are compared.
    public var pairs: Int
    /// The different behaviours among the pairs.
    public var behaviours: Int
    /// Successes in the baseline alone, and in the arm alone.
    public var onlyBaseline: Int
    /// Pairs with a success in the arm and none in the baseline.
    public var onlyArm: Int
    /// Success of the arm minus that of the baseline, with a paired bootstrap interval over behaviours; nil
    /// where all pairs differ alike or none does.
    public var difference: Interval?
    /// Two-sided.
    public var p: Double
    /// Which test that is.
    public var test: String
    /// After Holm's correction over the tested arms; nil for controls.
    public var pHolm: Double?
    /// The least and the most that the change can be over all that was asked; nil where all are compared.
    public var range: [Double]?
    /// Nil for controls, and without any.
    public var standing: Standing?
  }

  /// Where an arm's change stands among those of its random controls.
  public struct Standing: Sendable, Equatable, Codable {
    /// Random arms of the same kind and size.
    public var controls: Int
    /// The controls' changes in success, ascending.
    public var changes: [Double]
    /// The arm's own.
    public var change: Double
    /// Controls that change success by as much, in either direction.
    public var asFar: Int
    /// 1 where no control changes as much.
    public var rank: Int { asFar + 1 }
    /// (1 + asFar) / (1 + controls): it cannot be less than 1 / (1 + controls).
    public var p: Double
    /// After Holm's correction over the tested arms that have controls.
    public var pHolm: Double
    /// The least that `pHolm` can be for the first of so many arms: with fewer controls than it takes to
    /// come below 0.05, nothing can be shown.
    public var leastHolm: Double
  }

  /// One answer's verdicts.
  public struct Row: Sendable, Equatable, Codable {
    /// The arm's name.
    public var arm: String
    /// The request's id.
    public var id: String
    /// Counts the answers to one request, from 0.
    public var sample: Int
    /// The behaviour that the request asks for.
    public var group: String
    /// Whether the prompt is one of the benign ones, on which refusals are over-refusals.
    public var isBenign: Bool
    /// One for each judge.
    public var verdicts: [Judgement]
  }

  /// In the order in which arms and rows have rates and verdicts.
  public var judges: [JudgeCard]
  /// Baseline first, then each tested arm followed by its controls.
  public var arms: [Arm]
  /// How far the judges agree over all answers to the attack's prompts, one for each pair.
  public var agreements: [JudgeAgreement]
  /// How controls were drawn, in words.
  public var controlRule: String
  /// How p values were corrected, in words.
  public var correction: String
  /// Every answer of every arm, arm by arm; the benign ones after the others.
  public var rows: [Row]
  /// How answers were sampled.
  public var settings: GenerationSettings
  /// Of the bootstrap: the same seed gives the same intervals.
  public var seed: UInt64
  /// Where the numbers came from, by name.
  public var provenance: [String: String]
}
