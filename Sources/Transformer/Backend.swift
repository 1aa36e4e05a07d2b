import Tensors

/// What a forward pass asks of a device: a score of operations on matrices of activations.
///
/// The forward pass is written once against this, so another device is another `Backend` and never a
/// second forward pass; a derivative is a `Backend` too. Activations are `[rows, columns]`, one row
/// per token of a ragged tile, and values: no operation changes its arguments.
protocol Backend: Sendable {
  /// A weight matrix, `[outputs, inputs]`.
  associatedtype Weight: Sendable
  associatedtype Activations: ActivationShape
  /// The keys and values of one sequence in one block.
  associatedtype Memory

  /// weight[rows[i]] at row i.
  func gather(_ rows: [Int32], from weight: Weight) -> Activations
  /// A norm over each row, or over each part of a row that is as wide as the gain.
  func normalize(_ x: Activations, by norm: Norm) -> Activations
  /// Gain times each row, plus the bias: what a norm does to normalised rows.
  func stretch(_ x: Activations, by norm: Norm) -> Activations
  /// x weight^T + bias.
  func multiply(_ x: Activations, by linear: Linear<Weight>) -> Activations
  /// Rotary embedding of every head.
  func rotate(_ x: Activations, dHead: Int, by table: RotaryTable) -> Activations
  /// Causal attention within each sequence of the tile, over its memory and its new tokens.
  /// - Parameters:
  ///   - memories: one per sequence, which take the new keys and values; nil when every sequence
  ///     starts at its first token and nothing is kept.
  ///   - pattern: receives each sequence's softmax weights, `[new tokens, H * all tokens]`.
  func attend(
    _ query: Activations, _ key: Activations, _ value: Activations, _ shape: AttentionShape,
    tile: Tile, memories: [Memory]?, pattern: ((Int, Matrix) -> Void)?
  ) -> Activations
  func activate(_ x: Activations, by activation: Activation) -> Activations
  /// activation(gate) * up.
  func gate(_ gate: Activations, _ up: Activations, by activation: Activation) -> Activations
  func add(_ x: Activations, _ y: Activations) -> Activations
  func scale(_ x: Activations, by factor: Float) -> Activations
  /// cap * tanh(x / cap).
  func softCap(_ x: Activations, _ cap: Float) -> Activations
  /// Each row's weights over the experts: the softmax of its logits, 0 but for the largest `top`.
  func route(_ logits: Activations, top: Int, normalized: Bool) -> Activations
  /// Copies rows.
  func pick(_ rows: [Int], of x: Activations) -> Activations
  /// For each part i and its row j, adds weights[rows[j], part.column] * part[j] to row rows[j] of zeros.
  func combine(
    _ parts: [(rows: [Int], column: Int, values: Activations)], weights: Activations, columns: Int
  ) -> Activations

  /// Reads rows.
  func read(_ rows: [Int], of x: Activations) -> Matrix
  /// The mean of the values that each query head sees, `[new tokens, H * dHead]`: what attention gives
  /// when all scores are alike.
  /// - Parameter memories: as `attend` has left them.
  func attendUniformly(
    _ value: Activations, _ shape: AttentionShape, tile: Tile, memories: [Memory]?
  ) -> Activations
  /// Changes rows, no row twice, and tells how far each edit has changed its own.
  /// - Parameter uniform: what uniform attention gives, where an edit asks for it.
  func change(
    _ edits: [Edit], of x: Activations, uniform: Activations?
  ) -> (changed: Activations, sizes: [ChangeSize])
}

/// Rows that are changed in one way.
struct Edit: Sendable {
  var change: PreparedChange
  var rows: [Int]
  /// The place of the first row among all that the intervention touches in the sequence.
  var place = 0
}

/// How far rows were changed.
struct ChangeSize: Sendable {
  /// The Euclidean norm of the change at each row.
  var norms: [Double] = []
  /// The sum of its squares over all rows, in one running sum.
  var squares = 0.0
}

protocol ActivationShape {
  var rows: Int { get }
  var columns: Int { get }
}

/// A weight matrix and, where the checkpoint has one, a bias.
struct Linear<Weight: Sendable>: Sendable {
  var weight: Weight
  var bias: [Float]?
}

/// A norm over the last dimension with a gain for each value.
struct Norm: Sendable {
  enum Kind: Sendable {
    /// gain * x / rms(x) (Zhang and Sennrich, arXiv 1910.07467).
    case rms
    /// gain * (x - mean) / deviation + bias (Ba et al., arXiv 1607.06450).
    case layer(bias: [Float])
  }
  var kind: Kind
  var gain: [Float]
  var epsilon: Float
}

/// What an MLP does between its projections.
enum Activation: String, Sendable, Codable {
  case silu
  /// x times the normal distribution function.
  case gelu
  /// GELU with the distribution function taken by tanh (Hendrycks and Gimpel, arXiv 1606.08415).
  case geluTanh
  case relu
}

/// The sizes and constants of an attention layer.
struct AttentionShape: Sendable, Equatable {
  /// Query heads.
  var heads: Int
  var keyValueHeads: Int
  var dHead: Int
  /// What scores are multiplied with.
  var scale: Float
  /// How many tokens a query sees, itself included; nil for all before it.
  var window: Int?
  /// Scores become cap * tanh(score / cap).
  var softCap: Float?
}
