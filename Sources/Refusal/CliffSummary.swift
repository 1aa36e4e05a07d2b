import Files
import Probing
import Statistics
import Transformer

/// The cliff of many transcripts: by kind of prompt, along the tokens and through the layers.
///
///     let summary = try CliffSummary(traces, trainedAt: probes.card.report.coverage, seed: 42)
///     for group in summary.groups { print(group.label, group.verdict.sentence) }
public struct CliffSummary: Sendable, Equatable, Codable {
  /// The transcripts of one label.
  public struct Group: Sendable, Equatable, Codable {
    /// The kind of prompt, such as `harmful`; `unlabelled` where the traces have none.
    public var label: String
    /// All that have the label, whether they can be measured or not.
    public var transcripts: Int
    /// Transcripts with both a plateau and a final token.
    public var measured: Int
    /// The prompts that the measured transcripts answer: equal `TokenTrace.group`s are one.
    public var prompts: Int
    /// At the hook of the verdicts, by the summary's rule.
    public var means: Means
    /// The same means by every rule of the plateau, the paper's beside the robust ones.
    public var rules: [RuleMeans]
    /// The share of the mean cliff that lies inside the end-of-thinking template; nil where the mean
    /// does not fall.
    public var endOfThinkingShare: Double?
    /// Its interval over prompts; nil where the share has no spread, or the mean does not fall in
    /// enough resamples.
    public var endOfThinkingInterval: Interval?
    /// Where the largest fall of one step begins, counted over the measured transcripts.
    public var fallStarts: FallStarts
    /// The cliff beside that of random directions; nil where they were not traced.
    public var control: CliffControl?
    public internal(set) var verdict: Verdict
    /// Mean of s around the last thinking token; its position 0 is that token.
    public var aligned: AverageCurve
    /// Mean of s from the first thinking token to the final one, each curve stretched to 100 points.
    public var resampled: AverageCurve
    /// The same means at every hook.
    public var layers: [Layer]
  }

  /// Means over transcripts, each with its bootstrap interval over prompts.
  ///
  /// Nil with fewer than two prompts, or where all have the same value.
  public struct Means: Sendable, Equatable, Codable {
    /// Over transcripts that have a plateau.
    public var plateau: Interval?
    /// Over transcripts that have a final token.
    public var final: Interval?
    /// Over transcripts that have both.
    public var cliff: Interval?
    /// Cliff over plateau, over transcripts whose plateau is at least 0.01.
    public var relativeDrop: Interval?
  }

  /// Means by one rule of the plateau, at the hook of the verdicts.
  public struct RuleMeans: Sendable, Equatable, Codable {
    /// How the plateau was taken for these means.
    public var rule: PlateauRule
    /// At the hook of the verdicts, over the transcripts that have a plateau by this rule.
    public var means: Means
  }

  /// Transcripts by the place where their score begins its largest fall from one token to the next.
  public struct FallStarts: Sendable, Equatable, Codable {
    /// Before the last thinking token.
    public var thinking = 0
    /// From the last thinking token into the template.
    public var lastThinkingToken = 0
    /// Inside the end-of-thinking template.
    public var endOfThinking = 0
    /// The score never falls.
    public var nowhere = 0
    /// The share that begins at the last thinking token or behind it, with its interval over prompts.
    public var atTheEnd: Interval?
    /// The median distance of that token from the last thinking token, in tokens; negative before it.
    public var medianOffset: Double?
  }

  /// The layer study: one hook's means.
  public struct Layer: Sendable, Equatable, Codable {
    /// Where the probe of these means reads.
    public var hook: HookPoint
    /// By the summary's rule.
    public var means: Means
  }

  /// The version of the format that `summary.json` has.
  public var schema = "bathyscope-cliff-1"
  /// The hook that the verdicts are about.
  public var hook: HookPoint
  /// How the plateau was taken for verdicts and layers.
  public var rule: PlateauRule
  /// How far the probe falls by itself in the transcripts that trained it; nil where that is not known.
  public var naturalFall: Double?
  /// Of the bootstrap over prompts: the same seed gives the same intervals.
  public var seed: UInt64
  /// One per label in alphabetical order; transcripts without a label are `unlabelled`.
  public var groups: [Group]

  /// - Parameters:
  ///   - traces: with the same hooks and the same chosen hook.
  ///   - coverage: at which places the probe was trained, as its card says; where it was not trained at
  ///     the thinking and the final token, or it is not known, no verdict can be told.
  ///   - naturalFall: of the probe, as its card says: a cliff is a larger one.
  ///   - resamples: bootstrap resamples of whole prompts; intervals of means are BCa.
  /// - Throws: when there are none or their hooks differ.
  public init(
    _ traces: [TokenTrace], trainedAt coverage: TokenCoverage?, naturalFall: Double? = nil,
    rule: PlateauRule = .robust, seed: UInt64, resamples: Int = 10_000
  ) throws(Problem) {
    guard let first = traces.first else {
      throw Problem(.noPrompts, "cliff", problem: "there are no transcripts", remedy: "give some")
    }
    guard traces.allSatisfy({ $0.hooks == first.hooks && $0.chosen == first.chosen }) else {
      throw Problem(
        .differentHooks, "cliff", problem: "transcripts were traced at different hooks",
        remedy: "trace them with the same probes")
    }
    hook = first.hooks[first.chosen]
    self.rule = rule
    self.naturalFall = naturalFall
    self.seed = seed
    let bootstrap = Bootstrap(seed: seed, resamples: resamples)
    let byLabel = Dictionary(grouping: traces) { $0.label ?? "unlabelled" }
    groups = []
    for (label, traces) in byLabel.sorted(by: { $0.key < $1.key }) {
      groups.append(try Group(label, traces, rule, bootstrap))
    }
    try correct()
    judge(trainedAt: coverage)
  }
}

