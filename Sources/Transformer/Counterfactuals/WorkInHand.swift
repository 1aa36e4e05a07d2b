import CKernels
import Prompts
import Synchronization
import Tensors

/// Runs the variants of one place, on one thread or with all threads sharing each operation.
struct WorkInHand {
  let engine: Counterfactuals
  /// The clean runs of the group.
  let runs: [CleanRun]
  let memory: WorkerMemory
  let threads: Int

  /// One variant of one sequence, or of its beginning.
  private struct Entry {
    var variant: PreparedVariant
    /// The sequence's place in the group.
    var place: Int
    /// The tokens whose rows are computed.
    var tokens: Range<Int>
    var memory: SequenceMemory<CPUBackend>
    /// The rows that are changed where the variant leaves the clean run.
    var changed: (tokens: [Int], rows: CPUActivations)?
    /// What was changed there, and before these tokens.
    var marks: [EffectMark]
  }

  /// What came of an entry.
  private struct Outcome {
    var capture: SequenceCapture
    var marks: [EffectMark]
  }

  private var device: CPUBackend { memory.device }

  func run(
    _ work: VariantWork, _ prepare: (Int) throws -> PreparedVariant
  ) throws -> [Trial] {
    guard work.sharesBeginnings else {
      return runAlone(try work.jobs.joined().map { try prepare($0.variant) }, work.origin)
    }
    let kinds = try work.jobs.map { try $0.map { try prepare($0.variant) } }
    return runSharing(kinds, work.origin)
  }

  private func place(of variant: PreparedVariant) -> Int {
    runs.firstIndex { $0.place == variant.sequence } ?? 0
  }

  /// Each variant from its own first changed token on.
  private func runAlone(_ variants: [PreparedVariant], _ origin: HookPoint) -> [Trial] {
    var trials: [Trial] = []
    var entries: [Entry] = []
    for variant in variants {
      let place = place(of: variant)
      let count = runs[place].sequence.tokens.count
      let isWhole = engine.plan.captures.keys.contains { $0.site.isRagged }
      let start = isWhole ? 0 : variant.first
      var entry = leave(variant, place, start..<count, memory: memory.own(place), origin)
      // What changes no bit at the only place where it changes anything is the clean run.
      let isShort = runs[place].isRead && runs[place].memory != nil
      let changed = isWhole ? start : firstChange(of: entry, origin)
      if changed == nil, runs[place].isRead {
        trials.append(
          trial(
            variant, Outcome(capture: engine.reading(of: runs[place]), marks: entry.marks)))
      } else {
        entry.tokens = (isShort ? changed ?? start : start)..<count
        entries.append(entry)
      }
    }
    // Of one sequence the latest first: each writes its keys and values over those of the one before.
    entries.sort { ($0.place, -$0.tokens.lowerBound) < ($1.place, -$1.tokens.lowerBound) }
    for (entry, outcome) in zip(entries, advance(entries, origin, reads: true)) {
      trials.append(trial(entry.variant, outcome))
    }
    return trials
  }

  /// The beginning that sequences share once for each kind, and then every sequence from there on.
  private func runSharing(_ kinds: [[PreparedVariant]], _ origin: HookPoint) -> [Trial] {
    let shared = memory.sharedTokens
    var beginnings: [Entry] = []
    var entries: [(entry: Entry, slot: Int)] = []
    var others: [PreparedVariant] = []
    for (slot, variants) in kinds.enumerated() {
      let kept = memory.slots[slot]
      beginnings.append(
        leave(variants[0], place(of: variants[0]), 0..<shared, memory: kept, origin))
      for variant in variants {
        guard variant.variant.interventions == variants[0].variant.interventions else {
          others.append(variant)
          continue
        }
        let place = place(of: variant)
        let tokens = shared..<runs[place].sequence.tokens.count
        entries.append((leave(variant, place, tokens, memory: kept, origin), slot))
      }
    }
    let begun = advance(beginnings, origin, reads: false)
    entries.sort { ($0.entry.place, $0.slot) < ($1.entry.place, $1.slot) }
    let outcomes = advance(entries.map(\.entry), origin, reads: true)
    let trials = zip(entries, outcomes).map { item, outcome in
      var outcome = outcome
      outcome.marks = begun[item.slot].marks + outcome.marks
      return trial(item.entry.variant, outcome)
    }
    return others.isEmpty ? trials : trials + runAlone(others, origin)
  }

