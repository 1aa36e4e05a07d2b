import Checkpoints
import Files
import Tokenization

/// A model's way from conversations to tokens: its tokenizer, chat template and thinking markers.
///
///     let encoder = try PromptEncoder(Checkpoint.open("model.gguf"))
///     let sequence = try encoder.encode(conversation)   // tokens, each with its segment
public struct PromptEncoder: Sendable {
  public let tokenizer: Tokenizer
  /// Nil for a model that was not made for chat.
  public let template: ChatTemplate?
  /// What encloses thinking; guessed from the template.
  public let markers: ThinkingMarkers
  /// SHA-256 of what turns a conversation into text: of the template, or of its digest, of markers that
  /// were not guessed from it and of variables that were given.
  package let templateSHA256: String?

  /// Takes the tokenizer and the chat template of a `.gguf` file or a Hugging Face folder.
  /// - Throws: `TokenizationError` or `CheckpointError` when there is none or it is not understood.
  public init(_ checkpoint: Checkpoint, _ settings: TemplateSettings = TemplateSettings()) throws {
    try checkpoint.requireModel()
    let source: (text: String, file: String)?
    switch checkpoint.format {
    case .gguf:
      tokenizer = try Tokenizer(vocabulary: GGUFVocabulary(checkpoint))
      let key = "tokenizer.chat_template"
      source =
        checkpoint.metadata[key] == nil
        ? nil : (try checkpoint.string(key), "\(checkpoint.path): \(key)")
    case .safetensors:
      guard let path = checkpoint.file(named: "tokenizer.json") else {
        throw TokenizationError(
          file: checkpoint.path, problem: "has no tokenizer.json",
          remedy: "give prompts as token_ids, or put the tokenizer into the folder")
      }
      let configuration = checkpoint.file(named: "tokenizer_config.json")
      tokenizer = try Tokenizer(
        tokenizerJSON: readFile(path, limit: 64 << 20), file: path,
        configuration: configuration.map { try readFile($0, limit: 16 << 20) },
        configurationFile: configuration ?? "tokenizer_config.json")
      source = try Self.templateSource(checkpoint, configuration)
    }
    let tokenizer = tokenizer
    func text(_ id: Int32?) -> String? {
      id.map { String(decoding: tokenizer.bytes(of: $0), as: UTF8.self) }
    }
    let template = try source.map {
      try ChatTemplate(
        source: $0.text, file: $0.file, bosToken: text(tokenizer.bosID),
        eosToken: text(tokenizer.eosID), date: settings.date, variables: settings.variables)
    }
    self.template = template
    guard template != nil || settings.variables.isEmpty else {
      throw TokenizationError(
        file: checkpoint.path, problem: "has no chat template, which could have variables",
        remedy: "leave them out")
    }
    let guessed = ThinkingMarkers(guessedFrom: source?.text ?? "")
    markers = settings.markers ?? guessed
    let values = template?.settings ?? [:]
    let variables = settings.variables.keys.sorted().flatMap { [$0, values[$0] ?? ""] }
    let parts = [template?.sha256 ?? "", markers.open, markers.close] + variables
    templateSHA256 =
      markers == guessed && variables.isEmpty
      ? template?.sha256
      : Digest.sha256(parts.flatMap { Array("\($0.utf8.count) \($0)".utf8) })
  }

  /// The template's own file, or the one inside `tokenizer_config.json`.
  private static func templateSource(
    _ checkpoint: Checkpoint, _ settings: String?
  ) throws -> (text: String, file: String)? {
    if let path = checkpoint.file(named: "chat_template.jinja") {
      return (String(decoding: try readFile(path, limit: 1 << 20), as: UTF8.self), path)
    }
    guard let settings,
      let value = try JSONReader.parse(
        readFile(settings, limit: 16 << 20), file: settings, valueLimit: 400_000)["chat_template"],
      !value.isNull
    else { return nil }
    // Some models name several templates; transformers uses the one called default.
    let named = value.array?.first { $0["name"]?.text == "default" }?["template"]
    guard let text = value.text ?? named?.text else {
      throw TokenizationError(
        file: settings, place: "chat_template",
        problem: "is neither a text nor a list of templates",
        remedy: "put the template into chat_template.jinja")
    }
    return (text, settings)
  }

