import CKernels
import Files
import Prompts

/// A variant before it is made: what decides where it is run.
struct VariantJob: Sendable {
  /// Its place among all variants.
  var variant: Int
  var sequence: Int
  /// Where it leaves the clean run; nil where it does not.
  var origin: HookPoint?
  /// The first token that is touched.
  var first: Int
  /// The same for variants of several sequences that are changed in one way from the first token on; 0
  /// where none is like it, or where a beginning cannot be computed without what follows.
  var kind = 0
  /// Which of the lists of positions its interventions have, where it has a kind.
  var rules = 0
  /// Whether it changes something in one place only, where it may turn out to be the clean run.
  var isLocal = false
}

/// Sequences whose variants are run together.
struct VariantGroup: Sendable {
  /// Places in the batch.
  var sequences: [Int]
  /// How many tokens at the beginning are the same in all of them and changed alike; 0 where that is
  /// not made use of.
  var sharedTokens = 0
  /// How many kinds run side by side, where beginnings are shared.
  var slots = 1
  var jobs: [VariantJob] = []
  /// What is asked of each sequence's clean run.
  var plans: [CleanPlan] = []

  /// The variants that change nothing.
  var clean: [VariantJob] { jobs.filter { $0.origin == nil } }

  func place(of sequence: Int) -> Int { sequences.firstIndex(of: sequence) ?? 0 }
}

/// Variants that one thread runs at once, all from one place of the forward pass.
struct VariantWork: Sendable {
  var origin: HookPoint
  /// By kind, where beginnings are shared; else one list.
  var jobs: [[VariantJob]]
  var sharesBeginnings: Bool
}

extension VariantWork {
  /// The same in parts with some of the sequences each, which compute the beginnings once more: threads
  /// would have nothing to do otherwise.
  fileprivate func split(_ parts: Int) -> [VariantWork] {
    let sequences = Set(jobs.joined().map(\.sequence)).sorted()
    let size = max((sequences.count + parts - 1) / parts, 1)
    return stride(from: 0, to: sequences.count, by: size).map { start in
      let chosen = Set(sequences[start..<Swift.min(start + size, sequences.count)])
      var part = self
      part.jobs = jobs.map { $0.filter { chosen.contains($0.sequence) } }
        .filter { !$0.isEmpty }
      return part
    }
  }
}

/// All variants by sequence, and what they have in common.
struct VariantJobs {
  var bySequence: [Int: [VariantJob]] = [:]
  /// The lists of positions of variants that have a kind.
  var rules: [[Positions]] = []
}

extension Counterfactuals {
  /// A shorter beginning is not worth the bookkeeping.
  private static let fewestSharedTokens = 4
  /// So many variants of a sequence are worth a clean run to the end.
  private static let manyVariants = 4

  /// Looks at all variants once and refuses what does not fit.
  func jobs<Variants: RandomAccessCollection<Variant> & Sendable>(
    _ variants: Variants
  ) throws -> VariantJobs where Variants.Index == Int {
    var jobs = VariantJobs()
    var places: [[Positions]: Int] = [:]
    var sequencesByKind: [Int: (first: Int, isShared: Bool)] = [:]
    for (index, variant) in zip(variants.indices, variants) {
      let prepared = try prepare(variant, at: index)
      var job = VariantJob(
        variant: index, sequence: variant.sequence, origin: prepared.origin, first: prepared.first)
      job.isLocal = prepared.steps.keys.allSatisfy { $0 == prepared.origin && $0 != .embedding }
      if prepared.canShareBeginnings {
        let positions = variant.interventions.map(\.positions)
        job.kind = variant.interventions.hashValue
        job.rules = places[positions] ?? places.count
        places[positions] = job.rules
        let seen = sequencesByKind[job.kind] ?? (variant.sequence, false)
        sequencesByKind[job.kind] = (
          seen.first, seen.isShared || seen.first != variant.sequence
        )
      }
      jobs.bySequence[variant.sequence, default: []].append(job)
    }
    jobs.bySequence = jobs.bySequence.mapValues { list in
      list.map { job in
        var job = job
        if sequencesByKind[job.kind]?.isShared != true { job.kind = 0 }
        return job
      }
    }
    jobs.rules = places.sorted { $0.value < $1.value }.map(\.key)
    return jobs
  }

