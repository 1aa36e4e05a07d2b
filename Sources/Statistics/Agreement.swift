import Files

/// How far two judges of the same items agree.
public struct Agreement: Codable, Sendable, Equatable {
  /// Cohen's kappa (1960), the agreement beyond chance; nil when both always give the same one
  /// verdict, where chance alone agrees perfectly.
  public var kappa: Double?
  /// The share of items with equal verdicts.
  public var observed: Interval
  /// The indices of the items with different verdicts, to be read by a person.
  public var disagreements: [Int]

  /// Nil without items.
  /// - Throws: when the judges saw different numbers of items.
  public init?<Verdict: Hashable>(
    _ first: [Verdict], _ second: [Verdict]
  ) throws(Problem) {
    try requireSameCount(first.count, second.count, "agreement")
    disagreements = first.indices.filter { first[$0] != second[$0] }
    let agreed = first.count - disagreements.count
    guard let observed = Interval.wilson(successes: agreed, trials: first.count) else { return nil }
    self.observed = observed
    var (counts, otherCounts): ([Verdict: Int], [Verdict: Int]) = ([:], [:])
    for (one, other) in zip(first, second) {
      counts[one, default: 0] += 1
      otherCounts[other, default: 0] += 1
    }
    // Whole numbers: the order of a dictionary must not reach the last bits.
    let chancePairs = counts.reduce(0) { $0 + $1.value * otherCounts[$1.key, default: 0] }
    let chance = Double(chancePairs) / (Double(first.count) * Double(first.count))
    kappa = chance < 1 ? (observed.estimate - chance) / (1 - chance) : nil
  }
}

/// A detector's outcomes: whether it reports what is there, and only that.
public struct Detection: Codable, Sendable, Equatable {
  /// Trials with something to detect in which it was reported.
  public var hits: Int
  /// Trials with something to detect in which nothing was reported.
  public var misses: Int
  /// Trials with nothing to detect in which something was reported.
  public var falseAlarms: Int
  /// Trials with nothing to detect in which nothing was reported.
  public var correctRejections: Int

  /// - Precondition: no count is negative.
  public init(hits: Int, misses: Int, falseAlarms: Int, correctRejections: Int) {
    precondition(min(hits, misses, falseAlarms, correctRejections) >= 0, "counts are not negative")
    self.hits = hits
    self.misses = misses
    self.falseAlarms = falseAlarms
    self.correctRejections = correctRejections
  }

  /// Nil without trials that had something to detect.
  public var hitRate: Interval? { .wilson(successes: hits, trials: hits + misses) }

  /// Nil without trials that had nothing to detect.
  public var falseAlarmRate: Interval? {
    .wilson(successes: falseAlarms, trials: falseAlarms + correctRejections)
  }

  /// The mean of hit rate and correct rejection rate: 0.5 is chance whatever the class sizes.
  public var balancedAccuracy: Double? {
    guard let hitRate, let falseAlarmRate else { return nil }
    return (hitRate.estimate + 1 - falseAlarmRate.estimate) / 2
  }

  /// The sensitivity d' = z(hit rate) - z(false alarm rate) of signal detection theory.
  ///
  /// Rates are (count + 0.5) / (trials + 1), the log-linear correction of Hautus (1995), because the
  /// plain rates 0 and 1 have no z. Nil when one kind of trial is missing.
  public var dPrime: Double? { correctedZ.map { $0.hit - $0.falseAlarm } }

  /// The criterion c = -(z(hit rate) + z(false alarm rate)) / 2: above 0 the detector tends to say no.
  public var criterion: Double? { correctedZ.map { -($0.hit + $0.falseAlarm) / 2 } }

  private var correctedZ: (hit: Double, falseAlarm: Double)? {
    guard hits + misses > 0, falseAlarms + correctRejections > 0 else { return nil }
    func z(_ count: Int, _ trials: Int) -> Double {
      Normal.quantile((Double(count) + 0.5) / (Double(trials) + 1))
    }
    return (z(hits, hits + misses), z(falseAlarms, falseAlarms + correctRejections))
  }
}
