import CKernels
import Tensors

/// Reverse mode: computes as the CPU does and notes how a gradient goes back through each operation.
///
/// Operations are functions of their arguments, so what a step needs stays as it was.
struct TapeBackend: Backend {
  let device: CPUBackend
  let tape = Tape()

  /// The same activations with a gradient of their own.
  func branch(_ x: Traced) -> Traced {
    tape.record(x.value) { x.accumulate($0, device) }
  }

  func gather(_ rows: [Int32], from weight: PackedMatrix) -> Traced {
    Traced(device.gather(rows, from: weight))
  }

  func normalize(_ x: Traced, by norm: Norm) -> Traced {
    tape.record(device.normalize(x.value, by: norm)) {
      x.accumulate(device.normalizeBackward($0, at: x.value, by: norm), device)
    }
  }

  func stretch(_ x: Traced, by norm: Norm) -> Traced {
    tape.record(device.stretch(x.value, by: norm)) {
      x.accumulate(device.stretch($0, by: norm.gainAlone), device)
    }
  }

  func multiply(_ x: Traced, by linear: Linear<PackedMatrix>) -> Traced {
    tape.record(device.multiply(x.value, by: linear)) {
      x.accumulate(device.multiplyTransposed($0, by: linear.weight), device)
    }
  }

  func rotate(_ x: Traced, dHead: Int, by table: RotaryTable) -> Traced {
    tape.record(device.rotate(x.value, dHead: dHead, by: table)) {
      x.accumulate(device.rotate($0, dHead: dHead, by: RotaryTable(reversing: table)), device)
    }
  }

  func attend(
    _ query: Traced, _ key: Traced, _ value: Traced, _ shape: AttentionShape, tile: Tile,
    memories: [Never]?, pattern: ((Int, Matrix) -> Void)?
  ) -> Traced {
    let z = device.attend(
      query.value, key.value, value.value, shape, tile: tile, memories: nil, pattern: pattern)
    return tape.record(z) {
      let gradients = device.attendBackward(
        $0, query.value, key.value, value.value, shape, tile: tile)
      query.accumulate(gradients.query, device)
      key.accumulate(gradients.key, device)
      value.accumulate(gradients.value, device)
    }
  }

  func activate(_ x: Traced, by activation: Activation) -> Traced {
    tape.record(device.activate(x.value, by: activation)) {
      x.accumulate(device.activateBackward($0, at: x.value, by: activation), device)
    }
  }

  func gate(_ gate: Traced, _ up: Traced, by activation: Activation) -> Traced {
    tape.record(device.gate(gate.value, up.value, by: activation)) {
      let gradients = device.gateBackward($0, at: gate.value, up.value, by: activation)
      gate.accumulate(gradients.gate, device)
      up.accumulate(gradients.up, device)
    }
  }

  func add(_ x: Traced, _ y: Traced) -> Traced {
    tape.record(device.add(x.value, y.value)) {
      x.accumulate($0, device)
      y.accumulate($0, device)
    }
  }

  func scale(_ x: Traced, by factor: Float) -> Traced {
    tape.record(device.scale(x.value, by: factor)) {
      x.accumulate(device.scale($0, by: factor), device)
    }
  }

  func softCap(_ x: Traced, _ cap: Float) -> Traced {
    tape.record(device.softCap(x.value, cap)) {
      x.accumulate(device.softCapBackward($0, at: x.value, cap), device)
    }
  }

  func route(_ logits: Traced, top: Int, normalized: Bool) -> Traced {
    let weights = device.route(logits.value, top: top, normalized: normalized)
    return tape.record(weights) {
      logits.accumulate(
        device.routeBackward($0, at: logits.value, weights, normalized: normalized), device)
    }
  }

  func pick(_ rows: [Int], of x: Traced) -> Traced {
    tape.record(device.pick(rows, of: x.value)) { gradient in
      x.accumulate(gradient, rows: rows, device)
    }
  }

  func combine(
    _ parts: [(rows: [Int], column: Int, values: Traced)], weights: Traced, columns: Int
  ) -> Traced {
    let values = parts.map { (rows: $0.rows, column: $0.column, values: $0.values.value) }
    let sum = device.combine(values, weights: weights.value, columns: columns)
    return tape.record(sum) { gradient in
      let gradients = device.combineBackward(gradient, at: values, weights: weights.value)
      for (part, gradient) in zip(parts, gradients.parts) {
        part.values.accumulate(gradient, device)
      }
      weights.accumulate(gradients.weights, device)
    }
  }