  /// Cuts sequences into groups that fill tiles, share beginnings and keep within the memory.
  func groups(_ jobs: VariantJobs) throws(Problem) -> [VariantGroup] {
    var rest = jobs.bySequence.keys.sorted()
    var groups: [VariantGroup] = []
    while let first = rest.first {
      var group = sharing(first, rest, jobs)
      if group.sharedTokens == 0 { group = VariantGroup(sequences: filling(rest, jobs)) }
      group.slots = kinds(group, jobs)
      while estimatedBytes(group, jobs) > memoryLimit {
        if group.slots > 1 {
          group.slots -= 1
        } else if group.sequences.count > 1 {
          group.sequences.removeLast((group.sequences.count + 1) / 2)
          if group.sequences.count == 1 { group.sharedTokens = 0 }
          group.slots = kinds(group, jobs)
        } else {
          throw Problem(
            .notEnoughMemory, "prompt '\(batch.sequences[first].id)'", place: "memory",
            problem:
              "needs about \(estimatedBytes(group, jobs)) bytes, and \(memoryLimit) are allowed",
            remedy: "allow more, use fewer threads or leave it out")
        }
      }
      group.jobs = group.sequences.flatMap { jobs.bySequence[$0] ?? [] }
      group.plans = group.sequences.map { cleanPlan($0, jobs, group) }
      let taken = Set(group.sequences)
      rest.removeAll { taken.contains($0) }
      groups.append(group)
    }
    return groups
  }

  /// The sequences whose common beginning with the first one saves most tokens.
  private func sharing(_ first: Int, _ rest: [Int], _ jobs: VariantJobs) -> VariantGroup {
    guard jobs.bySequence[first]?.contains(where: { $0.kind != 0 }) == true else {
      return VariantGroup(sequences: [first])
    }
    let common = rest.dropFirst().map { (sequence: $0, tokens: commonTokens(first, $0, jobs)) }
      .sorted { ($1.tokens, $0.sequence) < ($0.tokens, $1.sequence) }
    var best = VariantGroup(sequences: [first])
    var saved = 0
    for (place, candidate) in common.enumerated() {
      guard candidate.tokens >= Self.fewestSharedTokens else { break }
      let saves = (place + 1) * candidate.tokens
      if saves > saved {
        saved = saves
        best = VariantGroup(
          sequences: ([first] + common[...place].map(\.sequence)).sorted(),
          sharedTokens: candidate.tokens)
      }
    }
    return best
  }

  /// Tokens at the beginning that are the same and touched alike; each sequence keeps one of its own.
  private func commonTokens(_ first: Int, _ second: Int, _ jobs: VariantJobs) -> Int {
    func rules(_ sequence: Int) -> Set<Int> {
      Set((jobs.bySequence[sequence] ?? []).filter { $0.kind != 0 }.map(\.rules))
    }
    let (one, other) = (batch.sequences[first], batch.sequences[second])
    let both = rules(first).intersection(rules(second))
    guard !both.isEmpty else { return 0 }
    let most = min(one.tokens.count, other.tokens.count) - 1
    let same = (0..<most).first { one.tokens[$0] != other.tokens[$0] } ?? most
    // What is read of a beginning would have to be read for each sequence by its own rules.
    let read = [one, other].flatMap { positions(in: $0).values.compactMap(\.first) }.min() ?? same
    var alike = both.flatMap { jobs.rules[$0] }.reduce(min(same, read)) { count, positions in
      count.asFarAsAlike(positions.indices(in: one), positions.indices(in: other))
    }
    for change in basePlan.interventions {
      let touched = [(one, first), (other, second)].map {
        change.concerns($0, at: $1) ? change.positions.indices(in: $0) : []
      }
      alike = alike.asFarAsAlike(touched[0], touched[1])
    }
    return alike
  }

