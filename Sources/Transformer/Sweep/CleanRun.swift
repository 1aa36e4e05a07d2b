import Prompts
import Tensors

/// What variants of one sequence take over from its clean run.
struct CleanRun {
  let sequence: TokenSequence
  /// Tokens whose heads are changed, ascending.
  let touched: [Int]
  /// The first token of the rows below.
  let kept: Int
  /// The residual stream before each block, and its heads' outputs; rows from token `kept` on.
  let streams: [Matrix]
  let heads: [Matrix]
  /// Keys and values of the tokens before the first touched one, in every block; nil where there are
  /// none.
  let memory: SequenceMemory<CPUBackend>?
  let reading: HeadReading
}

extension HeadRerun {
  /// Runs one sequence without changes, apart from those of the base.
  func clean(_ index: Int, keepingPrefix: Bool, threads: Int) -> CleanRun {
    let sequence = prompts[index].sequence
    let touched = touched[index]
    let first = touched.first ?? 0
    let kept = keepingPrefix ? 0 : first
    let device = CPUBackend(threads: threads)
    let batch = Batch([sequence])
    var plan = basePlan
    for layer in 0...end {
      plan.captures[.residual(before: layer)] = [.from(token: kept)]
      plan.captures[.headOutput(layer: layer)] = [.from(token: kept)]
    }
    let tile = Tile(batch, 0..<1)
    let taps = Taps(device: device, plan: plan, batch: batch, tile: tile)
    let memory = first > 0 ? emptyMemory(capacity: sequence.tokens.count) : nil
    let pass = Pass(
      device: device, tile: tile, taps: taps,
      memories: memory.map { memory in { [memory.layers[$0]] } })
    var x = model.network.embed(pass)
    for layer in 0...end { x = model.network.block(layer, x, pass) }
    let values = taps.captures()[0].values
    func matrices(_ hook: (Int) -> HookPoint) -> [Matrix] {
      (0...end).map { values[hook($0)] ?? Matrix(rows: 0, columns: 0) }
    }
    let last = device.pick([x.rows - 1], of: x)
    return CleanRun(
      sequence: sequence, touched: touched, kept: kept,
      streams: matrices { .residual(before: $0) }, heads: matrices { .headOutput(layer: $0) },
      memory: memory, reading: read(last, pass)[0])
  }

  /// What uniform attention gives each head at each token, `[tokens, H * dHead]`: running means of the
  /// values, over the window of the layer.
  func uniformAttention(_ clean: CleanRun, layer: Int) -> Matrix {
    let block = model.network.blocks[layer]
    let shape = block.attention.shape
    let device = CPUBackend()
    let stream = activations(clean.streams[layer], 0..<clean.sequence.tokens.count, device)
    let normed = block.attentionNorm.map { device.normalize(stream, by: $0) } ?? stream
    let value = device.multiply(normed, by: block.attention.value)  // [T, G * dHead]
    var uniform = Matrix(rows: value.rows, columns: shape.heads * shape.dHead)
    let group = shape.heads / shape.keyValueHeads
    for head in 0..<shape.heads {
      for coordinate in 0..<shape.dHead {
        let source = head / group * shape.dHead + coordinate
        var sum = 0.0
        for token in 0..<value.rows {
          sum += Double(value.row(token)[source])
          var seen = token + 1
          if let window = shape.window, seen > window {
            sum -= Double(value.row(token - window)[source])
            seen = window
          }
          uniform[token, head * shape.dHead + coordinate] = Float(sum / Double(seen))
        }
      }
    }
    return uniform
  }

  /// Rows of a matrix on the device.
  func activations(_ matrix: Matrix, _ rows: Range<Int>, _ device: CPUBackend) -> CPUActivations {
    let out = device.make(rows.count, matrix.columns)
    fill(out, at: 0, from: matrix, rows)
    return out
  }

  func fill(_ target: CPUActivations, at row: Int, from matrix: Matrix, _ rows: Range<Int>) {
    matrix.values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      target.row(row).update(
        from: start + rows.lowerBound * matrix.columns, count: rows.count * matrix.columns)
    }
  }

  func emptyMemory(capacity: Int) -> SequenceMemory<CPUBackend> {
    SequenceMemory(
      layers: model.network.blocks.map {
        CPUMemory(capacity: capacity, $0.attention.shape)
      })
  }

  /// Reads rows of the residual stream behind the last block that is needed.
  func read(_ x: CPUActivations, _ pass: Pass<CPUBackend>) -> [HeadReading] {
    let device = pass.device
    let state =
      readout.hook == .finalNorm ? device.normalize(x, by: model.network.finalNorm) : x
    let logits: CPUActivations? =
      switch readout.logits {
      case .none: nil
      case .all: model.network.logits(state, pass)
      case .tokens:
        unembedding.map { rows in
          let logits = device.multiply(state, by: rows)
          return model.network.logitSoftCap.map { device.softCap(logits, $0) } ?? logits
        }
      }
    return (0..<x.rows).map { row in
      HeadReading(
        state: device.read([row], of: state).values,
        logits: logits.map { device.read([row], of: $0).values } ?? [], changeSquared: 0)
    }
  }
}
