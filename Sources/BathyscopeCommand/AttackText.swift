import Bathyscope
import Foundation

/// What an attack measured, for a terminal.
struct AttackText {
  let result: AttackResult

  init(_ result: AttackResult) { self.result = result }

  func print(_ path: String) {
    for (column, card) in result.judges.enumerated() {
      line("\(card.name): a success is \(card.success)")
      for arm in result.arms where !isControl(arm) { show(arm, column, card) }
      line("")
    }
    line("beside it")
    for arm in result.arms where !isControl(arm) { beside(arm) }
    for agreement in result.agreements { line(RateText.of(agreement)) }
    if result.arms.contains(where: isControl) { line("controls: \(result.controlRule)") }
    line("p values: \(result.correction)")
    line(path)
  }

  private func isControl(_ arm: AttackResult.Arm) -> Bool {
    if case .control = arm.role { true } else { false }
  }

  private func line(_ text: String) { printLine(text) }

  private func show(_ arm: AttackResult.Arm, _ column: Int, _ card: JudgeCard) {
    let heads = arm.heads.isEmpty ? "" : ", \(arm.heads.count) heads"
    line("  \(arm.name)\(heads): \(card.rateName) \(arm.rates[column].text(card))")
    guard arm.role == .tested else { return }
    let comparison = arm.comparisons[column]
    let changed = comparison.onlyArm + comparison.onlyBaseline
    let difference =
      comparison.difference.map { "success changes by \($0)" }
      ?? "\(changed) of \(comparison.pairs) pairs differ, so that no interval can be taken"
    let corrected = comparison.pHolm.map { "p = \(pValue($0)) after Holm" } ?? "p is not known"
    line("    \(difference); \(comparison.test), \(corrected)")
    if let range = comparison.range, range.count == 2 {
      line(
        "    \(comparison.pairs) of \(comparison.asked) pairs have both verdicts; whatever the others are, "
          + "success changes by \(fixed(range[0], 2)) to \(fixed(range[1], 2))")
    }
    guard let standing = comparison.standing else {
      return line("    no random controls")
    }
    let least = standing.leastHolm
    line(
      "    \(standing.asFar) of \(standing.controls) random controls change as much, "
        + "p = \(pValue(standing.pHolm)) after Holm"
        + (least > 0.05 ? ", which so few cannot bring below \(pValue(least))" : "")
        + "; theirs are from \(fixed(standing.changes.first ?? 0, 2)) to "
        + "\(fixed(standing.changes.last ?? 0, 2))")
  }

  private func beside(_ arm: AttackResult.Arm) {
    for rate in arm.overRefusal {
      guard let card = result.judges.first(where: { $0.name == rate.judge }) else { continue }
      line("  \(arm.name): over-refusal by \(rate.judge) \(rate.text(card))")
    }
    guard let loss = arm.neutralLoss else { return }
    guard let value = loss.loss else {
      return line("  \(arm.name): no interval of the loss on \(loss.texts) neutral text")
    }
    let change =
      arm.role == .baseline
      ? ""
      : !loss.isTouched
        ? "; the arm has no place in a neutral text"
        : loss.difference.map { ", changes by \($0)" } ?? ", does not change"
    line("  \(arm.name): loss on neutral text \(value) nats a token\(change)")
  }

  private func pValue(_ p: Double) -> String { p < 0.001 ? "under 0.001" : fixed(p, 3) }
}
