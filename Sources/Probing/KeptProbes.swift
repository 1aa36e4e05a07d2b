import Files
import Runs
import Transformer

/// One probe of a training, with what it reached.
public struct TrainedProbe: Sendable, Equatable, Codable {
  /// Which one of a training it is.
  public struct Place: Sendable, Hashable, Codable {
    /// Where the probe reads.
    public var hook: HookPoint
    /// The rule by which it was found.
    public var kind: ProbeKind
    /// The label it tells in a 2 x 2 design, `refused` or `harmful`; nil in others.
    public var factor: String?
    /// The token of a map, counted from the prompt's end; nil in others.
    public var position: Int?
  }

  /// As it was trained.
  public var probe: Probe
  /// What it reached on selection and test rows, beside its controls.
  public var evaluation: ProbeEvaluation
}

/// The probes of one training that need not be trained again.
struct KeptProbes: Sendable {
  var journal: RunJournal<TrainedProbe.Place, TrainedProbe>?
  var factor: String?
  var position: Int?

  /// The kept probe of a hook, or a new one, which is kept.
  func probe(
    at hook: HookPoint, of kind: ProbeKind, width: Int,
    train: () throws(Problem) -> TrainedProbe
  ) throws(Problem) -> TrainedProbe {
    let place = TrainedProbe.Place(hook: hook, kind: kind, factor: factor, position: position)
    guard let kept = try journal?.row(place) else {
      let trained = try train()
      try journal?.append(trained, for: place)
      return trained
    }
    let (probe, sizes) = (kept.probe, [kept.probe.mean.count, kept.probe.scale.count])
    guard probe.hook == hook, kept.evaluation.hook == hook, probe.kind == kind,
      probe.width == width, sizes == [width, width]
    else {
      throw Problem(
        .journalDamaged, "kept probes", place: "\(hook)",
        problem: "is not the probe of this training",
        remedy: "remove the journal to start again")
    }
    return kept
  }
}
