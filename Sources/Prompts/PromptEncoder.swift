import Files
import Tokenization

/// A model's way from conversations to tokens: its tokenizer, chat template and thinking markers.
///
///     let encoder = try PromptEncoder(Checkpoint.open("model.gguf"))
///     let sequence = try encoder.encode(conversation)   // tokens, each with its segment
public struct PromptEncoder: Sendable {
  /// Turns text into tokens, and tokens into text.
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

  /// - Parameters:
  ///   - warnings: what is to be said about the tokenizer and the template, in words.
  ///   - file: whose they are, for errors.
  /// - Throws: when there are variables and no template that could have them.
  package init(
    tokenizer: Tokenizer, template: ChatTemplate?, settings: TemplateSettings, warnings: [String],
    file: String
  ) throws(Problem) {
    self.tokenizer = tokenizer
    self.warnings = warnings
    self.template = template
    guard template != nil || settings.variables.isEmpty else {
      throw Problem(
        .noTemplate, file, problem: "has no chat template, which could have variables",
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
        tokenizer.encodeRaw(spans.map(\.text), before: word)
      } else {
        tokenizer.encode(spans.map(\.text), before: word)
      }
    return TokenSequence(
      id: conversation.id, tokens: encoding.ids, segments: encoding.segments(of: spans))
  }

  /// The tokens that end thinking in front of an answer.
  package var closing: [Int32] {
    let close = TextSpan(bytes: Array(markers.close.utf8), parsesSpecials: true)
    return tokenizer.encode([close], before: Conversation.anyWord).ids
  }

  /// A prompt given as token ids, which needs no tokenizer.
  package static func sequence(
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
