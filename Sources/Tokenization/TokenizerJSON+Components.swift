import Files

extension TokenizerJSON {
  /// The added tokens; those that the model's vocabulary lacks join it.
  func addedTokens(
    _ vocabulary: inout Vocabulary, _ warnings: inout [String]
  ) throws(Problem) -> AddedVocabulary {
    var added = AddedVocabulary(modelCount: vocabulary.tokenCount)
    guard let value = root["added_tokens"], !value.isNull else { return added }
    guard let entries = value.array else {
      throw checks.error(.wrongType, "added_tokens", "is no list")
    }
    for (index, entry) in entries.enumerated() {
      let place = "added_tokens[\(index)]"
      let token = try addedToken(entry, place: place)
      let text = checks.readable(token.content)
      if let known = vocabulary.id(of: token.content) {
        guard known == token.id, added.tokens[known] == nil else {
          throw checks.error(.duplicateToken, place, "'\(text)' has the id \(known) already")
        }
      } else if vocabulary.text(of: token.id) != nil {
        throw checks.error(
          .duplicateToken, place, "the id \(token.id) belongs to another token already")
      }
      let given = try added.add(token, to: &vocabulary, checks, place: place)
      if given != token.id {
        warnings.append(
          "\(checks.file) \(place): '\(text)' is said to have the id \(token.id), and gets "
            + "\(given), as in transformers")
      }
    }
    return added
  }

  private func addedToken(_ entry: JSON, place: String) throws(Problem) -> AddedToken {
    guard let id = entry["id"]?.int, (0..<Vocabulary.largestCount).contains(id) else {
      throw checks.error(
        .outOfRange, "\(place).id", "is no integer between 0 and \(Vocabulary.largestCount - 1)")
    }
    guard let content = entry["content"]?.bytes,
      (1...AddedToken.longestContent).contains(content.count)
    else { throw checks.error(.wrongType, "\(place).content", "is no text of 1 to 1024 bytes") }
    func flag(_ name: String) throws(Problem) -> Bool {
      guard let value = entry[name] else { return false }
      if let flag = value.bool { return flag }
      throw checks.error(.wrongType, "\(place).\(name)", "is no true or false")
    }
    return AddedToken(
      id: Int32(id), content: content, isSpecial: try flag("special"),
      isNormalized: try flag("normalized"), stripsLeft: try flag("lstrip"),
      stripsRight: try flag("rstrip"), isWholeWord: try flag("single_word"))
  }

  func normalizer(_ value: JSON) throws(Problem) -> Normalizer {
    if value.isNull { return Normalizer() }
    switch value["type"]?.text {
    case "NFC": return Normalizer(steps: [.compose])
    case "Prepend":
      guard let prefix = value["prepend"]?.bytes else {
        throw checks.error(.wrongType, "normalizer Prepend.prepend", "is no text")
      }
      return Normalizer(steps: [.prepend(prefix)])
    case "Replace":
      let replacement = try replacement(value, place: "normalizer Replace")
      return Normalizer(steps: [.replace(replacement.written, by: replacement.meant)])
    case "Sequence":
      guard let parts = value["normalizers"]?.array else {
        throw checks.error(.wrongType, "normalizer Sequence.normalizers", "is no list")
      }
      var result = Normalizer()
      for part in parts { result.steps += try normalizer(part).steps }
      return result
    default: throw unsupported("normalizer.type", value["type"] ?? .null)
    }
  }

  /// The normaliser, unless its steps multiply: forty that double a letter would fill any memory.
  func checkedNormalizer() throws(Problem) -> Normalizer {
    let result = try normalizer(root["normalizer"] ?? .null)
    var growth = 1
    for step in result.steps {
      switch step {
      case .compose: continue
      case .prepend(let prefix): growth *= 1 + prefix.count / 64
      case .replace(let old, let new): growth *= max(1, (new.count + old.count - 1) / old.count)
      }
      guard growth <= 16 else {
        throw checks.error(.tooLarge, "normalizer", "makes a text more than 16 times as long")
      }
    }
    guard result.steps.count <= PreTokenizer.mostSteps else {
      throw checks.error(.tooLarge, "normalizer", "has \(result.steps.count) steps")
    }
    return result
  }

