import Tensors

/// A model's weights and its forward pass.
protocol Architecture: Sendable {
  var shape: ModelShape { get }
  /// The libraries and instruction sets in use.
  var kernel: String { get }
  /// What is odd about the weights, in words.
  var warnings: [String] { get }

  /// Memory for the activations of one tile at a time; one for each thread.
  associatedtype Workspace
  func workspace(capacity: Int, longest: Int) -> Workspace

  /// Runs one tile and returns what was read and what was changed.
  func forward(
    _ tile: Tile, of batch: Batch, plan: PreparedPlan, in workspace: Workspace
  ) -> ([SequenceCapture], [EffectMark])

  /// The heads' shares of attention's output: W_O restricted to each head, times z `[T, H * dHead]`;
  /// one `[T, dModel]` matrix per head.
  func headResults(_ z: Matrix, layer: Int) -> [Matrix]
  /// The bias of attention's output projection, if there is one.
  func attentionBias(layer: Int) -> [Float]?
  /// Rows of the unembedding matrix, `[tokens, dModel]`.
  func unembedding(of tokens: [Int32]) -> Matrix
}
