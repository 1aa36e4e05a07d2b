import Checkpoints
import Files
import Prompts
import Tokenization

extension PromptEncoder {
  /// Takes the tokenizer and the chat template of a `.gguf` file or a Hugging Face folder, or those of an
  /// adapter that has its own.
  /// - Throws: when there is none or it is not understood, or
  ///   adapters disagree.
  public init(
    _ checkpoint: Checkpoint, _ settings: TemplateSettings = TemplateSettings(),
    adapters: [Adapter] = []
  ) throws {
    try checkpoint.requireModel()
    let sources = try EncoderSources(checkpoint, adapters)
    let template = try sources.template.map {
      try ChatTemplate(
        source: $0.text, file: $0.file, tokens: sources.tokenizer.roles, date: settings.date,
        variables: settings.variables)
    }
    try self.init(
      tokenizer: sources.tokenizer, template: template, settings: settings,
      warnings: sources.tokenizer.warnings + sources.notices, file: checkpoint.path)
  }
}

extension GGUFVocabulary {
  /// The `tokenizer.ggml.*` fields of a checkpoint.
  init(_ checkpoint: Checkpoint) throws {
    func optional<Value>(_ name: String, _ read: (String) throws -> Value) rethrows -> Value? {
      let key = "tokenizer.ggml." + name
      return checkpoint.metadata[key] == nil ? nil : try read(key)
    }
    guard checkpoint.metadata["tokenizer.ggml.tokens"] != nil else {
      throw Problem(
        .noTokenizer, checkpoint.path, problem: "has no tokenizer",
        remedy: "give prompts as token_ids, or use a file with its tokenizer inside")
    }
    let tokens = try checkpoint.strings("tokenizer.ggml.tokens")
    func id(_ name: String) throws -> Int? {
      try optional(name) { try checkpoint.integer($0, in: 0...max(tokens.count - 1, 0)) }
    }
    self.init(
      file: checkpoint.path, model: try checkpoint.string("tokenizer.ggml.model"),
      preTokenizer: try optional("pre", checkpoint.string) ?? "default", tokens: tokens,
      tokenTypes: try optional("token_type") { try checkpoint.integers($0, count: tokens.count) }
        ?? [],
      merges: try optional("merges") { try checkpoint.strings($0) } ?? [],
      // Byte-level BPE has no scores, but an array of another length shows a damaged file.
      scores: try optional("scores") { try checkpoint.floats($0, count: tokens.count) }?
        .map { Float($0) } ?? [],
      bosID: try id("bos_token_id"), eosID: try id("eos_token_id"),
      unknownID: try id("unknown_token_id"), paddingID: try id("padding_token_id"),
      separatorID: try id("seperator_token_id"), classID: try id("cls_token_id"),
      maskID: try id("mask_token_id"),
      addsBOS: try optional("add_bos_token", checkpoint.bool),
      addsEOS: try optional("add_eos_token", checkpoint.bool),
      addsSpacePrefix: try optional("add_space_prefix", checkpoint.bool),
      removesExtraSpaces: try optional("remove_extra_whitespaces", checkpoint.bool),
      stripsBehindSpecials: checkpoint.metadata["general.architecture"]
        == .string(Array("phi3".utf8)))
  }
}
