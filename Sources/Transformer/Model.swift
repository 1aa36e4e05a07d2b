import Checkpoints
import Files
import Prompts
import Tensors

/// A language model whose inside can be read and changed.
///
///     let model = try Model.load("smollm2-135m")
///     let batch = try model.encode([Conversation(id: "a", source: .text("Hello"))])
///     let run = try model.run(batch, capturing: [.residual(after: 20)])
///     run[.residual(after: 20)]   // [tokens, dModel]
public struct Model: Sendable {
  /// Which model this is, exactly.
  public let identity: ModelIdentity
  /// How weights are kept and multiplied; `float32` unless another was asked for.
  public let precision: Precision
  /// Whether weights are kept as the file stores them.
  public let keepsQuantized: Bool
  /// What is odd about the weights, in words, such as tensors with NaN.
  public let warnings: [String]
  let network: Network<PackedMatrix>
  private let encoding: Result<PromptEncoder, any Error>
  /// The tokens that end a text or a turn.
  let endTokens: Result<Set<Int32>, any Error>
  let writing: Result<GenerationDefaults, any Error>

  /// Turns text into tokens.
  /// - Throws: when the model has no tokenizer or one that is not understood; prompts given as token
  ///   ids work even so.
  public var encoder: PromptEncoder { get throws { try encoding.get() } }

  /// Numbers of blocks and heads, widths, and the hooks that it lacks.
  public var shape: ModelShape { network.shape }

  /// The libraries and instruction sets that compute the forward pass.
  public var kernel: String {
    "\(keepsQuantized ? "expanded" : "packed") \(precision.rawValue), \(PackedMatrix.kernel)"
  }

  /// Loads a catalogue name, a Hugging Face folder or a `.gguf` file.
  /// - Parameters:
  ///   - keepsQuantized: leaves weights as the file stores them, and expands them whenever they are
  ///     used: the bits of `float32` from the memory of the file, more slowly.
  ///   - adapters: LoRA adapters; their weighted updates are added to the weights in this order.
  ///   - template: what fills in the chat template besides the messages.
  /// - Throws: `Problem`, `Problem` or `Problem`, naming file and field.
  public static func load(
    _ nameOrPath: String, precision: Precision = .float32, keepsQuantized: Bool = false,
    adapters: [Adapter] = [], template: TemplateSettings = TemplateSettings()
  ) throws -> Model {
    guard !keepsQuantized || precision == .float32 else {
      throw Problem(
        .unsupported, nameOrPath, place: "precision",
        problem: "is \(precision.rawValue), and quantised weights are to be kept",
        remedy: "quantised weights are expanded to float32: ask for one of the two")
    }
    let checkpoint = try Checkpoint.open(ModelCatalogue.resolve(nameOrPath))
    try checkpoint.requireModel()
    let architecture = try Architectures.read(checkpoint)
    let encoding = Result { try PromptEncoder(checkpoint, template, adapters: adapters) }
    // Without adapters, token ids work even where the tokenizer is not understood.
    if EncoderSources.areBrought(by: adapters) { _ = try encoding.get() }
    let identity = try ModelIdentity(
      nameOrPath, checkpoint, architecture, encoder: try? encoding.get(),
      adapters: adapters.map(\.identity))
    let loader = WeightLoader(
      checkpoint, precision: precision, keepsStored: keepsQuantized,
      adapters: try Adapters(adapters))
    var network = try architecture.network(loader)
    network.shape.absentSites = network.absentSites
    try loader.finish()
    return Model(
      identity: identity, precision: precision, keepsQuantized: keepsQuantized,
      warnings: loader.warnings + warnings(of: try? encoding.get(), network.shape),
      network: network, encoding: encoding,
      endTokens: Result {
        try endTokens(
          checkpoint, try? encoding.get().tokenizer, vocabulary: network.shape.dVocabulary)
      },
      writing: Result {
        try GenerationDefaults(checkpoint, vocabulary: network.shape.dVocabulary)
      })
  }

  /// What is to be said of a tokenizer, also of tokens that the model has no embedding for.
  private static func warnings(of encoder: PromptEncoder?, _ shape: ModelShape) -> [String] {
    guard let encoder else { return [] }
    let beyond = encoder.tokenizer.addedTokens(from: shape.dVocabulary)
    guard let first = beyond.first else { return encoder.warnings }
    return encoder.warnings + [
      """
      the tokenizer has \(beyond.count) added tokens beyond the model's \(shape.dVocabulary) embeddings, \
      the first '\(first)': a prompt that holds one is refused
      """
    ]
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
}
