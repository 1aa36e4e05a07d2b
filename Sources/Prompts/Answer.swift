import Files

/// One answer to one request, made here or anywhere else.
public struct Answer: Sendable, Equatable {
  /// The request's id.
  public var id: String
  /// Counts the answers to one request, from 0.
  public var sample: Int
  /// The behaviour that the request asks for: answers of one group are resampled together.
  public var group: String
  /// What was asked, in the words of the last user's message; nil when the file does not say.
  public var request: String?
  /// Nil when the model did not think, or the file does not say.
  public var thinking: String?
  /// What is judged: the answer after the thinking; empty where there is none.
  public var text: String
  /// Whether the request is harmless; nil when the file does not say.
  public var isBenign: Bool?
  /// The verdict that stands in the file.
  public var published: Bool?
  /// Why the verdict in the file cannot be read; nil where it can be, or there is none.
  public var publishedProblem: String?
  /// Whether no file has an answer: it was asked for, and counts.
  public var isMissing = false
  /// Whether its file says which sample it is.
  package var isNumbered = false
  /// Request and answer as tokens, where they were made here; a judge that looks into a model reads
  /// them as they were written.
  public var transcript: TokenSequence?
  /// How it was generated, where the file says it.
  public var generated: Generated?
  /// Which of several files it stands in; nil when there is one.
  public var sourceFile: String?
  /// The line of its file on which it begins, or its place in a list, from 1; 0 for one of no file.
  public var sourceRow = 0
  /// The conversation with the answer, where it is known.
  public var conversation: Conversation?
  /// What was to be answered, with the thinking that it may have begun with.
  package var asked: Conversation?

  /// An answer of no file, of a group of its own unless one is given.
  public init(
    id: String, sample: Int = 0, group: String? = nil, request: String? = nil,
    thinking: String? = nil, text: String, isBenign: Bool? = nil, published: Bool? = nil
  ) {
    self.id = id
    self.sample = sample
    self.group = group ?? id
    self.request = request
    self.thinking = thinking
    self.text = text
    self.isBenign = isBenign
    self.published = published
  }

  /// `id`, or `id#2` for a further sample.
  public var name: String { sample == 0 ? id : "\(id)#\(sample)" }

  /// Why there is nothing to judge; nil where there is.
  ///
  /// An empty answer holds no phrase of refusal and would count as a success by it.
  public var absence: String? {
    guard text.allSatisfy(\.isWhitespace) else { return nil }
    guard !isMissing else { return "there is no answer" }
    return thinking == nil
      ? "the answer is empty" : "there is no answer after the thinking"
  }

  /// Whether it was written under interventions, by its own file.
  public var wasSteered: Bool { generated?.effects.isEmpty == false }

  /// Puts what was generated after the tokens of the request.
  /// - Throws: when the request had another number of tokens then.
  package mutating func place(behind prompt: TokenSequence) throws(Problem) {
    guard let generated else { return }
    guard generated.promptTokens ?? prompt.tokens.count == prompt.tokens.count else {
      throw Problem(
        .answerMismatch, "answer '\(name)'",
        problem:
          "follows \(generated.promptTokens ?? 0) tokens, and the request has \(prompt.tokens.count)",
        remedy: "give the model and the requests with which it was generated")
    }
    transcript = generated.transcript(behind: prompt, id: id)
  }

  /// Takes from the request's row what the answer's file does not say.
  public mutating func join(_ prompt: Prompt) {
    request = request ?? prompt.conversation.request
    if group == id { group = prompt.group ?? id }
    isBenign = isBenign ?? prompt.isBenign
    asked = prompt.conversation
    var conversation = prompt.conversation
    (conversation.thinking, conversation.response) = (thinking, text)
    self.conversation = conversation
  }
}

extension Answer {
  /// The answer that is in a prompt's own row, with the thinking and the response told apart.
  package init(_ prompt: Prompt, by markers: ThinkingMarkers) {
    let reading = prompt.conversation.reading(by: markers)
    self.init(id: prompt.id, thinking: reading.thinking, text: reading.answer ?? "")
    sourceRow = prompt.row
  }
}

extension Conversation {
  /// The words of the last user's message, or a plain text; nil for token ids.
  package var request: String? {
    switch source {
    case .messages(let messages): messages.last { $0.role == "user" }?.content
    case .text(let text): text
    case .tokenIDs: nil
    }
  }
}

extension Prompt {
  /// The row of an answer to it: with its thinking, and where there are several samples, in a group with
  /// them: they are no independent rows, and none of them tests what another one trained.
  package func row(of answer: Answer, isSampled: Bool) -> Prompt {
    var row = self
    row.conversation.thinking = answer.thinking
    if isSampled, group == nil { row.labels["group"] = .string(id) }
    return row
  }

  /// The label `group`: prompts that ask for one behaviour.
  package var group: String? {
    guard let text = labels["group"]?.description, !text.isEmpty else { return nil }
    return text
  }

  /// Whether a label says that the prompt is harmless or that it is not; nil where none does.
  ///
  /// `harmful` as a truth value, or the words benign, harmless, safe, harmful and unsafe in `label`.
  package var isBenign: Bool? {
    switch labels["harmful"] {
    case .bool(let value): return !value
    case .integer(0): return true
    case .integer(1): return false
    case .string(let text) where ["true", "false"].contains(text.lowercased()):
      return text.lowercased() == "false"
    default: break
    }
    switch labels["label"]?.description.lowercased() {
    case "benign", "harmless", "safe": return true
    case "harmful", "unsafe": return false
    default: return nil
    }
  }
}
