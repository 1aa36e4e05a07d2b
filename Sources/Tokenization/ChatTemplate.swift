import Files

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

  private let statements: [JinjaStatement]
  private let bosToken: String?
  private let eosToken: String?

  /// Parses a template once.
  ///
  /// - Parameters:
  ///   - file: the file it stood in, for errors.
  ///   - bosToken: the text of the token that begins a sequence; nil when the model has none.
  ///   - eosToken: the text of the token that ends one.
  ///   - date: what `strftime_now` formats; the present in UTC unless given.
  ///   - variables: further variables that the template knows, such as `enable_thinking`.
  /// - Throws: when the source is not a template, uses what no chat template needs, or has no such variable.
  public init(
    source: String, file: String, bosToken: String?, eosToken: String?, date: TemplateDate = .now,
    variables: [String: JSON] = [:]
  ) throws(TokenizationError) {
    for name in variables.keys.sorted() {
      guard !Self.reserved.contains(name) else {
        throw TokenizationError(
          file: file, place: "variable '\(name)'", problem: "is not to be set",
          remedy: "it follows from the messages and the model")
      }
      guard source.contains(name) else {
        throw TokenizationError(
          file: file, place: "variable '\(name)'", problem: "does not occur in the chat template",
          remedy: "look at the template, or leave it out")
      }
    }
    statements = try JinjaParser.parse(source, file: file)
    sha256 = Digest.sha256(Array(source.utf8))
    self.source = source
    self.file = file
    self.bosToken = bosToken
    self.eosToken = eosToken
    self.date = date
    self.variables = variables
  }

  private static let reserved: Set = [
    "messages", "tools", "documents", "add_generation_prompt", "bos_token", "eos_token",
    "strftime_now",
  ]

  /// What it is filled in with that can change from run to run, by name: given variables, and the day
  /// where it writes the date.
  package var settings: [String: String] {
    var settings = variables.mapValues(\.written)
    if source.contains("strftime_now") { settings["template_date"] = date.dayText }
    return settings
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
  ) throws(TokenizationError) -> [TextSpan] {
    let markers = markers ?? ThinkingMarkers(guessedFrom: source)
    let prompt = JinjaText.Origin(segment: .prompt, parsesSpecials: false)
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
    if let bosToken { names["bos_token"] = .text(bosToken) }
    if let eosToken { names["eos_token"] = .text(eosToken) }
    let given = JinjaText.Origin(segment: .template, parsesSpecials: false)
    for (name, value) in self.variables.merging(variables, uniquingKeysWith: { $1 }) {
      names[name] = JinjaValue(value, origin: given)
    }
    return try JinjaInterpreter.run(statements, file: file, date: date, variables: names).spans
  }

  private func dictionary(
    _ message: Message, number: Int, _ markers: ThinkingMarkers
  ) throws(TokenizationError) -> JinjaDictionary {
    guard !message.role.isEmpty, message.role.utf8.allSatisfy(\.isRoleCharacter) else {
      throw TokenizationError(
        file: file, place: "message \(number)", problem: "the role is not a single word",
        remedy: "use a role such as system, user, assistant or tool")
    }
    var result = JinjaDictionary()
    result.set(JinjaText("role"), .text(message.role))
    guard message.isAssistant else {
      guard message.thinking == nil else {
        throw TokenizationError(
          file: file, place: "message \(number)",
          problem: "'\(message.role)' has thinking, which only the assistant has",
          remedy: "move it into the assistant's message")
      }
      let origin = JinjaText.Origin(segment: .prompt, parsesSpecials: false)
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
  private var thinkingKey: String? {
    if source.contains("reasoning_content") { return "reasoning_content" }
    // gpt-oss.
    return source.contains("message.thinking") ? "thinking" : nil
  }
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
