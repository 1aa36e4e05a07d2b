import Foundation
import Testing

/// Studies of heads against transformers, scipy and statsmodels, from prompts to the last figure; see
/// Oracles/record_heads_study.py. Groups repeat and are of unequal size, and the reference is another file.
@Suite struct HeadsOracleTests {
  private static let golden = testFolder.appendingPathComponent("Golden/study").path

  private func summary(_ arguments: [String]) throws -> [String: Any] {
    let folder = try Scratch()
    let shared = [
      "--model", TinyModel.llama, "--prompts", "\(Self.golden)/prompts.jsonl", "--probe",
      "\(Self.golden)/probe", "--seed", "5", "--resamples", "300", "--out", "out", "--json",
    ]
    let outcome = try Tool.run(["heads"] + arguments + shared, in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    return try #require(try outcome.json["summary"] as? [String: Any])
  }

  private func expected(_ name: String) throws -> Any {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(Self.golden)/heads.json"))
    let studies = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    return try #require(studies?[name])
  }

  private static let sets = ["--random-sets", "40", "--shares", "5,12,30"]
  private static let reference = ["--reference", "\(golden)/reference.jsonl"]

  @Test(arguments: [
    ("sweep-mean", ["sweep", "--ablate", "mean"] + reference),
    ("sweep-resample", ["sweep", "--ablate", "resample"] + reference),
    ("sweep-scale", ["sweep"]), ("attribute", ["attribute"]),
  ])
  func sweepsAndAttributions(name: String, words: [String]) throws {
    let differences = differences(try expected(name), try summary(words + Self.sets), at: name)
    #expect(differences.isEmpty, "\(differences.prefix(5))")
  }

  @Test(arguments: [
    ("search-greedy", ["--candidates", "0"]),
    ("search-beam", ["--beam", "3", "--lower", "--candidates", "7"]),
  ])
  func searches(name: String, words: [String]) throws {
    let found = try summary(["search", "--size", "3", "--random-sets", "40"] + words)
    let differences = differences(try expected(name), found, at: name)
    #expect(differences.isEmpty, "\(differences.prefix(5))")
  }

  /// Where what was printed lacks something expected or has another value; numbers may differ by the
  /// rounding of 32-bit floats.
  private func differences(_ expected: Any, _ actual: Any?, at place: String) -> [String] {
    switch (expected, actual) {
    case (let expected as [String: Any], let actual as [String: Any]):
      return expected.sorted { $0.key < $1.key }.flatMap {
        differences($0.value, actual[$0.key], at: "\(place).\($0.key)")
      }
    case (let expected as [Any], let actual as [Any]) where expected.count == actual.count:
      return expected.indices.flatMap {
        differences(expected[$0], actual[$0], at: "\(place)[\($0)]")
      }
    case (let expected as String, let actual as String) where expected == actual: return []
    case (let expected as NSNumber, let actual as NSNumber)
    where abs(expected.doubleValue - actual.doubleValue) < 2e-5: return []
    case (is NSNull, nil), (is NSNull, is NSNull): return []
    default: return ["\(place): \(actual ?? "nothing") and not \(expected)"]
    }
  }
}
