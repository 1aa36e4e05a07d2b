import CKernels
import Checkpoints
import Tensors

/// The forward pass on the CPU in 32-bit floats.
///
/// One thread computes one tile; the threads share only the weights.
struct CPUBackend: Backend {
  struct Activations {
    let buffer: Buffer
    let columns: Int
    var start: UnsafeMutablePointer<Float> { buffer.start }
    func row(_ row: Int) -> UnsafeMutablePointer<Float> { start + row * columns }
  }

  var description: String { "packed float32, \(PackedMatrix.kernel)" }

  func weight(_ tensor: StoredTensor, rowOrder: [Int]?) -> PackedMatrix {
    PackedMatrix(outputs: tensor.rowCount, inputs: tensor.rowLength) { row, target in
      let stored = rowOrder?[row] ?? row
      tensor.expand(rows: stored..<(stored + 1), into: target)
    }
  }

  func nonFinite(_ weight: PackedMatrix) -> Int { weight.nonFinite }

  func vector(_ tensor: StoredTensor, order: [Int]?) -> [Float] {
    let values = tensor.floats()
    return order?.map { values[$0] } ?? values
  }

  func activations(capacity: Int, columns: Int) -> Activations {
    Activations(buffer: Buffer(count: capacity * columns), columns: columns)
  }

  func gather(_ tokens: [Int32], from table: PackedMatrix, into out: Activations) {
    for (row, token) in tokens.enumerated() { table.copyRow(Int(token), to: out.row(row)) }
  }

  func normalize(
    _ x: Activations, rows: Int, gain: [Float], epsilon: Float, into out: Activations
  ) {
    bathyscope_rms_norm(out.start, x.start, gain, rows, x.columns, epsilon)
  }

  func multiply(
    _ x: Activations, rows: Int, by linear: Linear<PackedMatrix>, into out: Activations
  ) {
    linear.weight.multiply(x.start, rows: rows, into: out.start)
    guard let bias = linear.bias else { return }
    for row in 0..<rows { bathyscope_add_scaled(out.row(row), bias, 1, out.columns) }
  }

  func rotate(_ x: Activations, tile: Tile, heads: Int, by table: RotaryTable) {
    for index in 0..<tile.sequences.count {
      let rows = tile.rows(of: index)
      bathyscope_rotate(
        x.row(rows.lowerBound), table.cosines, table.sines, rows.count, heads, 2 * table.half)
    }
  }

  func attend(
    _ q: Activations, _ k: Activations, _ v: Activations, tile: Tile, shape: ModelShape,
    scale: Float, into z: Activations, pattern: ((Int, Matrix) -> Void)?
  ) {
    let longest = (0..<tile.sequences.count).map { tile.rows(of: $0).count }.max() ?? 0
    let scratch = Buffer(count: bathyscope_attend_scratch(longest, shape.dHead))
    for index in 0..<tile.sequences.count {
      let rows = tile.rows(of: index)
      let first = rows.lowerBound
      func attend(_ pattern: UnsafeMutablePointer<Float>?) {
        bathyscope_attend(
          z.row(first), pattern, q.row(first), k.row(first), v.row(first), rows.count,
          shape.heads, shape.keyValueHeads, shape.dHead, scale, scratch.start)
      }
      guard let pattern else {
        attend(nil)
        continue
      }
      var matrix = Matrix(rows: rows.count, columns: shape.heads * rows.count)
      matrix.values.withUnsafeMutableBufferPointer { attend($0.baseAddress) }
      pattern(index, matrix)
    }
  }

  func gate(_ gate: Activations, _ up: Activations, rows: Int, into out: Activations) {
    bathyscope_silu_multiply(out.start, gate.start, up.start, rows * gate.columns)
  }

  func add(_ y: Activations, rows: Int, to x: Activations) {
    bathyscope_add_scaled(x.start, y.start, 1, rows * x.columns)
  }

  func pick(_ rows: [Int], of x: Activations, into out: Activations) {
    for (index, row) in rows.enumerated() {
      out.row(index).update(from: x.row(row), count: x.columns)
    }
  }

  func read(_ rows: [Int], of x: Activations) -> Matrix {
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

  func change(_ rows: [Int], of x: Activations, by change: PreparedChange) -> [Double] {
    let width = x.columns
    return rows.map { row in
      let target = x.row(row)
      let before = Array(UnsafeBufferPointer(start: target, count: width))
      switch change {
      case .identity: return 0
      case .add(let vector): bathyscope_add_scaled(target, vector, 1, width)
      case .replace(let vector): target.update(from: vector, count: width)
      case .projectOut(let unit):
        bathyscope_add_scaled(target, unit, -bathyscope_dot(unit, target, width), width)
      case .scale(let columns, let factor):
        for column in columns.joined() { target[column] *= factor }
      }
      var squares = 0.0
      for column in 0..<width {
        let difference = Double(target[column]) - Double(before[column])
        squares += difference * difference
      }
      return squares.squareRoot()
    }
  }
}
