import Files
import Statistics
import Transformer

/// Greedy and beam search of a set of heads whose ablation moves a score most.
///
/// The scorer is a closure, so that anything that gives a number for each prompt can be searched by: a
/// probe, the logit gap, or attack success.
///
///     let search = HeadSearch(size: 4, beam: 3)
///     let steps = try search.run(candidates) { base, candidates in
///       try study.effects(extending: base, by: candidates, prompts: chosen)
///     }
public struct HeadSearch: Sendable, Equatable, Codable {
  /// The number of heads to find.
  public var size: Int
  /// How many sets are kept at each size; 1 is the greedy search.
  public var beam: Int
  /// Whether the score is to rise; else it is to fall.
  public var raises: Bool

  /// The greedy search for a set that raises the score, unless told otherwise.
  public init(size: Int, beam: Int = 1, raises: Bool = true) {
    (self.size, self.beam, self.raises) = (size, beam, raises)
  }

  /// The best set of one size.
  public struct Step: Sendable, Equatable, Codable {
    /// In the order of blocks, then of heads.
    public var heads: [Head]
    /// The mean effect on the prompts that choose.
    public var selectionMean: Double
    /// How many sets of this size were tried.
    public var tried: Int
    /// How many of them do as much, this one included; the first by block and head stands for them. A
    /// score of yes and no has many ties: a head that does nothing alone may do much with another.
    public var tied: Int
  }

  /// - Parameters:
  ///   - candidates: the heads to choose from.
  ///   - effects: for each candidate, the effect in each prompt of ablating it together with the base:
  ///     the score minus the score without any ablation.
  /// - Returns: the best set of each size, from one head on.
  public func run(
    _ candidates: [Head],
    effects: (_ base: [Head], _ candidates: [Head]) throws -> [[Double]]
  ) throws -> [Step] {
    guard size >= 1, beam >= 1, size <= candidates.count,
      Set(candidates).count == candidates.count
    else {
      throw Problem(
        .outOfRange, "head search",
        problem: "cannot choose \(size) of \(candidates.count) heads with beam \(beam)",
        remedy: "ask for 1 to as many as there are candidates")
    }
    var kept: [(heads: [Head], mean: Double)] = [([], 0)]
    var steps: [Step] = []
    for _ in 0..<size {
      var found: [[Head]: Double] = [:]
      for base in kept.map(\.heads) {
        let free = candidates.filter { !base.contains($0) }
        let values = try effects(base, free)
        guard values.count == free.count, values.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
          throw Problem(
            .notFinite, "head search", problem: "a score is missing or not a finite number",
            remedy: "look for a scorer that overflows")
        }
        for (head, values) in zip(free, values) {
          let set = (base + [head]).sorted { ($0.layer, $0.head) < ($1.layer, $1.head) }
          // Two ways to one set agree but for rounding; the first one found counts.
          if found[set] == nil {
            found[set] = values.reduce(0, +) / Double(max(values.count, 1))
          }
        }
      }
      let sign: Double = raises ? 1 : -1
      kept = found.map { (heads: $0.key, mean: $0.value) }
        .sorted { first, second in
          let (a, b) = (first.mean * sign, second.mean * sign)
          return a != b
            ? a > b : first.heads.lexicographicallyPrecedes(second.heads, by: Self.precedes)
        }
      let best = kept[0].mean
      steps.append(
        Step(
          heads: kept[0].heads, selectionMean: best, tried: found.count,
          tied: kept.count { $0.mean == best }))
      kept = Array(kept.prefix(beam))
    }
    return steps
  }

  private static func precedes(_ first: Head, _ second: Head) -> Bool {
    (first.layer, first.head) < (second.layer, second.head)
  }
}

extension HeadStudy {
  /// The effect of each candidate together with a base of heads, against no ablation at all; what the
  /// base has in common with every candidate is computed once.
  /// - Parameters:
  ///   - clean: the score of each of these prompts without any ablation.
  ///   - rows: a sweep over these prompts with the base.
  public static func effects(
    of candidates: [Head], clean: [Int: Double], rows: [Row]
  ) -> [[Double]] {
    let byUnit = Dictionary(grouping: rows) { $0.layer }
      .mapValues { $0.sorted { $0.prompt < $1.prompt } }
    return candidates.map { candidate in
      (byUnit[candidate.layer] ?? []).compactMap { row in
        clean[row.prompt].map { row.clean + row.effects[candidate.head] - $0 }
      }
    }
  }
}