  private func trial(_ variant: PreparedVariant, _ outcome: Outcome) -> Trial {
    Trial(
      variant: variant.index, capture: outcome.capture,
      interventions: variant.variant.interventions,
      marks: outcome.marks.map { mark in
        var own = mark
        own.sequence = variant.sequence
        return own
      })
  }

  /// Changes the rows of the clean run where a variant leaves it.
  private func leave(
    _ variant: PreparedVariant, _ place: Int, _ tokens: Range<Int>,
    memory: SequenceMemory<CPUBackend>, _ origin: HookPoint
  ) -> Entry {
    var entry = Entry(
      variant: variant, place: place, tokens: tokens, memory: memory, changed: nil, marks: [])
    guard origin != .embedding, let steps = variant.steps[origin] else { return entry }
    let touches = steps.map { $0.touch(0, tokens) }.filter { !$0.tokens.isEmpty }
    let all = Set(touches.flatMap(\.tokens)).sorted()
    guard let width = runs[place].capture.values[origin]?.columns, !all.isEmpty else {
      return entry
    }
    var rows = device.make(all.count, width)
    let first = all[0]
    let clean = runs[place].rows(origin, first..<(all[all.count - 1] + 1))
    for (row, token) in all.enumerated() {
      rows.fill(row, clean.dropFirst((token - first) * width).prefix(width))
    }
    let places = Dictionary(uniqueKeysWithValues: zip(all, 0...))
    for touch in touches {
      let edit = Edit(
        change: touch.change, rows: touch.tokens.compactMap { places[$0] }, place: touch.place)
      let (changed, sizes) = device.change([edit], of: rows, uniform: nil)
      rows = changed
      entry.marks.append(
        EffectMark(
          intervention: touch.intervention, sequence: variant.sequence, hook: origin,
          norms: sizes[0].norms, squares: sizes[0].squares))
    }
    entry.changed = (all, rows)
    return entry
  }

  /// The first token whose row is not that of the clean run; nil where all are.
  private func firstChange(of entry: Entry, _ origin: HookPoint) -> Int? {
    let later = entry.variant.steps.filter { $0.key != origin || origin == .embedding }.values
      .joined().compactMap(\.tokens.first).min()
    let run = runs[entry.place]
    let changed = entry.changed.flatMap { changed in
      changed.tokens.indices.first { index in
        let token = changed.tokens[index]
        let old = run.rows(origin, token..<(token + 1))
        let new = UnsafeBufferPointer(start: changed.rows.row(index), count: changed.rows.columns)
        return !zip(old, new).allSatisfy { $0.bitPattern == $1.bitPattern }
      }.map { changed.tokens[$0] }
    }
    return [later, changed].compactMap(\.self).min()
  }

  /// Runs entries in tiles.
  private func advance(_ entries: [Entry], _ origin: HookPoint, reads: Bool) -> [Outcome] {
    var outcomes: [Outcome] = []
    var start = 0
    while start < entries.count {
      var (end, rows) = (start, 0)
      // Uniform attention reads values from memory after all entries of the tile have written theirs.
      var isUniform = false
      while end < entries.count {
        let (entry, previous) = (entries[end], entries[max(end - 1, start)])
        let isNew = entry.place != previous.place
        isUniform = (isUniform && !isNew) || entry.variant.attendsUniformly
        let isLater = !isNew && entry.tokens.lowerBound != previous.tokens.lowerBound
        if end > start,
          rows + entry.tokens.count > Tile.targetRows || (isUniform && isLater)
        {
          break
        }
        rows += entry.tokens.count
        end += 1
      }
      outcomes += tile(Array(entries[start..<end]), origin, reads: reads)
      start = end
    }
    return outcomes
  }

