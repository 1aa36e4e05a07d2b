import Files

/// The files of a Hugging Face folder that make up a tokenizer.
package struct TokenizerFiles: Sendable {
  /// A file's content with the path that errors name.
  package struct Content: Sendable {
    package var bytes: [UInt8]
    package var path: String

    package init(_ bytes: [UInt8], path: String) { (self.bytes, self.path) = (bytes, path) }
  }

  /// `tokenizer.json`.
  package var tokenizer: Content
  /// `tokenizer_config.json`.
  package var configuration: Content?
  /// `special_tokens_map.json`, read by transformers only without `added_tokens_decoder`.
  package var specialTokensMap: Content?
  /// `added_tokens.json`, read under the same condition.
  package var addedTokens: Content?
  /// `model_type` of `config.json`, which decides with `tokenizer_class` what transformers does.
  package var modelType: String?
  /// `tokenizer_class` of `config.json`, for a `tokenizer_config.json` that names none.
  package var modelClass: String?

  package init(_ tokenizer: Content) { self.tokenizer = tokenizer }
}

extension Tokenizer {
  /// The tokenizer of a Hugging Face folder, with the special tokens that any of its files names.
  ///
  /// - Throws: for a component that is not known here, rather than ignore it and get other ids, and
  ///   for a tokenizer that contradicts itself.
  package init(_ files: TokenizerFiles) throws(Problem) {
    // Half as much again as the largest tokenizer in use, whose merges take three values each.
    let main = try Document(files.tokenizer, valueLimit: 3_000_000)
    let configuration = TokenizerConfiguration(
      settings: try files.configuration.map(Document.object),
      map: try files.specialTokensMap.map(Document.object),
      added: try files.addedTokens.map(Document.object))
    let classes = TokenizerClasses(
      named: try configuration.className ?? files.modelClass, modelType: files.modelType,
      isByteLevel: main.root.mentionsByteLevel)
    var reader = TokenizerJSON(root: main.root, checks: main.checks)
    let prefix = try configuration.prefixSpace(classes, reader.storedPrefixSpace)
    reader.prefixSpace = prefix.followed
    var definition = try reader.definition()
    definition.warnings += [prefix.warning].compactMap(\.self)
    try configuration.complete(&definition, classes)
    try reader.resolve(&definition)
    self.init(definition)
  }

  /// The tokenizer of a `tokenizer.json` alone, or with its `tokenizer_config.json`.
  package init(
    tokenizerJSON bytes: [UInt8], file: String, configuration: [UInt8]? = nil,
    configurationFile: String = "tokenizer_config.json"
  ) throws(Problem) {
    var files = TokenizerFiles(.init(bytes, path: file))
    files.configuration = configuration.map { .init($0, path: configurationFile) }
    try self.init(files)
  }
}

/// A JSON file with the checks that name it in errors.
struct Document {
  let root: JSON
  let checks: DefinitionChecks

  init(
    _ content: TokenizerFiles.Content, valueLimit: Int = 400_000
  ) throws(Problem) {
    checks = DefinitionChecks(file: content.path)
    root = try JSONReader.parse(content.bytes, file: content.path, valueLimit: valueLimit)
  }

  static func object(_ content: TokenizerFiles.Content) throws(Problem) -> Document {
    let document = try Document(content)
    guard document.root.object != nil else {
      throw document.checks.error(.wrongType, "", "is no JSON object")
    }
    return document
  }
}

extension JSON {
  /// Whether a pre-tokenizer or decoder of a `tokenizer.json` works on the byte alphabet.
  fileprivate var mentionsByteLevel: Bool {
    ["pre_tokenizer", "decoder", "post_processor"].contains { key in
      guard let part = self[key] else { return false }
      let lists = ["pretokenizers", "decoders", "processors"].compactMap { part[$0]?.array }
      return ([part] + lists.flatMap(\.self)).contains { $0["type"]?.text == "ByteLevel" }
    }
  }
}
