import Files

/// The `tokenizer.ggml.*` fields of a GGUF file, as plain values.
package struct GGUFVocabulary: Sendable {
  package var file: String
  /// `tokenizer.ggml.model`: the kind of tokenizer, `gpt2` for byte-level BPE.
  package var model: String
  /// `tokenizer.ggml.pre`: llama.cpp's name for how a text is cut, such as `smollm`.
  package var preTokenizer: String
  package var tokens: [[UInt8]]
  /// One for each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. Empty when the
  /// file has no such field, which makes all of them normal.
  package var tokenTypes: [Int]
  package var merges: [[UInt8]]
  package var bosID: Int?
  package var eosID: Int?
  package var unknownID: Int?
  package var paddingID: Int?
  package var addsBOS: Bool?

  package init(
    file: String, model: String, preTokenizer: String, tokens: [[UInt8]], tokenTypes: [Int],
    merges: [[UInt8]], bosID: Int? = nil, eosID: Int? = nil, unknownID: Int? = nil,
    paddingID: Int? = nil, addsBOS: Bool? = nil
  ) {
    self.file = file
    self.model = model
    self.preTokenizer = preTokenizer
    self.tokens = tokens
    self.tokenTypes = tokenTypes
    self.merges = merges
    self.bosID = bosID
    self.eosID = eosID
    self.unknownID = unknownID
    self.paddingID = paddingID
    self.addsBOS = addsBOS
  }
}

extension Tokenizer {
  /// The tokenizer inside of a GGUF file.
  ///
  /// - Throws: for a kind of tokenizer or a way to cut text that is not known here, and for a vocabulary
  ///   that contradicts itself.
  package init(vocabulary source: GGUFVocabulary) throws(TokenizationError) {
    let checks = DefinitionChecks(file: source.file)
    guard source.model == "gpt2" else {
      throw checks.error(
        "tokenizer.ggml.model", "'\(checks.readable(source.model.utf8))' is not supported",
        "use a model with byte-level BPE ('gpt2'), or give prompts as token ids")
    }
    guard let family = GGUFFamily(name: source.preTokenizer) else {
      throw checks.error(
        "tokenizer.ggml.pre", "'\(checks.readable(source.preTokenizer.utf8))' is not supported",
        "use the model's Hugging Face folder, or give prompts as token ids")
    }
    let vocabulary = try source.vocabulary(checks)
    var definition = TokenizerDefinition(
      vocabulary: vocabulary, merges: try source.mergeTable(of: vocabulary, checks),
      preTokenizer: PreTokenizer(steps: family.steps),
      addedTokens: try source.addedTokens(checks))
    definition.normalizesToNFC = family.normalizesToNFC
    definition.ignoresMerges = family.ignoresMerges
    definition.bosID = try checks.id(
      source.bosID, in: vocabulary, place: "tokenizer.ggml.bos_token_id")
    definition.eosID = try checks.id(
      source.eosID, in: vocabulary, place: "tokenizer.ggml.eos_token_id")
    // Named by the file, used by nothing: a byte without a token is left out, as in the reference.
    _ = try checks.id(
      source.unknownID, in: vocabulary, place: "tokenizer.ggml.unknown_token_id")
    _ = try checks.id(
      source.paddingID, in: vocabulary, place: "tokenizer.ggml.padding_token_id")
    definition.addsBOS = source.addsBOS ?? family.addsBOS
    guard !definition.addsBOS || definition.bosID != nil else {
      throw checks.error(
        "tokenizer.ggml.add_bos_token", "a BOS is to be added, but no token is named as BOS")
    }
    self.init(definition)
  }
}

/// What llama.cpp's name for a pre-tokenizer stands for.
private struct GGUFFamily {
  var steps: [PreTokenizer.Step]
  var normalizesToNFC = false
  var ignoresMerges = false
  var addsBOS = false

  init?(name: String) {
    switch name {
    case "gpt-2", "phi-2", "olmo", "mpt": steps = [.gpt2]
    case "smollm", "starcoder", "refact": steps = [.digits, .gpt2]
    case "llama-bpe", "llama3", "llama-v3":
      (steps, ignoresMerges, addsBOS) = ([.llama3], true, true)
    case "qwen2": (steps, normalizesToNFC) = ([.qwen2], true)
    case "deepseek-r1-qwen": steps = [.qwen2]
    default: return nil
    }
  }
}

extension GGUFVocabulary {
  fileprivate func vocabulary(_ checks: DefinitionChecks) throws(TokenizationError) -> Vocabulary {
    guard !tokens.isEmpty, tokens.count <= Vocabulary.largestCount else {
      throw checks.error("tokenizer.ggml.tokens", "\(tokens.count) tokens are no vocabulary")
    }
    var vocabulary = Vocabulary(capacity: tokens.count)
    for (id, token) in tokens.enumerated() {
      guard token.withUnsafeBytes(isValidUTF8) else {
        throw checks.error("tokenizer.ggml.tokens[\(id)]", "is not valid UTF-8")
      }
      try checks.insert(token, id: id, into: &vocabulary, place: "tokenizer.ggml.tokens[\(id)]")
    }
    return vocabulary
  }

  fileprivate func mergeTable(
    of vocabulary: Vocabulary, _ checks: DefinitionChecks
  ) throws(TokenizationError) -> MergeTable {
    guard merges.count <= Vocabulary.largestCount else {
      throw checks.error("tokenizer.ggml.merges", "\(merges.count) merges are too many")
    }
    var table = MergeTable(capacity: merges.count)
    for (rank, merge) in merges.enumerated() {
      let (left, right) = try checks.parts(of: merge, place: "tokenizer.ggml.merges[\(rank)]")
      try checks.append(
        left: left, right: right, to: &table, of: vocabulary,
        place: "tokenizer.ggml.merges[\(rank)]")
    }
    return table
  }

  /// The tokens that are found in the text itself: control tokens and the user-defined ones.
  fileprivate func addedTokens(
    _ checks: DefinitionChecks
  ) throws(TokenizationError) -> [AddedToken] {
    guard tokenTypes.isEmpty || tokenTypes.count == tokens.count else {
      throw checks.error(
        "tokenizer.ggml.token_type", "has \(tokenTypes.count) entries for \(tokens.count) tokens")
    }
    var added: [AddedToken] = []
    for (id, type) in tokenTypes.enumerated() {
      switch type {
      case 1, 5: continue
      case 2, 3, 4:
        guard (1...AddedToken.longestContent).contains(tokens[id].count) else {
          throw checks.error(
            "tokenizer.ggml.tokens[\(id)]", "a special token of \(tokens[id].count) bytes")
        }
        added.append(AddedToken(id: Int32(id), content: tokens[id], isSpecial: type != 4))
      case 6:
        // Among them `<0x-1>` and `<0xZZ>`: no name of a byte is ever parsed.
        throw checks.error(
          "tokenizer.ggml.token_type[\(id)]",
          "'\(checks.readable(tokens[id]))' is a byte token, which byte-level BPE does not have")
      default:
        throw checks.error("tokenizer.ggml.token_type[\(id)]", "\(type) is not a token type")
      }
    }
    return added
  }
}
