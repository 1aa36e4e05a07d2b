import Foundation
import Tensors
import Testing

@testable import Transformer

/// The largest absolute difference, and the largest absolute expected value.
func distance(_ values: Matrix, _ expected: Matrix) -> (difference: Float, scale: Float) {
  let differences = zip(values.values, expected.values).map { abs($0 - $1) }
  let worst = differences.contains(where: \.isNaN) ? .infinity : differences.max() ?? 0
  return (worst, expected.values.map(abs).max() ?? 0)
}

func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

func golden(_ name: String) -> String {
  Bundle.module.bundleURL.appendingPathComponent("Golden/\(name)").path
}

let tinyModels = ["tiny-llama", "tiny-llama-bias"]

/// The demo model where it has been fetched; its tests are skipped elsewhere.
let demoModel: Model? = try? Model.load("smollm2-135m")

/// Asserts that a model agrees with a file of `Scripts/record-reference.py` at every recorded hook and
/// greedy choice.
///
/// - Parameter logits: a bound of the absolute difference of logits, besides the relative one.
func expectAgreement(
  _ model: Model, reference path: String, relative: Double, logits: Double = .infinity
) throws {
  let parity = try Parity(of: model, with: ParityReference(path), tolerance: relative)
  #expect(parity.missing.isEmpty && parity.departures.isEmpty && parity.greedyTokens > 0)
  for site in parity.sites {
    #expect(site.agrees, "\(model.identity.id): \(site.worst), \(site.nonFinite) not finite")
    #expect(site.site != .logits || site.absolute < logits, "\(site.worst)")
  }
  let worst = parity.sites.max { $0.worst.relative < $1.worst.relative }
  print(
    "\(model.identity.id): \(parity.sites.count) sites, worst \(String(describing: worst?.worst))")
}
