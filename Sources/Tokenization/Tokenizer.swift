import Files

/// Text to token ids and back: byte-level byte pair encoding, as `tokenizers` does it, id for id.
///
/// It comes with a model, from its GGUF file or its `tokenizer.json`.
///
///     let ids = tokenizer.encode("Hello world")
///     ids.map(tokenizer.label)          // ["Hello", " world"]
///     tokenizer.decode(ids)             // "Hello world"
public struct Tokenizer: Sendable {
  let vocabulary: Vocabulary
  let merges: MergeTable
  let preTokenizer: PreTokenizer
  let normalizesToNFC: Bool
  /// A piece that is a token as a whole is that token, whatever the merges say (Llama 3).
  let ignoresMerges: Bool
  /// The token of a byte that has none; nil leaves such a byte out.
  let unknownID: Int32?
  let addedTokens: [Int32: AddedToken]

  /// The token of each single byte: the unknown token, or else -1, for a byte without one.
  let byteIDs: [Int32]
  let matcher: AddedTokenMatcher
  let normalizedMatcher: AddedTokenMatcher

  /// The token that begins a text, nil when the tokenizer names none.
  public let bosID: Int32?
  /// The token that ends a turn or a text, nil when the tokenizer names none.
  public let eosID: Int32?
  /// Whether a raw text begins with `bosID`. A chat template writes its own, so that it is never doubled.
  public let addsBOS: Bool

  init(_ definition: TokenizerDefinition) {
    vocabulary = definition.vocabulary
    merges = definition.merges
    preTokenizer = definition.preTokenizer
    normalizesToNFC = definition.normalizesToNFC
    ignoresMerges = definition.ignoresMerges
    unknownID = definition.unknownID
    addedTokens = Dictionary(uniqueKeysWithValues: definition.addedTokens.map { ($0.id, $0) })
    bosID = definition.bosID
    eosID = definition.eosID
    addsBOS = definition.addsBOS
    byteIDs = (0...255).map { byte in
      definition.vocabulary.id(of: ByteAlphabet.written([UInt8(byte)]))
        ?? definition.unknownID ?? -1
    }
    let added = definition.addedTokens
    matcher = AddedTokenMatcher(added.filter { !$0.isNormalized })
    normalizedMatcher = AddedTokenMatcher(
      added.filter(\.isNormalized).map { token in
        var token = token
        if definition.normalizesToNFC { token.content = NormalizedText.composed(token.content) }
        return token
      })
  }

  /// One more than the largest id. A model's logits may have more columns than this.
  public var vocabularyCount: Int { vocabulary.count }

  /// The id of a token, given as a special token's name or as the text that it stands for.
  ///
  ///     tokenizer.id(of: "<|im_end|>")
  ///     tokenizer.id(of: " the")
  public func id(of token: String) -> Int32? {
    let bytes = Array(token.utf8)
    if let id = vocabulary.id(of: bytes), addedTokens[id] != nil { return id }
    return vocabulary.id(of: ByteAlphabet.written(bytes))
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
    add(merges.count)
    for merge in merges.ordered {
      for id in [merge.left, merge.right, merge.id] { add(id) }
    }
    for id in [bosID, eosID, unknownID] { add(id ?? -1) }
    for flag in [addsBOS, normalizesToNFC, ignoresMerges] { add(flag ? 1 : 0) }
    add(addedTokens.count)
    for token in addedTokens.values.sorted(by: { $0.id < $1.id }) {
      add(token.id)
      for flag in [token.isSpecial, token.isNormalized, token.stripsLeft, token.stripsRight] {
        add(flag ? 1 : 0)
      }
    }
    for step in preTokenizer.steps { add(step.rawValue.utf8) }
    return Digest.sha256(bytes)
  }
}

/// What both file formats say about a tokenizer, checked.
struct TokenizerDefinition {
  var vocabulary: Vocabulary
  var merges: MergeTable
  var preTokenizer: PreTokenizer
  var normalizesToNFC = false
  var ignoresMerges = false
  var unknownID: Int32?
  var addedTokens: [AddedToken]
  var bosID: Int32?
  var eosID: Int32?
  var addsBOS = false
}
