import CKernels
import Foundation
import Tensors

// The derivatives of operations at their arguments: `backward` takes the gradient with respect to a
// result to that with respect to its arguments, `tangent` takes a change of the arguments to that of the
// result. Both are the same where the matrix of derivatives is symmetric, as that of a function of
// single values is. Each row depends on its own row alone.

extension CPUBackend {
  func zeros(_ rows: Int, _ columns: Int) -> CPUActivations {
    let out = make(rows, columns)
    out.start.update(repeating: 0, count: out.count)
    return out
  }

  func normalizeBackward(
    _ gradient: CPUActivations, at x: CPUActivations, by norm: Norm
  ) -> CPUActivations {
    let out = make(x.rows, x.columns)
    norm.derive(out.start, gradient.start, at: x.start, count: x.count, isBackward: true)
    return out
  }

  func normalizeTangent(
    _ tangent: CPUActivations, at x: CPUActivations, by norm: Norm
  ) -> CPUActivations {
    let out = make(x.rows, x.columns)
    norm.derive(out.start, tangent.start, at: x.start, count: x.count, isBackward: false)
    return out
  }

  /// y times the matrix: back through x weight^T.
  func multiplyTransposed(_ y: CPUActivations, by weight: PackedMatrix) -> CPUActivations {
    let out = make(y.rows, weight.inputs)
    weight.multiplyTransposed(y.start, rows: y.rows, into: out.start, threads: threads)
    return out
  }

  /// act'(x) times the gradient; also the tangent.
  func activateBackward(
    _ gradient: CPUActivations, at x: CPUActivations, by activation: Activation
  ) -> CPUActivations {
    let out = make(x.rows, x.columns)
    for index in 0..<x.count {
      out.start[index] = gradient.start[index] * activation.derivative(x.start[index]).slope
    }
    return out
  }

  func gateBackward(
    _ gradient: CPUActivations, at gate: CPUActivations, _ up: CPUActivations,
    by activation: Activation
  ) -> (gate: CPUActivations, up: CPUActivations) {
    let (gates, ups) = (make(gate.rows, gate.columns), make(up.rows, up.columns))
    for index in 0..<gate.count {
      let (value, slope) = activation.derivative(gate.start[index])
      gates.start[index] = gradient.start[index] * slope * up.start[index]
      ups.start[index] = gradient.start[index] * value
    }
    return (gates, ups)
  }

  func gateTangent(
    _ gateTangent: CPUActivations, _ upTangent: CPUActivations, at gate: CPUActivations,
    _ up: CPUActivations, by activation: Activation
  ) -> CPUActivations {
    let out = make(gate.rows, gate.columns)
    for index in 0..<gate.count {
      let (value, slope) = activation.derivative(gate.start[index])
      out.start[index] =
        gateTangent.start[index] * slope * up.start[index] + upTangent.start[index] * value
    }
    return out
  }

  /// (1 - tanh(x / cap)^2) times the gradient; also the tangent.
  func softCapBackward(
    _ gradient: CPUActivations, at x: CPUActivations, _ cap: Float
  ) -> CPUActivations {
    let out = make(x.rows, x.columns)
    for index in 0..<x.count {
      let t = tanh(Double(x.start[index] / cap))
      out.start[index] = gradient.start[index] * Float(1 - t * t)
    }
    return out
  }
}

extension Norm {
  fileprivate func derive(
    _ out: UnsafeMutablePointer<Float>, _ v: UnsafePointer<Float>, at x: UnsafePointer<Float>,
    count: Int, isBackward: Bool
  ) {
    let width = gain.count
    let n = Double(width)
    for start in stride(from: 0, to: count, by: width) {
      var c = (0..<width).map { Double(x[start + $0]) }
      var w = (0..<width).map { Double(v[start + $0]) * (isBackward ? Double(gain[$0]) : 1) }
      if case .layer = kind {
        let (mean, shift) = (c.reduce(0, +) / n, w.reduce(0, +) / n)
        c = c.map { $0 - mean }
        w = w.map { $0 - shift }
      }
      let scale = 1 / (c.reduce(0) { $0 + $1 * $1 } / n + Double(epsilon)).squareRoot()
      let along = zip(c, w).reduce(0) { $0 + $1.0 * $1.1 } / n * scale * scale
      for i in 0..<width {
        let value = scale * (w[i] - c[i] * along)
        out[start + i] = Float(isBackward ? value : Double(gain[i]) * value)
      }
    }
  }
}

extension Activation {
  fileprivate func derivative(_ float: Float) -> (value: Float, slope: Float) {
    let x = Double(float)
    switch self {
    case .silu:
      let s = 1 / (1 + exp(-x))
      return (Float(x * s), Float(s * (1 + x * (1 - s))))
    case .gelu:
      let p = erfc(-x / 2.0.squareRoot()) / 2
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      return (Float(x * p), Float(p + x * density))
    case .geluTanh:
      let factor = (2 / Double.pi).squareRoot()
      let t = tanh(factor * (x + 0.044715 * x * x * x))
      let inner = factor * (1 + 3 * 0.044715 * x * x)
      return (Float(x * (1 + t) / 2), Float((1 + t) / 2 + x * (1 - t * t) * inner / 2))
    case .relu: return (max(float, 0), float > 0 ? 1 : 0)
    }
  }
}
