import Files
import Jinja
import Tokenization

/// A model's chat template: the Jinja program that turns messages into the text it was trained on.
///
/// The text comes out in spans, so that every token later carries its segment, and so that a special
/// token's name in a person's words, `<|im_end|>` say, can never become the special token.
public struct ChatTemplate: Sendable {
  /// The template as it stands in the model's files.
  public let source: String
  /// Where it was read, for errors.
  public let file: String
  /// The source's digest, which everything written with it carries.
  public let sha256: String
  /// What the template sees as today; set it to repeat a run of another day.
  public var date: TemplateDate
  /// Further variables that it sees, such as `enable_thinking`.
  public let variables: [String: JSON]

  private let program: JinjaTemplate
  /// The special tokens that it may write, by role, such as `bos_token`.
  package let tokens: [String: String]

  /// Parses a template once.
  ///
  /// - Parameters:
  ///   - file: the file it stood in, for errors.
  ///   - tokens: the texts of special tokens by role, such as `bos_token`; one that the model lacks is left out.
  ///   - date: what `strftime_now` formats; the present in UTC unless given.
  ///   - variables: further variables that the template knows, such as `enable_thinking`.
  /// - Throws: when the source is not a template, uses what no chat template needs, or has no such variable.
  public init(
    source: String, file: String, tokens: [String: String], date: TemplateDate = .now,
    variables: [String: JSON] = [:]
  ) throws(Problem) {
    for name in variables.keys.sorted() {
      guard !Self.reserved.contains(name), tokens[name] == nil else {
        throw Problem(
          .reservedVariable, file, place: "variable '\(name)'", problem: "is not to be set",
          remedy: "it follows from the messages and the model")
      }
      guard source.contains(name) else {
        throw Problem(
          .unknownVariable, file, place: "variable '\(name)'",
          problem: "does not occur in the chat template",
          remedy: "look at the template, or leave it out")
      }
    }
    program = try JinjaTemplate(source, file: file)
    sha256 = Digest.sha256(Array(source.utf8))
    self.source = source
    self.file = file
    self.tokens = tokens
    self.date = date
    self.variables = variables
  }

  private static let reserved = Set(
    ["messages", "tools", "documents", "add_generation_prompt", "strftime_now"]
      + TokenizerConfiguration.standardRoles)

  /// What it is filled in with that can change from run to run, by name: given variables, and the day
  /// where it writes the date.
  package var settings: [String: String] {
    var settings = variables.mapValues(\.written)
    if source.contains("strftime_now") { settings["template_date"] = date.dayText }
    return settings
  }

  /// The tokens that it names besides BOS and EOS, which the tokenizer's digest does not tell by role.
  package var furtherTokens: [String] {
    tokens.keys.sorted().filter {
      !["bos_token", "eos_token"].contains($0) && source.contains($0)
    }.flatMap { [$0, tokens[$0] ?? ""] }
  }

  /// The messages as text, cut where the writer changes.
  ///
  /// - Parameters:
  ///   - tools: an array of tool descriptions in JSON, for templates that show them.
  ///   - addsGenerationPrompt: whether the text ends where the assistant would begin to write.
  ///   - variables: further variables of the template, such as `enable_thinking`.
  ///   - markers: what encloses thinking in an assistant's content; guessed when nil.
  package func render(
    _ messages: [Message], tools: JSON? = nil, addsGenerationPrompt: Bool,
    variables: [String: JSON] = [:], markers: ThinkingMarkers? = nil
  ) throws(Problem) -> [TranscriptSpan] {
    let markers = markers ?? ThinkingMarkers(guessedFrom: source)
    let prompt = JinjaText.Origin(.prompt)
    var values: [JinjaValue] = []
    for (index, message) in messages.enumerated() {
      values.append(.dictionary(try dictionary(message, number: index + 1, markers)))
    }
    var names: [String: JinjaValue] = [
      "messages": .list(JinjaList(values)),
      "tools": tools.map { JinjaValue($0, origin: prompt) } ?? .none,
      "documents": .none,
      "add_generation_prompt": .bool(addsGenerationPrompt),
    ]
    for (role, text) in tokens { names[role] = .text(text) }
    let given = JinjaText.Origin(.template)
    for (name, value) in self.variables.merging(variables, uniquingKeysWith: { $1 }) {
      names[name] = JinjaValue(value, origin: given)
    }
    return try program.render(names, date: date).spans
  }

  private func dictionary(
    _ message: Message, number: Int, _ markers: ThinkingMarkers
  ) throws(Problem) -> JinjaDictionary {
    guard !message.role.isEmpty, message.role.utf8.allSatisfy(\.isRoleCharacter) else {
      throw Problem(
        .invalidRole, file, place: "message \(number)", problem: "the role is not a single word",
        remedy: "use a role such as system, user, assistant or tool")
    }
    var result = JinjaDictionary()
    result.set(JinjaText("role"), .text(message.role))
    guard message.isAssistant else {
      guard message.thinking == nil else {
        throw Problem(
          .misplacedThinking, file, place: "message \(number)",
          problem: "'\(message.role)' has thinking, which only the assistant has",
          remedy: "move it into the assistant's message")
      }
      let origin = JinjaText.Origin(.prompt)
      result.set(JinjaText("content"), .string(JinjaText(message.content, origin: origin)))
      return result
    }
    var content = JinjaText()
    if let thinking = message.thinking, thinkingKey == nil {
      markers.append(thinking, to: &content)
    }
    content.append(markers.read(message.content).text)
    result.set(JinjaText("content"), .string(content))
    if let thinking = message.thinking, let thinkingKey {
      let text = JinjaText(thinking, origin: ThinkingMarkers.thought)
      result.set(JinjaText(thinkingKey), .string(text))
    }
    return result
  }

  /// Under which name the template looks for an assistant's thinking beside the content; nil where it
  /// looks for none.
  package var thinkingKey: String? {
    if source.contains("reasoning_content") { return "reasoning_content" }
    // As gpt-oss writes it. Parts of a content and variables may have such a name, too.
    return ["thinking", "reasoning"].first { key in
      ["message", "msg", "m"].contains { message in
        ["['\(key)']", "[\"\(key)\"]", ".get('\(key)'", ".get(\"\(key)\""]
          .contains { source.containsName(message + $0) }
          || source.containsName("\(message).\(key)", isWhole: true)
      }
    }
  }
}

extension String {
  /// Whether a text occurs that begins a name, and ends one where it is to be whole.
  fileprivate func containsName(_ text: String, isWhole: Bool = false) -> Bool {
    ranges(of: text).contains { range in
      let begins =
        range.lowerBound == startIndex || !self[index(before: range.lowerBound)].isPartOfName
      return begins
        && (!isWhole || range.upperBound == endIndex || !self[range.upperBound].isPartOfName)
    }
  }
}

extension Character {
  fileprivate var isPartOfName: Bool { isLetter || isNumber || self == "_" || self == "." }
}

extension JSON {
  /// As text, a string without its quotes.
  fileprivate var written: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let text): text
    case .string(let bytes): String(decoding: bytes, as: UTF8.self)
    case .array(let values): "[" + values.map(\.written).joined(separator: ", ") + "]"
    case .object(let object):
      "{"
        + object.members.map { "\(String(decoding: $0.key, as: UTF8.self)): \($0.value.written)" }
        .joined(separator: ", ") + "}"
    }
  }
}

extension UInt8 {
  /// A role is written beside the template's own markers, so it must not be able to contain one.
  fileprivate var isRoleCharacter: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
