import Checkpoints
import Files

/// The stored tensors of a Hugging Face folder that write into the residual stream, with their biases:
/// embeddings, attention's output projections, and the last projections of MLPs and experts.
///
/// Between them and the residual stream stands nothing but sums, scalings and weights of experts, so
/// that a direction taken out of all of them never enters it.
package struct ResidualWriters: Sendable {
  /// Along which dimension of a tensor the vectors lie that are written.
  package enum Axis: Sendable, Equatable {
    /// `[..., dModel]`: embeddings, biases, and GPT-2's projections.
    case last
    /// `[dModel, inputs]`: projections.
    case first
  }

  /// By the tensors' names.
  package let axes: [String: Axis]
  package let dModel: Int
  package let embedding: String
  package let unembedding: String
  /// Whether the unembedding is the embedding itself: then the two have to be stored apart.
  package let isTied: Bool

  /// - Throws: when the checkpoint is no such folder, is incomplete, or has norms behind attention and
  ///   MLP: a norm's gain rewrites whatever its projection was made to leave out.
  package init(_ checkpoint: Checkpoint) throws {
    guard checkpoint.format == .safetensors, let configuration = checkpoint.configuration else {
      throw Problem(
        .wrongFormat, checkpoint.path, problem: "is not a Hugging Face folder",
        remedy: "give the folder with config.json and model.safetensors of the model")
    }
    let shape = try Architectures.read(checkpoint).shape
    let name = try checkpoint.architectureName()
    guard let layout = Layout(architecture: name, checkpoint.names) else {
      throw Problem(
        .unsupported, checkpoint.path, place: "model_type",
        problem:
          "'\(name)' has a norm behind attention and MLP, whose gain would write a direction "
          + "that was taken out of the weights back",
        remedy: "remove the direction at run time: generate --project-out")
    }
    dModel = shape.dModel
    embedding = layout.embeddings[0] + ".weight"
    unembedding = layout.unembedding + ".weight"
    isTied = configuration["tie_word_embeddings"]?.bool ?? (name == "gpt2")
    var axes: [String: Axis] = [:]
    for embedding in layout.embeddings { axes[embedding + ".weight"] = .last }
    for layer in 0..<shape.layers {
      for part in layout.parts {
        let stem = "\(layout.blocks).\(layer).\(part.container)"
        let weights = checkpoint.names.filter {
          $0.hasPrefix(stem) && $0.hasSuffix(part.projection + ".weight")
        }
        guard !weights.isEmpty else {
          throw Problem(
            .missingTensor, checkpoint.path, place: "block \(layer)",
            problem: "no tensor '\(stem)...\(part.projection).weight' is stored",
            remedy: "check that the folder is complete")
        }
        for weight in weights {
          axes[weight] = layout.isTransposed ? .last : .first
          let bias = weight.dropLast("weight".count) + "bias"
          if checkpoint.names.contains(String(bias)) { axes[String(bias)] = .last }
        }
      }
    }
    self.axes = axes
  }
}

/// What an architecture calls the parts that write into the residual stream.
private struct Layout {
  /// Of the tokens, then of the positions.
  var embeddings = ["model.embed_tokens"]
  var unembedding = "lm_head"
  var blocks = "model.layers"
  /// Attention's and the MLP's; every expert of a container has the projection.
  var parts = [
    (container: "self_attn.", projection: "o_proj"), (container: "mlp.", projection: "down_proj"),
  ]
  /// GPT-2 stores projections as `[inputs, outputs]`.
  var isTransposed = false

  /// Nil where a norm stands between a projection and the residual stream.
  init?(architecture: String, _ names: [String]) {
    switch architecture {
    case "llama", "mistral", "qwen2", "qwen3", "qwen3_moe", "phi3": break
    case "mixtral": parts[1] = ("block_sparse_moe.", "w2")
    case "gpt_neox":
      (embeddings, unembedding, blocks) = (["gpt_neox.embed_in"], "embed_out", "gpt_neox.layers")
      parts = [("attention.", "dense"), ("mlp.", "dense_4h_to_h")]
    case "gpt2":
      let stem = names.contains("transformer.wte.weight") ? "transformer." : ""
      (embeddings, blocks) = ([stem + "wte", stem + "wpe"], stem + "h")
      parts = [("attn.", "c_proj"), ("mlp.", "c_proj")]
      isTransposed = true
    default: return nil
    }
  }
}