  /// Turns a conversation into tokens, each with its segment.
  ///
  /// Where thinking has ended and no answer follows, its last tokens are those that stand in front of an
  /// answer, and not those at the end of a text.
  public func encode(_ conversation: Conversation) throws(TokenizationError) -> TokenSequence {
    if case .tokenIDs(let tokens) = conversation.source {
      return try Self.sequence(of: tokens, conversation)
    }
    let spans = try conversation.spans(template: template, markers: markers)
    let word = conversation.nextWord(after: markers)
    // A chat template writes its own beginning; a plain text gets the tokenizer's.
    let encoding =
      if case .text = conversation.source {
        tokenizer.encodeRaw(spans, before: word)
      } else {
        tokenizer.encode(spans, before: word)
      }
    return TokenSequence(id: conversation.id, tokens: encoding.ids, segments: encoding.segments)
  }

  /// The tokens that end thinking in front of an answer.
  var closing: [Int32] {
    let close = TextSpan(bytes: Array(markers.close.utf8), segment: .template, parsesSpecials: true)
    return tokenizer.encode([close], before: Conversation.anyWord).ids
  }

  /// A prompt given as token ids, which needs no tokenizer.
  static func sequence(
    of tokens: [Int32], _ conversation: Conversation
  ) throws(TokenizationError) -> TokenSequence {
    guard conversation.thinking == nil, conversation.response == nil else {
      throw TokenizationError(
        file: "conversation '\(conversation.id)'",
        problem: "has token ids and 'thinking' or 'response' besides",
        remedy: "append their token ids instead")
    }
    return TokenSequence(id: conversation.id, tokens: tokens)
  }
}

extension GGUFVocabulary {
  /// The `tokenizer.ggml.*` fields of a checkpoint.
  init(_ checkpoint: Checkpoint) throws {
    func optional<Value>(_ name: String, _ read: (String) throws -> Value) rethrows -> Value? {
      let key = "tokenizer.ggml." + name
      return checkpoint.metadata[key] == nil ? nil : try read(key)
    }
    guard checkpoint.metadata["tokenizer.ggml.tokens"] != nil else {
      throw TokenizationError(
        file: checkpoint.path, problem: "has no tokenizer",
        remedy: "give prompts as token_ids, or use a file with its tokenizer inside")
    }
    let tokens = try checkpoint.strings("tokenizer.ggml.tokens")
    func id(_ name: String) throws -> Int? {
      try optional(name) { try checkpoint.integer($0, in: 0...max(tokens.count - 1, 0)) }
    }
    self.init(
      file: checkpoint.path, model: try checkpoint.string("tokenizer.ggml.model"),
      preTokenizer: try optional("pre", checkpoint.string) ?? "default", tokens: tokens,
      tokenTypes: try optional("token_type") { try checkpoint.integers($0, count: tokens.count) }
        ?? [],
      merges: try optional("merges") { try checkpoint.strings($0) } ?? [],
      // Byte-level BPE has no scores, but an array of another length shows a damaged file.
      scores: try optional("scores") { try checkpoint.floats($0, count: tokens.count) }?
        .map { Float($0) } ?? [],
      bosID: try id("bos_token_id"), eosID: try id("eos_token_id"),
      unknownID: try id("unknown_token_id"), paddingID: try id("padding_token_id"),
      addsBOS: try optional("add_bos_token", checkpoint.bool),
      addsEOS: try optional("add_eos_token", checkpoint.bool),
      addsSpacePrefix: try optional("add_space_prefix", checkpoint.bool),
      removesExtraSpaces: try optional("remove_extra_whitespaces", checkpoint.bool),
      stripsBehindSpecials: checkpoint.metadata["general.architecture"]
        == .string(Array("phi3".utf8)))
  }
}
