import Foundation

extension Parity {
  /// How far one hook is from a reference in double precision, and how far transformers is in single.
  ///
  /// A row's distance is the Euclidean norm of its difference in units of the norm of the recorded row,
  /// a tensor's the mean over its rows. Tensors that are the same in both precisions, such as
  /// embeddings, have none.
  public struct Distance: Sendable, Encodable {
    /// Where both were compared with the reference.
    public var hook: HookPoint
    /// Of this model, the geometric mean over the prompts.
    public var ours: Double
    /// Of transformers in float32, the same.
    public var transformers: Double
    /// How many tensors the means are over.
    public var tensors: Int
  }

  /// Distances so far, as sums of logarithms.
  struct Distances {
    private var sums: [HookPoint: (ours: Double, transformers: Double, tensors: Int)] = [:]

    mutating func add(_ hook: HookPoint, ours: Double, transformers: Double) {
      guard ours > 0, transformers > 0 else { return }
      let sum = sums[hook] ?? (0, 0, 0)
      sums[hook] = (sum.ours + log(ours), sum.transformers + log(transformers), sum.tensors + 1)
    }

    /// In the order of the forward pass.
    var means: [Distance] {
      sums.sorted { $0.key < $1.key }.map { hook, sum in
        let count = Double(sum.tensors)
        return Distance(
          hook: hook, ours: exp(sum.ours / count), transformers: exp(sum.transformers / count),
          tensors: sum.tensors)
      }
    }
  }
}

extension Sequence where Element == Parity.Distance {
  /// The geometric means over all tensors: of this model, of transformers in float32, and their ratio;
  /// nil when there are none.
  public func geometricMean() -> (ours: Double, transformers: Double, ratio: Double)? {
    var (ours, transformers, tensors) = (0.0, 0.0, 0)
    for distance in self {
      ours += Double(distance.tensors) * log(distance.ours)
      transformers += Double(distance.tensors) * log(distance.transformers)
      tensors += distance.tensors
    }
    guard tensors > 0 else { return nil }
    let count = Double(tensors)
    return (exp(ours / count), exp(transformers / count), exp((ours - transformers) / count))
  }
}
