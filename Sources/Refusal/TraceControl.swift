import Files
import Probing
import Tensors

/// What probes of random directions make of a transcript: a trace has to differ from it to mean
/// anything.
public struct TraceControl: Sendable, Equatable, Codable {
  /// 5th and 95th percentile of s over the directions, one value per token.
  public var low: [Double]
  /// The 95th percentile, as long as `low`.
  public var high: [Double]
  /// The cliff that each direction sees; nil where the transcript has none to measure.
  public var cliffs: [Double?]

  /// The number of random directions.
  public var directions: Int { cliffs.count }

  /// - Parameters:
  ///   - controls: norm-matched random probes at one hook.
  ///   - activations: of every token at that hook, `[tokens, width]`.
  ///   - rule: how the plateau is taken; the same as for the probe.
  /// - Throws: when the width is another.
  public init(
    _ controls: [Probe], on activations: Matrix, landmarks: Landmarks, rule: PlateauRule
  ) throws(Problem) {
    var scores: [[Double]] = []
    for control in controls {
      scores.append(try control.score(activations).map { Probe.probability($0) })
    }
    cliffs = scores.map { Cliff(scores: $0, landmarks: landmarks, rule: rule).cliff }
    let columns = (0..<activations.rows).map { token in scores.map { $0[token] }.sorted() }
    func percentile(_ share: Double) -> [Double] {
      columns.map { $0.isEmpty ? 0.5 : $0[Int((share * Double($0.count - 1)).rounded())] }
    }
    (low, high) = (percentile(0.05), percentile(0.95))
  }
}

/// How the cliff of a group compares with what random directions see in the same transcripts.
public struct CliffControl: Sendable, Equatable, Codable {
  /// Random directions traced in every measured transcript.
  public var directions: Int
  /// The mean cliff over the transcripts, one per direction.
  public var means: [Double]
  /// Directions whose mean cliff is at least as far from 0 as the probe's.
  public var asLarge: Int
  /// (asLarge + 1) / (directions + 1), adjusted by Holm's method over the groups.
  public var p: Double

  /// Nil where a transcript has no control, or there is no cliff to compare.
  init?(cliff: Double?, of traces: [TokenTrace], rule: PlateauRule) {
    let controls = traces.compactMap { trace in
      trace.cliff(rule: rule).cliff == nil ? nil : trace.control
    }
    guard let cliff, let directions = controls.map(\.directions).min(), directions > 0,
      controls.count == traces.count(where: { $0.cliff(rule: rule).cliff != nil })
    else { return nil }
    self.directions = directions
    means = (0..<directions).map { direction in
      let cliffs = controls.compactMap { $0.cliffs[direction] }
      return cliffs.reduce(0, +) / Double(max(cliffs.count, 1))
    }
    asLarge = means.count { abs($0) >= abs(cliff) }
    p = Double(asLarge + 1) / Double(directions + 1)
  }
}
