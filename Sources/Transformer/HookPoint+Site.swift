extension HookPoint {
  /// What is read, regardless of the layer, in the order of the forward pass.
  ///
  /// T tokens, H query heads and G key/value heads of width dHead. Where TransformerLens has an axis of
  /// heads, the heads stand one after another in a row; `Matrix.byHead(_:)` takes them apart.
  public enum Site: String, Sendable, CaseIterable, Codable {
    /// Token embeddings as they enter the residual stream, `[T, dModel]`.
    case embedding = "hook_embed"
    /// Learned embeddings of the positions, `[T, dModel]`.
    case positionEmbedding = "hook_pos_embed"
    /// Residual stream entering a block, `[T, dModel]`.
    case residualBefore = "hook_resid_pre"
    /// What attention reads, before its norm, `[T, dModel]`; once, where TransformerLens repeats it for
    /// every head. A change here leaves the residual stream as it is.
    case attentionInput = "hook_attn_in"
    /// What attention's norm divides by, `[T, 1]`.
    case attentionNormScale = "ln1.hook_scale"
    /// What attention reads, normalised, before the norm's gain and bias, `[T, dModel]`.
    case attentionNormalized = "ln1.hook_normalized"
    /// Queries as projected, before norms of queries and rotary embedding, `[T, H * dHead]`.
    case query = "attn.hook_q"
    /// Keys as projected, before norms of keys and rotary embedding, `[T, G * dHead]`.
    case key = "attn.hook_k"
    /// Values, `[T, G * dHead]`.
    case value = "attn.hook_v"
    /// Queries after norm and rotary embedding, `[T, H * dHead]`.
    case rotatedQuery = "attn.hook_rot_q"
    /// Keys after norm and rotary embedding, `[T, G * dHead]`.
    case rotatedKey = "attn.hook_rot_k"
    /// Scaled and capped scores by query head and key, `[T, H * T]`; -infinity where a query does not
    /// look.
    case attentionScores = "attn.hook_attn_scores"
    /// Softmax weights by query head and key, `[T, H * T]`; zero after the query's position.
    case attentionPattern = "attn.hook_pattern"
    /// Query heads' outputs before the output projection, `[T, H * dHead]`.
    case headOutput = "attn.hook_z"
    /// Query heads' shares of the output projection, without its bias, `[T, H * dModel]`.
    case headResult = "attn.hook_result"
    /// What a norm after attention divides by, `[T, 1]`.
    case attentionPostNormScale = "ln1_post.hook_scale"
    /// Attention's output, normalised, before the gain of a norm after it, `[T, dModel]`.
    case attentionPostNormalized = "ln1_post.hook_normalized"
    /// Attention's contribution to the residual stream, `[T, dModel]`.
    case attentionOutput = "hook_attn_out"
    /// Residual stream between attention and MLP, `[T, dModel]`; not in blocks where both read the same.
    case residualMid = "hook_resid_mid"
    /// What the MLP reads, before its norm, `[T, dModel]`. A change here leaves the residual stream as it
    /// is.
    case mlpInput = "hook_mlp_in"
    /// What the MLP's norm divides by, `[T, 1]`.
    case mlpNormScale = "ln2.hook_scale"
    /// What the MLP reads, normalised, before the norm's gain and bias, `[T, dModel]`.
    case mlpNormalized = "ln2.hook_normalized"
    /// What the MLP's activation function is applied to, `[T, dMLP]`: the gate's where there is one.
    case mlpPreActivation = "mlp.hook_pre"
    /// What the gate is multiplied with, `[T, dMLP]`; only in MLPs with a gate.
    case mlpLinear = "mlp.hook_pre_linear"
    /// The MLP's neurons, entering its last projection, `[T, dMLP]`; not in mixtures of experts.
    case mlpHidden = "mlp.hook_post"
    /// What a norm after the MLP divides by, `[T, 1]`.
    case mlpPostNormScale = "ln2_post.hook_scale"
    /// The MLP's output, normalised, before the gain of a norm after it, `[T, dModel]`.
    case mlpPostNormalized = "ln2_post.hook_normalized"
    /// The MLP's contribution to the residual stream, `[T, dModel]`.
    case mlpOutput = "hook_mlp_out"
    /// Residual stream leaving a block, `[T, dModel]`.
    case residualAfter = "hook_resid_post"
    /// What the final norm divides by, `[T, 1]`.
    case finalNormScale = "ln_final.hook_scale"
    /// Residual stream, normalised, before the final norm's gain and bias, `[T, dModel]`.
    case finalNormalized = "ln_final.hook_normalized"
    /// Residual stream after the final norm and its gain, `[T, dModel]`.
    case finalNorm = "ln_final.hook_out"
    /// Logits over the vocabulary, `[T, dVocabulary]`.
    case logits = "unembed.hook_out"

    /// Whether every block has one.
    public var isPerLayer: Bool {
      switch self {
      case .embedding, .positionEmbedding, .finalNormScale, .finalNormalized, .finalNorm, .logits:
        false
      default: true
      }
    }

    /// Whether it can be read and not changed: what is computed only to be read, and logits.
    public var isReadOnly: Bool {
      switch self {
      case .attentionNormScale, .attentionPostNormScale, .mlpNormScale, .mlpPostNormScale,
        .finalNormScale, .attentionScores, .attentionPattern, .headResult, .logits:
        true
      default: false
      }
    }

    /// Whether a row is as wide as its sequence is long.
    public var isRagged: Bool { self == .attentionScores || self == .attentionPattern }
  }
}
