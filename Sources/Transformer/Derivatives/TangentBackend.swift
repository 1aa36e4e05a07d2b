import CKernels
import Tensors

/// Forward mode: carries the derivative in one direction beside every value.
struct TangentBackend: Backend {
  let device: CPUBackend

  func gather(_ rows: [Int32], from weight: PackedMatrix) -> Dual {
    Dual(device.gather(rows, from: weight))
  }

  func normalize(_ x: Dual, by norm: Norm) -> Dual {
    map(x, device.normalize(x.value, by: norm)) {
      device.normalizeTangent($0, at: x.value, by: norm)
    }
  }

  func stretch(_ x: Dual, by norm: Norm) -> Dual {
    map(x, device.stretch(x.value, by: norm)) { device.stretch($0, by: norm.gainAlone) }
  }

  func multiply(_ x: Dual, by linear: Linear<PackedMatrix>) -> Dual {
    map(x, device.multiply(x.value, by: linear)) {
      device.multiply($0, by: Linear(weight: linear.weight))
    }
  }

  func rotate(_ x: Dual, dHead: Int, by table: RotaryTable) -> Dual {
    map(x, device.rotate(x.value, dHead: dHead, by: table)) {
      device.rotate($0, dHead: dHead, by: table)
    }
  }

  func attend(
    _ query: Dual, _ key: Dual, _ value: Dual, _ shape: AttentionShape, tile: Tile,
    memories: [Never]?, pattern: ((Int, Matrix) -> Void)?
  ) -> Dual {
    let z = device.attend(
      query.value, key.value, value.value, shape, tile: tile, memories: nil, pattern: pattern)
    guard query.tangent != nil || key.tangent != nil || value.tangent != nil else {
      return Dual(z)
    }
    let tangents = [query, key, value].map { $0.tangent ?? device.zeros($0.rows, $0.columns) }
    return Dual(
      z,
      device.attendTangent(
        (query.value, tangents[0]), (key.value, tangents[1]), (value.value, tangents[2]), shape,
        tile: tile))
  }

  func activate(_ x: Dual, by activation: Activation) -> Dual {
    map(x, device.activate(x.value, by: activation)) {
      device.activateBackward($0, at: x.value, by: activation)
    }
  }

  func gate(_ gate: Dual, _ up: Dual, by activation: Activation) -> Dual {
    let value = device.gate(gate.value, up.value, by: activation)
    guard gate.tangent != nil || up.tangent != nil else { return Dual(value) }
    let tangents = [gate, up].map { $0.tangent ?? device.zeros($0.rows, $0.columns) }
    return Dual(
      value,
      device.gateTangent(tangents[0], tangents[1], at: gate.value, up.value, by: activation))
  }

  func add(_ x: Dual, _ y: Dual) -> Dual {
    let value = device.add(x.value, y.value)
    guard let left = x.tangent, let right = y.tangent else {
      return Dual(value, x.tangent ?? y.tangent)
    }
    return Dual(value, device.add(left, right))
  }

  func scale(_ x: Dual, by factor: Float) -> Dual {
    map(x, device.scale(x.value, by: factor)) { device.scale($0, by: factor) }
  }

  func softCap(_ x: Dual, _ cap: Float) -> Dual {
    map(x, device.softCap(x.value, cap)) { device.softCapBackward($0, at: x.value, cap) }
  }

  func route(_ logits: Dual, top: Int, normalized: Bool) -> Dual {
    let weights = device.route(logits.value, top: top, normalized: normalized)
    return map(logits, weights) {
      device.routeTangent($0, at: logits.value, weights, normalized: normalized)
    }
  }

  func pick(_ rows: [Int], of x: Dual) -> Dual {
    map(x, device.pick(rows, of: x.value)) { device.pick(rows, of: $0) }
  }

  func combine(
    _ parts: [(rows: [Int], column: Int, values: Dual)], weights: Dual, columns: Int
  ) -> Dual {
    let values = parts.map { (rows: $0.rows, column: $0.column, values: $0.values.value) }
    let sum = device.combine(values, weights: weights.value, columns: columns)
    // The sum is bilinear: each factor moves while the other stands.
    let moving = parts.compactMap { part in
      part.values.tangent.map { (rows: part.rows, column: part.column, values: $0) }
    }
    var tangents: [CPUActivations] = []
    if !moving.isEmpty {
      tangents.append(device.combine(moving, weights: weights.value, columns: columns))
    }
    if let tangent = weights.tangent {
      tangents.append(device.combine(values, weights: tangent, columns: columns))
    }
    guard let first = tangents.first else { return Dual(sum) }
    return Dual(sum, tangents.dropFirst().reduce(first) { device.add($0, $1) })
  }

  func read(_ rows: [Int], of x: Dual) -> Matrix { device.read(rows, of: x.value) }

  func attendUniformly(
    _ value: Dual, _ shape: AttentionShape, tile: Tile, memories: [Never]?
  ) -> Dual {
    preconditionFailure("refused when the derivative was prepared")
  }

  func change(
    _ edits: [Edit], of x: Dual, uniform: Dual?
  ) -> (changed: Dual, sizes: [ChangeSize]) {
    let (changed, sizes) = device.change(edits, of: x.value, uniform: nil)
    let linear = edits.map { $0.linearPart(width: x.columns) }
    return (map(x, changed) { device.change(linear, of: $0, uniform: nil).changed }, sizes)
  }

  /// Adds vectors to rows of the tangent.
  func move(_ rows: [Int], of x: Dual, along vector: [Float]) -> Dual {
    let tangent = x.tangent.map { device.copy($0) } ?? device.zeros(x.rows, x.columns)
    for row in rows { bathyscope_add_scaled(tangent.row(row), vector, 1, vector.count) }
    return Dual(x.value, tangent)
  }

  private func map(
    _ x: Dual, _ value: CPUActivations, _ tangent: (CPUActivations) -> CPUActivations
  ) -> Dual {
    Dual(value, x.tangent.map(tangent))
  }
}

/// Activations and their derivative in a direction.
final class Dual: ActivationShape {
  let value: CPUActivations
  /// Nil for zero.
  let tangent: CPUActivations?

  init(_ value: CPUActivations, _ tangent: CPUActivations? = nil) {
    (self.value, self.tangent) = (value, tangent)
  }

  var rows: Int { value.rows }
  var columns: Int { value.columns }
}