extension CliffSummary {
  /// Says what was found.
  mutating func judge(trainedAt coverage: TokenCoverage?) {
    for index in groups.indices {
      groups[index].verdict = Verdict(
        of: groups[index], rule: rule, trainedAt: coverage, naturalFall: naturalFall ?? 0)
    }
  }

  /// Corrects the controls of all groups together.
  private mutating func correct() throws(Problem) {
    // Groups that are too small for a verdict are no test and take no part in the correction.
    let places = groups.indices.filter { index in
      groups[index].control != nil && groups[index].prompts >= Verdict.fewestPrompts
    }
    let raw = places.compactMap { groups[$0].control?.p }
    let p = try MultipleComparisons.holm.adjusted(raw)
    for (place, p) in zip(places, p) { groups[place].control?.p = p }
  }
}

extension CliffSummary.Group {
  fileprivate init(
    _ label: String, _ traces: [TokenTrace], _ rule: PlateauRule, _ bootstrap: Bootstrap
  ) throws(Problem) {
    self.label = label
    transcripts = traces.count
    var layers: [CliffSummary.Layer] = []
    for (index, hook) in traces[0].hooks.enumerated() {
      let cliffs = traces.map { $0.cliff(at: index, rule: rule) }
      layers.append(.init(hook: hook, means: try .init(cliffs, traces, bootstrap)))
    }
    self.layers = layers
    means = layers[traces[0].chosen].means
    let pairs = zip(traces, traces.map { $0.cliff(rule: rule) }).filter { $0.1.cliff != nil }
    measured = pairs.count
    prompts = Set(pairs.map(\.0.group)).count
    rules = []
    for rule in [PlateauRule.robust, .percentile, .paper] {
      let cliffs = traces.map { $0.cliff(rule: rule) }
      rules.append(.init(rule: rule, means: try .init(cliffs, traces, bootstrap)))
    }
    // The ratio of sums: a transcript that hardly falls has a ratio that says nothing.
    let falls = pairs.map { $0.1.cliff ?? 0 }
    let atEnd = pairs.map { $0.1.endOfThinkingFall ?? 0 }
    let total = falls.reduce(0, +)
    endOfThinkingShare = total > 0 ? atEnd.reduce(0, +) / total : nil
    fallStarts = try .init(pairs.map { ($0, $1) }, bootstrap)
    endOfThinkingInterval = try bootstrap.ratio(
      atEnd, over: falls, clusters: pairs.map(\.0.group))
    control = CliffControl(cliff: means.cliff?.estimate, of: traces, rule: rule)
    verdict = Verdict(.notMeasurable)
    aligned = try .aligned(traces, bootstrap: bootstrap)
    resampled = try .resampled(traces, bootstrap: bootstrap)
  }
}

extension CliffSummary.Means {
  fileprivate init(
    _ cliffs: [Cliff], _ traces: [TokenTrace], _ bootstrap: Bootstrap
  ) throws(Problem) {
    func mean(_ value: (Cliff) -> Double?) throws(Problem) -> Interval? {
      let present = zip(cliffs, traces).compactMap { cliff, trace in
        value(cliff).map { (value: $0, group: trace.group) }
      }
      return try bootstrap.mean(present.map(\.value), clusters: present.map(\.group))
    }
    plateau = try mean { $0.plateau }
    final = try mean { $0.final }
    cliff = try mean { $0.cliff }
    relativeDrop = try mean { $0.relativeDrop }
  }
}

extension CliffSummary.FallStarts {
  fileprivate init(
    _ cliffs: [(trace: TokenTrace, cliff: Cliff)], _ bootstrap: Bootstrap
  ) throws(Problem) {
    var isAtEnd: [Bool] = []
    var offsets: [Int] = []
    for (trace, cliff) in cliffs {
      guard let start = cliff.largestFallStart, let last = trace.landmarks.thinking.last else {
        nowhere += 1
        isAtEnd.append(false)
        continue
      }
      offsets.append(start - last)
      isAtEnd.append(start >= last)
      if start < last {
        thinking += 1
      } else if start == last {
        lastThinkingToken += 1
      } else {
        endOfThinking += 1
      }
    }
    atTheEnd = try bootstrap.share(isAtEnd, clusters: cliffs.map(\.trace.group))
    offsets.sort()
    let (low, high) = ((offsets.count - 1) / 2, offsets.count / 2)
    medianOffset = offsets.isEmpty ? nil : Double(offsets[low] + offsets[high]) / 2
  }
}
