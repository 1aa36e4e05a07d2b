/// One turn of a conversation.
public struct Message: Codable, Equatable, Sendable {
  /// `system`, `user`, `assistant`, `tool`, or what else the model's template knows.
  public var role: String
  public var content: String
  /// An assistant's reasoning, when it is kept apart from the content (`reasoning_content`).
  public var thinking: String?

  public init(role: String, content: String, thinking: String? = nil) {
    self.role = role
    self.content = content
    self.thinking = thinking
  }

  /// Whether the model itself speaks; Gemma's templates call it `model`.
  var isAssistant: Bool { role == "assistant" || role == "model" }
}

/// What a model is to read: messages, plain text, or token ids, with the thinking and the response
/// that are put behind it.
///
///     let conversation = Conversation(
///       id: "1", source: .messages([Message(role: "user", content: "Hello")]), response: "Hi!")
public struct Conversation: Codable, Equatable, Sendable {
  /// What stands before the thinking and the response.
  public enum Source: Codable, Equatable, Sendable {
    /// Needs a chat template.
    case messages([Message])
    /// Given to the model as it is.
    case text(String)
    case tokenIDs([Int32])
  }

  public var id: String
  public var source: Source
  /// The reasoning before the response; an empty one is reasoning that was cut to nothing.
  public var thinking: String?
  public var response: String?

  public init(id: String, source: Source, thinking: String? = nil, response: String? = nil) {
    self.id = id
    self.source = source
    self.thinking = thinking
    self.response = response
  }

  /// A word that stands for what the model says next, where thinking has ended and no answer follows or the
  /// response is empty; else nothing.
  package var nextWord: String {
    (thinking ?? response) != nil && (response ?? "").isEmpty ? Self.anyWord : ""
  }

  /// How an answer may begin; all words are alike to what stands before them, if not to a number.
  package static let anyWord = "A"

  /// The conversation as text, cut into segments.
  ///
  /// Messages are followed by the template's generation prompt, unless the last one is the
  /// assistant's own. Thinking follows with its markers as template, then the response.
  ///
  /// - Parameters:
  ///   - markers: what encloses thinking.
  ///   - parsesSpecialsInText: whether special tokens in a plain text become tokens.
  /// - Throws: when messages come without a template, or the template refuses them.
  package func spans(
    template: ChatTemplate?, markers: ThinkingMarkers, parsesSpecialsInText: Bool = false
  ) throws(TokenizationError) -> [TextSpan] {
    var spans: [TextSpan]
    switch source {
    case .text(let text):
      spans = [
        TextSpan(bytes: Array(text.utf8), segment: .prompt, parsesSpecials: parsesSpecialsInText)
      ]
    case .messages(let messages):
      spans = try rendered(messages, template, markers)
    case .tokenIDs:
      throw problem("is given as token ids and has no text", "use its ids as they are")
    }
    try appendTranscript(to: &spans, markers)
    // Neighbours of one origin become one span: a tokenizer may merge across their seam.
    var text = JinjaText()
    for span in spans {
      let origin = JinjaText.Origin(segment: span.segment, parsesSpecials: span.parsesSpecials)
      text.append(span.bytes, origin: origin)
    }
    return text.spans
  }

  private func rendered(
    _ messages: [Message], _ template: ChatTemplate?, _ markers: ThinkingMarkers
  ) throws(TokenizationError) -> [TextSpan] {
    guard let template else {
      throw problem(
        "has messages, but the model has no chat template",
        "give the prompt as 'text', or the model a chat template")
    }
    let endsWithAssistant = messages.last?.isAssistant ?? false
    guard !endsWithAssistant || (thinking == nil && response == nil) else {
      throw problem(
        "ends with the assistant's message and has 'thinking' or 'response' besides",
        "keep one of them")
    }
    return try template.render(
      messages, addsGenerationPrompt: !endsWithAssistant, markers: markers)
  }

  private func appendTranscript(
    to spans: inout [TextSpan], _ markers: ThinkingMarkers
  ) throws(TokenizationError) {
    guard thinking != nil || response != nil else { return }
    let text = spans.flatMap(\.bytes)
    // A response behind a prompt that has opened the thinking must close it first.
    if thinking != nil || markers.isOpened(by: text) {
      let opener = markers.missingOpener(behind: text)
      spans.append(TextSpan(bytes: opener, segment: .template, parsesSpecials: true))
      let thought = Array((thinking ?? "").utf8)
      spans.append(TextSpan(bytes: thought, segment: .thinking, parsesSpecials: false))
      let close = Array(markers.close.utf8)
      spans.append(TextSpan(bytes: close, segment: .template, parsesSpecials: true))
    }
    let answer = Array((response ?? "").utf8)
    spans.append(TextSpan(bytes: answer, segment: .answer, parsesSpecials: false))
  }

  private func problem(_ problem: String, _ remedy: String) -> TokenizationError {
    TokenizationError(
      file: "conversation '\(id)'", problem: "the conversation \(problem)", remedy: remedy)
  }
}
