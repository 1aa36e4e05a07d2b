import CKernels
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
    switch norm.kind {
    case .rms: derive(gradient, at: x, norm, by: bathyscope_rms_norm_backward)
    case .layer: derive(gradient, at: x, norm, by: bathyscope_layer_norm_backward)
    }
  }

  func normalizeTangent(
    _ tangent: CPUActivations, at x: CPUActivations, by norm: Norm
  ) -> CPUActivations {
    switch norm.kind {
    case .rms: derive(tangent, at: x, norm, by: bathyscope_rms_norm_tangent)
    case .layer: derive(tangent, at: x, norm, by: bathyscope_layer_norm_tangent)
    }
  }

  private func derive(
    _ v: CPUActivations, at x: CPUActivations, _ norm: Norm,
    by kernel: (
      UnsafeMutablePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>,
      UnsafePointer<Float>, Int, Int, Float
    ) -> Void
  ) -> CPUActivations {
    let out = make(x.rows, x.columns)
    let width = norm.gain.count
    kernel(out.start, v.start, x.start, norm.gain, x.count / width, width, norm.epsilon)
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
    bathyscope_activate_backward(out.start, gradient.start, x.start, x.count, activation.kernel)
    return out
  }

  func gateBackward(
    _ gradient: CPUActivations, at gate: CPUActivations, _ up: CPUActivations,
    by activation: Activation
  ) -> (gate: CPUActivations, up: CPUActivations) {
    let (gates, ups) = (make(gate.rows, gate.columns), make(up.rows, up.columns))
    bathyscope_gate_backward(
      gates.start, ups.start, gradient.start, gate.start, up.start, gate.count, activation.kernel)
    return (gates, ups)
  }

  func gateTangent(
    _ gateTangent: CPUActivations, _ upTangent: CPUActivations, at gate: CPUActivations,
    _ up: CPUActivations, by activation: Activation
  ) -> CPUActivations {
    let out = make(gate.rows, gate.columns)
    bathyscope_gate_tangent(
      out.start, gateTangent.start, upTangent.start, gate.start, up.start, gate.count,
      activation.kernel)
    return out
  }

  /// (1 - tanh(x / cap)^2) times the gradient; also the tangent.
  func softCapBackward(
    _ gradient: CPUActivations, at x: CPUActivations, _ cap: Float
  ) -> CPUActivations {
    let out = make(x.rows, x.columns)
    bathyscope_softcap_backward(out.start, gradient.start, x.start, cap, x.count)
    return out
  }
}
