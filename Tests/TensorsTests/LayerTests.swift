import CKernels
import Foundation
import Testing

@testable import Tensors

/// Results of PyTorch in 64-bit floats.
private let golden: [String: [Double]] = {
  guard let url = Bundle.module.url(forResource: "Golden/layers", withExtension: "json"),
    let data = try? Data(contentsOf: url),
    let values = try? JSONDecoder().decode([String: [Double]].self, from: data)
  else { return [:] }
  return values
}()

private func floats(_ name: String) -> [Float] { (golden[name] ?? []).map { Float($0) } }

/// Whether all values are right, relative to themselves. Derivatives have zeros, where `slack` counts.
private func agrees(
  _ values: [Float], _ name: String, within bound: Double = 1e-5, slack: Double = 1e-35
) -> Bool {
  guard let expected = golden[name], expected.count == values.count else { return false }
  return zip(values, expected).allSatisfy { abs(Double($0) - $1) <= bound * abs($1) + slack }
}

/// What can be run on this machine; BATHYSCOPE_KERNEL need not be set to test them all.
private var variants: [bathyscope_kernels] {
  (0..<8).compactMap { bathyscope_supported_kernels($0)?.pointee }
}

private typealias Target = UnsafeMutablePointer<Float>?

private func result(_ count: Int, _ body: (Target) -> Void) -> [Float] {
  var out = [Float](repeating: .nan, count: count)
  body(&out)
  return out
}

@Suite("Layers and their derivatives against PyTorch")
struct LayerTests {
  @Test func norms() {
    let (x, gradient, change) = (floats("norm.x"), floats("norm.gradient"), floats("norm.change"))
    let (gain, bias) = (floats("norm.gain"), floats("norm.bias"))
    let (rows, d, e) = (3, 37, Float(1e-5))
    for kernels in variants {
      func check(_ name: String, _ body: (Target) -> Void) {
        // Sums of terms of both signs: relative to the largest value.
        let values = result(rows * d, body)
        let expected = golden[name] ?? []
        let isRight = (0..<rows).allSatisfy { row in
          let places = (row * d)..<((row + 1) * d)
          let size = places.map { abs(expected[$0]) }.max() ?? 0
          return places.allSatisfy { abs(Double(values[$0]) - expected[$0]) <= 1e-6 * size }
        }
        #expect(isRight, "\(name) on \(String(cString: kernels.kernel_name))")
      }
      check("rms.value") { kernels.rms_norm($0, x, gain, rows, d, e) }
      check("rms.backward") { kernels.rms_norm_backward($0, gradient, x, gain, rows, d, e) }
      check("rms.tangent") { kernels.rms_norm_tangent($0, change, x, gain, rows, d, e) }
      check("layer.value") { kernels.layer_norm($0, x, gain, bias, rows, d, e) }
      check("layer.backward") { kernels.layer_norm_backward($0, gradient, x, gain, rows, d, e) }
      check("layer.tangent") { kernels.layer_norm_tangent($0, change, x, gain, rows, d, e) }
    }
  }

  @Test(arguments: [
    ("silu", bathyscope_silu), ("gelu", bathyscope_gelu), ("gelu_tanh", bathyscope_gelu_tanh),
    ("relu", bathyscope_relu),
  ])
  func activations(name: String, kind: bathyscope_activation) {
    let (x, up) = (floats("act.x"), floats("act.up"))
    let (gradient, change) = (floats("act.gradient"), floats("act.change"))
    let count = x.count
    for kernels in variants {
      let place = Comment("on \(String(cString: kernels.kernel_name))")
      let value = result(count) { kernels.activate($0, x, count, kind) }
      #expect(agrees(value, "\(name).value"), place)
      let gated = result(count) { kernels.gate($0, x, up, count, kind) }
      #expect(agrees(gated, "\(name).gated"), place)
      let backward = result(count) { kernels.activate_backward($0, gradient, x, count, kind) }
      #expect(agrees(backward, "\(name).backward", slack: 1e-6), place)
      var dUp = [Float](repeating: .nan, count: count)
      let dGate = result(count) { kernels.gate_backward($0, &dUp, gradient, x, up, count, kind) }
      #expect(agrees(dGate, "\(name).d_gate", slack: 1e-6) && agrees(dUp, "\(name).d_up"), place)
      let tangent = result(count) {
        kernels.gate_tangent($0, gradient, change, x, up, count, kind)
      }
      #expect(agrees(tangent, "\(name).tangent", slack: 1e-6), place)
    }
  }

  @Test(arguments: [Float(1), 30]) func softcaps(cap: Float) {
    let (x, gradient) = (floats("act.x"), floats("act.gradient"))
    for kernels in variants {
      let value = result(x.count) { kernels.softcap($0, x, cap, x.count) }
      #expect(agrees(value, "softcap\(Int(cap)).value", within: 3e-7))
      let backward = result(x.count) { kernels.softcap_backward($0, gradient, x, cap, x.count) }
      #expect(agrees(backward, "softcap\(Int(cap)).backward"))
    }
  }

