import Files

/// One row of a prompt file on its way to a `Prompt`.
struct PromptRow {
  let path: String
  let line: Int
  /// The row's number among the rows, from 1: its id when it has none.
  let number: Int
  let members: [(key: String, value: JSON)]

  static let sources = ["text", "prompt", "messages", "token_ids"]

  func prompt() throws(Problem) -> Prompt {
    let present = Self.sources.filter { value($0) != nil }
    guard present.count <= 1 else {
      throw error(.ambiguous, "has both '\(present[0])' and '\(present[1])'", "keep one")
    }
    guard let key = present.first else { return try published() }
    guard key == "messages" || value("system") == nil else {
      throw error(.ambiguous, "has 'system' beside '\(key)'", "put both into 'messages'")
    }
    let source = try source(key)
    let thoughts = Conversation.thinkingKeys.filter { value($0) != nil }
    guard thoughts.count <= 1 else {
      throw error(.ambiguous, "has both '\(thoughts[0])' and '\(thoughts[1])'", "keep one")
    }
    let (thinking, response) = (try thoughts.first.flatMap(string), try string("response"))
    if case .tokenIDs = source, thinking != nil || response != nil {
      throw error(
        .ambiguous, "has 'token_ids' and a 'thinking' or 'response'", "put all into 'token_ids'")
    }
    let conversation = Conversation(
      id: try identifier("id") ?? String(number), source: source, thinking: thinking,
      response: response)
    let labels = try labels(
      without: Set(Conversation.thinkingKeys + [key, "id", "response"]), ignoresNested: false)
    return Prompt(conversation: conversation, labels: labels, row: line)
  }

  /// A member; null counts as absent.
  private func value(_ key: String) -> JSON? {
    guard let member = members.first(where: { $0.key == key }), !member.value.isNull else {
      return nil
    }
    return member.value
  }

  private func error(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
    PromptFile.error(code, path, line, problem, remedy)
  }

  // MARK: Published files

  private func published() throws(Problem) -> Prompt {
    let (text, idKey, prefix): (String, String, String)
    if let turns = value("turns")?.array {
      guard let first = turns.first else {
        throw error(.missingField, "has no 'turns'", "give one at least")
      }
      (text, idKey, prefix) = (try self.text(first, "turns"), "question_id", "question-")
    } else if let instruction = value("instruction"), let instances = value("instances")?.array {
      let given = try instances.first?["input"].map { (input) throws(Problem) in
        input.bytes?.isEmpty == true ? "" : "\n\n" + (try self.text(input, "input"))
      }
      (text, idKey, prefix) = (try self.text(instruction, "instruction") + (given ?? ""), "id", "")
    } else {
      throw error(
        .missingField, "has none of 'text', 'prompt', 'messages' and 'token_ids'",
        "add the one that is meant")
    }
    var labels = try labels(without: [idKey, "instruction"], ignoresNested: true)
    labels["harmful"] = .bool(false)
    let id = try identifier(idKey).map { prefix + $0 } ?? String(number)
    let message = Message(role: "user", content: text)
    return Prompt(
      conversation: Conversation(id: id, source: .messages([message])), labels: labels, row: line)
  }

  // MARK: Members

  private func source(_ key: String) throws(Problem) -> Conversation.Source {
    guard let value = value(key) else { throw error(.missingField, "has no '\(key)'", "add it") }
    switch key {
    case "text": return .text(try text(value, key))
    case "prompt": return .messages([Message(role: "user", content: try text(value, key))])
    case "token_ids": return .tokenIDs(try tokenIDs(value))
    default:
      guard let items = value.array, !items.isEmpty else {
        throw error(.wrongType, "'messages' is not a list of messages", "give at least one message")
      }
      var messages: [Message] = []
      for (index, item) in items.enumerated() { messages.append(try message(item, index + 1)) }
      return .messages(messages)
    }
  }

  private func tokenIDs(_ value: JSON) throws(Problem) -> [Int32] {
    guard let items = value.array, !items.isEmpty else {
      throw error(.wrongType, "'token_ids' is not a list of token ids", "give at least one id")
    }
    var ids: [Int32] = []
    ids.reserveCapacity(items.count)
    for item in items {
      guard let id = item.int.flatMap(Int32.init(exactly:)), id >= 0 else {
        throw error(
          .outOfRange, "'token_ids' holds what is no token id", "use integers from 0 to 2^31 - 1")
      }
      ids.append(id)
    }
    return ids
  }

  private func message(_ value: JSON, _ number: Int) throws(Problem) -> Message {
    guard let object = value.object, let role = object["role"], let content = object["content"]
    else {
      throw error(
        .missingField, "message \(number) lacks 'role' or 'content'", "give both as strings")
    }
    var thinking: String?
    for (key, value) in object.members {
      let key = String(decoding: key, as: UTF8.self)
      switch key {
      case "role", "content": continue
      case let key where Conversation.thinkingKeys.contains(key):
        guard !value.isNull else { continue }
        guard thinking == nil else {
          throw error(.ambiguous, "message \(number) has its thinking twice", "keep one")
        }
        thinking = try string(value, key)
      default:
        throw error(
          .unknownKey, "message \(number) has '\(key.prefix(40))', which is not read",
          "keep 'role', 'content' and 'reasoning_content'")
      }
    }
    return Message(
      role: try text(role, "role"), content: try string(content, "content"), thinking: thinking)
  }

  private func string(_ value: JSON, _ key: String) throws(Problem) -> String {
    guard let bytes = value.bytes else {
      throw error(.wrongType, "'\(key)' is not a string", "quote it")
    }
    guard !bytes.contains(0) else {
      throw error(
        .nulCharacter, "'\(key)' holds a NUL character", "remove it: not every format can keep it")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A string that says something.
  private func text(_ value: JSON, _ key: String) throws(Problem) -> String {
    let string = try string(value, key)
    guard !string.isEmpty else {
      throw error(.missingField, "'\(key)' is empty", "fill it or remove the row")
    }
    return string
  }

  private func string(_ key: String) throws(Problem) -> String? {
    guard let value = value(key) else { return nil }
    return try string(value, key)
  }

  private func identifier(_ key: String) throws(Problem) -> String? {
    guard let value = value(key) else { return nil }
    if let number = value.int { return String(number) }
    return try text(value, key)
  }

  private func labels(
    without known: Set<String>, ignoresNested: Bool
  ) throws(Problem) -> [String: LabelValue] {
    var labels: [String: LabelValue] = [:]
    for (key, value) in members {
      guard !known.contains(key), !value.isNull else { continue }
      switch value {
      case .bool(let flag): labels[key] = .bool(flag)
      case .string: labels[key] = .string(try string(value, key))
      case .number:
        guard let number = value.int.map(LabelValue.integer) ?? value.double.map(LabelValue.number)
        else {
          throw error(.outOfRange, "the label '\(key)' is beyond a double", "use a smaller number")
        }
        labels[key] = number
      default:
        guard ignoresNested else {
          throw error(
            .wrongType, "the label '\(key.prefix(40))' is a list or an object",
            "use a string, a number or a boolean")
        }
      }
    }
    return labels
  }
}
