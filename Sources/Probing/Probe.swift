import Files
import Tensors
import Transformer

/// How a probe's weights were found.
public enum ProbeKind: String, Sendable, Codable, CaseIterable {
  /// Mean of the positives minus mean of the negatives, in raw activations.
  case differenceInMeans = "difference-in-means"
  /// The difference in means times the inverse of the Ledoit-Wolf shrunk covariance within the
  /// classes: linear discriminant analysis.
  case massMean = "mass-mean"
  /// L2 logistic regression on standardised features, the penalty chosen by grouped
  /// cross-validation.
  case logistic
  /// Logistic regression as in "Refusal Falls off a Cliff": Adam, 5 epochs, at most 200 a class.
  case paper

  /// Whether features are standardised before the weights are found.
  var isStandardised: Bool { self == .massMean || self == .logistic }
}

/// A linear function of the activations at one hook: z = w.(x - mean) / scale + b, in logits.
///
///     let z = try probe.score(activations)        // one per row
public struct Probe: Sendable, Equatable, Codable {
  /// The rule by which weights and bias were found.
  public var kind: ProbeKind
  /// The only place whose activations it can score.
  public var hook: HookPoint
  /// `[width]`, of standardised features.
  public var weight: [Float]
  /// In logits: z of a row that equals `mean`.
  public var bias: Float
  /// `[width]`, measured on training rows; 0 where features are not standardised.
  public var mean: [Float]
  /// `[width]`, measured on training rows; 1 where features are not standardised.
  public var scale: [Float]
  /// The z above which a row counts as positive.
  public var threshold: Float

  /// - Precondition: weight, mean and scale are of one width.
  public init(
    kind: ProbeKind, hook: HookPoint, weight: [Float], bias: Float, mean: [Float],
    scale: [Float], threshold: Float = 0
  ) {
    precondition(weight.count == mean.count && weight.count == scale.count, "one width")
    self.kind = kind
    self.hook = hook
    self.weight = weight
    self.bias = bias
    self.mean = mean
    self.scale = scale
    self.threshold = threshold
  }

  init(kind: ProbeKind, hook: HookPoint, fit: LinearFit, standardisation: Standardisation) {
    self.init(
      kind: kind, hook: hook, weight: fit.weight.map { Float($0) }, bias: Float(fit.bias),
      mean: standardisation.mean.map { Float($0) },
      scale: standardisation.scale.map { Float($0) })
  }

  /// The number of values that it reads of one row.
  public var width: Int { weight.count }

  /// The direction in raw activations along which z rises, `[width]`: weight / scale.
  ///
  /// It is not normalised: adding v to the activations adds direction.v to z.
  public var direction: [Float] { zip(weight, scale).map { $0 / $1 } }

  /// z of each row, in logits; sums run in double precision, so a row's bits do not depend on the
  /// rows beside it.
  ///
  /// - Parameter activations: `[rows, width]`, as captured at the probe's hook.
  /// - Throws: when the width is another.
  public func score(_ activations: Matrix) throws(Problem) -> [Float] {
    guard activations.columns == width else {
      throw Problem(
        .wrongShape, "probe at \(hook)",
        problem: "reads \(width) features and is given \(activations.columns)",
        remedy: "use activations of the model and hook that the probe was trained on")
    }
    guard mean.count == width, scale.count == width else {
      throw Problem(
        .differentCounts, "probe at \(hook)",
        problem: "has \(width) weights, \(mean.count) means and \(scale.count) scales",
        remedy: "give one of each for every feature")
    }
    let weights = zip(weight, scale).map { Double($0) / Double($1) }
    let means = mean.map { Double($0) }
    return activations.values.withUnsafeBufferPointer { values in
      (0..<activations.rows).map { row in
        var sum = Double(bias)
        for column in 0..<width {
          sum += weights[column] * (Double(values[row * width + column]) - means[column])
        }
        return Float(sum)
      }
    }
  }

  /// The probability sigmoid(z) that belongs to a logit.
  public static func probability(_ z: Float) -> Double { sigmoid(Double(z)) }
}
