import Files
import Statistics

/// The mean of s over transcripts with a pointwise bootstrap band, drawing whole prompts.
public struct AverageCurve: Sendable, Equatable, Codable {
  /// One place on the common axis.
  public struct Point: Sendable, Equatable, Codable {
    /// Tokens behind the last thinking token, or percent of the way to the final token.
    public var position: Double
    /// Transcripts that have a token here; the others do not count, least of all as zero.
    public var n: Int
    /// Mean of s over those transcripts, from 0 to 1; nil where there is none.
    public var mean: Double?
    /// Nil with fewer than two transcripts.
    public var low: Double?
    /// The upper bound; nil where `low` is.
    public var high: Double?
  }

  /// What the positions mean.
  public var axis: String
  /// In the order of the axis, one for each of its places.
  public var points: [Point]
  /// The nominal coverage of the band at each place, such as 0.95.
  public var confidence: Double
  /// How often prompts were drawn for the band.
  public var resamples: Int
  /// Of the bootstrap: the same seed gives the same band.
  public var seed: UInt64

  /// Curves aligned at the last thinking token, which is 0; transcripts without thinking are left out.
  ///
  /// - Parameters:
  ///   - before: how many tokens before the end of thinking are shown.
  ///   - after: how many tokens behind it are shown.
  public static func aligned(
    _ traces: [TokenTrace], at hook: Int? = nil, before: Int = 100, after: Int = 20,
    bootstrap: Bootstrap
  ) throws(Problem) -> AverageCurve {
    let curves = traces.compactMap { trace -> Curve? in
      let thinking = trace.landmarks.thinking
      guard let first = thinking.first, let last = thinking.last else { return nil }
      let scores = trace.probabilities(at: hook)
      let values = (-before...after).map { offset -> Double? in
        let token = last + offset
        return token >= first && token < scores.count ? scores[token] : nil
      }
      return (trace.group, values)
    }
    return try AverageCurve(
      axis: "tokens behind the last thinking token",
      positions: (-before...after).map { Double($0) },
      curves: curves, bootstrap: bootstrap)
  }

  /// Curves from the first thinking token to the final one, each stretched to 100 points.
  public static func resampled(
    _ traces: [TokenTrace], at hook: Int? = nil, bootstrap: Bootstrap
  ) throws(Problem) -> AverageCurve {
    let curves = traces.compactMap { trace -> Curve? in
      let landmarks = trace.landmarks
      guard let first = landmarks.thinking.first, let end = landmarks.final else { return nil }
      let scores = Array(trace.probabilities(at: hook)[first...end])
      return (trace.group, stretched(scores, to: 100))
    }
    return try AverageCurve(
      axis: "percent of the way from the first thinking token to the final token",
      positions: (0..<100).map { Double($0) * 100 / 99 }, curves: curves, bootstrap: bootstrap)
  }

  /// The values of one transcript and the prompt that it answers.
  private typealias Curve = (group: String, values: [Double?])

  private init(
    axis: String, positions: [Double], curves: [Curve], bootstrap: Bootstrap
  ) throws(Problem) {
    self.axis = axis
    confidence = bootstrap.confidence
    resamples = bootstrap.resamples
    seed = bootstrap.seed
    let band = try bootstrap.band(curves: curves.map(\.values), clusters: curves.map(\.group))
    points = zip(positions, band).map { position, point in
      Point(
        position: position, n: point.n, mean: point.mean, low: point.interval?.low,
        high: point.interval?.high)
    }
  }
}

/// The values at `count` evenly spaced places from the first to the last, linear between neighbours.
func stretched(_ values: [Double], to count: Int) -> [Double] {
  (0..<count).map { index in
    let position = Double(index) * Double(values.count - 1) / Double(max(count - 1, 1))
    let lower = min(Int(position), values.count - 1)
    let upper = min(lower + 1, values.count - 1)
    return values[lower] + (position - Double(lower)) * (values[upper] - values[lower])
  }
}