  /// From the changed rows to all that is read.
  ///
  /// Sequences of one memory write their own keys and values over those of the one before, after the
  /// tokens that they share: attention takes them one after another.
  private func tile(_ entries: [Entry], _ origin: HookPoint, reads: Bool) -> [Outcome] {
    let batch = Batch(
      entries.map { entry in
        let (sequence, end) = (runs[entry.place].sequence, entry.tokens.upperBound)
        guard end < sequence.tokens.count else { return sequence }
        return TokenSequence(id: sequence.id, tokens: Array(sequence.tokens[..<end]))
      })
    let tile = Tile(batch, 0..<entries.count, starts: entries.map(\.tokens.lowerBound))
    var device = device
    let memories = Set(entries.map { ObjectIdentifier($0.memory.layers[0]) })
    device.threads = memories.count == entries.count ? threads : 1
    let taps = Taps(
      device: device,
      plan: PreparedPlan(reading: reads ? engine.plan.captures : [:], until: engine.plan.last),
      batch: batch, tile: tile, touches: touches(entries, origin))
    for place in Set(entries.map(\.place)) where !memory.sharesBeginnings(entries[0].memory) {
      memory.restore(
        place, from: runs[place],
        before: entries.filter { $0.place == place }.map(\.tokens.lowerBound))
    }
    let pass = Pass(device: device, tile: tile, taps: taps) { layer in
      entries.map { $0.memory.layers[layer] }
    }
    engine.network.run(pass, from: origin) { hook in rows(hook, entries, tile, origin, device) }
    var marks = entries.map(\.marks)
    for mark in taps.marks where mark.intervention >= 0 { marks[mark.sequence].append(mark) }
    return zip(entries.indices, taps.captures()).map { index, capture in
      Outcome(
        capture: reads ? completed(capture, entries[index], origin) : capture, marks: marks[index])
    }
  }

  /// The rows of a tile at a place where variants leave the clean run, or which they need there.
  private func rows(
    _ hook: HookPoint, _ entries: [Entry], _ tile: Tile, _ origin: HookPoint, _ device: CPUBackend
  ) -> CPUActivations {
    let width = engine.model.shape.width(of: hook.site, tokens: 0)
    let out = device.make(tile.rows, width)
    for (index, entry) in entries.enumerated() {
      let first = tile.rows(of: index).lowerBound
      out.fill(first, runs[entry.place].rows(hook, entry.tokens))
      guard hook == origin, let changed = entry.changed else { continue }
      for (row, token) in changed.tokens.enumerated() where entry.tokens.contains(token) {
        out.row(first + token - entry.tokens.lowerBound)
          .update(from: changed.rows.row(row), count: width)
      }
    }
    return out
  }

  /// What is still to be changed in a tile, hook by hook; first what is changed in the clean run too.
  private func touches(_ entries: [Entry], _ origin: HookPoint) -> [HookPoint: [Touch]] {
    var rounds: [HookPoint: [[Touch]]] = [:]
    for (index, entry) in entries.enumerated() {
      let base = runs[entry.place].base.filter { $0.key > origin || origin == .embedding }
      let own = entry.variant.steps.filter { $0.key != origin || origin == .embedding }
      for hook in Set(base.keys).union(own.keys) {
        let steps = (base[hook] ?? []) + (own[hook] ?? [])
        let touches = steps.map { $0.touch(index, entry.tokens) }.filter { !$0.tokens.isEmpty }
        for (round, touch) in touches.enumerated() {
          var mine = rounds[hook] ?? []
          if mine.count <= round { mine.append([]) }
          mine[round].append(touch)
          rounds[hook] = mine
        }
      }
    }
    return rounds.mapValues { Array($0.joined()) }
  }

  /// What was read in a tile, and of the clean run what comes before.
  private func completed(
    _ capture: SequenceCapture, _ entry: Entry, _ origin: HookPoint
  ) -> SequenceCapture {
    let run = runs[entry.place]
    let positions = engine.positions(in: run.sequence)
    var values: [HookPoint: Matrix] = [:]
    for (hook, positions) in positions {
      if hook < origin {
        values[hook] = run.read(hook, at: positions)
        continue
      }
      let before = positions.filter { $0 < entry.tokens.lowerBound }
      let read = capture.values[hook]
      values[hook] =
        before.isEmpty
        ? read : .concatenating([run.read(hook, at: before)] + [read].compactMap(\.self))
    }
    return SequenceCapture(sequence: run.place, positions: positions, values: values)
  }
}

extension CPUActivations {
  /// Puts values at a row and those after it.
  fileprivate func fill(_ row: Int, _ values: ArraySlice<Float>) {
    values.withUnsafeBufferPointer { values in
      guard let start = values.baseAddress else { return }
      self.row(row).update(from: start, count: values.count)
    }
  }
}
