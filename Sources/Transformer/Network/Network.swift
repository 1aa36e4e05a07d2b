import Tensors

/// A decoder-only transformer: what every architecture's file makes of its checkpoint.
///
/// Tensors: T tokens of a ragged tile, d = dModel, H query heads and G key/value heads of width dHead.
struct Network<Weight: Sendable>: Sendable {
  var shape: ModelShape
  var embedding: Weight  // [dVocabulary, d]
  /// Gemma multiplies embeddings by the root of dModel.
  var embeddingScale: Float?
  /// Learned embeddings of the positions.
  var positionEmbedding: Weight?  // [contextLength, d]
  var blocks: [Block<Weight>]
  var finalNorm: Norm  // [d]
  var unembedding: Linear<Weight>  // [dVocabulary, d]
  /// Logits become cap * tanh(logit / cap).
  var logitSoftCap: Float?
}

/// One block: attention and an MLP, each with a norm before it, behind it, or both.
struct Block<Weight: Sendable>: Sendable {
  var attentionNorm: Norm?  // [d]
  var attention: Attention<Weight>
  /// Of attention's output, before it is added to the residual stream.
  var attentionPostNorm: Norm?  // [d]
  var mlpNorm: Norm?  // [d]
  var mlp: MLP<Weight>
  var mlpPostNorm: Norm?  // [d]
  /// Whether the MLP reads what attention reads, not what attention leaves.
  var isParallel = false
}

/// Grouped query attention.
struct Attention<Weight: Sendable>: Sendable {
  var shape: AttentionShape
  var query: Linear<Weight>  // [H * dHead, d]
  var key: Linear<Weight>  // [G * dHead, d]
  var value: Linear<Weight>  // [G * dHead, d]
  var output: Linear<Weight>  // [d, H * dHead]
  /// Norms of queries and keys: [dHead] for each head by itself, or over the whole width.
  var queryNorm: Norm?
  var keyNorm: Norm?
  /// Nil without rotary embedding.
  var rotary: Rotary?
}

/// What follows attention in a block.
enum MLP<Weight: Sendable>: Sendable {
  /// down(activation(gate(x)) * up(x)).
  case gated(gate: Linear<Weight>, up: Linear<Weight>, down: Linear<Weight>, Activation)
  /// down(activation(up(x))).
  case plain(up: Linear<Weight>, down: Linear<Weight>, Activation)
  case mixture(Mixture<Weight>)
}

/// A mixture of experts: each token goes through the few that the router gives most weight.
struct Mixture<Weight: Sendable>: Sendable {
  struct Expert: Sendable {
    var gate: Linear<Weight>  // [dExpert, d]
    var up: Linear<Weight>  // [dExpert, d]
    var down: Linear<Weight>  // [d, dExpert]
  }
  var router: Linear<Weight>  // [experts, d]
  var experts: [Expert]
  /// How many experts a token goes through.
  var top: Int
  /// Whether the weights of the chosen experts are scaled to sum to 1.
  var isNormalized: Bool
  var activation: Activation
}
