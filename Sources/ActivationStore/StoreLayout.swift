import Transformer

/// The names and sizes that writer and reader agree upon. README.md shows the whole layout.
enum StoreLayout {
  static let format = "bathyscope-activations"
  static let version: Int64 = 1
  /// The names of `index/segment` and `tokens/segment`, in the order of their numbers.
  static let segmentNames = "0 template, 1 prompt, 2 thinking, 3 answer"

  /// Rows in a chunk and in the writer's buffer: 256, or as many as fit into 48 MB for all hooks.
  ///
  /// One chunk is one layer, because probes read one layer of all rows.
  static func chunkRows(rowCount: Int, bytesPerRow: Int) -> Int {
    max(min(256, rowCount, (48 << 20) / max(bytesPerRow, 1)), 1)
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
    case .attentionPattern: "pattern"
    case .headOutput: "z"
    case .attentionOutput: "attn_out"
    case .mlpHidden: "mlp_post"
    case .mlpOutput: "mlp_out"
    case .finalNorm: "ln_final"
    case .logits: "logits"
    }
  }

  /// The TransformerLens name of all its hooks: `blocks.*.hook_resid_post`.
  var pattern: String { isPerLayer ? "blocks.*.\(rawValue)" : rawValue }

  /// The name of the last dimension.
  var widthDimension: String {
    switch self {
    case .headOutput: "head_output"
    case .mlpHidden: "d_mlp"
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
    case .attentionPattern: "Softmax weights by query head and key."
    case .headOutput:
      "Query heads' outputs before the output projection, head after head in one row."
    case .attentionOutput: "Attention's contribution to the residual stream."
    case .mlpHidden: "The MLP's neurons, entering its last projection."
    case .mlpOutput: "The MLP's contribution to the residual stream."
    case .finalNorm: "Residual stream after the final norm and its gain."
    case .logits: "Logits over the vocabulary."
    }
  }
}
