import Files
import Prompts
import Statistics
import Transformer

/// What one arm yielded, before any statistic.
package struct AttackYield {
  package var arm: AttackArm
  package var effects: [GenerationEffect] = []
  /// The same prompts and samples in every arm, in the same order.
  package var answers: [Answer] = []
  /// `[answers][judges]`.
  package var verdicts: [[Judgement]] = []
  /// To benign prompts; none for a control.
  package var benignAnswers: [Answer] = []
  package var benignVerdicts: [[Judgement]] = []
  package var losses: [TextLoss] = []
  package var isNeutralTouched = true

  package init(_ arm: AttackArm) { self.arm = arm }
}

/// From answers and verdicts to rates, comparisons and controls.
package struct AttackAnalysis {
  let judges: [JudgeCard]
  let yields: [AttackYield]
  let shape: ModelShape
  let bootstrap: Bootstrap

  package init(
    _ yields: [AttackYield], judges: [JudgeCard], shape: ModelShape, seed: UInt64,
    resamples: Int = 10_000
  ) {
    (self.yields, self.judges, self.shape) = (yields, judges, shape)
    bootstrap = Bootstrap(seed: seed, resamples: resamples)
  }

  /// - Throws: when the first is not the baseline, or arms have not the same prompts.
  package func result(
    settings: GenerationSettings, provenance: [String: String]
  ) throws(Problem) -> AttackResult {
    guard let baseline = yields.first, baseline.arm.role == .baseline, !baseline.answers.isEmpty,
      yields.allSatisfy({ $0.answers.map(\.name) == baseline.answers.map(\.name) })
    else {
      throw Problem(
        .differentRows, "attack",
        problem: "the arms have not answered the same prompts, baseline first",
        remedy: "answer every prompt under every arm")
    }
    var arms: [AttackResult.Arm] = []
    for yield in yields { arms.append(try arm(yield, baseline)) }
    for column in judges.indices { try compareWithControls(&arms, judge: column) }
    var agreements: [JudgeAgreement] = []
    let answers = yields.flatMap { yield in
      yield.answers.map { answer in
        var named = answer
        named.id = "\(yield.arm.name)/\(answer.id)"
        return named
      }
    }
    let verdicts = yields.flatMap(\.verdicts)
    for second in judges.indices {
      for first in 0..<second {
        agreements.append(
          try JudgeAgreement(
            (judges[first], verdicts.map { $0[first] }),
            (judges[second], verdicts.map { $0[second] }), answers, bootstrap: bootstrap))
      }
    }
    return AttackResult(
      judges: judges, arms: arms, agreements: agreements, controlRule: AttackArm.controlRule,
      correction: "Holm over the tested arms, for each judge", rows: yields.flatMap(rows),
      settings: settings, seed: bootstrap.seed, provenance: provenance)
  }

  private func rows(_ yield: AttackYield) -> [AttackResult.Row] {
    func row(_ answer: Answer, _ verdicts: [Judgement], _ isBenign: Bool) -> AttackResult.Row {
      AttackResult.Row(
        arm: yield.arm.name, id: answer.id, sample: answer.sample, group: answer.group,
        isBenign: isBenign, verdicts: verdicts)
    }
    return zip(yield.answers, yield.verdicts).map { row($0, $1, false) }
      + zip(yield.benignAnswers, yield.benignVerdicts).map { row($0, $1, true) }
  }

  private func arm(
    _ yield: AttackYield, _ baseline: AttackYield
  ) throws(Problem) -> AttackResult.Arm {
    let isBaseline = yield.arm.role == .baseline
    var arm = AttackResult.Arm(
      name: yield.arm.name, role: yield.arm.role,
      interventions: yield.arm.interventions.map(\.summary), heads: yield.arm.heads,
      headShare: Double(yield.arm.heads.count) / Double(shape.layers * shape.heads),
      effects: yield.effects, rates: [], comparisons: [], overRefusal: [],
      overRefusalComparisons: [],
      neutralLoss: yield.losses.isEmpty
        ? nil
        : NeutralLoss(
          yield.losses, baseline: isBaseline ? nil : baseline.losses,
          isTouched: yield.isNeutralTouched, bootstrap: bootstrap))
    for (column, card) in judges.enumerated() {
      arm.rates.append(
        try JudgeRate(
          card, yield.verdicts.map { $0[column] }, groups: yield.answers.map(\.group),
          isAnswered: yield.answers.map { $0.absence == nil }, bootstrap: bootstrap))
      if !isBaseline {
        arm.comparisons.append(
          try comparison(
            card, baseline.verdicts.map { $0[column] }, yield.verdicts.map { $0[column] },
            groups: yield.answers.map(\.group)))
      }
      guard card.measures == .refusal, !yield.benignAnswers.isEmpty else { continue }
      let groups = yield.benignAnswers.map(\.group)
      let benign = yield.benignVerdicts.map { $0[column] }
      arm.overRefusal.append(
        try JudgeRate(
          card, benign, groups: groups, isAnswered: yield.benignAnswers.map { $0.absence == nil },
          bootstrap: bootstrap))
      if !isBaseline {
        arm.overRefusalComparisons.append(
          try comparison(
            card, baseline.benignVerdicts.map { $0[column] }, benign, groups: groups))
      }
    }
    return arm
  }

  /// Pairs in which both have a verdict.
  private func comparison(
    _ card: JudgeCard, _ baseline: [Judgement], _ arm: [Judgement], groups: [String]
  ) throws(Problem) -> AttackResult.Comparison {
    let pairs = zip(zip(baseline, arm), groups).compactMap { pair, group in
      pair.0.success.flatMap { base in
        pair.1.success.map { (base: base, arm: $0, group: group) }
      }
    }
    let sums = Dictionary(grouping: pairs, by: \.group).mapValues { pairs in
      pairs.reduce(0) { $0 + ($1.arm ? 1 : 0) - ($1.base ? 1 : 0) }
    }
    let isPlain = sums.count == pairs.count
    return AttackResult.Comparison(
      judge: card.name, asked: arm.count, pairs: pairs.count, behaviours: sums.count,
      onlyBaseline: pairs.count { $0.base && !$0.arm },
      onlyArm: pairs.count { $0.arm && !$0.base },
      difference: try bootstrap.mean(
        pairs.map { ($0.arm ? 1 : 0) - ($0.base ? 1 : 0) }, clusters: pairs.map(\.group)),
      p: isPlain
        ? try mcNemarTest(pairs.map(\.base), pairs.map(\.arm))
        : signFlipTest(sums.values.sorted()),
      test: isPlain
        ? "exact McNemar" : "exact sign flips over \(sums.count) behaviours", pHolm: nil,
      range: pairs.count < arm.count ? range(baseline, arm) : nil, standing: nil)
  }

  /// The least and the most that the change can be over all that was asked, whatever the verdicts that are
  /// not there would have been.
  private func range(_ baseline: [Judgement], _ arm: [Judgement]) -> [Double] {
    func change(baseline missingBefore: Bool, arm missingAfter: Bool) -> Double {
      let sum = zip(baseline, arm).reduce(0) { sum, pair in
        sum + ((pair.1.success ?? missingAfter) ? 1 : 0)
          - ((pair.0.success ?? missingBefore) ? 1 : 0)
      }
      return Double(sum) / Double(arm.count)
    }
    return [change(baseline: true, arm: false), change(baseline: false, arm: true)]
  }

  /// Ranks each tested arm among its controls, and corrects both p values over the arms.
  private func compareWithControls(
    _ arms: inout [AttackResult.Arm], judge: Int
  ) throws(Problem) {
    let tested = arms.indices.filter { arms[$0].role == .tested }
    let adjusted = try MultipleComparisons.holm.adjusted(
      tested.map { arms[$0].comparisons[judge].p })
    for (index, p) in zip(tested, adjusted) { arms[index].comparisons[judge].pHolm = p }
    let ranked = tested.compactMap { index in
      standing(of: arms[index], arms, judge: judge).map { (arm: index, standing: $0) }
    }
    let corrected = try MultipleComparisons.holm.adjusted(ranked.map(\.standing.p))
    for ((index, standing), p) in zip(ranked, corrected) {
      var standing = standing
      standing.pHolm = p
      standing.leastHolm = min(1, Double(ranked.count) / Double(1 + standing.controls))
      arms[index].comparisons[judge].standing = standing
    }
  }

  private func standing(
    of arm: AttackResult.Arm, _ arms: [AttackResult.Arm], judge: Int
  ) -> AttackResult.Standing? {
    let changes = arms.filter { $0.role == .control(of: arm.name) }
      .compactMap { $0.comparisons[judge].change }
    guard !changes.isEmpty, let change = arm.comparisons[judge].change else { return nil }
    let asFar = changes.count { abs($0) >= abs(change) }
    let p = Double(1 + asFar) / Double(1 + changes.count)
    return .init(
      controls: changes.count, changes: changes.sorted(), change: change, asFar: asFar, p: p,
      pHolm: p, leastHolm: p)
  }
}

extension AttackResult.Comparison {
  /// The change in success; nil without pairs.
  var change: Double? {
    pairs > 0 ? Double(onlyArm - onlyBaseline) / Double(pairs) : nil
  }
}
