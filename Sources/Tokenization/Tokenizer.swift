import Files

/// Text to token ids and back: byte pair encoding of bytes or of characters, as `tokenizers` and
/// `sentencepiece` do it, id for id.
///
/// It comes with a model, from its GGUF file or its `tokenizer.json`.
///
///     let ids = tokenizer.encode("Hello world")
///     ids.map(tokenizer.label)          // ["Hello", " world"]
///     tokenizer.decode(ids)             // "Hello world"
public struct Tokenizer: Sendable {
  let vocabulary: Vocabulary
  let normalizer: Normalizer
  let preTokenizer: PreTokenizer
  let model: BytePairModel
  let decoder: TokenDecoder
  let addedTokens: [Int32: AddedToken]

  let asciiIDs: [Int32]
  let matcher: AddedTokenMatcher
  let normalizedMatcher: AddedTokenMatcher

  /// The token that begins a text, nil when the tokenizer names none.
  public let bosID: Int32?
  /// The token that ends a turn or a text, nil when the tokenizer names none.
  public let eosID: Int32?
  /// What a raw text begins and ends with. A chat template writes its own, so that neither is doubled.
  let prefixID: Int32?
  let suffixID: Int32?
  /// The texts of the tokens that the files name for a role, such as `bos_token`, by role: what a chat
  /// template may write.
  package let roles: [String: String]
  /// Where the files contradict each other, or versions of transformers read them differently, in words.
  package let warnings: [String]

  init(_ definition: TokenizerDefinition) {
    vocabulary = definition.vocabulary
    normalizer = definition.normalizer
    preTokenizer = definition.preTokenizer
    model = definition.model
    decoder = definition.decoder
    addedTokens = definition.added.tokens
    (bosID, eosID) = (definition.bosID, definition.eosID)
    (prefixID, suffixID) = (definition.prefixID, definition.suffixID)
    asciiIDs = definition.model.asciiIDs(definition.vocabulary)
    roles = definition.roles.mapValues { String(decoding: $0, as: UTF8.self) }
    warnings = definition.warnings
    let added = definition.addedTokens.filter { !$0.content.isEmpty }
    matcher = AddedTokenMatcher(added.filter { !$0.isNormalized })
    normalizedMatcher = AddedTokenMatcher(
      added.filter(\.isNormalized).map { token in
        var token = token
        token.content = definition.normalizer.normalized(token.content)
        return token
      })
  }

  /// Whether a raw text begins with a token that it does not contain.
  public var addsBOS: Bool { prefixID != nil }

  /// Whether a raw text ends with a token that it does not contain.
  public var addsEOS: Bool { suffixID != nil }

  /// One more than the largest id. A model's logits may have more columns than this.
  public var vocabularyCount: Int { vocabulary.count }

  /// The id of a token, given as a special token's name or as the text that it stands for.
  ///
  ///     tokenizer.id(of: "<|im_end|>")
  ///     tokenizer.id(of: " the")
  public func id(of token: String) -> Int32? {
    let bytes = Array(token.utf8)
    if let id = vocabulary.id(of: bytes), addedTokens[id] != nil { return id }
    return vocabulary.id(of: decoder.written(bytes))
  }

  /// The id of a special token, which no text that a person wrote becomes; nil for any other.
  package func controlID(of token: String) -> Int32? {
    guard let id = vocabulary.id(of: Array(token.utf8)), addedTokens[id]?.isSpecial == true else {
      return nil
    }
    return id
  }

  /// The added tokens with this id or a larger one, as labels.
  package func addedTokens(from id: Int) -> [String] {
    addedTokens.keys.filter { $0 >= id }.sorted().map(label)
  }

  /// The SHA-256 of everything that decides the ids: the same for one tokenizer in two file formats.
  ///
  /// Computed anew at each use, in a few milliseconds.
  public var sha256: String {
    var bytes: [UInt8] = []
    func add(_ number: some FixedWidthInteger) {
      withUnsafeBytes(of: Int64(number).littleEndian) { bytes.append(contentsOf: $0) }
    }
    func add(_ text: some Collection<UInt8>) {
      add(text.count)
      bytes.append(contentsOf: text)
    }
    add(vocabulary.count)
    for id in 0..<Int32(vocabulary.count) { add(vocabulary.text(of: id) ?? []) }
    switch model.order {
    case .merges(let merges):
      add(merges.count)
      for merge in merges.ordered {
        for id in [merge.left, merge.right, merge.id] { add(id) }
      }
    case .scores(let ranks):
      add("scores".utf8)
      for rank in ranks { add(rank) }
    }
    for id in [bosID, eosID, model.unknownID] { add(id ?? -1) }
    let composes = normalizer.steps == [.compose]
    for flag in [addsBOS, composes, model.ignoresMerges] { add(flag ? 1 : 0) }
    add(addedTokens.count)
    for token in addedTokens.values.sorted(by: { $0.id < $1.id }) {
      add(token.id)
      for flag in [token.isSpecial, token.isNormalized, token.stripsLeft, token.stripsRight] {
        add(flag ? 1 : 0)
      }
      if token.isWholeWord { add("word".utf8) }
    }
    for step in preTokenizer.steps { add(step.fingerprint.utf8) }
    // Written only where it is out of the ordinary, so that a digest in an old file stays what it was.
    if prefixID != nil, prefixID != bosID { add("prefix \(prefixID ?? -1)".utf8) }
    if let suffixID { add("suffix \(suffixID)".utf8) }
    if !composes, !normalizer.steps.isEmpty { add("\(normalizer.steps)".utf8) }
    if !model.isByteLevel || model.fusesUnknown {
      add("characters \(!model.isByteLevel) bytes \(model.fallsBackToBytes)".utf8)
      add("fuses \(model.fusesUnknown)".utf8)
    }
    return Digest.sha256(bytes)
  }
}

/// What both file formats say about a tokenizer, checked.
struct TokenizerDefinition {
  var vocabulary: Vocabulary
  var normalizer = Normalizer()
  var preTokenizer: PreTokenizer
  var model: BytePairModel
  var decoder = TokenDecoder()
  var added: AddedVocabulary
  var bosID: Int32?
  var eosID: Int32?
  var prefixID: Int32?
  var suffixID: Int32?
  var roles: [String: [UInt8]] = [:]
  var warnings: [String] = []

  /// In the order of their ids.
  var addedTokens: [AddedToken] { added.tokens.values.sorted { $0.id < $1.id } }

  func roleID(_ role: String) -> Int32? { roles[role].flatMap { vocabulary.id(of: $0) } }
}