  /// What a normaliser or a decoder replaces: a text, because a pattern would need an engine.
  func replacement(
    _ value: JSON, place: String
  ) throws(Problem) -> TokenDecoder.Replacement {
    guard let old = value["pattern"]?["String"]?.bytes, !old.isEmpty else {
      throw unsupported("\(place).pattern", value["pattern"]?["Regex"] ?? .null)
    }
    guard let new = value["content"]?.bytes, new.count <= AddedToken.longestContent else {
      throw checks.error(.wrongType, "\(place).content", "is no text of at most 1024 bytes")
    }
    return TokenDecoder.Replacement(written: old, meant: new)
  }

  /// The tokens that the post-processor puts in front of a text and behind it.
  func tokensAround(
    _ vocabulary: Vocabulary
  ) throws(Problem) -> (prefix: Int32?, suffix: Int32?) {
    var around: (prefix: Int32?, suffix: Int32?)?
    for part in flattened(root["post_processor"] ?? .null, list: "processors") {
      switch part["type"]?.text {
      case "ByteLevel": continue
      case "TemplateProcessing":
        guard around == nil else {
          throw unsupported("post_processor: a second template", .null)
        }
        around = try tokensAround(template: part, vocabulary)
      default: throw unsupported("post_processor.type", part["type"] ?? .null)
      }
    }
    return around ?? (nil, nil)
  }

  private func tokensAround(
    template part: JSON, _ vocabulary: Vocabulary
  ) throws(Problem) -> (prefix: Int32?, suffix: Int32?) {
    let place = "post_processor TemplateProcessing"
    let pieces = part["single"]?.array ?? []
    guard let text = pieces.firstIndex(where: { $0["Sequence"]?["id"]?.text == "A" }),
      text <= 1, pieces.count <= text + 2
    else { throw unsupported("\(place).single: more than a token on either side", .null) }
    func id(_ piece: JSON) throws(Problem) -> Int32? {
      guard let name = piece["SpecialToken"]?["id"]?.bytes,
        let ids = part["special_tokens"]?.object?[name]?["ids"]?.array, ids.count == 1,
        let id = ids[0].int
      else {
        throw checks.error(.missingToken, "\(place).special_tokens", "does not give a token's id")
      }
      return try checks.id(id, in: vocabulary, place: "\(place).special_tokens")
    }
    return (
      text > 0 ? try id(pieces[0]) : nil, text + 1 < pieces.count ? try id(pieces[text + 1]) : nil
    )
  }

  func decoder(isByteLevel: Bool) throws(Problem) -> TokenDecoder {
    var decoder = TokenDecoder(isByteLevel: isByteLevel)
    var order: [String] = []
    for part in flattened(root["decoder"] ?? .null, list: "decoders") {
      let type = part["type"]?.text ?? ""
      switch type {
      case "ByteLevel" where isByteLevel: continue
      case "Replace": decoder.replacement = try replacement(part, place: "decoder Replace")
      case "ByteFallback": decoder.readsByteTokens = true
      case "Fuse": break
      case "Strip":
        guard part["content"]?.text == " ", let start = part["start"]?.int, start >= 0,
          part["stop"]?.int == 0
        else { throw unsupported("decoder Strip: other than spaces at the start", .null) }
        decoder.strippedSpaces = start
      default: throw unsupported("decoder.type", part["type"] ?? .null)
      }
      order.append(type)
    }
    // In another order, or without Fuse, they would work on each token alone.
    let known = ["Replace", "ByteFallback", "Fuse", "Strip"].filter(order.contains)
    guard order == (isByteLevel ? [] : known), isByteLevel || known.contains("Fuse") else {
      throw unsupported("decoder: \(order.joined(separator: ", "))", .null)
    }
    return decoder
  }

  /// The components of a Sequence, or the component itself. A Sequence inside of a Sequence stays, and is
  /// an unknown type.
  func flattened(_ value: JSON, list: String) -> [JSON] {
    if value.isNull { return [] }
    return value["type"]?.text == "Sequence" ? value[list]?.array ?? [value] : [value]
  }
}
