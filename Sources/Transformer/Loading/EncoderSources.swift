import Checkpoints
import Files
import Tokenization

/// The tokenizer and the chat template of a model, or those that its adapters bring.
///
/// As transformers and vLLM have it, what is saved beside an adapter is what it was trained with. What
/// its folder lacks is the model's.
struct EncoderSources {
  struct Template: Equatable {
    var text: String
    var file: String
  }

  private(set) var tokenizer: Tokenizer
  private(set) var template: Template?
  /// What adapters brought, in words.
  private(set) var notices: [String] = []

  init(_ checkpoint: Checkpoint, _ adapters: [Adapter]) throws {
    let base = Result { try Self.tokenizer(of: checkpoint) }
    let baseTemplate = try Self.template(of: checkpoint)
    var owner: (tokenizer: Adapter?, template: Adapter?)
    var own: Tokenizer?
    for adapter in adapters {
      if let found = try Self.tokenizer(of: adapter, on: checkpoint) {
        if let own, let other = owner.tokenizer, own.sha256 != found.sha256 {
          throw Self.clash(adapter, other, "tokenizer")
        }
        (own, owner.tokenizer) = (own ?? found, owner.tokenizer ?? adapter)
      }
      if let found = try Self.template(of: adapter.file) {
        if let template, let other = owner.template, template.text != found.text {
          throw Self.clash(adapter, other, "chat template")
        }
        (template, owner.template) = (template ?? found, owner.template ?? adapter)
      }
    }
    tokenizer = try own ?? base.get()
    if let owner = owner.tokenizer, (try? base.get().sha256) != tokenizer.sha256 {
      notices.append("\(owner.path): the adapter's own tokenizer is used, not the model's")
    }
    if let owner = owner.template, template?.text != baseTemplate?.text {
      notices.append(
        "\(owner.path): the adapter's own chat template is used, not the model's")
    }
    template = template ?? baseTemplate
  }

  /// Whether a folder has something of a tokenizer or a template.
  static func areBrought(by adapters: [Adapter]) -> Bool {
    let names = [
      "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
      "chat_template.jinja",
    ]
    return adapters.contains { adapter in names.contains { adapter.file(named: $0) != nil } }
  }

  private static func clash(
    _ adapter: Adapter, _ other: Adapter, _ what: String
  ) -> Problem {
    Problem(
      .adaptersClash, adapter.path, problem: "has another \(what) than the adapter \(other.path)",
      remedy: "apply one of the two, or take the \(what) out of one folder")
  }

  /// The tokenizer of the model itself.
  private static func tokenizer(of checkpoint: Checkpoint) throws -> Tokenizer {
    if checkpoint.format == .gguf {
      return try Tokenizer(vocabulary: GGUFVocabulary(checkpoint))
    }
    guard let files = try TokenizerFiles(checkpoint.file, of: checkpoint) else {
      throw Problem(
        .noTokenizer, checkpoint.path, problem: "has no tokenizer.json",
        remedy: "give prompts as token_ids, or put the tokenizer into the folder")
    }
    return try Tokenizer(files)
  }

  /// The tokenizer that an adapter's folder changes; nil where it has nothing of one.
  private static func tokenizer(
    of adapter: Adapter, on checkpoint: Checkpoint
  ) throws -> Tokenizer? {
    let beside = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]
    let files: TokenizerFiles
    if let own = try TokenizerFiles(adapter.file, of: checkpoint) {
      files = own
    } else {
      guard beside.contains(where: { adapter.file(named: $0) != nil }) else { return nil }
      // A tokenizer_config.json that only holds the chat template says nothing of the tokens.
      guard checkpoint.file(named: "tokenizer.json") != nil else {
        try refuseTokens(of: adapter, beside)
        return nil
      }
      let isWhole = adapter.file(named: beside[0]) != nil
      let merged = try TokenizerFiles(
        { name in
          if name == "tokenizer.json" { return checkpoint.file(named: name) }
          return adapter.file(named: name) ?? (isWhole ? nil : checkpoint.file(named: name))
        }, of: checkpoint)
      guard let merged else { return nil }
      files = merged
    }
    let tokenizer = try Tokenizer(files)
    let rows = try Architectures.read(checkpoint).shape.dVocabulary
    guard tokenizer.vocabularyCount <= rows else {
      throw Problem(
        .adapterMismatch, adapter.path, place: "tokenizer",
        problem: "has ids up to \(tokenizer.vocabularyCount - 1), and the model \(rows) embeddings",
        remedy: "use the adapter with the model that it was trained on")
    }
    return tokenizer
  }

  /// A GGUF file's tokenizer cannot take tokens from files beside an adapter.
  private static func refuseTokens(of adapter: Adapter, _ names: [String]) throws {
    for name in names {
      guard let path = adapter.file(named: name) else { continue }
      let json = try JSONReader.parse(
        readFile(path, limit: 16 << 20), file: path, valueLimit: 400_000)
      let fields = name == names[0] ? ["added_tokens_decoder", "extra_special_tokens"] : [""]
      guard fields.contains(where: { $0.isEmpty || json[$0] != nil }) else { continue }
      throw Problem(
        .noTokenizer, path,
        problem: "names tokens, and there is no tokenizer.json that they could join",
        remedy: "save the whole tokenizer beside the adapter, with tokenizer.save_pretrained")
    }
  }

  private static func template(of checkpoint: Checkpoint) throws -> Template? {
    guard checkpoint.format == .gguf else { return try template(of: checkpoint.file) }
    let key = "tokenizer.chat_template"
    guard checkpoint.metadata[key] != nil else { return nil }
    return Template(text: try checkpoint.string(key), file: "\(checkpoint.path): \(key)")
  }

  /// The template's own file, or the one inside `tokenizer_config.json`.
  private static func template(of file: (String) -> String?) throws -> Template? {
    if let path = file("chat_template.jinja") {
      return Template(
        text: String(decoding: try readFile(path, limit: 1 << 20), as: UTF8.self), file: path)
    }
    guard let settings = file("tokenizer_config.json"),
      let value = try JSONReader.parse(
        readFile(settings, limit: 16 << 20), file: settings, valueLimit: 400_000)["chat_template"],
      !value.isNull
    else { return nil }
    // Some models name several templates; transformers uses the one called default.
    let named = value.array?.first { $0["name"]?.text == "default" }?["template"]
    guard let text = value.text ?? named?.text else {
      throw Problem(
        .wrongType, settings, place: "chat_template",
        problem: "is neither a text nor a list of templates",
        remedy: "put the template into chat_template.jinja")
    }
    return Template(text: text, file: settings)
  }
}

extension TokenizerFiles {
  /// The files that a folder has, by name; nil without a `tokenizer.json`.
  fileprivate init?(_ file: (String) -> String?, of checkpoint: Checkpoint) throws {
    guard let path = file("tokenizer.json") else { return nil }
    func content(_ name: String) throws -> Content? {
      try file(name).map { Content(try readFile($0, limit: 16 << 20), path: $0) }
    }
    self.init(Content(try readFile(path, limit: 64 << 20), path: path))
    configuration = try content("tokenizer_config.json")
    specialTokensMap = try content("special_tokens_map.json")
    addedTokens = try content("added_tokens.json")
    modelType = checkpoint.configuration?["model_type"]?.text
    modelClass = checkpoint.configuration?["tokenizer_class"]?.text
  }
}
