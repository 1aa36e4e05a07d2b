import Files
import Foundation
import Tensors
import Testing

@testable import Probing
@testable import Transformer

struct ProbeSetTests {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("probe-\(UUID().uuidString)").path
  private let host = ProbeHost(modelSHA256: "abc", width: 6, layerCount: 2)

  private func makeSet() throws -> (set: ProbeSet, features: FeatureSet) {
    let features = try SyntheticFeatures.labelled(rows: 60, gaps: [1, 3])
    let trained = try ProbeTraining(
      inversePenalties: [0.1, 1], folds: 2, shuffles: 1, randomDirections: 2, resamples: 100
    ).train(features)
    let model = ModelIdentity(
      id: "small", architecture: "llama", weightsSHA256: "abc", configurationSHA256: "def",
      configurationJSON: "{}", tokenizerSHA256: "123", templateSHA256: nil)
    let card = ProbeCard(
      name: "refusal", trained: trained, model: model, precision: .float32, positions: .last,
      trainingData: [
        .init(name: "made up", licence: "CC0-1.0", sha256: "0", positives: 30, negatives: 30)
      ], signConvention: "z > 0: the model refuses", toolVersion: "0.1")
    return (ProbeSet(card: card, probes: trained.probes), features)
  }

  private func rewriteCard(_ change: (inout String) -> Void) throws {
    let path = ProbeSet.cardPath(folder)
    var text = try String(contentsOfFile: path, encoding: .utf8)
    change(&text)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  @Test func aStoredProbeScoresTheSame() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (set, features) = try makeSet()
    try set.write(to: folder)
    let loaded = try ProbeSet.load(folder, for: host)
    #expect(loaded.probes == set.probes)
    #expect(loaded.forced.isEmpty)
    #expect(loaded.card.report == set.card.report)
    let expected = try set.chosen.score(features.matrices[set.card.report.chosen])
    #expect(try loaded.chosen.score(features.matrices[set.card.report.chosen]) == expected)
    #expect(loaded[.residual(after: 1)] == set.probes[1])
    #expect(loaded[.finalNorm] == nil)
    let metrics = try loaded.chosen.evaluate(on: features, seed: 1, resamples: 100)
    #expect(metrics.n == 60)
    #expect(try #require(metrics.auroc).estimate > 0.9)
    #expect(metrics.calibration != nil)
    var elsewhere = loaded.chosen
    elsewhere.hook = .finalNorm
    expectProblem(.notCaptured) { try elsewhere.evaluate(on: features, seed: 1) }
  }

  @Test func theSameProbesGiveTheSameBytes() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let set = try makeSet().set
    try set.write(to: folder + "/a/b")
    try makeSet().set.write(to: folder + "/c")
    for file in ["probe.safetensors", "card.json"] {
      let (one, two) = ("\(folder)/a/b/\(file)", "\(folder)/c/\(file)")
      #expect(try Data(contentsOf: URL(filePath: one)) == Data(contentsOf: URL(filePath: two)))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/c").count == 2)
  }

  @Test func anotherModelIsRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try makeSet().set.write(to: folder)
    var other = host
    other.modelSHA256 = "xyz"
    let error = expectProblem(.otherModel) { try ProbeSet.load(folder, for: other) }
    #expect(error?.place == "modelSHA256")
    let forced = try ProbeSet.load(folder, for: other, force: true)
    #expect(forced.forced == ["model hash: probe trained on small (abc), used on the model (xyz)"])
    other = host
    other.width = 7
    expectProblem(.probeMismatch) { try ProbeSet.load(folder, for: other, force: true) }
    other = host
    other.layerCount = 1
    let layer = expectProblem(.probeMismatch) {
      try ProbeSet.load(folder, for: other, force: true)
    }
    #expect(layer?.place == "hooks")
  }

  @Test func damagedFoldersAreRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    expectProblem(.missing) { try ProbeSet.load(folder) }
    let set = try makeSet().set
    let changes: [(String, String, Problem.Code)] = [
      ("\"width\" : 6", "\"width\" : 5", .wrongShape),
      ("\"width\" : 6", "\"width\" : 9223372036854775807", .wrongShape),
      ("\"width\" : 6", "\"width\" : -1", .wrongShape),
      ("\"width\" : 6", "\"width\" : 1e400", .missingField),
      ("\"chosen\" : 1", "\"chosen\" : 2", .contradictory),
      ("bathyscope-probe-card-1", "something-else", .unknownVersion),
      ("blocks.0.hook_resid_post", "blocks.7.hook_resid_mid", .contradictory),
      ("blocks.0.hook_resid_post", "blocks.0.nothing", .missingField), ("{", "[", .notJSON),
      ("\"kind\" : \"logistic\"", "\"kind\" : \"oracle\"", .missingField),
    ]
    for (old, new, code) in changes {
      try set.write(to: folder)
      try rewriteCard { text in
        #expect(text.contains(old))
        if let range = text.range(of: old) { text.replaceSubrange(range, with: new) }
      }
      expectProblem(code, "\(old) to \(new)") { try ProbeSet.load(folder) }
    }
    try set.write(to: folder)
    let path = ProbeSet.tensorsPath(folder)
    var bytes = try Data(contentsOf: URL(filePath: path))
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: URL(filePath: path))
    let torn = expectProblem(.digestDiffers) { try ProbeSet.load(folder) }
    #expect(torn?.problem.contains("card.json") == true)
  }

  @Test func tensorsThatContradictTheCardAreRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let set = try makeSet().set
    for number: Float in [0, -1, .nan] {
      var broken = set
      broken.probes[0].scale[2] = number
      try broken.write(to: folder)
      expectProblem(number.isNaN ? .notFinite : .outOfRange) { try ProbeSet.load(folder) }
    }
    var wrong = set
    wrong.probes.removeLast()
    expectProblem(.contradictory) { try wrong.write(to: folder) }
  }

  @Test func scoresAreInRawActivations() throws {
    let probe = Probe(
      kind: .logistic, hook: .finalNorm, weight: [2, -3], bias: 0.5, mean: [10, 0],
      scale: [4, 0.5])
    #expect(probe.direction == [0.5, -6])
    let z = try probe.score(Matrix(rows: 2, columns: 2, values: [10, 0, 14, 1]))
    #expect(z == [0.5, 0.5 + 2 - 6])
    #expect(Probe.probability(0) == 0.5)
    expectProblem(.wrongShape) { try probe.score(Matrix(rows: 1, columns: 3)) }
  }

  @Test func openersAreComparedWithTheDirection() throws {
    let probe = Probe(
      kind: .logistic, hook: .finalNorm, weight: [2, 0], bias: 0, mean: [0, 0], scale: [1, 1])
    let refusal = Matrix(rows: 2, columns: 2, values: [3, 1, 5, 3])
    let compliance = Matrix(rows: 1, columns: 2, values: [1, -2])
    // The difference is (4, 2) - (1, -2) = (3, 4).
    let cosine = try #require(
      try probe.openerCosine(refusal: refusal, compliance: compliance))
    #expect(abs(cosine - 0.6) < 1e-12)
    #expect(try probe.openerCosine(refusal: refusal, compliance: refusal) == nil)
    expectProblem(.wrongShape) {
      try probe.openerCosine(refusal: refusal, compliance: Matrix(rows: 0, columns: 2))
    }
  }
}
