import Checkpoints
import Files
import Tensors
import Tokenization

/// A language model whose inside can be read and changed.
///
///     let model = try Model.load("smollm2-135m")
///     let batch = try model.encode([Conversation(id: "a", source: .text("Hello"))])
///     let run = try model.run(batch, capturing: [.residual(after: 20)])
///     run[.residual(after: 20)]   // [tokens, dModel]
public struct Model: Sendable {
  /// Which model this is, exactly.
  public let identity: ModelIdentity
  public let precision: Precision
  let architecture: any Architecture
  private let encoding: Result<PromptEncoder, any Error>

  /// Turns text into tokens.
  /// - Throws: when the model has no tokenizer or one that is not understood; prompts given as token
  ///   ids work even so.
  public var encoder: PromptEncoder { get throws { try encoding.get() } }

  public var shape: ModelShape { architecture.shape }

  /// What is odd about the weights, in words, such as tensors with NaN.
  public var warnings: [String] { architecture.warnings }

  /// The libraries and instruction sets that compute the forward pass.
  public var kernel: String { architecture.kernel }

  /// Loads a catalogue name, a Hugging Face folder or a `.gguf` file.
  /// - Throws: `CheckpointError`, `TokenizationError` or `TransformerError`, naming file and field.
  public static func load(
    _ nameOrPath: String, precision: Precision = .float32
  ) throws -> Model {
    guard precision == .float32 else {
      throw TransformerError(
        nameOrPath, place: "precision", problem: "no \(precision.rawValue) yet",
        remedy: "use float32")
    }
    let checkpoint = try Checkpoint.open(ModelCatalogue.resolve(nameOrPath))
    let configuration = try LlamaConfiguration(checkpoint)
    let encoding = Result { try PromptEncoder(checkpoint) }
    let identity = try ModelIdentity(
      nameOrPath, checkpoint, configuration, encoder: try? encoding.get())
    return Model(
      identity: identity, precision: precision,
      architecture: try Llama(checkpoint, configuration, on: CPUBackend()), encoding: encoding)
  }

  /// Turns conversations into a ragged batch, each token with its segment.
  public func encode(_ conversations: [Conversation]) throws -> Batch {
    Batch(try conversations.map { try encode($0) })
  }

  private func encode(_ conversation: Conversation) throws -> TokenSequence {
    if case .tokenIDs(let tokens) = conversation.source {
      return try PromptEncoder.sequence(of: tokens, conversation)
    }
    return try encoder.encode(conversation)
  }

  /// The heads' shares of an attention output: W_O restricted to each query head, times that head's z.
  ///
  /// Together with the projection's bias they sum to the attention output.
  /// - Parameter z: what was captured at `blocks.<layer>.attn.hook_z`, `[T, heads * dHead]`.
  /// - Returns: one `[T, dModel]` matrix per head.
  public func headResults(_ z: Matrix, layer: Int) -> [Matrix] {
    architecture.headResults(z, layer: layer)
  }

  /// The bias of a block's attention output projection, `[dModel]`; nil when it has none.
  public func attentionBias(layer: Int) -> [Float]? {
    architecture.attentionBias(layer: layer)
  }

  /// Rows of the unembedding matrix, `[tokens, dModel]`.
  public func unembedding(of tokens: [Int32]) -> Matrix {
    architecture.unembedding(of: tokens)
  }
}

extension LlamaConfiguration {
  /// Recognises the architecture of a checkpoint.
  init(_ checkpoint: Checkpoint) throws {
    let name = try checkpoint.architectureName()
    guard name == "llama" else {
      throw TransformerError(
        checkpoint.path, place: "architecture",
        problem: "'\(name)' is not one that this engine knows",
        remedy: "use a Llama-family model")
    }
    switch checkpoint.format {
    case .gguf: try self.init(gguf: checkpoint)
    case .safetensors:
      try self.init(
        huggingFace: checkpoint.configuration ?? .null, file: checkpoint.path + "/config.json")
    }
  }
}

extension Checkpoint {
  /// The architecture that the checkpoint says it has.
  func architectureName() throws -> String {
    switch format {
    case .gguf: try string("general.architecture")
    case .safetensors: configuration?["model_type"]?.text ?? "none"
    }
  }
}
