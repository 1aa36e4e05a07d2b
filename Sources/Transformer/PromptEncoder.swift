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

  /// Where versions of transformers disagree, files contradict each other or an adapter brings its own,
  /// in words.
  public let warnings: [String]

  /// Takes the tokenizer and the chat template of a `.gguf` file or a Hugging Face folder, or those of an
  /// adapter that has its own.
  /// - Throws: `Problem` or `Problem` when there is none or it is not understood, or
  ///   adapters disagree.
  public init(
    _ checkpoint: Checkpoint, _ settings: TemplateSettings = TemplateSettings(),
    adapters: [Adapter] = []
  ) throws {
    try checkpoint.requireModel()
    let sources = try EncoderSources(checkpoint, adapters)
    let template = try sources.template.map {
      try ChatTemplate(
        source: $0.text, file: $0.file, tokens: sources.tokenizer.roles, date: settings.date,
        variables: settings.variables)
    }
    tokenizer = sources.tokenizer
    warnings = sources.tokenizer.warnings + sources.notices
    self.template = template
    guard template != nil || settings.variables.isEmpty else {
      throw Problem(
        .noTemplate, checkpoint.path, problem: "has no chat template, which could have variables",
        remedy: "leave them out")
    }
    let guessed = ThinkingMarkers(guessedFrom: template?.source ?? "")
    markers = settings.markers ?? guessed
    let values = template?.settings ?? [:]
    let variables = settings.variables.keys.sorted().flatMap { [$0, values[$0] ?? ""] }
    let tokens = template?.furtherTokens ?? []
    let parts = [template?.sha256 ?? "", markers.open, markers.close] + variables + tokens
    templateSHA256 =
      markers == guessed && variables.isEmpty && tokens.isEmpty
      ? template?.sha256
      : Digest.sha256(parts.flatMap { Array("\($0.utf8.count) \($0)".utf8) })
  }

  /// What is to be said about conversations before they are encoded: thinking that the template does not
  /// read stands in the content, between the markers.
  public func warnings(about conversations: [Conversation]) -> [String] {
    guard let template, template.thinkingKey == nil else { return [] }
    let count = conversations.count { conversation in
      guard case .messages(let messages) = conversation.source else { return false }
      return messages.contains { $0.thinking != nil }
    }
    guard count > 0 else { return [] }
    let (open, close) = (markers.openCore, markers.closeCore)
    return [
      """
      \(template.file): the template does not read a message's reasoning_content, which \(count) of \
      \(conversations.count) prompts have: it is written into the content between '\(open)' and \
      '\(close)', where transformers would leave it out
      """
    ]
  }

  /// Turns a conversation into tokens, each with its segment.
  ///
  /// Where thinking has ended and no answer follows, its last tokens are those that stand in front of an
  /// answer, and not those at the end of a text.
  public func encode(_ conversation: Conversation) throws(Problem) -> TokenSequence {
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
  ) throws(Problem) -> TokenSequence {
    guard conversation.thinking == nil, conversation.response == nil else {
      throw Problem(
        .ambiguous, "conversation '\(conversation.id)'",
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
      throw Problem(
        .noTokenizer, checkpoint.path, problem: "has no tokenizer",
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
      separatorID: try id("seperator_token_id"), classID: try id("cls_token_id"),
      maskID: try id("mask_token_id"),
      addsBOS: try optional("add_bos_token", checkpoint.bool),
      addsEOS: try optional("add_eos_token", checkpoint.bool),
      addsSpacePrefix: try optional("add_space_prefix", checkpoint.bool),
      removesExtraSpaces: try optional("remove_extra_whitespaces", checkpoint.bool),
      stripsBehindSpecials: checkpoint.metadata["general.architecture"]
        == .string(Array("phi3".utf8)))
  }
}
