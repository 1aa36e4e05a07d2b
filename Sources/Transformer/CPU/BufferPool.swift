import CKernels
import Synchronization
import Tensors

/// Memory for activations, used again as soon as nothing refers to them.
final class BufferPool: Sendable {
  private let free = Mutex<[Buffer]>([])

  /// A buffer for at least `count` floats, with anything in it.
  func take(_ count: Int) -> Buffer {
    // Never so many more that the pool fills up with what fits nothing.
    let most = max(2 * count, Self.step)
    let reused = free.withLock { free -> Buffer? in
      var best: Int?
      for index in free.indices where count <= free[index].count && free[index].count <= most {
        if best.map({ free[index].count < free[$0].count }) ?? true { best = index }
      }
      return best.map { free.remove(at: $0) }
    }
    // A little more than asked for, so that tiles of about one size share their buffers.
    return reused ?? Buffer(count: (count + count / 8 + Self.step - 1) / Self.step * Self.step)
  }

  /// Sizes are multiples of this.
  private static let step = 1024

  /// Gives a buffer back; those left over from tiles of other sizes are freed.
  func give(_ buffer: Buffer) {
    free.withLock { free in
      free.append(buffer)
      if free.count > 64 { free.removeFirst() }
    }
  }
}

/// Activations on the CPU, `[rows, columns]`; their memory returns to the pool with the last reference.
final class CPUActivations: ActivationShape {
  let rows: Int
  let columns: Int
  private let buffer: Buffer
  private let pool: BufferPool

  init(rows: Int, columns: Int, from pool: BufferPool) {
    (self.rows, self.columns, self.pool) = (rows, columns, pool)
    buffer = pool.take(rows * columns)
  }

  deinit { pool.give(buffer) }

  var count: Int { rows * columns }
  var start: UnsafeMutablePointer<Float> { buffer.start }
  func row(_ row: Int) -> UnsafeMutablePointer<Float> { start + row * columns }
}

/// The keys and values of one sequence in one block, laid out for attention.
final class CPUMemory {
  /// How many tokens it holds at most.
  let capacity: Int
  let buffer: Buffer

  init(capacity: Int, _ shape: AttentionShape) {
    self.capacity = capacity
    buffer = Buffer(
      count: bathyscope_memory_count(capacity, shape.keyValueHeads, shape.dHead))
  }

  /// The values of one head at one token that it holds, `[dHead]`.
  func value(of token: Int, head: Int, _ shape: AttentionShape) -> UnsafePointer<Float> {
    UnsafePointer(
      buffer.start
        + bathyscope_memory_value(
          capacity, shape.keyValueHeads, shape.dHead, token, head))
  }

  /// A copy of the first tokens that can be written to on its own.
  convenience init(
    copying tokens: Int, of other: CPUMemory, _ shape: AttentionShape, capacity: Int
  ) {
    self.init(capacity: capacity, shape)
    take(tokens, of: other, shape)
  }

  /// Puts another one's first tokens in place of its own.
  func take(_ tokens: Int, of other: CPUMemory, _ shape: AttentionShape) {
    bathyscope_memory_copy(
      buffer.start, capacity, other.buffer.start, other.capacity, tokens, shape.keyValueHeads,
      shape.dHead)
  }
}
