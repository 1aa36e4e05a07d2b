import Files

/// The `tokenizer.ggml.*` fields of a GGUF file, as plain values.
package struct GGUFVocabulary: Sendable {
  package var file: String
  /// `tokenizer.ggml.model`: the kind of tokenizer, `gpt2` for byte-level BPE and `llama` for that of
  /// SentencePiece.
  package var model: String
  /// `tokenizer.ggml.pre`: llama.cpp's name for how a text is cut, such as `smollm`.
  package var preTokenizer: String
  package var tokens: [[UInt8]]
  /// One for each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. Empty when the
  /// file has no such field, which makes all of them normal.
  package var tokenTypes: [Int]
  package var merges: [[UInt8]]
  /// One for each token, the highest merged first; only SentencePiece has them.
  package var scores: [Float]
  package var bosID: Int?
  package var eosID: Int?
  package var unknownID: Int?
  package var paddingID: Int?
  package var separatorID: Int?
  package var classID: Int?
  package var maskID: Int?
  package var addsBOS: Bool?
  package var addsEOS: Bool?
  /// Whether a space is put before a text and behind every special token.
  package var addsSpacePrefix: Bool?
  package var removesExtraSpaces: Bool?
  /// Special tokens take the white space behind them along, which only the model's architecture tells
  /// (Phi-3).
  package var stripsBehindSpecials: Bool

  package init(
    file: String, model: String, preTokenizer: String, tokens: [[UInt8]], tokenTypes: [Int],
    merges: [[UInt8]] = [], scores: [Float] = [], bosID: Int? = nil, eosID: Int? = nil,
    unknownID: Int? = nil, paddingID: Int? = nil, separatorID: Int? = nil,
    classID: Int? = nil, maskID: Int? = nil, addsBOS: Bool? = nil, addsEOS: Bool? = nil,
    addsSpacePrefix: Bool? = nil, removesExtraSpaces: Bool? = nil,
    stripsBehindSpecials: Bool = false
  ) {
    self.file = file
    self.model = model
    self.preTokenizer = preTokenizer
    self.tokens = tokens
    self.tokenTypes = tokenTypes
    self.merges = merges
    self.scores = scores
    self.bosID = bosID
    self.eosID = eosID
    self.unknownID = unknownID
    self.paddingID = paddingID
    self.separatorID = separatorID
    self.classID = classID
    self.maskID = maskID
    self.addsBOS = addsBOS
    self.addsEOS = addsEOS
    self.addsSpacePrefix = addsSpacePrefix
    self.removesExtraSpaces = removesExtraSpaces
    self.stripsBehindSpecials = stripsBehindSpecials
  }
}

extension Tokenizer {
  /// The tokenizer inside of a GGUF file.
  ///
  /// - Throws: for a kind of tokenizer or a way to cut text that is not known here, and for a vocabulary
  ///   that contradicts itself.
  package init(vocabulary source: GGUFVocabulary) throws(Problem) {
    let checks = DefinitionChecks(file: source.file)
    var definition =
      switch source.model {
      case "gpt2": try source.byteLevel(checks)
      case "llama": try source.sentencePiece(checks)
      default:
        throw checks.error(
          .unknownTokenizer, "tokenizer.ggml.model",
          "'\(checks.readable(source.model.utf8))' is not supported",
          "use a model with byte pair encoding ('gpt2' or 'llama'), or give prompts as token ids")
      }
    for (role, name, id) in source.roles {
      let place = "tokenizer.ggml.\(name)_token_id"
      guard let id = try checks.id(id, in: definition.vocabulary, place: place) else { continue }
      definition.roles["\(role)_token"] = definition.vocabulary.text(of: id).map(Array.init)
      if role == "bos" { definition.bosID = id }
      if role == "eos" { definition.eosID = id }
    }
    if source.addsBOS ?? source.addsBOSByDefault {
      guard let bosID = definition.bosID else {
        throw checks.error(
          .missingToken, "tokenizer.ggml.add_bos_token",
          "a BOS is to be added, but no token is named as BOS")
      }
      definition.prefixID = bosID
    }
    if source.addsEOS ?? false {
      guard let eosID = definition.eosID else {
        throw checks.error(
          .missingToken, "tokenizer.ggml.add_eos_token",
          "an EOS is to be added, but no token is named as EOS")
      }
      definition.suffixID = eosID
    }
    self.init(definition)
  }
}