  func read(_ rows: [Int], of x: Traced) -> Matrix { device.read(rows, of: x.value) }

  func attendUniformly(
    _ value: Traced, _ shape: AttentionShape, tile: Tile, memories: [Never]?
  ) -> Traced {
    preconditionFailure("refused when the derivative was prepared")
  }

  func change(
    _ edits: [Edit], of x: Traced, uniform: Traced?
  ) -> (changed: Traced, sizes: [ChangeSize]) {
    let (changed, sizes) = device.change(edits, of: x.value, uniform: nil)
    let traced = tape.record(changed) {
      // The linear part of every change is its own transpose.
      let linear = edits.map { $0.linearPart(width: x.columns) }
      x.accumulate(device.change(linear, of: $0, uniform: nil).changed, device)
    }
    return (traced, sizes)
  }
}

/// Activations and, while a tape runs back, the gradient with respect to them as far as it is summed.
final class Traced: ActivationShape {
  let value: CPUActivations
  fileprivate(set) var gradient: CPUActivations?
  /// Whether the gradient outlives its use on the way back.
  var isKept = false

  init(_ value: CPUActivations) { self.value = value }

  var rows: Int { value.rows }
  var columns: Int { value.columns }

  func accumulate(_ addend: CPUActivations, _ device: CPUBackend) {
    if isKnownUniquelyReferenced(&gradient), let gradient {
      bathyscope_add_scaled(gradient.start, addend.start, 1, gradient.count)
    } else {
      gradient = gradient.map { device.add($0, addend) } ?? addend
    }
  }

  /// Adds to some rows only, so that no other row can tell that these were there.
  func accumulate(_ addend: CPUActivations, rows: [Int], _ device: CPUBackend) {
    if !isKnownUniquelyReferenced(&gradient) {
      gradient = gradient.map { device.copy($0) } ?? device.zeros(value.rows, value.columns)
    }
    guard let gradient else { return }
    for (index, row) in rows.enumerated() {
      bathyscope_add_scaled(gradient.row(row), addend.row(index), 1, columns)
    }
  }
}

/// The operations of a forward pass in order, each with its way back; used by one thread.
final class Tape: @unchecked Sendable {
  private var steps: [(result: Traced, pull: (CPUActivations) -> Void)] = []

  var count: Int { steps.count }

  /// - Parameter pull: takes the gradient with respect to the result to the operation's arguments.
  func record(_ value: CPUActivations, pull: @escaping (CPUActivations) -> Void) -> Traced {
    let result = Traced(value)
    steps.append((result, pull))
    return result
  }

  /// Takes gradients back through all steps after the first `count`, and forgets these steps.
  func runBack(to count: Int = 0) {
    while steps.count > count {
      let (result, pull) = steps.removeLast()
      guard let gradient = result.gradient else { continue }
      if !result.isKept { result.gradient = nil }
      pull(gradient)
    }
  }
}

extension Edit {
  /// The edit without what it adds.
  func linearPart(width: Int) -> Edit {
    Edit(change: change.linearPart(width: width), rows: rows, place: place)
  }
}

extension PreparedChange {
  /// The change without what it adds, which is how gradients and tangents pass through it.
  func linearPart(width: Int) -> PreparedChange {
    switch self {
    case .add, .identity: .identity
    case .replace: .replace([Float](repeating: 0, count: width))
    case .projectOut, .scale: self
    case .overwrite(let parts):
      .scale(parts.map { $0.start..<($0.start + $0.values.count) }, factor: 0)
    case .patch(let parts):
      .scale(parts.map { $0.start..<($0.start + $0.rows.columns) }, factor: 0)
    case .attendUniformly, .keepingNorm:
      preconditionFailure("refused when the derivative was prepared")
    }
  }
}

extension RotaryTable {
  /// Rotations the other way: the transposed operation.
  init(reversing table: RotaryTable) {
    (pairs, cosines, sines) = (table.pairs, table.cosines, table.sines.map { -$0 })
  }
}
