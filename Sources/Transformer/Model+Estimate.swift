import Files
import Foundation
import Tensors

extension Model {
  /// About how many bytes a run will need besides the weights, which are in memory already: the
  /// activations of one tile for each thread, what is captured of it until it is handed over, and the
  /// keys and values of a beginning that all sequences share.
  public func estimatedWorkingBytes(
    _ batch: Batch, capturing hooks: [HookPoint], threads: Int
  ) -> Int {
    let longest = batch.sequences.map(\.tokens.count).max() ?? 0
    let rows = max(Tile.targetRows, longest)
    let heads = (shape.heads + shape.keyValueHeads) * shape.dHead
    let activations = 4 * shape.dModel + 2 * heads + 2 * shape.dMLP
    let captured = hooks.reduce(0) { $0 + shape.width(of: $1.site, tokens: longest) }
    let keys = 2 * shape.keyValueHeads * shape.dHead
    let shared = CommonPrefix.tokens(of: batch) * shape.layers * keys
    let copied = shared > 0 ? threads * Tile.mostCopied * keys : 0
    return (threads * rows * (activations + 2 * captured) + shared + copied)
      * MemoryLayout<Float>.stride
  }

  /// How many bytes the captures of each sequence hold.
  func capturedBytes(_ batch: Batch, _ captures: [Capture]) -> [Int] {
    batch.sequences.map { sequence in
      let tokens = sequence.tokens.count
      return captures.reduce(0) { sum, capture in
        // A pattern is computed for all tokens, whichever are read.
        let rows =
          capture.hook.site == .attentionPattern
          ? tokens : capture.positions.indices(in: sequence).count
        return sum
          + rows * shape.width(of: capture.hook.site, tokens: tokens) * MemoryLayout<Float>.stride
      }
    }
  }

  /// Refuses to hold more than this machine has.
  func checkMemory(_ bytes: Int) throws(Problem) {
    let room = ProcessInfo.processInfo.physicalMemory
    guard bytes < room else {
      throw Problem(
        .notEnoughMemory, "captures",
        problem: "would hold \(bytes / 1_000_000) MB at once, and this machine has "
          + "\(room / 1_000_000) MB of memory",
        remedy: "read fewer hooks, positions or tokens, or use fewer threads")
    }
  }

  /// About how many tokens a second this machine will run, from a product of a few milliseconds.
  ///
  /// A forecast to print before a long run; attention over long sequences and the writing of files
  /// come on top.
  public func estimatedTokensPerSecond(threads: Int) -> Double {
    let (rows, size) = (96, 512)
    let weights = PackedMatrix(outputs: size, inputs: size) { row, target in
      for index in 0..<size { target[index] = Float((row + index) % 7) }
    }
    let x = [Float](repeating: 1, count: rows * size)
    var y = [Float](repeating: 0, count: rows * size)
    let clock = ContinuousClock()
    let time =
      (0..<3).map { _ in
        clock.measure { weights.multiply(x, rows: rows, into: &y) }
      }.min() ?? .seconds(1)
    let seconds = Double(time.components.attoseconds) * 1e-18 + Double(time.components.seconds)
    let rate = Double(rows * size * size) / max(seconds, 1e-9)
    return rate * Double(threads) / Double(shape.weightsPerToken)
  }
}

extension ModelShape {
  /// Weights of the blocks: the multiplications that one token takes.
  var weightsPerToken: Int {
    let attention = 2 * dModel * dHead * (heads + keyValueHeads)
    return layers * (attention + 3 * dModel * dMLP)
  }
}