  /// As many sequences as fill a tile with the variants of one place.
  private func filling(_ rest: [Int], _ jobs: VariantJobs) -> [Int] {
    var taken: [Int] = []
    var rows = 0
    for sequence in rest {
      if !taken.isEmpty, rows >= Tile.targetRows { break }
      taken.append(sequence)
      let mine = (jobs.bySequence[sequence] ?? []).filter { $0.origin != nil }
      let count = batch.sequences[sequence].tokens.count
      let all = mine.reduce(0) { $0 + count - $1.first }
      rows += all / max(Set(mine.map(\.origin)).count, 1)
    }
    return taken
  }

  /// How many kinds run side by side at most: enough rows for a tile, cut evenly.
  private func kinds(_ group: VariantGroup, _ jobs: VariantJobs) -> Int {
    guard group.sharedTokens > 0 else { return 1 }
    var kinds: [HookPoint: Set<Int>] = [:]
    for sequence in group.sequences {
      for job in jobs.bySequence[sequence] ?? [] where job.kind != 0 {
        if let origin = job.origin { kinds[origin, default: []].insert(job.kind) }
      }
    }
    return kinds.values.map { side(group, $0.count) }.max() ?? 1
  }

  private func side(_ group: VariantGroup, _ kinds: Int) -> Int {
    let rows = group.sequences.map { batch.sequences[$0].tokens.count - group.sharedTokens }
    let mean = max(rows.reduce(0, +) / max(rows.count, 1), 1)
    let fitting = max(1, (Tile.targetRows + mean / 2) / mean)
    let parts = (kinds + fitting - 1) / fitting
    return (kinds + parts - 1) / parts
  }

  /// What the variants of a sequence need of its clean run.
  private func cleanPlan(
    _ sequence: Int, _ jobs: VariantJobs, _ group: VariantGroup
  ) -> CleanPlan {
    var wanted = CleanPlan()
    let mine = jobs.bySequence[sequence] ?? []
    let read = positions(in: batch.sequences[sequence]).filter { !$0.value.isEmpty }
    let firstHook = read.keys.min() ?? plan.last
    let firstToken = read.values.compactMap(\.first).min() ?? 0
    for job in mine {
      guard let origin = job.origin else {
        wanted.isRead = true
        continue
      }
      wanted.origins.insert(origin)
      wanted.kept = min(wanted.kept, job.first)
      if job.first > 0 { wanted.isRemembered = true }
      if job.first > firstToken || origin > firstHook { wanted.isRead = true }
    }
    // Some may turn out to change nothing; for a few it is not worth the rest of a pass.
    if mine.count(where: \.isLocal) >= Self.manyVariants { wanted.isRead = true }
    // Patterns are as wide as their sequence: they are computed with all tokens in view.
    if plan.captures.keys.contains(where: { $0.site.isRagged }) { wanted.kept = 0 }
    return wanted
  }

  /// What is run at once in a group.
  func works(_ group: VariantGroup) -> [VariantWork] {
    var plain: [HookPoint: [VariantJob]] = [:]
    var kinds: [HookPoint: (order: [Int], jobs: [Int: [VariantJob]])] = [:]
    for job in group.jobs {
      guard let origin = job.origin else { continue }
      if group.sharedTokens == 0 || job.kind == 0 {
        plain[origin, default: []].append(job)
      } else {
        var mine = kinds[origin] ?? ([], [:])
        if mine.jobs[job.kind] == nil { mine.order.append(job.kind) }
        mine.jobs[job.kind, default: []].append(job)
        kinds[origin] = mine
      }
    }
    var works: [VariantWork] = []
    for (origin, mine) in kinds {
      let side = min(side(group, mine.order.count), group.slots)
      for start in stride(from: 0, to: mine.order.count, by: side) {
        let chosen = mine.order[start..<min(start + side, mine.order.count)]
        works.append(
          VariantWork(
            origin: origin, jobs: chosen.map { mine.jobs[$0] ?? [] }, sharesBeginnings: true))
      }
    }
    if !works.isEmpty, works.count < threads {
      let parts = (threads + works.count - 1) / works.count
      works = works.flatMap { $0.split(parts) }
    }
    for (origin, jobs) in plain {
      var part: [VariantJob] = []
      var rows = 0
      for job in jobs {
        let count = batch.sequences[job.sequence].tokens.count - job.first
        if !part.isEmpty, rows + count > Tile.targetRows {
          works.append(VariantWork(origin: origin, jobs: [part], sharesBeginnings: false))
          (part, rows) = ([], 0)
        }
        part.append(job)
        rows += count
      }
      works.append(VariantWork(origin: origin, jobs: [part], sharesBeginnings: false))
    }
    // The longest ways first, so that threads end together.
    return works.sorted {
      ($0.origin, $0.jobs[0][0].variant) < ($1.origin, $1.jobs[0][0].variant)
    }
  }
}

