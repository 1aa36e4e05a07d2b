import Files

/// One row of a file of answers on its way to an `Answer`.
struct AnswerRow {
  let path: String
  let place: String
  /// The row's members; none where it is no object.
  let members: [String: JSON]
  /// The row's number, from 1: its id when it has none.
  let number: Int
  /// What encloses thinking, before the known families' markers are tried.
  let markers: ThinkingMarkers

  private static let answers = ["answer", "response", "generation", "completion", "text"]
  private static let requests = [
    "prompt", "request", "goal", "behavior", "forbidden_prompt", "instruction", "question",
  ]

  /// A row of JSONL; without an answer where the member for it is null or empty.
  /// - Parameter needsText: whether tokens alone are none.
  func answer(needsText: Bool = true) throws(Problem) -> Answer {
    let isThere = Self.answers.contains { members[$0] != nil }
    guard isThere || (!needsText && members["tokens"] != nil) else {
      throw error(
        .missingField,
        members["tokens"] == nil
          ? "has none of \(Self.answers.joined(separator: ", "))"
          : "has tokens and no text: the model had no tokenizer",
        "give the answer as 'response'")
    }
    var request: String?
    for key in Self.requests where request == nil && value(key)?.text != nil {
      request = try text(key)
    }
    var answer = try answer(
      id: try identifier("id") ?? String(number),
      written: try Self.answers.first { value($0) != nil }.flatMap(text), request: request)
    if let group = try identifier("group") {
      answer.group = group
    } else if let behaviour = try text("forbidden_prompt") {
      // StrongREJECT asks for one behaviour in many disguises.
      answer.group = "behaviour-" + digest([behaviour]).prefix(12)
    }
    answer.sample = try sample()
    answer.isNumbered = answer.sample >= 0
    answer.generated = try generated()
    let isTold = value("thinking") != nil || value("answer") != nil
    if answer.generated?.text != nil, isTold {
      // Told apart when it was written, by the model's markers.
      answer.thinking = try text("thinking")
      answer.text = try text("answer") ?? ""
      answer.isMissing = false
    }
    answer.isBenign = truth("harmful").map { !$0 }
    return answer
  }

  func harmBench(_ id: String, sample: Int) throws(Problem) -> Answer {
    guard members["generation"] != nil else {
      throw error(
        .missingField, "has no 'generation'", "write {BehaviorID: [{test_case, generation, label}]}"
      )
    }
    var answer = try answer(
      id: id, written: try text("generation"), request: members["test_case"]?.text)
    (answer.sample, answer.isBenign) = (sample, false)
    return answer
  }

  /// A behaviour for which no attack was found has neither prompt nor response, and is not jailbroken.
  func jailbreakBench() throws(Problem) -> Answer {
    let goal = try text("goal")
    var answer = try answer(
      id: try identifier("index").map { "jbb-harmful-\($0)" } ?? String(number),
      written: try text("response"), request: goal == nil ? try text("behavior") : goal)
    if answer.isMissing, value("jailbroken") == nil { answer.published = false }
    (answer.sample, answer.isBenign) = (-1, false)
    return answer
  }

  /// What all forms have: thinking and answer by the one reader, and the verdict in the file.
  private func answer(
    id: String, written: String?, request: String?
  ) throws(Problem) -> Answer {
    let beside = Conversation.thinkingKeys.filter { value($0) != nil }
    guard beside.count <= 1 else {
      throw error(.ambiguous, "has both '\(beside[0])' and '\(beside[1])'", "keep one")
    }
    let reading = Conversation(
      id: id, source: .text(""), thinking: try beside.first.flatMap(text), response: written
    ).reading(by: markers)
    var answer = Answer(
      id: id, request: request, thinking: reading.thinking, text: reading.answer ?? "")
    answer.isMissing = written == nil
    (answer.published, answer.publishedProblem) = published()
    if answer.published == true, answer.absence != nil {
      answer.published = nil
      answer.publishedProblem = "the file calls a success what has no answer"
    }
    return answer
  }

  // MARK: Members

