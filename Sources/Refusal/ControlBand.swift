import Probing
import Tensors

/// What probes of random directions say at every token: the range that a trace has to leave to mean
/// anything.
public struct ControlBand: Sendable, Equatable, Codable {
  /// The number of random directions.
  public var directions: Int
  /// 5th and 95th percentile of s over the directions, one value per token.
  public var low: [Double]
  public var high: [Double]

  /// - Parameters:
  ///   - controls: norm-matched random probes at one hook.
  ///   - activations: of every token at that hook, `[tokens, width]`.
  /// - Throws: when the width is another.
  public init(_ controls: [Probe], on activations: Matrix) throws(ProbingError) {
    var scores: [[Double]] = []
    for control in controls {
      scores.append(try control.score(activations).map { Probe.probability($0) })
    }
    directions = controls.count
    let columns = (0..<activations.rows).map { token in scores.map { $0[token] }.sorted() }
    func percentile(_ share: Double) -> [Double] {
      columns.map { $0.isEmpty ? 0.5 : $0[Int((share * Double($0.count - 1)).rounded())] }
    }
    (low, high) = (percentile(0.05), percentile(0.95))
  }
}
