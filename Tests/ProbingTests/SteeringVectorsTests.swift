import Checkpoints
import Files
import Foundation
import Testing
import Transformer

@testable import Probing

/// Control vectors of repeng and llama.cpp; Golden/control.gguf was written by Python's gguf.
struct SteeringVectorsTests {
  private let folder: String
  private let recorded: String
  private var expected: [Int: [Float]] {
    Dictionary(
      uniqueKeysWithValues: [1, 2, 10].map { block in
        (block, (0..<6).map { (Float($0) + Float(block)) / 8 })
      })
  }

  init() throws {
    folder = NSTemporaryDirectory() + "bathyscope-steering-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    recorded = try #require(
      Bundle.module.url(forResource: "Golden/control", withExtension: "gguf")
    ).path
  }

  @Test func controlVectorsOfPythonAreRead() throws {
    let vectors = try SteeringVectors.read(recorded)
    #expect(vectors.directions == expected)
    #expect(vectors.modelHint == "llama" && vectors.width == 6)
    let hooks = vectors.interventions(scale: 2).map(\.hooks)
    #expect(hooks == [[.residual(after: 1)], [.residual(after: 2)], [.residual(after: 10)]])
    #expect(vectors.interventions(scale: 2)[0].change == .add(vector: expected[1]!, scale: 2))
  }

  @Test func theSameBytesAsPythonAreWritten() throws {
    let path = folder + "/v.gguf"
    try SteeringVectors(expected, modelHint: "llama").write(to: path)
    let (own, python) = (
      try Data(contentsOf: URL(fileURLWithPath: path)),
      try Data(contentsOf: URL(fileURLWithPath: recorded))
    )
    #expect(own == python)
  }

  @Test(arguments: ["gguf", "safetensors"]) func vectorsComeBack(ending: String) throws {
    let path = "\(folder)/v.\(ending)"
    let vectors = try SteeringVectors(expected)
    try vectors.write(to: path)
    #expect(try SteeringVectors.read(path).directions == vectors.directions)
  }

  @Test func blockZeroHasAPlaceInSafetensorsOnly() throws {
    let vectors = try SteeringVectors([0: [1, 2], 3: [3, 4]])
    expectProblem(.unsupported) { try vectors.write(to: folder + "/v.gguf") }
    try vectors.write(to: folder + "/v.safetensors")
    #expect(try SteeringVectors.read(folder + "/v.safetensors").directions == vectors.directions)
    expectProblem(.unsupported) { try vectors.write(to: folder + "/v.json") }
  }

  @Test(arguments: [
    "direction.0", "direction.01", "direction.-1", "direction.", "direction.1x", "output",
    "direction.99999999999999999999", "direction.100000",
  ]) func namesMustBeDirections(name: String) throws {
    let path = folder + "/hostile.gguf"
    try GGUFFile.write(
      [(name, [1, 2])], metadata: [("general.architecture", .string("controlvector"))], to: path)
    expectProblem(.invalidName) { try SteeringVectors.read(path) }
  }

  @Test func otherContentIsRefused() throws {
    let architecture: (key: String, value: GGUFFile.Value) = (
      "general.architecture", .string("controlvector")
    )
    func write(
      _ tensors: [(name: String, values: [Float])],
      _ metadata: [(key: String, value: GGUFFile.Value)]
    ) throws -> String {
      let path = folder + "/hostile-\(UUID().uuidString).gguf"
      try GGUFFile.write(tensors, metadata: metadata, to: path)
      return path
    }
    func expect(
      _ code: Problem.Code, _ tensors: [(name: String, values: [Float])],
      _ metadata: [(key: String, value: GGUFFile.Value)]
    ) throws {
      let path = try write(tensors, metadata)
      expectProblem(code) { try SteeringVectors.read(path) }
    }
    try expect(
      .wrongFormat, [("direction.1", [1])], [("general.architecture", .string("llama"))])
    try expect(.missingField, [("direction.1", [1])], [])
    try expect(.unfitVector, [], [architecture])
    try expect(.unfitVector, [("direction.1", [1, 2]), ("direction.2", [1])], [architecture])
    try expect(.unfitVector, [("direction.1", [.nan])], [architecture])
    try expect(.wrongShape, [("direction.1", [])], [architecture])
    expectProblem(.missing) { try SteeringVectors.read(folder + "/absent.gguf") }
    let cut = folder + "/cut.gguf"
    let bytes = try Data(contentsOf: URL(fileURLWithPath: recorded))
    for count in [0, 4, 20, 100, 300, 400] {
      try bytes.prefix(count).write(to: URL(fileURLWithPath: cut))
      expectProblem(.cutShort) { try SteeringVectors.read(cut) }
    }
  }

  @Test(arguments: ["pt", "pkl", "bin", "npy"]) func picklesAreNeverRead(ending: String) throws {
    let path = "\(folder)/v.\(ending)"
    try Data("x".utf8).write(to: URL(fileURLWithPath: path))
    expectProblem(.isPickle) { try SteeringVectors.read(path) }
  }
}
