import Figures
import Refusal
import Statistics

extension StoredHeads {
  static let explanation =
    "A head is claimed to suppress refusal only where two tests agree after Holm's correction over all "
    + "heads: its value has one sign from prompt to prompt, and it points along the score's "
    + "direction more than random directions do. In every map red means that a head suppresses "
    + "refusal and blue that it supports it. Attribution reads what a head writes; a sweep removes "
    + "the head and measures what happens, so that only the sweep is causal."

  /// What a value above 0 says about suppression.
  private var sign: Double { kind == .attribute ? -1 : 1 }

  private var subject: String { "\(name), heads \(kind.rawValue)" }

  /// Which heads are claimed, or that none is.
  var verdict: Report.Verdict {
    switch kind {
    case .search:
      guard let set = maps.first?.sets?.sets.last, let step = steps.last else {
        return .init(.caution, "\(subject): no set was found.")
      }
      let heads = Self.names(step.heads.map { ($0.layer, $0.head) })
      let effect = set.effect.map { "\($0)" } ?? "\(Numbers.significant(set.mean)), no interval"
      let control = set.control.map {
        "; \($0.asLarge) of \($0.sets) random sets do as much, p = \(Numbers.significant($0.p))"
      }
      return .init(
        (set.control?.p ?? 1) < HeadFinding.level && (set.effect.map { !$0.contains(0) } ?? false)
          ? .found : .notFound,
        "\(subject): the best \(step.heads.count) heads are \(heads); on prompts that did not "
          + "choose them they change \(score) by \(effect)\(control ?? "; no random sets were run")."
      )
    case .attribute, .sweep:
      let claims = maps.map { map -> String in
        let claimed = map.findings.filter(\.isSuppressor)
        let form = map.name.isEmpty ? "" : " (\(map.name))"
        return claimed.isEmpty
          ? "none of \(map.findings.count) heads is claimed to suppress refusal\(form)"
          : "\(claimed.count) of \(map.findings.count) heads are claimed to suppress refusal"
            + "\(form): \(Self.names(claimed.map { ($0.layer, $0.head) }))"
      }
      let isFound = maps.contains { $0.findings.contains(where: \.isSuppressor) }
      return .init(
        isFound ? .found : .notFound,
        "\(subject): \(claims.joined(separator: "; ")) (n = \(prompts) prompts"
          + "\(groups.map { " in \($0) groups" } ?? ""), \(score)).")
    }
  }

  private static func names(_ heads: [(layer: Int, head: Int)]) -> String {
    let shown = heads.prefix(12).map { "\($0.layer).\($0.head)" }.joined(separator: ", ")
    return heads.count > 12 ? "\(shown) and \(heads.count - 12) more" : shown
  }

  var blocks: [Report.Block] {
    var blocks: [Report.Block] = []
    for map in maps {
      let form = map.name.isEmpty ? "" : ", \(map.name)"
      if !map.findings.isEmpty {
        blocks.append(.figure(figure(map)))
        blocks.append(
          .table(title: "\(subject)\(form): the ten farthest from 0", Self.extremes(map.findings)))
      }
      if let sets = map.sets {
        blocks.append(.table(title: "\(subject)\(form): \(Self.title(sets))", table(sets)))
      }
    }
    return blocks
  }

  private func figure(_ map: Map) -> HeadMapFigure {
    let (title, what, label) =
      kind == .sweep
      ? (
        "What happens without each head: \(name)",
        "The score with one head ablated minus the clean score, mean over \(prompts) prompts: above "
          + "0 the head holds refusal down.", "effect of removal"
      )
      : (
        "What each head writes: \(name), \(map.name)",
        "Each head's contribution to the score, \(map.name), mean over \(prompts) prompts: below 0 it "
          + "writes against refusal.", "contribution"
      )
    return HeadMapFigure(
      title: title,
      caption: "\(what) Colours are centred on 0. Score: \(score). Claims: "
        + (method.isEmpty ? "as the file has them" : method) + ".",
      valueLabel: label,
      heads: map.findings.map {
        .init(layer: $0.layer, head: $0.head, value: $0.mean, isFramed: $0.isSuppressor)
      },
      legend: .init(red: "suppresses refusal", blue: "supports it", frame: "claimed"),
      sign: sign, data: Self.data(map.findings))
  }

  /// Every number of every head.
  private static func data(_ findings: [HeadFinding]) -> DataTable {
    DataTable(
      columns: [
        "layer", "head", "mean", "low", "high", "cosine", "p_sign_flip", "p_random_direction",
        "p_holm", "p_screen_bh", "claimed",
      ],
      rows: findings.map { finding in
        [
          .integer(finding.layer), .integer(finding.head), .number(finding.mean),
          .init(finding.interval?.low), .init(finding.interval?.high), .init(finding.cosine),
          .number(finding.signFlipP), .init(finding.randomDirectionP), .number(finding.holmP),
          .number(finding.screenP), .text(finding.isSuppressor ? "yes" : "no"),
        ]
      })
  }

  private static func extremes(_ findings: [HeadFinding]) -> DataTable {
    let shown = findings.sorted {
      (-abs($0.mean), $0.layer, $0.head) < (-abs($1.mean), $1.layer, $1.head)
    }.prefix(10)
    return DataTable(
      columns: ["head", "mean", "cosine", "p sign-flip", "p directions", "p Holm"],
      rows: shown.map { finding in
        [
          .text(
            "\(finding.layer).\(finding.head)" + (finding.isSuppressor ? " (claimed)" : "")),
          finding.interval.map { .interval($0) } ?? .number(finding.mean), .init(finding.cosine),
          .number(finding.signFlipP), .init(finding.randomDirectionP), .number(finding.holmP),
        ]
      })
  }

  private static func title(_ sets: HeadSetReport) -> String {
    "sets chosen on \(sets.selectionPrompts) prompts, reported on \(sets.reportPrompts) others"
  }

  private func table(_ report: HeadSetReport) -> DataTable {
    DataTable(
      columns: ["heads", "share", "effect", "random sets", "their mean", "range", "p Holm"],
      rows: report.sets.map { set in
        [
          .text(Self.names(set.heads.map { ($0.layer, $0.head) })),
          set.share.map { .text("\(Numbers.percent($0))\u{A0}%") } ?? .missing,
          set.effect.map { .interval($0) } ?? .number(set.mean),
          set.control.map { .integer($0.sets) } ?? .missing, .init(set.control?.mean),
          set.control.map {
            .text(
              "\(Numbers.significant($0.lowest)) to \(Numbers.significant($0.highest))")
          } ?? .missing,
          .init(set.control?.p),
        ]
      })
  }
}
