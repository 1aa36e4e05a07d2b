import CKernels
import Tensors

/// The forward pass on the CPU.
///
/// Every operation computes a row from that row alone, in one order, whatever stands beside it and
/// however many threads take part; so a prompt's activations are the same bytes in any batch.
struct CPUBackend: Backend {
  /// How many threads share one operation.
  var threads = 1
  private let pool = BufferPool()

  init(threads: Int = 1) { self.threads = threads }

  func make(_ rows: Int, _ columns: Int) -> CPUActivations {
    CPUActivations(rows: rows, columns: columns, from: pool)
  }

  func gather(_ rows: [Int32], from weight: PackedMatrix) -> CPUActivations {
    let out = make(rows.count, weight.inputs)
    for (row, index) in rows.enumerated() { weight.copyRow(Int(index), to: out.row(row)) }
    return out
  }

  func normalize(_ x: CPUActivations, by norm: Norm) -> CPUActivations {
    let out = make(x.rows, x.columns)
    let width = norm.gain.count
    switch norm.kind {
    case .rms:
      bathyscope_rms_norm(out.start, x.start, norm.gain, x.count / width, width, norm.epsilon)
    case .layer(let bias):
      bathyscope_layer_norm(
        out.start, x.start, norm.gain, bias, x.count / width, width, norm.epsilon)
    }
    return out
  }

  func stretch(_ x: CPUActivations, by norm: Norm) -> CPUActivations {
    let out = make(x.rows, x.columns)
    switch norm.kind {
    case .rms: bathyscope_stretch(out.start, x.start, norm.gain, nil, x.rows, x.columns)
    case .layer(let bias):
      bathyscope_stretch(out.start, x.start, norm.gain, bias, x.rows, x.columns)
    }
    return out
  }

  func multiply(_ x: CPUActivations, by linear: Linear<PackedMatrix>) -> CPUActivations {
    let out = make(x.rows, linear.weight.outputs)
    linear.weight.multiply(x.start, rows: x.rows, into: out.start, threads: threads)
    if let bias = linear.bias {
      for row in 0..<x.rows { bathyscope_add_scaled(out.row(row), bias, 1, out.columns) }
    }
    return out
  }

  func rotate(_ x: CPUActivations, dHead: Int, by table: RotaryTable) -> CPUActivations {
    let out = copy(x)
    bathyscope_rotate(
      out.start, table.cosines, table.sines, x.rows, x.columns / dHead, dHead, table.pairs)
    return out
  }

  func activate(_ x: CPUActivations, by activation: Activation) -> CPUActivations {
    let out = make(x.rows, x.columns)
    bathyscope_activate(out.start, x.start, x.count, activation.kernel)
    return out
  }

  func gate(
    _ gate: CPUActivations, _ up: CPUActivations, by activation: Activation
  ) -> CPUActivations {
    let out = make(gate.rows, gate.columns)
    bathyscope_gate(out.start, gate.start, up.start, gate.count, activation.kernel)
    return out
  }

  func add(_ x: CPUActivations, _ y: CPUActivations) -> CPUActivations {
    let out = copy(x)
    bathyscope_add_scaled(out.start, y.start, 1, x.count)
    return out
  }

  func scale(_ x: CPUActivations, by factor: Float) -> CPUActivations {
    let out = make(x.rows, x.columns)
    for index in 0..<x.count { out.start[index] = x.start[index] * factor }
    return out
  }

  func softCap(_ x: CPUActivations, _ cap: Float) -> CPUActivations {
    let out = make(x.rows, x.columns)
    bathyscope_softcap(out.start, x.start, cap, x.count)
    return out
  }

  func pick(_ rows: [Int], of x: CPUActivations) -> CPUActivations {
    let out = make(rows.count, x.columns)
    for (index, row) in rows.enumerated() {
      out.row(index).update(from: x.row(row), count: x.columns)
    }
    return out
  }

  func copy(_ x: CPUActivations) -> CPUActivations {
    let out = make(x.rows, x.columns)
    out.start.update(from: x.start, count: x.count)
    return out
  }

