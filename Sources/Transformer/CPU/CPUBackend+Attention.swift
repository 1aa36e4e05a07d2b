import CKernels
import Tensors

extension CPUBackend {
  func attend(
    _ query: CPUActivations, _ key: CPUActivations, _ value: CPUActivations,
    _ shape: AttentionShape, tile: Tile, memories: [CPUMemory]?,
    pattern: ((Int, Matrix) -> Void)?
  ) -> CPUActivations {
    let z = make(query.rows, query.columns)
    let count = tile.sequences.count
    let memories =
      memories ?? (0..<count).map { CPUMemory(capacity: tile.rows(of: $0).count, shape) }
    var patterns: [Matrix] = []
    if pattern != nil {
      patterns = (0..<count).map {
        let rows = tile.rows(of: $0).count
        return Matrix(rows: rows, columns: shape.heads * (tile.start(of: $0) + rows))
      }
    }
    // One key/value head of one sequence is one piece of work.
    let work = Unchecked((query, key, value, z, memories, tile))
    let attention = Unchecked(bathyscope_attention(shape))
    @Sendable func run(
      _ sequence: Int, _ head: Int, _ pattern: UnsafeMutablePointer<Float>?
    ) {
      let (query, key, value, z, memories, tile) = work.value
      let rows = tile.rows(of: sequence)
      let (first, memory) = (rows.lowerBound, memories[sequence])
      bathyscope_attend(
        z.row(first), pattern, query.row(first), key.row(first), value.row(first),
        memory.buffer.start, memory.capacity, tile.start(of: sequence), rows.count, attention.value,
        head)
    }
    guard let pattern else {
      Team.shared.run(count * shape.keyValueHeads, threads: threads) {
        run($0 / shape.keyValueHeads, $0 % shape.keyValueHeads, nil)
      }
      return z
    }
    for sequence in 0..<count {
      patterns[sequence].values.withUnsafeMutableBufferPointer { target in
        for head in 0..<shape.keyValueHeads { run(sequence, head, target.baseAddress) }
      }
      pattern(sequence, patterns[sequence])
    }
    return z
  }

  func attendUniformly(
    _ value: CPUActivations, _ shape: AttentionShape, tile: Tile, memories: [CPUMemory]?
  ) -> CPUActivations {
    let out = make(value.rows, shape.heads * shape.dHead)
    let (width, group) = (shape.dHead, shape.heads / shape.keyValueHeads)
    for index in 0..<tile.sequences.count {
      let (rows, start) = (tile.rows(of: index), tile.start(of: index))
      let memory = memories?[index]
      for head in 0..<shape.keyValueHeads {
        // Tokens before the tile's are in the memory only.
        func row(_ token: Int) -> UnsafePointer<Float> {
          if token < start, let memory { return memory.value(of: token, head: head, shape) }
          return UnsafePointer(value.row(rows.lowerBound + token - start) + head * width)
        }
        var sums = [Double](repeating: 0, count: width)
        for token in 0..<(start + rows.count) {
          let (new, leaving) = (row(token), token - (shape.window ?? .max))
          let old = leaving >= 0 ? row(leaving) : nil
          for column in 0..<width {
            sums[column] += Double(new[column])
            if let old { sums[column] -= Double(old[column]) }
          }
          guard token >= start else { continue }
          let target = out.row(rows.lowerBound + token - start)
          let seen = Double(min(token + 1, shape.window ?? .max))
          for query in (head * group)..<((head + 1) * group) {
            for column in 0..<width {
              target[query * width + column] = Float(sums[column] / seen)
            }
          }
        }
      }
    }
    return out
  }

  /// Room for one sequence's keys and values in one block.
  func memory(capacity: Int, _ shape: AttentionShape) -> CPUMemory {
    CPUMemory(capacity: capacity, shape)
  }
}

extension bathyscope_attention {
  init(_ shape: AttentionShape) {
    self.init(
      heads: shape.heads, kv_heads: shape.keyValueHeads, head_width: shape.dHead,
      window: shape.window ?? 0, scale: shape.scale, soft_cap: shape.softCap ?? 0)
  }
}
