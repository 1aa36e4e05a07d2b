import Figures
import Files
import Refusal
import Statistics

/// Traces of several models side by side: which fall, and which do not.
///
///     let comparison = try TraceComparison([
///       ("aligned", StoredTrace("traces/aligned")), ("cliff", StoredTrace("traces/cliff")),
///     ])
///     comparison.verdicts.map(\.text)
public struct TraceComparison: Sendable {
  /// One model's traces.
  public struct Entry: Sendable {
    /// What the model is called in the report, as no other one is.
    public var name: String
    /// The folder that `bathyscope trace` wrote, read back.
    public var trace: StoredTrace
  }

  /// In the order given; the first is the one that others are compared with.
  public let entries: [Entry]
  /// Each later model against the first, on the prompts that both answered.
  let differences: [(name: String, differences: [CliffDifference])]

  /// - Parameter traces: by name; the first is the one that others are compared with.
  /// - Throws: when there are none or two have one name.
  public init(_ traces: [(name: String, trace: StoredTrace)]) throws(Problem) {
    guard let first = traces.first, Set(traces.map(\.name)).count == traces.count else {
      throw Problem(
        traces.isEmpty ? .noPrompts : .duplicateName, traces.first?.trace.folder ?? "traces",
        problem: traces.isEmpty ? "there are none" : "two traces have one name",
        remedy: "give every trace a name of its own")
    }
    entries = traces.map { Entry(name: $0.name, trace: $0.trace) }
    let labels = first.trace.summary.groups.count
    var differences: [(name: String, differences: [CliffDifference])] = []
    for (name, trace) in traces.dropFirst() {
      do throws(Problem) {
        differences.append(
          (
            name,
            try CliffDifference.between(
              trace.traces, and: first.trace.traces, rule: first.trace.summary.rule,
              comparisons: (traces.count - 1) * labels, seed: first.trace.summary.seed)
          ))
      } catch {
        throw Problem(
          error.code, trace.folder, place: error.place, problem: error.problem, remedy: error.remedy
        )
      }
    }
    self.differences = differences
  }

  /// The kinds of prompts of all models, in alphabetical order.
  var labels: [String] { Set(entries.flatMap { $0.trace.summary.groups.map(\.label) }).sorted() }

  func group(_ label: String, of entry: Entry) -> CliffSummary.Group? {
    entry.trace.summary.groups.first { $0.label == label }
  }

  // MARK: In words

  /// One for each model, then what a reader has to know before comparing heights.
  public var verdicts: [Report.Verdict] {
    let models = entries.map { entry in
      let groups = entry.trace.summary.groups
      let kinds = Set(groups.map(\.verdict.kind))
      let kind: Report.Verdict.Kind =
        kinds.contains(.cliff)
        ? .found : kinds.isSubset(of: [.notMeasurable, .cannotBeTold]) ? .caution : .notFound
      return Report.Verdict(
        kind,
        groups.map { "\(entry.name), \($0.label): \($0.verdict.sentence)" }.joined(separator: "\n"))
    }
    return models + cautions.map { Report.Verdict(.caution, $0) }
  }

  /// What makes heights differ besides the models.
  private var cautions: [String] {
    var cautions: [String] = []
    func differ(_ value: (Entry) -> String) -> String? {
      guard Set(entries.map(value)).count > 1 else { return nil }
      return entries.map { "\($0.name): \(value($0))" }.joined(separator: "; ")
    }
    if let probes = differ({ "\($0.trace.card.name) \($0.trace.card.probeSHA256.prefix(12))" }) {
      cautions.append(
        "Different probes scored the models, so that heights cannot be compared. \(probes)")
    }
    if let hooks = differ({ "\($0.trace.summary.hook)" }) {
      cautions.append("The models are read at different places. \(hooks)")
    }
    if let rules = differ({ $0.trace.summary.rule.description }) {
      cautions.append("The verdicts go by different rules of the plateau. \(rules)")
    }
    let weights = Dictionary(grouping: entries) { $0.trace.provenance.model?.weightsSHA256 ?? "" }
    for (digest, same) in weights.sorted(by: { $0.key < $1.key })
    where !digest.isEmpty && same.count > 1 {
      cautions.append(
        "\(same.map(\.name).joined(separator: " and ")) have the same weights: one model under "
          + "several names.")
    }
    let prompts = entries.map { Set($0.trace.traces.map(\.group)) }
    if Set(prompts).count > 1 {
      let shared = prompts.dropFirst().reduce(prompts[0]) { $0.intersection($1) }
      let counts = zip(entries, prompts).map { "\($0.name) \($1.count)" }.joined(separator: ", ")
      cautions.append(
        "The models did not answer the same prompts: \(counts); \(shared.count) are in all.")
    }
    let forced = entries.filter { !$0.trace.forced.isEmpty }
    if !forced.isEmpty {
      let names = forced.map {
        "\($0.name), on which the probe of \($0.trace.card.modelID) was used"
      }
      cautions.append(
        "A probe reads a model that it was not trained on, which was allowed with --force: "
          + "\(names.joined(separator: "; ")). It may read there what it did not learn to read.")
    }
    return cautions
  }
}

extension Interval {
  /// `0.72 [0.68, 0.76]`, without n, which stands elsewhere, and with so many decimals at most.
  func bounds(decimals most: Int = 6) -> String {
    let digits = min(decimals, most)
    func text(_ value: Double) -> String { fixed(value, decimals: digits) }
    // Unbroken, also in a narrow table.
    return "\(text(estimate))\u{A0}[\(text(low)),\u{A0}\(text(high))]"
  }
}