  func read(_ rows: [Int], of x: CPUActivations) -> Matrix {
    let count = rows.count * x.columns
    let values = [Float](unsafeUninitializedCapacity: count) { target, initialized in
      if let start = target.baseAddress {
        for (index, row) in rows.enumerated() {
          (start + index * x.columns).initialize(from: x.row(row), count: x.columns)
        }
      }
      initialized = count
    }
    return Matrix(rows: rows.count, columns: x.columns, values: values)
  }

  func change(
    _ edits: [Edit], of x: CPUActivations, uniform: CPUActivations?
  ) -> (changed: CPUActivations, sizes: [ChangeSize]) {
    let out = copy(x)
    let sizes = edits.map { edit in
      edit.change.apply(to: edit.rows, of: out, place: edit.place, uniform)
      var size = ChangeSize()
      for row in edit.rows {
        let (old, new) = (x.row(row), out.row(row))
        var squares = 0.0
        for column in 0..<x.columns {
          let difference = Double(new[column]) - Double(old[column])
          squares += difference * difference
          size.squares += difference * difference
        }
        size.norms.append(squares.squareRoot())
      }
      return size
    }
    return (out, sizes)
  }
}

/// The sum of squares of a row.
private func squares(_ row: UnsafeMutablePointer<Float>, _ count: Int) -> Double {
  (0..<count).reduce(0) { $0 + Double(row[$1]) * Double(row[$1]) }
}

extension PreparedChange {
  /// Changes rows of one sequence.
  fileprivate func apply(
    to rows: [Int], of x: CPUActivations, place: Int, _ uniform: CPUActivations?
  ) {
    guard case .keepingNorm(let change, let keeping) = self else {
      for (index, row) in rows.enumerated() {
        apply(to: x.row(row), count: x.columns, place: place + index, uniform?.row(row))
      }
      return
    }
    var (before, after) = (0.0, 0.0)
    for (index, row) in rows.enumerated() {
      let target = x.row(row)
      let old = squares(target, x.columns)
      change.apply(to: target, count: x.columns, place: place + index, uniform?.row(row))
      let new = squares(target, x.columns)
      (before, after) = (before + old, after + new)
      // Where nothing is left there is no norm to give back.
      guard keeping == .token, new > 0 else { continue }
      let back = Float((old / new).squareRoot())
      for column in 0..<x.columns { target[column] *= back }
    }
    guard keeping == .sequence, after > 0 else { return }
    let back = Float((before / after).squareRoot())
    for row in rows {
      for column in 0..<x.columns { x.row(row)[column] *= back }
    }
  }

  /// Changes one row.
  private func apply(
    to row: UnsafeMutablePointer<Float>, count: Int, place: Int,
    _ uniform: UnsafeMutablePointer<Float>?
  ) {
    switch self {
    case .identity: break
    case .add(let vector): bathyscope_add_scaled(row, vector, 1, count)
    case .replace(let vector): row.update(from: vector, count: count)
    case .projectOut(let unit):
      bathyscope_add_scaled(row, unit, -bathyscope_dot(unit, row, count), count)
    case .scale(let columns, let factor):
      for column in columns.joined() { row[column] *= factor }
    case .overwrite(let parts):
      for (start, values) in parts { (row + start).update(from: values, count: values.count) }
    case .patch(let parts):
      for (start, rows) in parts {
        rows.values.withUnsafeBufferPointer { values in
          guard let first = values.baseAddress else { return }
          (row + start).update(from: first + place * rows.columns, count: rows.columns)
        }
      }
    case .attendUniformly(let columns):
      guard let uniform else { preconditionFailure("uniform attention was not computed") }
      for columns in columns {
        (row + columns.lowerBound).update(
          from: uniform + columns.lowerBound, count: columns.count)
      }
    case .keepingNorm: preconditionFailure("a norm is kept once")
    }
  }
}

extension Activation {
  /// What the kernels call it.
  var kernel: bathyscope_activation {
    switch self {
    case .silu: bathyscope_silu
    case .gelu: bathyscope_gelu
    case .geluTanh: bathyscope_gelu_tanh
    case .relu: bathyscope_relu
    }
  }
}
