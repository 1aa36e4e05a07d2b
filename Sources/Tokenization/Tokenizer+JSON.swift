import Files

extension Tokenizer {
  /// The tokenizer of a Hugging Face `tokenizer.json`.
  ///
  /// - Parameters:
  ///   - configuration: `tokenizer_config.json`, which names the BOS and the EOS.
  /// - Throws: for a component that is not known here, rather than ignore it and get other ids, and for a
  ///   tokenizer that contradicts itself.
  package init(
    tokenizerJSON bytes: [UInt8], file: String, configuration: [UInt8]? = nil,
    configurationFile: String = "tokenizer_config.json"
  ) throws(TokenizationError) {
    let root: JSON
    var names: JSON?
    do throws(FileError) {
      // Half as much again as the largest tokenizer in use, whose merges take three values each.
      root = try JSONReader.parse(bytes, file: file, valueLimit: 3_000_000)
      if let configuration {
        names = try JSONReader.parse(
          configuration, file: configurationFile, valueLimit: 400_000)
      }
    } catch {
      throw TokenizationError(error)
    }
    let reader = TokenizerJSON(root: root, checks: DefinitionChecks(file: file))
    var definition = try reader.definition()
    if let names {
      let checks = DefinitionChecks(file: configurationFile)
      let configured = TokenizerConfiguration(root: names, checks: checks)
      try configured.complete(&definition)
    }
    self.init(definition)
  }
}

/// The names of the special roles in `tokenizer_config.json`.
private struct TokenizerConfiguration {
  let root: JSON
  let checks: DefinitionChecks

  func complete(_ definition: inout TokenizerDefinition) throws(TokenizationError) {
    let bosID = try id(of: "bos_token", in: definition.vocabulary)
    definition.bosID = bosID ?? definition.bosID
    definition.eosID = try id(of: "eos_token", in: definition.vocabulary)
    // As in transformers: where the file says either, both replace what the post-processor does.
    let (addsBOS, addsEOS) = (try flag("add_bos_token"), try flag("add_eos_token"))
    guard addsBOS != nil || addsEOS != nil else { return }
    definition.prefixID = addsBOS == true ? try named(definition.bosID, "bos_token") : nil
    definition.suffixID = addsEOS == true ? try named(definition.eosID, "eos_token") : nil
  }

  private func named(_ id: Int32?, _ role: String) throws(TokenizationError) -> Int32 {
    guard let id else {
      throw checks.error("add_\(role)", "is true, but no token is named as \(role)")
    }
    return id
  }

  private func flag(_ name: String) throws(TokenizationError) -> Bool? {
    guard let value = root[name], !value.isNull else { return nil }
    guard let flag = value.bool else { throw checks.error(name, "is no true or false") }
    return flag
  }

  /// The role's token stands there as text or as an object with `content`.
  private func id(of role: String, in vocabulary: Vocabulary) throws(TokenizationError) -> Int32? {
    guard let value = root[role], !value.isNull else { return nil }
    guard let content = value.bytes ?? value["content"]?.bytes else {
      throw checks.error(role, "is neither a text nor an object with 'content'")
    }
    guard let id = vocabulary.id(of: content) else {
      throw checks.error(role, "'\(checks.readable(content))' is not in the vocabulary")
    }
    return id
  }
}

/// Reads the sections of a `tokenizer.json`.
struct TokenizerJSON {
  let root: JSON
  let checks: DefinitionChecks

