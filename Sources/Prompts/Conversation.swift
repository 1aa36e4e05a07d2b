import Files
import Jinja

/// One turn of a conversation.
public struct Message: Codable, Equatable, Sendable {
  /// `system`, `user`, `assistant`, `tool`, or what else the model's template knows.
  public var role: String
  /// The words of the turn, without the template's markers.
  public var content: String
  /// An assistant's reasoning, when it is kept apart from the content (`reasoning_content`).
  public var thinking: String?

  /// - Parameter thinking: an assistant's reasoning; nil where there is none or the content has it.
  public init(role: String, content: String, thinking: String? = nil) {
    self.role = role
    self.content = content
    self.thinking = thinking
  }

  /// Whether the model itself speaks; Gemma's templates call it `model`.
  var isAssistant: Bool { role == "assistant" || role == "model" }
}

/// What a model is to read: messages, plain text, or token ids, with the thinking and the response
/// that follow it.
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

  /// Names the conversation in everything that is written about it.
  public var id: String
  /// What the model is given to read.
  public var source: Source
  /// The reasoning before the response; an empty one is reasoning that was cut to nothing.
  public var thinking: String?
  /// With its thinking and the markers around it, where that is not given apart.
  public var response: String?

  /// Without thinking and response the model speaks next.
  public init(id: String, source: Source, thinking: String? = nil, response: String? = nil) {
    self.id = id
    self.source = source
    self.thinking = thinking
    self.response = response
  }

  /// Under which names files keep thinking apart from the response.
  package static let thinkingKeys = ["thinking", "reasoning_content", "reasoning"]

  /// The thinking and the answer that follow the source, told apart wherever the thinking is written: beside
  /// the response or in it. The answer is nil without a response, and where its thinking has not ended.
  package func reading(
    by markers: ThinkingMarkers = .deepSeek
  ) -> (thinking: String?, answer: String?) {
    guard let response else { return (thinking, nil) }
    let reading = markers.read(response, isAnswer: thinking != nil)
    let thoughts = [thinking, reading.thinking].compactMap(\.self)
    guard thoughts.count > 1 else { return (thoughts.first, reading.answer) }
    return (thoughts.filter { !$0.isEmpty }.joined(separator: "\n\n"), reading.answer)
  }

  /// A word that stands for what the model says next, where thinking has ended and no answer follows or the
  /// response is empty; else nothing.
  package func nextWord(after markers: ThinkingMarkers) -> String {
    guard response != nil else { return thinking == nil ? "" : Self.anyWord }
    return reading(by: markers).answer?.isEmpty == true ? Self.anyWord : ""
  }

  /// How an answer may begin; all words are alike to what stands before them, if not to a number.
  package static let anyWord = "A"

  /// The conversation as text, cut into segments.
  ///
  /// Messages are followed by the template's generation prompt, unless the last one is the
  /// assistant's own. Thinking follows with its markers as template, then the response, which may hold
  /// its thinking itself.
  ///
  /// - Parameters:
  ///   - markers: what encloses thinking.
  ///   - parsesSpecialsInText: whether special tokens in a plain text become tokens.
  /// - Throws: when messages come without a template, or the template refuses them.
  package func spans(
    template: ChatTemplate?, markers: ThinkingMarkers, parsesSpecialsInText: Bool = false
  ) throws(Problem) -> [TranscriptSpan] {
    var spans: [TranscriptSpan]
    switch source {
    case .text(let text):
      spans = [
        TranscriptSpan(
          bytes: Array(text.utf8), segment: .prompt, parsesSpecials: parsesSpecialsInText)
      ]
    case .messages(let messages):
      spans = try rendered(messages, template, markers)
    case .tokenIDs:
      throw problem(.noText, "is given as token ids and has no text", "use its ids as they are")
    }
    try appendTranscript(to: &spans, markers)
    // Neighbours of one origin become one span: a tokenizer may merge across their seam.
    var text = JinjaText()
    for span in spans {
      let origin = JinjaText.Origin(span.segment, parsesSpecials: span.parsesSpecials)
      text.append(span.bytes, origin: origin)
    }
    return text.spans
  }

  private func rendered(
    _ messages: [Message], _ template: ChatTemplate?, _ markers: ThinkingMarkers
  ) throws(Problem) -> [TranscriptSpan] {
    guard let template else {
      throw problem(
        .noTemplate, "has messages, but the model has no chat template",
        "give the prompt as 'text', or the model a chat template")
    }
    let endsWithAssistant = messages.last?.isAssistant ?? false
    guard !endsWithAssistant || (thinking == nil && response == nil) else {
      throw problem(
        .ambiguous, "ends with the assistant's message and has 'thinking' or 'response' besides",
        "keep one of them")
    }
    return try template.render(
      messages, addsGenerationPrompt: !endsWithAssistant, markers: markers)
  }

  private func appendTranscript(
    to spans: inout [TranscriptSpan], _ markers: ThinkingMarkers
  ) throws(Problem) {
    guard thinking != nil || response != nil else { return }
    let before = spans.flatMap(\.bytes)
    let isOpened = markers.isOpened(by: before)
    let reading = response.map { markers.read($0, isAnswer: thinking != nil) }
    if let thinking {
      spans.append(template(markers.missingOpener(behind: before)))
      let thought = Array(thinking.utf8)
      spans.append(TranscriptSpan(bytes: thought, segment: .thinking, parsesSpecials: false))
      spans.append(template(Array(markers.close.utf8)))
    } else if isOpened, let response, reading?.thinking != nil {
      spans.append(template(markers.missingOpener(behind: before)))
      // What the template has opened is not opened again.
      spans += markers.read(markers.withoutOpener(response), isOpened: true).text.spans
      return
    } else if isOpened {
      // A response without thinking must close it first.
      spans.append(template(markers.missingOpener(behind: before) + Array(markers.close.utf8)))
    }
    spans += reading?.text.spans ?? []
  }

  private func template(_ bytes: [UInt8]) -> TranscriptSpan {
    TranscriptSpan(bytes: bytes, segment: .template, parsesSpecials: true)
  }

  private func problem(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
    Problem(
      code, "conversation '\(id)'", problem: "the conversation \(problem)", remedy: remedy)
  }
}
