import CKernels

extension PackedMatrix {
  /// y `[rows, outputs]` = x `[rows, inputs]` times the transpose of this matrix.
  ///
  /// Threads share the outputs, never the inputs, so their number changes no bit.
  package func multiply(
    _ x: UnsafePointer<Float>, rows: Int, into y: UnsafeMutablePointer<Float>, threads: Int = 1
  ) {
    switch storage {
    case .floats(let packed):
      let (x, y) = (Unchecked(x), Unchecked(y))
      split(panels, among: threads) { columns in
        bathyscope_multiply(
          y.value + columns.first, outputs, x.value, packed.start + columns.first * inputs, rows,
          inputs, columns.count)
      }
    case .halves(let packed, roundsActivations: false):
      multiply(x, rows, into: y, threads, words: packed, by: bathyscope_multiply_widened)
    case .halves(let packed, roundsActivations: true):
      withScratch(rows * inputs) { rounded in
        bathyscope_round_rows(rounded, x, rows, inputs)
        multiply(rounded, rows, into: y, threads, words: packed, by: bathyscope_multiply_rounded)
      }
    case .expanded(let expand):
      let (x, y) = (Unchecked(x), Unchecked(y))
      split(panels, among: threads) { columns in
        withScratch(2 * Self.panel * inputs) { scratch in
          let panel = scratch + Self.panel * inputs
          for first in stride(
            from: columns.first, to: columns.first + columns.count, by: Self.panel)
          {
            let count = min(Self.panel, outputs - first)
            expand(first..<(first + count), scratch)
            bathyscope_pack_panel(panel, scratch, count, inputs)
            bathyscope_multiply(y.value + first, outputs, x.value, panel, rows, inputs, count)
          }
        }
      }
    }
  }

  /// Target and its stride, activations, panels; rows, inputs, outputs.
  private typealias HalvesKernel =
    @Sendable (
      UnsafeMutablePointer<Float>?, Int, UnsafePointer<Float>?, UnsafePointer<UInt32>?, Int, Int,
      Int
    ) -> Void

  private func multiply(
    _ x: UnsafePointer<Float>, _ rows: Int, into y: UnsafeMutablePointer<Float>, _ threads: Int,
    words packed: Buffer, by kernel: @escaping HalvesKernel
  ) {
    let (x, y) = (Unchecked(x), Unchecked(y))
    let pairs = (inputs + 1) / 2
    split(panels, among: threads) { columns in
      kernel(
        y.value + columns.first, outputs, x.value, words(packed.start + columns.first * pairs),
        rows, inputs, columns.count)
    }
  }

  /// x `[rows, inputs]` = y `[rows, outputs]` times this matrix: the product of a backward pass.
  ///
  /// Sums run over the outputs in order, in 32-bit floats and with y as it is in every precision; the
  /// weights are the rounded ones. The bits depend neither on the other rows nor on the threads.
  package func multiplyTransposed(
    _ y: UnsafePointer<Float>, rows: Int, into x: UnsafeMutablePointer<Float>, threads: Int = 1
  ) {
    x.update(repeating: 0, count: rows * inputs)
    // Rows of weights that stay in a core's cache, whole panels of them.
    let taken = max(Self.panel, 65_536 / max(inputs, 1) / Self.panel * Self.panel)
    // The last row is read up to the next multiple of 16.
    withScratch(taken * inputs + Self.panel) { scratch in
      scratch.update(repeating: 0, count: taken * inputs + Self.panel)
      let (x, y, weights) = (Unchecked(x), Unchecked(y), Unchecked(UnsafePointer(scratch)))
      for first in stride(from: 0, to: outputs, by: taken) {
        let block = first..<min(first + taken, outputs)
        copyRows(block, to: scratch, threads: threads)
        split((inputs + Self.panel - 1) / Self.panel, among: threads, end: inputs) { columns in
          bathyscope_multiply_transposed(
            x.value + columns.first, inputs, y.value + first, outputs,
            weights.value + columns.first,
            inputs, rows, columns.count, block.count)
        }
      }
    }
  }

  /// Writes rows of the matrix, `inputs` floats each, one after another.
  func copyRows(_ rows: Range<Int>, to target: UnsafeMutablePointer<Float>, threads: Int = 1) {
    let target = Unchecked(target)
    let first = rows.lowerBound / Self.panel
    let last = (rows.upperBound + Self.panel - 1) / Self.panel
    Team.shared.run(last - first, threads: threads) { index in
      let start = (first + index) * Self.panel
      let part = rows.clamped(to: start..<(start + Self.panel))
      let place = target.value + (part.lowerBound - rows.lowerBound) * inputs
      let row = part.lowerBound - start
      switch storage {
      case .floats(let packed):
        bathyscope_unpack_panel(place, packed.start + start * inputs + row, part.count, inputs)
      case .halves(let packed, _):
        let panel = packed.start + start * ((inputs + 1) / 2)
        bathyscope_unpack_panel_bf16(place, words(panel) + row, part.count, inputs)
      case .expanded(let expand): expand(part, place)
      }
    }
  }

  /// Columns of a result: the first one and how many.
  private typealias Columns = (first: Int, count: Int)

  /// Shares out columns of a result, in some groups of sixteen at a time.
  private func split(
    _ groups: Int, among threads: Int, end: Int? = nil,
    _ body: @escaping @Sendable (Columns) -> Void
  ) {
    let end = end ?? outputs
    // Four groups are a block of the kernel; a few pieces for each thread even out their times.
    let size = threads > 1 ? 4 * max(1, groups / (16 * threads)) : max(groups, 1)
    Team.shared.run((groups + size - 1) / size, threads: threads) { index in
      let first = index * size * Self.panel
      body((first, min(size * Self.panel, end - first)))
    }
  }
}

/// Memory for as long as `body` runs, with whatever is in it.
private func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
  let scratch = UnsafeMutableRawPointer.allocate(
    byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
  defer { scratch.deallocate() }
  body(scratch.assumingMemoryBound(to: Float.self))
}