extension GGUFVocabulary {
  /// What a chat template calls a token, what the file calls it, and its id.
  fileprivate var roles: [(role: String, name: String, id: Int?)] {
    [
      ("bos", "bos", bosID), ("eos", "eos", eosID), ("unk", "unknown", unknownID),
      ("sep", "seperator", separatorID), ("pad", "padding", paddingID), ("cls", "cls", classID),
      ("mask", "mask", maskID),
    ]
  }

  fileprivate var addsBOSByDefault: Bool {
    model == "llama" || GGUFFamily(name: preTokenizer)?.addsBOS ?? false
  }

  fileprivate func byteLevel(_ checks: DefinitionChecks) throws(Problem)
    -> TokenizerDefinition
  {
    guard let family = GGUFFamily(name: preTokenizer) else {
      throw checks.error(
        .unknownTokenizer, "tokenizer.ggml.pre",
        "'\(checks.readable(preTokenizer.utf8))' is not supported",
        "use the model's Hugging Face folder, or give prompts as token ids")
    }
    guard addsSpacePrefix != true else {
      throw checks.error(
        .unknownTokenizer, "tokenizer.ggml.add_space_prefix",
        "a space before byte-level BPE is not supported",
        "use the model's Hugging Face folder, or give prompts as token ids")
    }
    let vocabulary = try vocabulary(checks)
    let added = try addedTokens(checks)
    var model = BytePairModel(order: .merges(try mergeTable(of: vocabulary, checks)))
    model.ignoresMerges = family.ignoresMerges
    model.resolve(vocabulary, reserved: added.filter(\.isSpecial).map(\.id))
    return TokenizerDefinition(
      vocabulary: vocabulary, normalizer: Normalizer(steps: family.composes ? [.compose] : []),
      preTokenizer: PreTokenizer(steps: family.steps.map(PreTokenizer.Step.split)), model: model,
      added: AddedVocabulary(added))
  }

  func vocabulary(_ checks: DefinitionChecks) throws(Problem) -> Vocabulary {
    guard !tokens.isEmpty, tokens.count <= Vocabulary.largestCount else {
      throw checks.error(
        .wrongCount, "tokenizer.ggml.tokens", "\(tokens.count) tokens are no vocabulary")
    }
    var vocabulary = Vocabulary(capacity: tokens.count)
    for (id, token) in tokens.enumerated() {
      guard token.withUnsafeBytes(isValidUTF8) else {
        throw checks.error(.notUTF8, "tokenizer.ggml.tokens[\(id)]", "is not valid UTF-8")
      }
      try checks.insert(token, id: id, into: &vocabulary, place: "tokenizer.ggml.tokens[\(id)]")
    }
    return vocabulary
  }

  fileprivate func mergeTable(
    of vocabulary: Vocabulary, _ checks: DefinitionChecks
  ) throws(Problem) -> MergeTable {
    guard merges.count <= Vocabulary.largestCount else {
      throw checks.error(.tooLarge, "tokenizer.ggml.merges", "\(merges.count) merges are too many")
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
  func addedTokens(
    _ checks: DefinitionChecks
  ) throws(Problem) -> [AddedToken] {
    guard tokenTypes.isEmpty || tokenTypes.count == tokens.count else {
      throw checks.error(
        .wrongCount, "tokenizer.ggml.token_type",
        "has \(tokenTypes.count) entries for \(tokens.count) tokens")
    }
    var added: [AddedToken] = []
    for (id, type) in tokenTypes.enumerated() {
      switch type {
      case 1, 5: continue
      case 2, 3, 4:
        guard (1...AddedToken.longestContent).contains(tokens[id].count) else {
          throw checks.error(
            .outOfRange, "tokenizer.ggml.tokens[\(id)]",
            "a special token of \(tokens[id].count) bytes")
        }
        added.append(
          AddedToken(
            id: Int32(id), content: tokens[id], isSpecial: type != 4,
            stripsRight: stripsBehindSpecials && type == 3
              && !Self.neverStripping.contains(tokens[id])
          ))
      case 6:
        // Among them `<0x-1>` and `<0xZZ>`.
        guard model == "llama", TokenDecoder.byte(named: tokens[id][...]) != nil else {
          throw checks.error(
            .missingToken, "tokenizer.ggml.token_type[\(id)]",
            "'\(checks.readable(tokens[id]))' is no byte token, or none where bytes are spelt out")
        }
      default:
        throw checks.error(
          .outOfRange, "tokenizer.ggml.token_type[\(id)]", "\(type) is not a token type")
      }
    }
    return added
  }

  /// The tokens behind which Phi-3 keeps the space.
  private static let neverStripping: Set<[UInt8]> = Set(
    ["<s>", "<unk>", "<|endoftext|>"].map { Array($0.utf8) })
}
