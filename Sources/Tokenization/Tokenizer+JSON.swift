import Files

/// Reads the sections of a `tokenizer.json`.
struct TokenizerJSON {
  let root: JSON
  let checks: DefinitionChecks
  /// Takes the place of the prefix that the file gives; nil leaves it.
  var prefixSpace: PrefixSpace?

  func definition() throws(Problem) -> TokenizerDefinition {
    guard let model = root["model"]?.object else {
      throw checks.error(.missingField, "model", "is missing or no object")
    }
    try checkModel(model)
    var vocabulary = try vocabulary(of: model)
    let merges = try mergeTable(of: model, vocabulary)
    // After the merges, which may only name tokens of the model itself.
    var warnings: [String] = []
    let added = try addedTokens(&vocabulary, &warnings)
    let (preTokenizer, isByteLevel) = try preTokenizer()
    var bytePairs = BytePairModel(order: .merges(merges), isByteLevel: isByteLevel)
    bytePairs.fallsBackToBytes = model["byte_fallback"]?.bool ?? false
    bytePairs.ignoresMerges = model["ignore_merges"]?.bool ?? false
    bytePairs.fusesUnknown = model["fuse_unk"]?.bool ?? false
    bytePairs.unknownID = try unknownID(of: model, vocabulary)
    var definition = TokenizerDefinition(
      vocabulary: vocabulary, preTokenizer: preTokenizer, model: bytePairs, added: added)
    definition.warnings = warnings
    definition.normalizer = try checkedNormalizer()
    definition.decoder = try decoder(isByteLevel: isByteLevel)
    (definition.prefixID, definition.suffixID) = try tokensAround(vocabulary)
    definition.bosID = definition.prefixID
    return definition
  }

  /// Names the tokens that no text merges into, when all added tokens are there.
  func resolve(_ definition: inout TokenizerDefinition) throws(Problem) {
    let reserved = definition.addedTokens.filter { $0.isSpecial || $0.isOutsideOfModel }
    definition.model.resolve(definition.vocabulary, reserved: reserved.map(\.id))
    try checkBytes(of: definition.model)
  }

  private func checkModel(_ model: JSON.Object) throws(Problem) {
    // Old files leave the type out.
    if let type = model["type"], type.text != "BPE" {
      throw unsupported("model.type", type)
    }
    for key in ["dropout", "continuing_subword_prefix", "end_of_word_suffix"] {
      guard let value = model[key], !value.isNull, value != .string([]) else { continue }
      throw unsupported("model.\(key)", value)
    }
    for key in ["byte_fallback", "fuse_unk", "ignore_merges"] {
      guard let value = model[key], !value.isNull else { continue }
      guard value.bool != nil else {
        throw checks.error(.wrongType, "model.\(key)", "is no true or false")
      }
    }
  }

  private func checkBytes(of model: BytePairModel) throws(Problem) {
    guard model.fallsBackToBytes else { return }
    if model.isByteLevel { throw unsupported("model.byte_fallback with ByteLevel", .bool(true)) }
    if let byte = model.byteIDs.firstIndex(of: -1) {
      let name = checks.readable(TokenDecoder.name(ofByte: UInt8(byte)))
      throw checks.error(
        .missingToken, "model.byte_fallback", "the vocabulary has no token '\(name)'")
    }
  }

  private func vocabulary(of model: JSON.Object) throws(Problem) -> Vocabulary {
    guard let entries = model["vocab"]?.object?.members, !entries.isEmpty else {
      throw checks.error(.missingField, "model.vocab", "is missing, empty or no object")
    }
    guard entries.count <= Vocabulary.largestCount else {
      throw checks.error(.tooLarge, "model.vocab", "\(entries.count) tokens are too many")
    }
    var vocabulary = Vocabulary(capacity: entries.count)
    for (text, value) in entries {
      guard let id = value.int else {
        throw checks.error(
          .wrongType, "model.vocab['\(checks.readable(text))']", "the id is no integer")
      }
      try checks.insert(
        text, id: id, into: &vocabulary, place: "model.vocab['\(checks.readable(text))']")
    }
    return vocabulary
  }

  private func mergeTable(
    of model: JSON.Object, _ vocabulary: Vocabulary
  ) throws(Problem) -> MergeTable {
    guard let entries = model["merges"]?.array, entries.count <= Vocabulary.largestCount else {
      throw checks.error(.missingField, "model.merges", "is missing, no list or too long")
    }
    var table = MergeTable(capacity: entries.count)
    for (rank, entry) in entries.enumerated() {
      let (left, right): (ArraySlice<UInt8>, ArraySlice<UInt8>)
      if let text = entry.bytes {
        (left, right) = try checks.parts(of: text, place: "model.merges[\(rank)]")
      } else if let pair = entry.array, pair.count == 2, let first = pair[0].bytes,
        let second = pair[1].bytes
      {
        (left, right) = (first[...], second[...])
      } else {
        throw checks.error(
          .wrongType, "model.merges[\(rank)]", "is neither a text nor a pair of texts")
      }
      try checks.append(
        left: left, right: right, to: &table, of: vocabulary, place: "model.merges[\(rank)]")
    }
    return table
  }

  private func unknownID(
    of model: JSON.Object, _ vocabulary: Vocabulary
  ) throws(Problem) -> Int32? {
    guard let value = model["unk_token"], !value.isNull else { return nil }
    guard let text = value.bytes, let id = vocabulary.id(of: text) else {
      throw checks.error(.unknownToken, "model.unk_token", "is not in the vocabulary")
    }
    return id
  }

  func unsupported(_ place: String, _ value: JSON) -> Problem {
    let name: String
    switch value {
    case .string(let text): name = "'\(checks.readable(text))'"
    case .number(let text): name = checks.readable(text.utf8)
    case .bool(let flag): name = "\(flag)"
    default: name = "this"
    }
    return checks.error(
      .unknownTokenizer, place, "\(name) is not supported",
      "ignoring it would give other ids: give prompts as token ids instead")
  }
}
