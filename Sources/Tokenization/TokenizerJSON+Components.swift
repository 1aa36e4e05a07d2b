import Files

extension TokenizerJSON {
  /// The added tokens; those that the model's vocabulary lacks join it.
  func addedTokens(_ vocabulary: inout Vocabulary) throws(TokenizationError) -> [AddedToken] {
    guard let value = root["added_tokens"], !value.isNull else { return [] }
    guard let entries = value.array else { throw checks.error("added_tokens", "is no list") }
    var added: [AddedToken] = []
    var seen: Set<Int32> = []
    for (index, entry) in entries.enumerated() {
      let token = try addedToken(entry, place: "added_tokens[\(index)]")
      if let known = vocabulary.id(of: token.content) {
        guard known == token.id, seen.insert(known).inserted else {
          throw checks.error(
            "added_tokens[\(index)]",
            "'\(checks.readable(token.content))' has the id \(known) already")
        }
      } else {
        try checks.insert(
          token.content, id: Int(token.id), into: &vocabulary, place: "added_tokens[\(index)]")
        seen.insert(token.id)
      }
      added.append(token)
    }
    return added
  }

  private func addedToken(_ entry: JSON, place: String) throws(TokenizationError) -> AddedToken {
    guard let id = entry["id"]?.int, (0..<Vocabulary.largestCount).contains(id) else {
      throw checks.error(
        "\(place).id", "is no integer between 0 and \(Vocabulary.largestCount - 1)")
    }
    guard let content = entry["content"]?.bytes,
      (1...AddedToken.longestContent).contains(content.count)
    else { throw checks.error("\(place).content", "is no text of 1 to 1024 bytes") }
    func flag(_ name: String) throws(TokenizationError) -> Bool {
      guard let value = entry[name] else { return false }
      if let flag = value.bool { return flag }
      throw checks.error("\(place).\(name)", "is no true or false")
    }
    if try flag("single_word") { throw unsupported("\(place).single_word", .bool(true)) }
    return AddedToken(
      id: Int32(id), content: content, isSpecial: try flag("special"),
      isNormalized: try flag("normalized"), stripsLeft: try flag("lstrip"),
      stripsRight: try flag("rstrip"))
  }

  func normalizesToNFC(_ value: JSON) throws(TokenizationError) -> Bool {
    if value.isNull { return false }
    switch value["type"]?.text {
    case "NFC": return true
    case "Sequence":
      var result = false
      for part in value["normalizers"]?.array ?? [] {
        if try normalizesToNFC(part) { result = true }
      }
      return result
    default: throw unsupported("normalizer.type", value["type"] ?? .null)
    }
  }

  /// The steps in front of the byte alphabet, which must come last.
  func preTokenizer() throws(TokenizationError) -> PreTokenizer {
    var steps: [PreTokenizer.Step] = []
    var isByteLevel = false
    for part in flattened(root["pre_tokenizer"] ?? .null, list: "pretokenizers") {
      guard !isByteLevel else {
        throw unsupported("pre_tokenizer behind ByteLevel", part["type"] ?? .null)
      }
      switch part["type"]?.text {
      case "Digits":
        guard part["individual_digits"]?.bool == true else {
          throw unsupported("pre_tokenizer Digits.individual_digits", .bool(false))
        }
        steps.append(.digits)
      case "Split": steps.append(try split(part))
      case "ByteLevel":
        isByteLevel = true
        guard part["add_prefix_space"]?.bool == false else {
          throw unsupported("pre_tokenizer ByteLevel.add_prefix_space", .bool(true))
        }
        if part["use_regex"]?.bool ?? true { steps.append(.gpt2) }
      default: throw unsupported("pre_tokenizer.type", part["type"] ?? .null)
      }
    }
    guard isByteLevel else {
      throw checks.error(
        "pre_tokenizer", "has no ByteLevel, so that this is not byte-level BPE",
        "use a model with byte-level BPE, or give prompts as token ids")
    }
    return PreTokenizer(steps: steps)
  }

  private func split(_ part: JSON) throws(TokenizationError) -> PreTokenizer.Step {
    let place = "pre_tokenizer Split"
    guard part["behavior"]?.text == "Isolated" else {
      throw unsupported("\(place).behavior", part["behavior"] ?? .null)
    }
    guard part["invert"]?.bool != true else { throw unsupported("\(place).invert", .bool(true)) }
    guard let pattern = part["pattern"]?["Regex"]?.text,
      let step = PreTokenizer.Step(pattern: pattern)
    else {
      throw unsupported(
        "\(place).pattern", part["pattern"]?["Regex"] ?? part["pattern"]?["String"] ?? .null)
    }
    return step
  }

  /// The token that the post-processor puts in front of a text, nil when it adds none.
  func leadingToken(_ vocabulary: Vocabulary) throws(TokenizationError) -> Int32? {
    var leading: Int32?
    for part in flattened(root["post_processor"] ?? .null, list: "processors") {
      switch part["type"]?.text {
      case "ByteLevel": continue
      case "TemplateProcessing":
        guard leading == nil else {
          throw unsupported("post_processor: a second template", .null)
        }
        leading = try leadingToken(ofTemplate: part, vocabulary)
      default: throw unsupported("post_processor.type", part["type"] ?? .null)
      }
    }
    return leading
  }

  private func leadingToken(
    ofTemplate part: JSON, _ vocabulary: Vocabulary
  ) throws(TokenizationError) -> Int32? {
    let place = "post_processor TemplateProcessing"
    guard let pieces = part["single"]?.array, let last = pieces.last, pieces.count <= 2,
      last["Sequence"]?["id"]?.text == "A"
    else { throw unsupported("\(place).single: tokens behind the text", .null) }
    guard pieces.count == 2 else { return nil }
    guard let name = pieces[0]["SpecialToken"]?["id"]?.bytes,
      let ids = part["special_tokens"]?.object?[name]?["ids"]?.array, ids.count == 1,
      let id = ids[0].int
    else { throw checks.error("\(place).special_tokens", "does not give the first token's id") }
    return try checks.id(id, in: vocabulary, place: "\(place).special_tokens")
  }

  func checkDecoder() throws(TokenizationError) {
    for part in flattened(root["decoder"] ?? .null, list: "decoders")
    where part["type"]?.text != "ByteLevel" {
      throw unsupported("decoder.type", part["type"] ?? .null)
    }
  }

  /// The components of a Sequence, or the component itself. A Sequence inside of a Sequence stays, and is
  /// an unknown type.
  private func flattened(_ value: JSON, list: String) -> [JSON] {
    if value.isNull { return [] }
    return value["type"]?.text == "Sequence" ? value[list]?.array ?? [value] : [value]
  }
}