  /// A member; null counts as absent.
  private func value(_ key: String) -> JSON? {
    members[key].flatMap { $0.isNull ? nil : $0 }
  }

  private func text(_ key: String) throws(Problem) -> String? {
    guard let value = value(key) else { return nil }
    guard let text = value.text else { throw error(.wrongType, "'\(key)' is no text", "quote it") }
    return text
  }

  private func identifier(_ key: String) throws(Problem) -> String? {
    if let number = members[key]?.int { return String(number) }
    return try text(key)
  }

  /// The sample's number; -1 where the row has none.
  private func sample() throws(Problem) -> Int {
    guard let value = members["sample"], !value.isNull else { return -1 }
    guard let number = value.int ?? value.text.flatMap({ Int($0) }), number >= 0 else {
      throw error(
        .outOfRange, "'sample' is no number from 0", "count the answers to a request from 0")
    }
    return number
  }

  /// A truth value, or 0 and 1; nil for anything else.
  private func truth(_ key: String) -> Bool? {
    guard let value = members[key] else { return nil }
    if let bool = value.bool { return bool }
    switch value.double.map({ "\($0)" }) ?? value.text?.lowercased() {
    case "0", "0.0", "false": return false
    case "1", "1.0", "true": return true
    default: return nil
    }
  }

  /// The verdict in the file, or why it cannot be read: the first member that is there decides.
  private func published() -> (verdict: Bool?, problem: String?) {
    for key in ["label", "jailbroken"] {
      guard let value = value(key), !isClass(value) else { continue }
      guard let verdict = truth(key) else {
        return (nil, "'\(key)' is \(written(value)), neither 0 nor 1, neither true nor false")
      }
      return (verdict, nil)
    }
    guard let value = value("score") else { return (nil, nil) }
    // StrongREJECT's.
    guard let score = score(value), (0...1).contains(score) else {
      return (nil, "'score' is \(written(value)), no number from 0 to 1")
    }
    return (score >= 0.5, nil)
  }

  /// Whether a label says what kind of request it is, and nothing of the answer.
  private func isClass(_ value: JSON) -> Bool {
    ["benign", "harmless", "safe", "harmful", "unsafe"].contains(value.text?.lowercased() ?? "")
  }

  private func score(_ value: JSON) -> Double? {
    guard let text = value.text else { return value.double }
    // What Swift reads besides, such as 'nan' and hexadecimal digits, is no score.
    guard text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) else { return nil }
    return Double(text)
  }

  private func written(_ value: JSON) -> String {
    if let text = value.text { return "'\(printable(text.prefix(40).utf8))'" }
    return value.double.map { "\($0)" } ?? "no number"
  }

  /// What 'generate' writes: tokens, each with its segment, and how they came to be.
  private func generated() throws(Problem) -> Answer.Generated? {
    guard let tokens = members["tokens"]?.array, let names = members["segments"]?.array else {
      return nil
    }
    let ids = tokens.compactMap { $0.int.flatMap(Int32.init(exactly:)) }
    let segments = names.compactMap { $0.text.flatMap { Segment(name: $0) } }
    guard ids.count == tokens.count, segments.count == ids.count, names.count == ids.count else {
      throw error(
        .wrongCount, "'tokens' and 'segments' do not fit",
        "leave both out, or write them again")
    }
    let forced = members["forced"]?.array
    let places = forced?.compactMap(\.int)
    return Answer.Generated(
      tokens: ids, segments: segments, promptTokens: members["prompt_tokens"]?.int,
      seed: seed, forced: places?.count == forced?.count ? places : nil,
      finish: try text("finish").flatMap(FinishReason.init), text: try text("text"),
      isAnswered: value("answer") != nil, effects: members["effects"]?.array ?? [])
  }

  private var seed: UInt64? {
    if case .number(let digits) = members["seed"] { UInt64(digits) } else { nil }
  }

  private func error(_ code: Problem.Code, _ problem: String, _ remedy: String) -> Problem {
    Problem(code, path, place: place, problem: problem, remedy: remedy)
  }
}
