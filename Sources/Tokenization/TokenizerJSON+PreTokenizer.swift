import Files

extension TokenizerJSON {
  /// The steps, and whether they end with the byte alphabet.
  func preTokenizer() throws(Problem) -> (PreTokenizer, isByteLevel: Bool) {
    var steps: [PreTokenizer.Step] = []
    var isByteLevel = false
    for part in flattened(root["pre_tokenizer"] ?? .null, list: "pretokenizers") {
      guard !isByteLevel else {
        throw unsupported("pre_tokenizer behind ByteLevel", part["type"] ?? .null)
      }
      switch part["type"]?.text {
      case "Digits":
        let isSingle = try flag("individual_digits", of: part, "Digits") ?? false
        let run = CharacterRun(members: .number, most: isSingle ? 1 : .max)
        steps.append(.split(.run(run)))
      case "Split": steps.append(try split(part))
      case "Metaspace": steps.append(.metaspace(try metaspace(part)))
      case "ByteLevel":
        isByteLevel = true
        let adds = try flag("add_prefix_space", of: part, "ByteLevel") ?? true
        if prefixSpace.map({ $0 != .never }) ?? adds { steps.append(.prefixSpace) }
        if try flag("use_regex", of: part, "ByteLevel") ?? true { steps.append(.split(.gpt2)) }
      default: throw unsupported("pre_tokenizer.type", part["type"] ?? .null)
      }
    }
    guard steps.count <= PreTokenizer.mostSteps else {
      throw checks.error(.tooLarge, "pre_tokenizer", "has \(steps.count) steps")
    }
    return (PreTokenizer(steps: steps), isByteLevel)
  }

  private func flag(
    _ name: String, of part: JSON, _ type: String
  ) throws(Problem) -> Bool? {
    guard let value = part[name], !value.isNull else { return nil }
    guard let flag = value.bool else {
      throw checks.error(.wrongType, "pre_tokenizer \(type).\(name)", "is no true or false")
    }
    return flag
  }

  private func metaspace(_ part: JSON) throws(Problem) -> Metaspace {
    let place = "pre_tokenizer Metaspace"
    guard let text = part["replacement"]?.text, text.unicodeScalars.count == 1 else {
      throw checks.error(.wrongType, "\(place).replacement", "is no single character")
    }
    // Files before prepend_scheme only said whether there is a prefix.
    let adds = try flag("add_prefix_space", of: part, "Metaspace") ?? true
    var prefix = adds ? PrefixSpace.always : .never
    if let scheme = part["prepend_scheme"], !scheme.isNull {
      guard let named = scheme.text.flatMap(PrefixSpace.init(rawValue:)),
        adds || named == .never
      else { throw unsupported("\(place).prepend_scheme", scheme) }
      prefix = named
    }
    return Metaspace(
      replacement: Array(text.utf8), prefix: prefixSpace ?? prefix,
      splits: try flag("split", of: part, "Metaspace") ?? true)
  }

  /// The prefix that the file gives, by its pre-tokenizer or its normaliser.
  var storedPrefixSpace: StoredPrefixSpace {
    get throws(Problem) {
      let value = root["pre_tokenizer"] ?? .null
      let parts = flattened(value, list: "pretokenizers")
      var stored = StoredPrefixSpace(
        isByteLevel: false, isAlone: value["type"]?.text == "ByteLevel")
      if let part = parts.first(where: { $0["type"]?.text == "ByteLevel" }) {
        stored.isByteLevel = true
        stored.value =
          try flag("add_prefix_space", of: part, "ByteLevel") ?? true ? .always : .never
      } else if let part = parts.first(where: { $0["type"]?.text == "Metaspace" }) {
        stored.value = try metaspace(part).prefix
      }
      return stored
    }
  }

  private func split(_ part: JSON) throws(Problem) -> PreTokenizer.Step {
    let place = "pre_tokenizer Split"
    let isInverted = try flag("invert", of: part, "Split") ?? false
    let behavior = part["behavior"] ?? .null
    if let text = part["pattern"]?["String"] {
      let sides = [
        "Isolated": LiteralCut.Side.neither, "MergedWithPrevious": .previous,
        "MergedWithNext": .next,
      ]
      guard let side = sides[behavior.text ?? ""] else {
        throw unsupported("\(place).behavior", behavior)
      }
      if isInverted { throw unsupported("\(place).invert", .bool(true)) }
      guard let bytes = text.bytes, !bytes.isEmpty else {
        throw unsupported("\(place).pattern", text)
      }
      return .cut(LiteralCut(text: bytes, joins: side))
    }
    let source = part["pattern"]?["Regex"] ?? .null
    guard let pattern = source.text.flatMap(SplitPattern.init(source:)) else {
      throw unsupported("\(place).pattern", source)
    }
    // To remove what lies between the matches is to isolate them where nothing does.
    switch (behavior.text, isInverted) {
    case ("Isolated", _): return .split(pattern)
    case ("Removed", true) where pattern.isComplete: return .split(pattern)
    default: throw unsupported("\(place).behavior", behavior)
    }
  }
}
