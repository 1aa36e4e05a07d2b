import Transformer

/// The names and sizes that writer and reader agree upon. README.md shows the whole layout.
enum StoreLayout {
  static let format = "bathyscope-activations"
  static let version: Int64 = 2
  /// The root's attribute with a SHA-256 over all that the file says besides activations, whose chunks
  /// have checksums of their own. Files of version 1 may have neither.
  static let contentDigest = "content_sha256"
  /// The names of `index/segment` and `tokens/segment`, in the order of their numbers.
  static let segmentNames = "0 template, 1 prompt, 2 thinking, 3 answer"

  /// Rows in a chunk and in the writer's buffer: 256, or as many as fit into 16 MB for all hooks: libhdf5 copies a chunk twice.
  ///
  /// One chunk is one layer, because probes read one layer of all rows.
  static func chunkRows(rowCount: Int, bytesPerRow: Int) -> Int {
    max(min(256, rowCount, (16 << 20) / max(bytesPerRow, 1)), 1)
  }

  /// The coordinate variable with a site's layers: `layer`, which the first site has, or its own where
  /// its layers are others.
  static func layerDimension(of site: HookPoint.Site, isShared: Bool) -> String {
    isShared ? "layer" : "layer_\(site.dataSetName)"
  }
}

extension HookPoint.Site {
  /// The data set in `/acts`.
  var dataSetName: String {
    switch self {
    case .embedding: "embed"
    case .positionEmbedding: "pos_embed"
    case .residualBefore: "resid_pre"
    case .residualMid: "resid_mid"
    case .residualAfter: "resid_post"
    case .attentionInput: "attn_in"
    case .attentionNormScale: "ln1_scale"
    case .attentionNormalized: "ln1_normalized"
    case .query: "q"
    case .key: "k"
    case .value: "v"
    case .rotatedQuery: "rot_q"
    case .rotatedKey: "rot_k"
    case .attentionScores: "attn_scores"
    case .attentionPattern: "pattern"
    case .headOutput: "z"
    case .headResult: "result"
    case .attentionPostNormScale: "ln1_post_scale"
    case .attentionPostNormalized: "ln1_post_normalized"
    case .attentionOutput: "attn_out"
    case .mlpInput: "mlp_in"
    case .mlpNormScale: "ln2_scale"
    case .mlpNormalized: "ln2_normalized"
    case .mlpPreActivation: "mlp_pre"
    case .mlpLinear: "mlp_pre_linear"
    case .mlpHidden: "mlp_post"
    case .mlpPostNormScale: "ln2_post_scale"
    case .mlpPostNormalized: "ln2_post_normalized"
    case .mlpOutput: "mlp_out"
    case .finalNormScale: "ln_final_scale"
    case .finalNormalized: "ln_final_normalized"
    case .finalNorm: "ln_final"
    case .logits: "logits"
    }
  }

  /// The TransformerLens name of all its hooks: `blocks.*.hook_resid_post`.
  var pattern: String { isPerLayer ? "blocks.*.\(rawValue)" : rawValue }

  /// The name of the last dimension.
  var widthDimension: String {
    switch self {
    case .query, .rotatedQuery: "query"
    case .key, .value, .rotatedKey: "key_value"
    case .headOutput: "head_output"
    case .headResult: "head_result"
    case .mlpPreActivation, .mlpLinear, .mlpHidden: "d_mlp"
    case .attentionNormScale, .attentionPostNormScale, .mlpNormScale, .mlpPostNormScale,
      .finalNormScale:
      "norm_scale"
    case .logits: "d_vocab"
    default: "d_model"
    }
  }

  /// One sentence for readers of the file.
  var definition: String {
    switch self {
    case .embedding: "Token embeddings as they enter the residual stream."
    case .positionEmbedding: "Learned embeddings of the positions."
    case .residualBefore: "Residual stream entering the block."
    case .residualMid: "Residual stream between attention and MLP of the block."
    case .residualAfter: "Residual stream leaving the block, before the next block's norm."
    case .attentionInput: "What attention reads, before its norm."
    case .attentionNormScale: "What attention's norm divides by."
    case .attentionNormalized: "What attention reads, normalised, before the norm's gain and bias."
    case .query: "Queries as projected, head after head in one row."
    case .key: "Keys as projected, head after head in one row."
    case .value: "Values, head after head in one row."
    case .rotatedQuery: "Queries after norm and rotary embedding, head after head in one row."
    case .rotatedKey: "Keys after norm and rotary embedding, head after head in one row."
    case .attentionScores: "Scores before the softmax by query head and key."
    case .attentionPattern: "Softmax weights by query head and key."
    case .headOutput:
      "Query heads' outputs before the output projection, head after head in one row."
    case .headResult:
      "Query heads' shares of the output projection, without its bias, head after head in one row."
    case .attentionPostNormScale: "What the norm after attention divides by."
    case .attentionPostNormalized: "Attention's output, normalised, before that norm's gain."
    case .attentionOutput: "Attention's contribution to the residual stream."
    case .mlpInput: "What the MLP reads, before its norm."
    case .mlpNormScale: "What the MLP's norm divides by."
    case .mlpNormalized: "What the MLP reads, normalised, before the norm's gain and bias."
    case .mlpPreActivation: "What the MLP's activation function is applied to."
    case .mlpLinear: "What the MLP's gate is multiplied with."
    case .mlpPostNormScale: "What the norm after the MLP divides by."
    case .mlpPostNormalized: "The MLP's output, normalised, before that norm's gain."
    case .mlpHidden: "The MLP's neurons, entering its last projection."
    case .mlpOutput: "The MLP's contribution to the residual stream."
    case .finalNormScale: "What the final norm divides by."
    case .finalNormalized: "Residual stream, normalised, before the final norm's gain and bias."
    case .finalNorm: "Residual stream after the final norm and its gain."
    case .logits: "Logits over the vocabulary."
    }
  }
}
