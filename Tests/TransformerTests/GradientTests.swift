import Checkpoints
import Foundation
import Prompts
import Tensors
import Testing

@testable import Transformer

/// The tiny models that PyTorch differentiated and whose architecture this engine knows.
private let differentiated: [String] = {
  let known = Architectures.all.flatMap { $0.names }
  let names = (try? FileManager.default.contentsOfDirectory(atPath: golden(""))) ?? []
  return names.sorted().filter { name in
    guard let checkpoint = try? Checkpoint.open(golden(name) + "/gradients.safetensors"),
      checkpoint.names.contains("tangent"), let model = try? Checkpoint.open(golden(name)),
      let architecture = try? model.architectureName()
    else { return false }
    return known.contains(architecture)
  }
}()

/// What `Oracles/record_gradients.py` recorded.
private struct RecordedGradients {
  static let scalars = ["log_probability", "logit_gap", "probe_score"]
  let checkpoint: Checkpoint

  init(_ name: String) throws {
    checkpoint = try Checkpoint.open(golden(name) + "/gradients.safetensors")
  }

  func number(_ name: String) throws -> Int {
    try #require(Int(try checkpoint.string(name)))
  }

  func floats(_ name: String) throws -> [Float] { try checkpoint.tensor(name).floats() }

  var batch: Batch {
    get throws { Batch([TokenSequence(id: "0", tokens: try floats("ids").map { Int32($0) })]) }
  }

  func objective(_ scalar: String) throws -> Objective {
    switch scalar {
    case "log_probability": return .logProbability(of: Int32(try number("token")))
    case "logit_gap":
      return .logitDifference(Int32(try number("positive")), Int32(try number("negative")))
    default:
      return .projection(
        try floats("probe_score/vector"), at: .residual(after: try number("probe_layer")),
        positions: .index(try number("probe_position")))
    }
  }

  func gradients(_ scalar: String) throws -> [HookPoint: Matrix] {
    let prefix = scalar + "/gradient/"
    var found: [HookPoint: Matrix] = [:]
    for name in checkpoint.names where name.hasPrefix(prefix) {
      let hook = try #require(HookPoint(String(name.dropFirst(prefix.count))))
      let tensor = try checkpoint.tensor(name)
      found[hook] = Matrix(
        rows: tensor.rowCount, columns: tensor.rowLength, values: tensor.floats())
    }
    return found
  }
}

/// |a - b| relative to the larger of |b| and a tenth.
private func difference(_ a: Double, _ b: Float) -> Double {
  abs(a - Double(b)) / max(abs(Double(b)), 0.1)
}

@Suite("Derivatives agree with PyTorch")
struct GradientTests {
  @Test func somethingIsCompared() {
    #expect(differentiated.count >= 12)
  }

  @Test(arguments: differentiated)
  func everyRecordedGradient(name: String) throws {
    let model = try Model.load(golden(name))
    let recorded = try RecordedGradients(name)
    var (worst, count) = (0.0, 0)
    for scalar in RecordedGradients.scalars {
      let expected = try recorded.gradients(scalar)
      let gradients = try model.gradients(
        recorded.batch, of: recorded.objective(scalar), at: Array(expected.keys))
      let value = try #require(gradients.sequences.first).value
      #expect(difference(value, try recorded.floats("\(scalar)/value")[0]) < 2e-5)
      for (hook, expected) in expected {
        let (difference, scale) = distance(try #require(gradients[hook]), expected)
        let relative = Double(difference / scale)
        #expect(scale > 0 && relative < 1e-4, "\(scalar), \(hook): off by \(relative)")
        (worst, count) = (max(worst, relative), count + 1)
      }
    }
    print("\(name): \(count) gradients differ by at most \(worst) of the largest")
    #expect(count > 10)
  }

  /// Gradients at `hook_mlp_out` and at the entry of later blocks are those of the residual stream.
  @Test(arguments: differentiated)
  func twinsAreTheSame(name: String) throws {
    let model = try Model.load(golden(name))
    let recorded = try RecordedGradients(name)
    let layer = model.shape.layers - 1
    let gradients = try model.gradients(
      recorded.batch, of: recorded.objective("logit_gap"),
      at: [
        .mlpOutput(layer: layer), .residual(after: layer), .residual(before: layer),
        .residual(after: layer - 1),
      ])
    let same =
      gradients[.mlpOutput(layer: layer)] == gradients[.residual(after: layer)]
      && gradients[.residual(before: layer)] == gradients[.residual(after: layer - 1)]
    #expect(same)
  }

  @Test(arguments: differentiated)
  func everyRecordedForwardDerivative(name: String) throws {
    let model = try Model.load(golden(name))
    let recorded = try RecordedGradients(name)
    let direction = Direction(
      try recorded.floats("tangent"), at: .residual(after: try recorded.number("tangent_layer")))
    for scalar in RecordedGradients.scalars {
      let found = try model.derivative(
        recorded.batch, of: recorded.objective(scalar), along: [direction])
      let sequence = try #require(found.sequences.first)
      #expect(difference(sequence.value, try recorded.floats("\(scalar)/value")[0]) < 2e-5)
      let expected = try recorded.floats("\(scalar)/derivative")[0]
      let relative = difference(sequence.derivative, expected)
      #expect(relative < 1e-4, "\(scalar): \(sequence.derivative), not \(expected)")
    }
  }
}
