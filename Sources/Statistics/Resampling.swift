/// What a bootstrap draws: items, whole clusters of them, or items within each stratum.
///
/// Several samples of one behaviour are not independent, so the behaviour is drawn and not the
/// sample; classes whose sizes were chosen are strata, and keep their sizes.
public struct Resampling: Sendable {
  /// The items that are drawn together.
  let units: [[Int]]
  /// Units are replaced by units of the same stratum; together the strata cover all units in order.
  let strata: [Range<Int>]
  let name: String

  private init(units: [[Int]], strata: [Range<Int>], name: String) {
    self.units = units
    self.strata = strata
    self.name = name
  }

  /// Every item on its own.
  public static func items(_ count: Int) -> Resampling {
    Resampling(units: (0..<count).map { [$0] }, strata: [0..<count], name: "of items")
  }

  /// The items with the same name together, so that their dependence is kept.
  public static func clusters(_ clusters: [String]) -> Resampling {
    let units = grouped(clusters)
    return Resampling(
      units: units, strata: [0..<units.count], name: "of \(units.count) clusters")
  }

  /// Every item on its own, replaced by items of the same stratum.
  public static func strata(_ strata: [String]) -> Resampling {
    let groups = grouped(strata)
    return Resampling(
      units: groups.flatMap { $0.map { [$0] } },
      strata: Resampling(strata: groups.map(\.count)).strata,
      name: "stratified into \(groups.count)")
  }

  /// Strata of the given sizes, one behind the other.
  init(strata sizes: [Int]) {
    var (strata, start): ([Range<Int>], Int) = ([], 0)
    for size in sizes {
      strata.append(start..<(start + size))
      start += size
    }
    self.init(units: (0..<start).map { [$0] }, strata: strata, name: "stratified")
  }

  func items(of drawn: [Int]) -> [Int] { drawn.flatMap { units[$0] } }

  func draw(into drawn: inout [Int], using generator: inout SeededGenerator) {
    for stratum in strata {
      for position in stratum {
        drawn[position] = stratum.lowerBound + generator.index(below: stratum.count)
      }
    }
  }

  /// The positions of equal names, names in the order of their first appearance.
  private static func grouped(_ names: [String]) -> [[Int]] {
    var (groups, index): ([[Int]], [String: Int]) = ([], [:])
    for (item, name) in names.enumerated() {
      if let group = index[name] {
        groups[group].append(item)
      } else {
        index[name] = groups.count
        groups.append([item])
      }
    }
    return groups
  }
}
