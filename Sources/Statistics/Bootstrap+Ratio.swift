import Files

extension Bootstrap {
  /// The ratio of two sums over the items, such as the part of all falls that lies in one place.
  ///
  /// The same interval as `interval(_:of:)` of that ratio, without a call per resample and item. Nil where
  /// that is nil, which includes a denominator that is not above 0.
  public func ratio(
    _ numerators: [Double], over denominators: [Double], clusters: [String]? = nil
  ) throws(Problem) -> Interval? {
    let name = "bootstrap of a ratio"
    try requireFinite(numerators + denominators, name)
    try requireSameCount(numerators.count, denominators.count, name)
    if let clusters { try requireSameCount(numerators.count, clusters.count, name) }
    guard !numerators.isEmpty else { return nil }
    let plan = clusters.map(Resampling.clusters) ?? .items(numerators.count)
    let tops = plan.units.map { $0.reduce(0) { $0 + numerators[$1] } }
    let bottoms = plan.units.map { $0.reduce(0) { $0 + denominators[$1] } }
    func ratio(_ units: [Int]) -> Double? {
      var (top, bottom) = (0.0, 0.0)
      for unit in units {
        top += tops[unit]
        bottom += bottoms[unit]
      }
      return bottom > 0 ? top / bottom : nil
    }
    let all = Array(plan.units.indices)
    guard all.count > 1, let estimate = ratio(all) else { return nil }
    var values: [Double] = []
    for left in all {
      guard let value = ratio(all.filter { $0 != left }) else { return nil }
      values.append(value)
    }
    let mean = values.reduce(0, +) / Double(values.count)
    return interval(
      plan: plan, estimate: estimate,
      influences: [values.map { Double(all.count - 1) * (mean - $0) }], n: numerators.count,
      name: plan.name, statistic: ratio)
  }
}