  func definition() throws(TokenizationError) -> TokenizerDefinition {
    guard let model = root["model"]?.object else {
      throw checks.error("model", "is missing or no object")
    }
    try checkModel(model)
    var vocabulary = try vocabulary(of: model)
    let merges = try mergeTable(of: model, vocabulary)
    // Behind the merges, which may only name tokens of the model itself.
    let added = try addedTokens(&vocabulary)
    let (preTokenizer, isByteLevel) = try preTokenizer()
    var bytePairs = BytePairModel(order: .merges(merges), isByteLevel: isByteLevel)
    bytePairs.fallsBackToBytes = model["byte_fallback"]?.bool ?? false
    bytePairs.ignoresMerges = model["ignore_merges"]?.bool ?? false
    bytePairs.fusesUnknown = model["fuse_unk"]?.bool ?? false
    bytePairs.unknownID = try unknownID(of: model, vocabulary)
    let reserved = added.filter { $0.isSpecial || $0.isOutsideOfModel }
    bytePairs.resolve(vocabulary, reserved: reserved.map(\.id))
    try checkBytes(of: bytePairs)
    var definition = TokenizerDefinition(
      vocabulary: vocabulary, preTokenizer: preTokenizer, model: bytePairs, addedTokens: added)
    definition.normalizer = try checkedNormalizer()
    definition.decoder = try decoder(isByteLevel: isByteLevel)
    (definition.prefixID, definition.suffixID) = try tokensAround(vocabulary)
    definition.bosID = definition.prefixID
    return definition
  }

  private func checkModel(_ model: JSON.Object) throws(TokenizationError) {
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
      guard value.bool != nil else { throw checks.error("model.\(key)", "is no true or false") }
    }
  }

  private func checkBytes(of model: BytePairModel) throws(TokenizationError) {
    guard model.fallsBackToBytes else { return }
    if model.isByteLevel { throw unsupported("model.byte_fallback with ByteLevel", .bool(true)) }
    if let byte = model.byteIDs.firstIndex(of: -1) {
      let name = checks.readable(TokenDecoder.name(ofByte: UInt8(byte)))
      throw checks.error("model.byte_fallback", "the vocabulary has no token '\(name)'")
    }
  }

  private func vocabulary(of model: JSON.Object) throws(TokenizationError) -> Vocabulary {
    guard let entries = model["vocab"]?.object?.members, !entries.isEmpty else {
      throw checks.error("model.vocab", "is missing, empty or no object")
    }
    guard entries.count <= Vocabulary.largestCount else {
      throw checks.error("model.vocab", "\(entries.count) tokens are too many")
    }
    var vocabulary = Vocabulary(capacity: entries.count)
    for (text, value) in entries {
      guard let id = value.int else {
        throw checks.error("model.vocab['\(checks.readable(text))']", "the id is no integer")
      }
      try checks.insert(
        text, id: id, into: &vocabulary, place: "model.vocab['\(checks.readable(text))']")
    }
    return vocabulary
  }

  private func mergeTable(
    of model: JSON.Object, _ vocabulary: Vocabulary
  ) throws(TokenizationError) -> MergeTable {
    guard let entries = model["merges"]?.array, entries.count <= Vocabulary.largestCount else {
      throw checks.error("model.merges", "is missing, no list or too long")
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
        throw checks.error("model.merges[\(rank)]", "is neither a text nor a pair of texts")
      }
      try checks.append(
        left: left, right: right, to: &table, of: vocabulary, place: "model.merges[\(rank)]")
    }
    return table
  }

  private func unknownID(
    of model: JSON.Object, _ vocabulary: Vocabulary
  ) throws(TokenizationError) -> Int32? {
    guard let value = model["unk_token"], !value.isNull else { return nil }
    guard let text = value.bytes, let id = vocabulary.id(of: text) else {
      throw checks.error("model.unk_token", "is not in the vocabulary")
    }
    return id
  }

  func unsupported(_ place: String, _ value: JSON) -> TokenizationError {
    let name: String
    switch value {
    case .string(let text): name = "'\(checks.readable(text))'"
    case .number(let text): name = checks.readable(text.utf8)
    case .bool(let flag): name = "\(flag)"
    default: name = "this"
    }
    return checks.error(
      place, "\(name) is not supported",
      "ignoring it would give other ids: give prompts as token ids instead")
  }
}