extension Counterfactuals {
  /// About how many bytes a group takes besides the weights.
  func estimatedBytes(_ group: VariantGroup, _ jobs: VariantJobs) -> Int {
    let shape = model.shape
    let lengths = group.sequences.map { batch.sequences[$0].tokens.count }
    let longest = lengths.max() ?? 0
    let mine = group.sequences.flatMap { jobs.bySequence[$0] ?? [] }
    func memory(_ tokens: Int) -> Int {
      network.blocks[..<((end ?? -1) + 1)].reduce(0) { sum, block in
        let attention = block.attention.shape
        return sum
          + bathyscope_memory_count(tokens, attention.keyValueHeads, attention.dHead)
      }
    }
    let kept = Set(mine.compactMap(\.origin)).reduce(0) { sum, origin in
      sum + shape.dModel + (origin.site == .headOutput ? shape.heads * shape.dHead : 0)
    }
    let clean = lengths.reduce(0) { $0 + $1 * kept }
    let isLate = mine.contains { $0.first > 0 }
    let late = isLate ? (1 + threads) * lengths.reduce(0) { $0 + memory($1) } : 0
    let shared = group.sharedTokens > 0 ? threads * group.slots * memory(longest) : 0
    let rows = max(Tile.targetRows, longest)
    let heads = (shape.heads + shape.keyValueHeads) * shape.dHead
    let logits = plan.captures[.logits] == nil ? 0 : network.shape.dVocabulary
    let tile = rows * (5 * shape.dModel + 3 * heads + 3 * shape.dMLP) + 32 * logits
    return 4 * (clean + late + shared + threads * tile)
  }

  /// How many tokens go through how many blocks, the clean runs included, and about how many bytes the
  /// largest group takes besides the weights.
  package func estimate<Variants: RandomAccessCollection<Variant> & Sendable>(
    _ variants: Variants
  ) throws -> (tokenBlocks: Int, bytes: Int) where Variants.Index == Int {
    let jobs = try jobs(variants)
    let blocks = (end ?? -1) + 1
    var (tokenBlocks, bytes) = (0, 0)
    for group in try groups(jobs) {
      bytes = max(bytes, estimatedBytes(group, jobs))
      tokenBlocks += group.sequences.reduce(0) { $0 + batch.sequences[$1].tokens.count * blocks }
      for work in works(group) {
        let left = max(blocks - work.origin.blocksBefore, 0)
        for list in work.jobs {
          if work.sharesBeginnings { tokenBlocks += group.sharedTokens * left }
          for job in list {
            let begun = work.sharesBeginnings ? group.sharedTokens : job.first
            tokenBlocks += (batch.sequences[job.sequence].tokens.count - begun) * left
          }
        }
      }
    }
    return (tokenBlocks, bytes)
  }
}

extension HookPoint {
  /// How many blocks are done at this place, one whose heads are done included.
  fileprivate var blocksBefore: Int {
    switch site {
    case .headOutput, .residualAfter: (layer ?? 0) + 1
    default: layer ?? 0
    }
  }
}

extension Int {
  /// This number of tokens, or as many as two sequences are touched alike in.
  fileprivate func asFarAsAlike(_ mine: [Int], _ theirs: [Int]) -> Int {
    let parted = zip(mine, theirs).first { $0 != $1 }.map { Swift.min($0, $1) }
    let shorter = Swift.min(mine.count, theirs.count)
    let next = (mine.count > shorter ? mine : theirs).dropFirst(shorter).first
    return Swift.min(self, parted ?? next ?? self)
  }
}

extension PreparedVariant {
  /// Whether a beginning of the sequence can be computed without what follows.
  fileprivate var canShareBeginnings: Bool {
    origin != nil && first == 0 && !attendsUniformly
      && variant.interventions.allSatisfy { $0.norm != .sequence }
  }
}
