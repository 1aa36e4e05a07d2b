/// A few sequences of a batch, standing one after another: what one thread takes at a time.
struct Tile {
  /// Places in the batch.
  let sequences: Range<Int>
  /// First row of each sequence, and the number of rows at the end.
  let offsets: [Int]
  let tokens: [Int32]
  /// Each row's place in its sequence.
  let positions: [Int32]

  var rows: Int { tokens.count }

  /// - Parameter starts: how many tokens of each sequence are in its memory already; nil for none.
  init(_ batch: Batch, _ sequences: Range<Int>, starts: [Int]? = nil) {
    self.sequences = sequences
    var offsets = [0]
    var tokens: [Int32] = []
    var positions: [Int32] = []
    for (index, sequence) in batch.sequences[sequences].enumerated() {
      let start = starts?[index] ?? 0
      tokens.append(contentsOf: sequence.tokens[start...])
      positions.append(contentsOf: Int32(start)..<Int32(sequence.tokens.count))
      offsets.append(tokens.count)
    }
    (self.offsets, self.tokens, self.positions) = (offsets, tokens, positions)
  }

  /// How many tokens of the tile's `index`-th sequence come before its rows.
  func start(of index: Int) -> Int {
    let first = offsets[index]
    return first < offsets[index + 1] ? Int(positions[first]) : 0
  }

  /// Rows of the tile's `index`-th sequence.
  func rows(of index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }

  /// Enough rows for a matrix product to reach its speed, few enough for the cache.
  static let targetRows = 320
  /// Tokens whose keys and values a tile's sequences have from before.
  static let mostCopied = 16 * targetRows

  /// Cuts a batch into tiles of about equal size, whole sequences each.
  ///
  /// Results do not depend on the cut. A small batch is shared among the threads.
  /// - Parameter done: how many tokens of each sequence are in its memory already. They are copied, and
  ///   bound a tile's sequences too.
  static func cut(_ batch: Batch, threads: Int, behind done: Int = 0) -> [Range<Int>] {
    let count = batch.tokenCount - done * batch.sequences.count
    let share = (count + threads - 1) / threads
    let target = max(1, min(targetRows, share))
    var tiles: [Range<Int>] = []
    var (start, rows) = (0, 0)
    for (index, sequence) in batch.sequences.enumerated() {
      let new = sequence.tokens.count - done
      let copied = (index - start) * done
      if index > start, rows + new > target || copied > mostCopied {
        tiles.append(start..<index)
        (start, rows) = (index, 0)
      }
      rows += new
    }
    if start < batch.sequences.count { tiles.append(start..<batch.sequences.count) }
    return tiles
  }
}
