import Foundation
import Probing
import Prompts
import Testing

@testable import Refusal
@testable import Transformer

/// Random stand-ins are of the size of what they stand for.
@Suite struct ControlTests {
  private func norm(_ vector: [Float]) -> Double {
    vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  @Test func armsOfVectorsKeepTheirNorm() throws {
    let model = try tinyModel("tiny-llama")
    let vector = (0..<36).map { Float($0 % 5) * 7 - 3 }
    let arm = AttackArm(
      "v", .tested,
      [
        .add(vector, scale: 2, after: 1), .replace(with: vector, at: .residual(after: 0)),
        .directionalAblation(vector, in: model.shape),
      ])
    let controls = arm.controls(3, shape: model.shape, seed: 4)
    #expect(controls.count == 3)
    for control in controls {
      #expect(control.role == .control(of: "v"))
      for (change, original) in zip(control.interventions, arm.interventions) {
        switch (change.change, original.change) {
        case (.add(let drawn, let scale), .add(let old, let other)):
          #expect(abs(norm(drawn) / norm(old) - 1) < 1e-6 && scale == other && drawn != old)
        case (.replace(let drawn), .replace(let old)),
          (.projectOut(let drawn), .projectOut(let old)):
          #expect(abs(norm(drawn) / norm(old) - 1) < 1e-6 && drawn != old)
        default: Issue.record("\(change.change) for \(original.change)")
        }
      }
    }
  }

  @Test func controlsOfATraceKeepTheProbesNorm() {
    let probe = Probe(
      kind: .logistic, hook: .finalNorm, weight: [3, -4, 12], bias: 1, mean: [0, 0, 0],
      scale: [1, 2, 3])
    let controls = probe.randomControls(4, seed: 1, spread: nil)
    for control in controls {
      #expect(abs(norm(control.weight) - 13) < 1e-5)
      #expect(control.bias == 1 && control.scale == probe.scale)
    }
    #expect(Set(controls.map(\.weight)).count == 4)
    #expect(probe.randomControls(4, seed: 2, spread: nil) != controls)
    // 1 to 4 have the mean 2.5 and the variance 1.25.
    for control in probe.randomControls(4, seed: 1, spread: ScoreSpread([1, 2, 3, 4])) {
      #expect(abs(norm(control.weight) - 1.25.squareRoot()) < 1e-5 && control.bias == 2.5)
    }
  }

  /// A random set that does as much as the chosen one counts against it.
  @Test func equalSetsCount() throws {
    let prompts = try (0..<8).map { index in
      try HeadPrompt(TokenSequence(id: "p\(index)", tokens: [1, 2]), group: "g\(index)")
    }
    let heads = [Head(layer: 0, head: 0), Head(layer: 0, head: 1), Head(layer: 1, head: 0)]
    let plan = HeadSetPlan(shares: [1], randomSets: 19, seed: 4, resamples: 100)
    for sign in [1.0, -1] {
      let report = try plan.report(prompts, ranking: heads, total: 3, sign: sign) { set, places in
        places.map { place in set.reduce(0) { $0 + 0.1 * Double($1.layer + place) } }
      }
      #expect(report.sets[0].control?.asLarge == 19 && report.sets[0].control?.p == 1)
    }
  }
}
