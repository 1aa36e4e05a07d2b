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

/// The tiny models: folders and GGUF files, of every architecture.
let tinyModels =
  tinyFolders
  + tinyFolders.map { $0 + ".gguf" }.filter {
    FileManager.default.fileExists(atPath: golden($0))
  }

let tinyFolders = [
  "tiny-llama", "tiny-llama-bias", "tiny-llama-llama3", "tiny-llama-linear", "tiny-llama-yarn",
  "tiny-mistral", "tiny-mixtral", "tiny-qwen2", "tiny-qwen2-tied", "tiny-qwen3", "tiny-qwen3-yarn",
  "tiny-qwen3-moe", "tiny-qwen3-moe-mixed", "tiny-gemma2", "tiny-gemma3", "tiny-phi3",
  "tiny-phi3-partial", "tiny-olmo2", "tiny-gpt2", "tiny-gpt-neox", "tiny-gpt-neox-sequential",
]

/// The reference of a tiny model; a GGUF file's is that of the folder with the same weights.
func tinyReference(_ name: String) -> String {
  let folder = name.hasSuffix(".gguf") ? String(name.dropLast(".gguf".count)) : name
  return golden(folder) + "/reference.safetensors"
}

/// What a GGUF file's queries are multiplied with: Gemma's scale has no key there, so that the files for a
/// scale of 1 / sqrt(7) have it in their weights.
func scaledQueries(of name: String, at site: HookPoint.Site) -> Float {
  switch (name, site) {
  case ("tiny-gemma2.gguf", .query), ("tiny-gemma2.gguf", .rotatedQuery):
    (Float(10) / 7).squareRoot()
  case ("tiny-gemma3.gguf", .rotatedQuery): (Float(12) / 7).squareRoot()
  default: 1
  }
}

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
  for site in parity.sites
  where scaledQueries(of: String(model.identity.id), at: site.site) == 1 {
    #expect(site.agrees, "\(model.identity.id): \(site.worst), \(site.nonFinite) not finite")
    #expect(site.site != .logits || site.absolute < logits, "\(site.worst)")
  }
  if let worst = parity.sites.map(\.worst).max(by: { $0.relative < $1.relative }) {
    print("\(model.identity.id): off by at most \(worst.relative), at \(worst.hook)")
  }
}
