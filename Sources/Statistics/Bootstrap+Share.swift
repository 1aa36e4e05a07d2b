import Files

extension Bootstrap {
  /// The share of outcomes that are true, of which several may belong to one cluster.
  ///
  /// With one outcome to a cluster the interval is Wilson's. Otherwise whole clusters are resampled;
  /// where every resample gives the same share, it is Wilson's with as many trials as clusters. Nil
  /// without outcomes.
  ///
  /// - Parameter clusters: one name per outcome.
  public func share(
    _ outcomes: [Bool], clusters: [String]
  ) throws(Problem) -> Interval? {
    try requireSameCount(outcomes.count, clusters.count, "share")
    let successes = outcomes.count { $0 }
    let count = Set(clusters).count
    guard count < outcomes.count else {
      return .wilson(successes: successes, trials: outcomes.count)
    }
    if let interval = try mean(outcomes.map { $0 ? 1 : 0 }, clusters: clusters) {
      return interval
    }
    return .wilson(
      share: Double(successes) / Double(outcomes.count), trials: count, n: outcomes.count,
      method: "Wilson over \(count) clusters, since resampling gives no interval")
  }
}
