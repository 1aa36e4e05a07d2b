import Checkpoints
import Tensors

/// What a forward pass asks of a device: a dozen operations on matrices of activations.
///
/// Every architecture is written once against this, so another device is another `Backend` and never
/// a second forward pass. Activations are `[rows, columns]`, one row per token of a ragged tile.
protocol Backend: Sendable {
  /// A weight matrix, `[outputs, inputs]`.
  associatedtype Weight: Sendable
  /// Memory for `[capacity, columns]` activations.
  associatedtype Activations

  /// The libraries and instruction sets in use, for provenance.
  var description: String { get }

  /// Takes a weight from a checkpoint. `rowOrder` names the stored row of each row, if permuted.
  func weight(_ tensor: StoredTensor, rowOrder: [Int]?) -> Weight
  /// How many values of a weight are NaN or infinite.
  func nonFinite(_ weight: Weight) -> Int
  /// Takes a gain or a bias from a checkpoint.
  func vector(_ tensor: StoredTensor, order: [Int]?) -> [Float]
  func activations(capacity: Int, columns: Int) -> Activations

  /// out[i] = table[tokens[i]].
  func gather(_ tokens: [Int32], from table: Weight, into out: Activations)
  /// out = gain * x / rms(x).
  func normalize(
    _ x: Activations, rows: Int, gain: [Float], epsilon: Float, into out: Activations)
  /// out = x weight^T + bias.
  func multiply(_ x: Activations, rows: Int, by linear: Linear<Weight>, into out: Activations)
  /// Rotary embedding in place; every sequence of the tile starts at position 0.
  func rotate(_ x: Activations, tile: Tile, heads: Int, by table: RotaryTable)
  /// Causal attention within each sequence; `pattern` receives each sequence's `[tokens, H * tokens]`.
  func attend(
    _ q: Activations, _ k: Activations, _ v: Activations, tile: Tile, shape: ModelShape,
    scale: Float, into z: Activations, pattern: ((Int, Matrix) -> Void)?)
  /// out = silu(gate) * up.
  func gate(_ gate: Activations, _ up: Activations, rows: Int, into out: Activations)
  /// x += y.
  func add(_ y: Activations, rows: Int, to x: Activations)
  /// Copies rows within the device, so that logits are computed for the wanted rows only.
  func pick(_ rows: [Int], of x: Activations, into out: Activations)

  /// Reads rows.
  func read(_ rows: [Int], of x: Activations) -> Matrix
  /// Changes rows in place and returns the Euclidean norm of the change at each of them.
  func change(_ rows: [Int], of x: Activations, by change: PreparedChange) -> [Double]
}

/// A weight matrix and, where the checkpoint has one, a bias.
struct Linear<Weight: Sendable>: Sendable {
  var weight: Weight
  var bias: [Float]?
}