  /// The vectors' ends are filled up, so a value's bits do not depend on its neighbours.
  @Test func bitsDoNotDependOnThePlace() {
    let x = floats("act.x")
    for kernels in variants {
      for kind in [bathyscope_silu, bathyscope_gelu, bathyscope_gelu_tanh, bathyscope_relu] {
        let all = result(x.count) { kernels.gate($0, x, x, x.count, kind) }
        let single = x.map { value in
          result(1) { kernels.gate($0, [value], [value], 1, kind) }[0]
        }
        #expect(all.map(\.bitPattern) == single.map(\.bitPattern))
      }
      let all = result(x.count) { kernels.softcap($0, x, 30, x.count) }
      let single = x.map { value in result(1) { kernels.softcap($0, [value], 30, 1) }[0] }
      #expect(all.map(\.bitPattern) == single.map(\.bitPattern))
    }
  }

  @Test func noNumberStaysNoNumber() {
    for kernels in variants {
      for kind in [bathyscope_silu, bathyscope_gelu, bathyscope_gelu_tanh, bathyscope_relu] {
        #expect(result(1) { kernels.activate($0, [.nan], 1, kind) }[0].isNaN)
      }
      #expect(result(1) { kernels.softcap($0, [.nan], 30, 1) }[0].isNaN)
    }
  }
}

@Suite("Instruction sets")
struct VariantTests {
  @Test func theVariableIsObeyedOrReported() {
    let names = Diagnosis.supportedKernels
    #expect(names.last == (names.contains("arm64") ? "arm64" : "x86-64"))
    #expect(names.contains(Diagnosis.kernel))
    for name in names { #expect(Diagnosis.problem(wanting: name) == nil) }
    #expect(Diagnosis.problem(wanting: nil) == nil)
    for name in ["", "x86-64-v5", "avx2"] {
      #expect(Diagnosis.problem(wanting: name)?.hasPrefix("is '\(name)'") == true)
    }
    if let wanted = ProcessInfo.processInfo.environment["BATHYSCOPE_KERNEL"] {
      #expect(Diagnosis.kernel == wanted)
    }
  }

  /// Pairs of bfloat16, emulated in the plain variant, and widened bfloat16 in the others.
  @Test func everyInstructionSetGivesTheSameBitsInBFloat16() throws {
    let first = try #require(variants.first)
    for (rows, inputs, outputs) in [(1, 1, 1), (7, 33, 40), (20, 96, 130), (5, 65, 17)] {
      var noise = Noise(state: UInt64(inputs))
      let (x, w) = (noise.floats(rows * inputs), noise.floats(outputs * inputs))
      func product(_ kernels: bathyscope_kernels) -> [UInt32] {
        let words = 16 * ((inputs + 1) / 2)
        var packed = [UInt32](repeating: 0, count: (outputs + 15) / 16 * words)
        packed.withUnsafeMutableBufferPointer { packed in
          w.withUnsafeBufferPointer { w in
            for panel in 0..<((outputs + 15) / 16) {
              _ = kernels.pack_panel_bf16(
                packed.baseAddress.map { $0 + panel * words },
                w.baseAddress.map { $0 + 16 * panel * inputs }, min(16, outputs - 16 * panel),
                inputs)
            }
          }
        }
        let rounded = result(rows * inputs) { kernels.round_rows($0, x, rows, inputs) }
        return result(rows * outputs) {
          kernels.multiply_rounded($0, outputs, rounded, packed, rows, inputs, outputs)
        }.map(\.bitPattern)
      }
      let expected = product(first)
      for kernels in variants.dropFirst() { #expect(product(kernels) == expected) }
    }
  }

  /// The same stored bytes are the same weights on every machine.
  @Test func everyInstructionSetExpandsToTheSameBits() throws {
    let first = try #require(variants.first)
    var noise = Noise(state: 3)
    let bytes = (0..<4096).map { _ in UInt8.random(in: 0...255, using: &noise) }
    func expansions(_ k: bathyscope_kernels) -> [[UInt32]] {
      let functions = [
        k.expand_f16, k.expand_bf16, k.expand_q4_0, k.expand_q4_1, k.expand_q5_0, k.expand_q5_1,
        k.expand_q8_0, k.expand_q2_k, k.expand_q3_k, k.expand_q4_k, k.expand_q5_k, k.expand_q6_k,
      ]
      return functions.map { expand in
        result(1024) { expand?(bytes, 1024, $0) }.map { $0.isNaN ? 0x7fc0_0000 : $0.bitPattern }
      }
    }
    let expected = expansions(first)
    for kernels in variants.dropFirst() { #expect(expansions(kernels) == expected) }
  }
}
