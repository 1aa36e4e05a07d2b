import Bathyscope
import Foundation

/// One head as a study's file has it.
struct HeadRow: Codable {
  var finding: HeadFinding
  /// In each prompt, in the order of the prompts.
  var values: [Double]
  /// The mean norm of the change of the head's output: proof of effect.
  var meanChange: Double?
}

/// What `heads sweep` found.
struct SweepSummary: Codable {
  var prompts: [String]
  var groups: Int
  var clean: [Double]
  var cleanMean: Interval?
  /// How p values were found and corrected, and what they can reach.
  var method: String
  var heads: [HeadRow]
  /// Nil where sets cannot be reported; `setsNote` says why.
  var sets: HeadSetReport?
  var setsNote: String?

  init(
    _ study: HeadStudy, _ effects: HeadEffects, _ plan: HeadSetPlan, _ runner: HeadsRunner
  ) throws {
    prompts = study.prompts.map(\.sequence.id)
    let names = study.prompts.map(\.group)
    groups = Set(names).count
    clean = effects.clean
    cleanMean = try Bootstrap(seed: study.seed, resamples: plan.resamples)
      .mean(clean, clusters: names)
    let findings = try study.findings(effects, resamples: plan.resamples)
    method = claimMethod(
      heads: findings.count, groups: groups, seed: study.seed, isSigned: study.score.isSigned)
    let count = Double(max(study.prompts.count, 1))
    heads = findings.indices.map { index in
      HeadRow(
        finding: findings[index], values: effects.values[index],
        meanChange: effects.changes[index].reduce(0, +) / count)
    }
    guard study.canAblateSets else {
      setsNote = "this ablation differs from prompt to prompt, so that sets are not run"
      return
    }
    guard groups >= 4 else {
      setsNote = "\(groups) groups of prompts cannot be cut into two parts; at least 4 are needed"
      return
    }
    let chosen = try plan.split(study.prompts).train
    let ranking = effects.ranking(on: chosen)
    let clean = effects.clean
    sets = try plan.report(
      study.prompts, ranking: ranking, total: study.model.shape.layers * study.model.shape.heads,
      sign: 1
    ) { try runner.effects(of: $0, in: $1, clean: clean) }
  }

  var table: [[String]] {
    [["layer", "head", "prompt", "clean", "effect"]]
      + heads.flatMap { row in
        prompts.indices.map { prompt in
          [
            "\(row.finding.layer)", "\(row.finding.head)", prompts[prompt], "\(clean[prompt])",
            "\(row.values[prompt])",
          ]
        }
      }
  }

  func print() {
    if let cleanMean { printLine("clean score \(cleanMean)") }
    printFindings(
      heads.map(\.finding), sign: 1, word: "effect", method: method,
      what: "ablation raises the score")
    printSets(sets, note: setsNote)
  }
}

/// How claims are made, with the least p value that so few groups allow.
func claimMethod(heads: Int, groups: Int, seed: UInt64, isSigned: Bool) -> String {
  guard isSigned else { return "no claims: the score has no direction" }
  let test = SignFlipTest(seed: seed, tests: heads)
  let least = min(test.leastP(units: groups) * Double(heads), 1)
  let reach =
    least < HeadFinding.level
    ? "" : "; \(groups) groups cannot reach p < \(HeadFinding.level): give more prompts"
  return
    "larger p of a two-sided sign-flip test over \(groups) groups of prompts and of a comparison "
    + "with random directions, Holm over \(heads) heads (least possible \(significant(least)))\(reach)"
}

/// Claims, or that there are none, and the most extreme heads.
func printFindings(
  _ findings: [HeadFinding], sign: Double, word: String, method: String, what: String
) {
  let claimed = findings.filter(\.isSuppressor)
  print(
    claimed.isEmpty
      ? "no head is claimed to suppress refusal (n = \(findings.count) heads)"
      : "\(claimed.count) of \(findings.count) heads suppress refusal (\(what)): "
        + claimed.map { "\($0.layer).\($0.head)" }.joined(separator: ", "))
  print("claims: \(method)")
  let shown = findings.sorted {
    ($1.mean * sign, $0.layer, $0.head) < ($0.mean * sign, $1.layer, $1.head)
  }.prefix(10)
  printTable(
    [
      "head", "mean \(word)", "cosine", "p sign-flip", "p direction", "p Holm", "p screen (BH)", "",
    ],
    shown.map { finding in
      [
        "\(finding.layer).\(finding.head)", finding.interval?.description ?? fixed(finding.mean, 4),
        finding.cosine.map { fixed($0, 3) } ?? "-", significant(finding.signFlipP),
        finding.randomDirectionP.map(significant) ?? "-", significant(finding.holmP),
        significant(finding.screenP), finding.isSuppressor ? "claimed" : "",
      ]
    })
}

/// Sets on the prompts that did not choose them, beside random sets.
func printSets(_ report: HeadSetReport?, note: String?) {
  guard let report else { return print("sets: \(note ?? "none")") }
  print(
    "sets, chosen on \(report.selectionPrompts) prompts (\(report.selectionGroups) groups), reported on "
      + "\(report.reportPrompts) others (\(report.reportGroups) groups)")
  printTable(
    ["share", "heads", "effect", "random sets", "range", "p Holm (one-sided)"],
    report.sets.map { set in
      [
        set.share.map { "\(fixed(100 * $0, 1)) %" } ?? "-", "\(set.heads.count)",
        set.effect?.description ?? fixed(set.mean, 4),
        set.control.map { "\(fixed($0.mean, 4)) (n = \($0.sets))" } ?? "-",
        set.control.map { "\(fixed($0.lowest, 4)) to \(fixed($0.highest, 4))" } ?? "-",
        set.control.map { significant($0.p) } ?? "-",
      ]
    })
}

/// A p value: `0.034`, `1.2e-07`.
func significant(_ p: Double) -> String {
  p >= 0.001
    ? fixed(p, 3) : String(format: "%.1e", locale: Locale(identifier: "en_US_POSIX"), p)
}
