import Figures
import Files
import Foundation
import Probing
import Refusal
import Runs

/// The results of one study, as the commands wrote them: what one report is made of.
///
///     var study = StudyResults()
///     study.traces = try TraceComparison([("aligned", StoredTrace("traces/aligned"))])
///     study.heads = [try StoredHeads("heads/sweep.json")]
///     try Report(study, title: "The refusal cliff").write(to: "report")
public struct StudyResults: Sendable {
  /// Cliffs of one model or of several; nil without traces.
  public var traces: TraceComparison?
  /// Attributions, sweeps and searches.
  public var heads: [StoredHeads] = []
  /// One for each file of `bathyscope attack`.
  public var attacks: [StoredAttack] = []
  /// One for each probe's folder.
  public var probes: [StoredProbe] = []
  /// What was chosen from a pool; nil without a selection.
  public var selection: SelectionResult?

  /// An empty study, to be filled part by part.
  public init() {}

  /// Whether there is nothing to report.
  public var isEmpty: Bool {
    traces == nil && heads.isEmpty && attacks.isEmpty && probes.isEmpty && selection == nil
  }

  /// The name that a result's model has in this study.
  ///
  /// A result that nobody named has to be of a model of the study; one that was named like a trace, of
  /// that trace's model.
  /// - Parameter given: the name that it was given; nil to take its model's.
  /// - Throws: with both identities, when the model is another.
  public func name(
    of model: ModelName, in file: String, given: String?
  ) throws(Problem) -> String {
    let known = (traces?.entries ?? []).map { entry in
      (name: entry.name, model: ModelName(entry.trace.provenance))
    }
    if let given {
      if let other = known.first(where: { $0.name == given }), other.model != model {
        throw Problem(
          .otherModel, file, place: "weights SHA-256",
          problem: "is of \(model), and the trace named \(given) is of \(other.model)",
          remedy: "give it another name, or name a file of that model")
      }
      return given
    }
    if let same = known.first(where: { $0.model == model }) { return same.name }
    let all = known.map(\.model) + heads.map(\.model) + attacks.map(\.model)
    guard let other = all.first, !all.contains(model) else { return model.id }
    throw Problem(
      .otherModel, file, place: "weights SHA-256",
      problem: "is of \(model), and this study is of \(other)",
      remedy: "name its model if both belong into one report: NAME=\(file)")
  }
}

/// Which model a result is of; the digest of the weights decides.
public struct ModelName: Sendable, Equatable, CustomStringConvertible {
  /// What the model is called; not compared.
  public var id: String
  /// SHA-256 of the weights: equal digests are one model.
  public var weightsSHA256: String

  /// A digest that is not known is the empty text.
  public init(id: String, weightsSHA256: String) {
    (self.id, self.weightsSHA256) = (id, weightsSHA256)
  }

  /// From the provenance of an attack.
  public init(_ provenance: [String: String]) {
    self.init(
      id: provenance["model"] ?? "an unnamed model",
      weightsSHA256: provenance["weights SHA-256"] ?? "")
  }

  /// From where a result came from.
  public init(_ provenance: Provenance) {
    self.init(
      id: provenance.model?.id ?? "an unnamed model",
      weightsSHA256: provenance.model?.weightsSHA256 ?? "")
  }

  /// Whether both have the same weights, whatever they are called.
  public static func == (one: ModelName, other: ModelName) -> Bool {
    one.weightsSHA256 == other.weightsSHA256
  }

  /// The name with the first twelve digits of the digest.
  public var description: String { "\(id) (weights SHA-256 \(weightsSHA256.prefix(12)))" }
}

extension Report {
  /// One page for a whole study: answers first, then every part that there is, then where all of it came
  /// from.
  public init(_ study: StudyResults, title: String, facts: [Fact] = []) {
    self.init(title: title)
    if let traces = study.traces {
      verdicts += traces.verdicts
      sections.append(traces.section)
      self.facts += traces.facts
    }
    if !study.heads.isEmpty {
      verdicts += study.heads.map(\.verdict)
      sections.append(
        Section(
          title: "Heads",
          blocks: [.prose(StoredHeads.explanation)] + study.heads.flatMap(\.blocks)))
      self.facts += study.heads.flatMap(\.facts)
    }
    if !study.attacks.isEmpty {
      verdicts += study.attacks.flatMap(\.verdicts)
      sections.append(
        Section(
          title: "Attack success",
          blocks: [.prose(StoredAttack.explanation)] + study.attacks.flatMap(\.blocks)))
      self.facts += study.attacks.flatMap(\.facts)
    }
    if !study.probes.isEmpty {
      sections.append(Section(title: "Probes", blocks: study.probes.flatMap(\.blocks)))
      self.facts += study.probes.flatMap(\.facts)
    }
    if let selection = study.selection {
      sections.append(Section(title: "Selected data", blocks: selection.blocks))
      self.facts += selection.facts
    }
    summary = [
      "This page puts \(Self.list(sections.map { $0.title.lowercased() })) together. The boxes say "
        + "what was found and what was not; every number has its interval and n, every figure its "
        + "data as CSV and JSON."
    ]
    self.facts += facts
  }

  private static func list(_ words: [String]) -> String {
    guard words.count > 1, let last = words.last else { return words.first ?? "nothing" }
    return words.dropLast().joined(separator: ", ") + " and " + last
  }
}

extension TraceComparison {
  /// Where the traces came from.
  var facts: [Report.Fact] {
    entries.flatMap { entry in
      entry.trace.provenance.facts.map {
        Report.Fact("\(entry.name): \($0.name)", $0.value)
      } + entry.trace.forced.map { Report.Fact("\(entry.name): forced", $0) }
    }
  }
}

extension Provenance {
  /// All of it but the settings, one by one.
  public var facts: [Report.Fact] {
    let files = Dictionary(grouping: inputs, by: \.role).sorted { $0.key < $1.key }.map {
      role, files in
      Report.Fact(role, files.map { "\($0.name) \($0.sha256)" }.joined(separator: ", "))
    }
    let model = model.map { model -> [Report.Fact] in
      [
        .init("model", model.id), .init("weights SHA-256", model.weightsSHA256),
        .init("chat template SHA-256", model.templateSHA256 ?? "none"),
        .init("tokenizer SHA-256", model.tokenizerSHA256 ?? "none"),
        .init("precision", model.precision), .init("kernel", model.kernel),
      ]
    }
    return (model ?? []) + files
      + [.init("seed", seed.map { "\($0)" } ?? "none"), .init("Bathyscope", version)]
  }
}
