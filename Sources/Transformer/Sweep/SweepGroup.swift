import CKernels
import Files

/// Prompts that are swept together.
struct SweepGroup: Equatable, Sendable {
  /// Places among all prompts.
  var prompts: [Int]
  /// How many tokens at the beginning are the same in all of them and changed alike; 0 where that is
  /// not made use of.
  var sharedTokens: Int
  /// How many variants run side by side.
  var variants: Int
}

extension HeadRerun {
  /// A shorter beginning is not worth the bookkeeping.
  private static let fewestSharedTokens = 4

  /// Cuts prompts into groups that fill tiles, share beginnings and keep within the memory.
  func groups(
    of wanted: [Int], variants: Int, sharesPrefix: Bool
  ) throws(Problem) -> [SweepGroup] {
    var rest = wanted
    var groups: [SweepGroup] = []
    while let first = rest.first {
      var group = sharesPrefix ? sharing(first, rest) : SweepGroup([first], 0, variants)
      if group.sharedTokens == 0 { group = SweepGroup(filling(rest, variants), 0, variants) }
      group.variants = side(group, variants)
      while estimatedBytes(group) > memoryLimit {
        if group.variants > 1 {
          group.variants -= 1
        } else if group.prompts.count > 1 {
          group.prompts.removeLast((group.prompts.count + 1) / 2)
          if group.prompts.count == 1 { group.sharedTokens = 0 }
          group.variants = side(group, variants)
        } else {
          throw Problem(
            .notEnoughMemory, "prompt '\(prompts[first].sequence.id)'", place: "memory",
            problem: "needs about \(estimatedBytes(group)) bytes, and \(memoryLimit) are allowed",
            remedy: "allow more, use fewer threads or leave it out")
        }
      }
      let taken = Set(group.prompts)
      rest.removeAll { taken.contains($0) }
      groups.append(group)
    }
    return groups
  }

  /// The prompts whose common beginning with the first one saves most tokens.
  private func sharing(_ first: Int, _ rest: [Int]) -> SweepGroup {
    let common = rest.dropFirst().map { (prompt: $0, tokens: commonTokens(first, $0)) }
      .sorted { ($1.tokens, $0.prompt) < ($0.tokens, $1.prompt) }
    var best = SweepGroup([first], 0, 1)
    var saved = 0
    for (place, candidate) in common.enumerated() {
      guard candidate.tokens >= Self.fewestSharedTokens else { break }
      let saves = (place + 1) * candidate.tokens
      if saves > saved {
        saved = saves
        best = SweepGroup(
          ([first] + common[...place].map(\.prompt)).sorted(), candidate.tokens, 1)
      }
    }
    return best
  }

  /// Tokens at the beginning that are the same and touched alike; each sequence keeps one of its own.
  private func commonTokens(_ first: Int, _ second: Int) -> Int {
    guard touched[first].first == 0, touched[second].first == 0 else { return 0 }
    let (one, other) = (prompts[first].sequence.tokens, prompts[second].sequence.tokens)
    let most = min(one.count, other.count) - 1
    let same = (0..<most).first { one[$0] != other[$0] } ?? most
    let (mine, theirs) = (touched[first], touched[second])
    let parted = zip(mine, theirs).first { $0 != $1 }.map { min($0, $1) }
    let ended = mine.count == theirs.count ? nil : min(mine.count, theirs.count)
    let next = ended.map { mine.count > $0 ? mine[$0] : theirs[$0] }
    return min(same, parted ?? next ?? same)
  }

  /// As many prompts as fill a tile with the variants of one block.
  private func filling(_ rest: [Int], _ variants: Int) -> [Int] {
    var (taken, rows): ([Int], Int) = ([], 0)
    for prompt in rest {
      if !taken.isEmpty, rows >= Tile.targetRows { break }
      taken.append(prompt)
      rows += variants * (prompts[prompt].sequence.tokens.count - (touched[prompt].first ?? 0))
    }
    return taken
  }

  /// How many variants run side by side: enough rows for a tile, cut evenly.
  private func side(_ group: SweepGroup, _ variants: Int) -> Int {
    guard group.sharedTokens > 0, variants > 0 else { return max(variants, 1) }
    let rows = group.prompts.map { prompts[$0].sequence.tokens.count - group.sharedTokens }
    let mean = max(rows.reduce(0, +) / max(rows.count, 1), 1)
    let fitting = max(1, (Tile.targetRows + mean / 2) / mean)
    let parts = (variants + fitting - 1) / fitting
    return (variants + parts - 1) / parts
  }

  /// About how many bytes a group takes besides the weights.
  func estimatedBytes(_ group: SweepGroup) -> Int {
    let shape = model.shape
    let lengths = group.prompts.map { prompts[$0].sequence.tokens.count }
    let longest = lengths.max() ?? 0
    let width = shape.dModel + shape.heads * shape.dHead
    func memory(_ tokens: Int) -> Int {
      (0...end).reduce(0) { sum, layer in
        let attention = model.network.blocks[layer].attention.shape
        return sum
          + bathyscope_memory_count(tokens, attention.keyValueHeads, attention.dHead)
      }
    }
    let isLate = group.prompts.contains { touched[$0].first != 0 }
    let clean = lengths.reduce(0) { $0 + (end + 1) * $1 * width }
    let late = isLate ? (1 + threads) * lengths.reduce(0) { $0 + memory($1) } : 0
    let shared = group.sharedTokens > 0 ? threads * group.variants * memory(longest) : 0
    let rows = max(Tile.targetRows, longest)
    let heads = (shape.heads + shape.keyValueHeads) * shape.dHead
    let logits = readout.logits == .all ? shape.dVocabulary : 0
    let tile = rows * (5 * shape.dModel + 3 * heads + 3 * shape.dMLP) + 32 * logits
    return 4 * (clean + late + shared + threads * tile)
  }

  /// About how many bytes the largest group takes.
  package func estimatedBytes(variants: Int, shared: Bool) throws(Problem) -> Int {
    try groups(of: Array(prompts.indices), variants: variants, sharesPrefix: shared)
      .map(estimatedBytes).max() ?? 0
  }

  /// How many tokens go through how many blocks, the clean runs included.
  package func tokenBlocks(variants: Int, shared: Bool) throws(Problem) -> Int {
    var total = 0
    for group in try groups(of: Array(prompts.indices), variants: variants, sharesPrefix: shared) {
      let blocks = (0...end).reduce(0) { $0 + end - $1 } * variants
      var rows = group.sharedTokens
      for prompt in group.prompts {
        let count = prompts[prompt].sequence.tokens.count
        total += count * (end + 1)
        rows += count - max(group.sharedTokens, touched[prompt].first ?? 0)
      }
      total += rows * blocks
    }
    return total
  }
}

extension SweepGroup {
  fileprivate init(_ prompts: [Int], _ sharedTokens: Int, _ variants: Int) {
    (self.prompts, self.sharedTokens, self.variants) = (prompts, sharedTokens, variants)
  }
}
