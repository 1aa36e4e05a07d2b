import Checkpoints
import Files

/// What a checkpoint's `generation_config.json` asks of whoever lets the model write.
///
/// Where there is no such file, old checkpoints say it in `config.json`.
public struct GenerationDefaults: Sendable, Equatable {
  /// The file that says so; nil where none does.
  public var file: String?
  /// What the file forbids, forces or makes less likely.
  public var rules = TokenRules()
  /// `stop_strings`.
  public var stop: [String] = []
  /// Whether tokens are to be drawn: `do_sample`.
  public var isSampled = false
  /// What tokens are to be drawn with, as `temperature` and `0.6`.
  public var sampling: [Entry] = []
  /// What changes no choice of a token and is left to the settings, or is not known here.
  public var unfollowed: [Entry] = []
  /// What would change answers and is not offered.
  public var refused: [Entry] = []

  /// A key of the file and its value as it is written.
  public struct Entry: Sendable, Equatable, CustomStringConvertible {
    /// As the file spells it, such as `temperature`.
    public var key: String
    /// On one line; empty for a GGUF file's hints, whose values are not read.
    public var value: String
    /// Key and value with a space between, as in `temperature 0.6`.
    public var description: String { value.isEmpty ? key : "\(key) \(value)" }
  }
}

extension Model {
  /// What the checkpoint asks of whoever lets the model write.
  /// - Throws: `Problem` for a value that means nothing, naming file and key.
  public var generationDefaults: GenerationDefaults { get throws { try writing.get() } }

  /// Settings without rules of their own, with those that the checkpoint asks for.
  /// - Throws: where the checkpoint asks for something that changes answers and is not offered.
  public func following(_ settings: GenerationSettings) throws -> GenerationSettings {
    guard settings.rules == nil else { return settings }
    let defaults = try generationDefaults
    if let refused = defaults.refused.first {
      throw Problem(
        .unsupported, defaults.file ?? identity.id, place: refused.key,
        problem: "is \(refused.value), which changes answers and is not offered",
        remedy: "choose tokens without it: --generation-config ignore, or rules of your own")
    }
    var settings = settings
    settings.rules = defaults.rules
    settings.stop += defaults.stop.filter { !settings.stop.contains($0) }
    return settings
  }
}

extension GenerationDefaults {
  /// Reads a checkpoint's; a GGUF file's hints for samplers are only named.
  init(_ checkpoint: Checkpoint, vocabulary: Int) throws {
    switch checkpoint.format {
    case .gguf:
      let keys = checkpoint.metadata.keys.filter { $0.hasPrefix("general.sampling.") }
      guard !keys.isEmpty else { return }
      file = checkpoint.path
      unfollowed = keys.sorted().map { Entry(key: $0, value: "") }
    case .safetensors:
      if let path = checkpoint.file(named: "generation_config.json") {
        file = path
        let json = try JSONReader.parse(try readFile(path, limit: 1 << 20), file: path)
        try read(json, path, vocabulary)
        for (name, value) in json.object?.members ?? [] {
          let key = String(decoding: name, as: UTF8.self)
          guard !value.isNull, !Self.known.contains(key), !key.hasPrefix("_") else { continue }
          unfollowed.append(Entry(key: key, value: Self.text(value)))
        }
      } else if let configuration = checkpoint.configuration {
        let path = checkpoint.path + "/config.json"
        try read(configuration, path, vocabulary)
        if self != GenerationDefaults() { file = path }
      }
    }
  }

  private mutating func read(
    _ json: JSON, _ file: String, _ vocabulary: Int
  ) throws(Problem) {
    let reader = RuleReader(json: json, file: file, vocabulary: vocabulary)
    rules = try reader.rules()
    stop = try reader.texts("stop_strings")
    isSampled = json["do_sample"]?.bool == true
    func entries(_ harmless: [(String, [Double])]) -> [Entry] {
      harmless.compactMap { key, values in
        guard let value = json[key], !value.isNull, value.bool != false else { return nil }
        if let number = value.double, values.contains(number) { return nil }
        return Entry(key: key, value: Self.text(value))
      }
    }
    sampling = entries([
      ("temperature", [1]), ("top_k", [0]), ("top_p", [1]), ("min_p", [0]), ("typical_p", [1]),
      ("epsilon_cutoff", [0]), ("eta_cutoff", [0]),
    ])
    unfollowed = entries([
      ("max_new_tokens", []), ("max_length", [20]), ("max_time", []), ("num_return_sequences", [1]),
    ])
    refused = entries([
      ("num_beams", [0, 1]), ("num_beam_groups", [0, 1]), ("penalty_alpha", [0]),
      ("dola_layers", []), ("guidance_scale", [1]), ("encoder_repetition_penalty", [1]),
      ("encoder_no_repeat_ngram_size", [0]), ("exponential_decay_length_penalty", []),
      ("force_words_ids", []), ("constraints", []), ("watermarking_config", []),
      ("token_healing", []),
    ])
    if json["cache_implementation"]?.text == "quantized" {
      refused.append(Entry(key: "cache_implementation", value: "quantized"))
    }
  }

  /// A value on one line.
  private static func text(_ value: JSON) -> String {
    switch value {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let text): text
    case .string(let bytes): "'\(printable(bytes.prefix(40)))'"
    case .array(let values): "a list of \(values.count)"
    case .object: "an object"
    }
  }

  /// Every key that is read here, or that changes no answer: other heads of a search for beams, ways to
  /// the same tokens, and what is handed out.
  private static let known: Set<String> = [
    "assistant_confidence_threshold", "assistant_early_exit", "assistant_lookbehind",
    "bad_words_ids", "begin_suppress_tokens", "bos_token_id", "cache_config",
    "cache_implementation", "compile_config", "constraints", "decoder_start_token_id",
    "disable_compile", "diversity_penalty", "do_sample", "dola_layers", "early_stopping",
    "encoder_no_repeat_ngram_size", "encoder_repetition_penalty", "eos_token_id",
    "epsilon_cutoff", "eta_cutoff", "exponential_decay_length_penalty", "force_words_ids",
    "forced_bos_token_id", "forced_eos_token_id", "guidance_scale", "is_assistant",
    "length_penalty", "low_memory", "max_length", "max_matching_ngram_size", "max_new_tokens",
    "max_time", "min_length", "min_new_tokens", "min_p", "no_repeat_ngram_size",
    "num_assistant_tokens", "num_assistant_tokens_schedule", "num_beam_groups", "num_beams",
    "num_return_sequences", "output_attentions", "output_hidden_states", "output_logits",
    "output_scores", "pad_token_id", "penalty_alpha", "prefill_chunk_size",
    "prompt_lookup_num_tokens", "remove_invalid_values", "renormalize_logits",
    "repetition_penalty", "return_dict_in_generate", "return_legacy_cache", "sequence_bias",
    "stop_strings", "suppress_tokens", "target_lookbehind", "temperature", "token_healing",
    "top_k", "top_p", "transformers_version", "trust_remote_code", "typical_p", "use_cache",
    "use_model_defaults", "watermarking_config",
  ]
}

/// Reads rules out of JSON, strictly.
private struct RuleReader {
  let json: JSON
  let file: String
  let vocabulary: Int

  func rules() throws(Problem) -> TokenRules {
    var rules = TokenRules()
    rules.sequenceBias = try biases()
    rules.repetitionPenalty =
      try value("repetition_penalty", "a number above 0") { value in
        value.double.flatMap { $0 > 0 && Float($0) > 0 && Float($0).isFinite ? $0 : nil }
      } ?? 1
    rules.noRepeatNgramSize = try count("no_repeat_ngram_size") ?? 0
    rules.badWords =
      try value("bad_words_ids", "a list of lists of tokens") { value in
        value.array.flatMap { lists in all(lists) { $0.array.flatMap(words) } }
      } ?? []
    rules.minTokens = try count("min_length") ?? 0
    if let count = try count("min_new_tokens") {
      // Of the two, transformers takes this one.
      (rules.minNewTokens, rules.minTokens) = (count, 0)
    }
    rules.forcedSecondToken = try tokens("forced_bos_token_id").first
    rules.forcedEndTokens = try tokens("forced_eos_token_id")
    rules.suppressedTokens = try suppressed("suppress_tokens")
    rules.suppressedFirstTokens = try suppressed("begin_suppress_tokens")
    return rules
  }

  func texts(_ key: String) throws(Problem) -> [String] {
    try value(key, "a text or a list of texts, none of them empty") { value in
      all(value.array ?? [value]) { text in text.text.flatMap { $0.isEmpty ? nil : $0 } }
    } ?? []
  }

  /// The value of a key; nil where it is missing or null.
  private func value<Value>(
    _ key: String, _ meaning: String, _ read: (JSON) -> Value?
  ) throws(Problem) -> Value? {
    guard let value = json[key], !value.isNull else { return nil }
    guard let result = read(value) else {
      throw Problem(
        .outOfRange, file, place: key, problem: "is not \(meaning)",
        remedy: "mend it, or leave the file's rules out: --generation-config ignore")
    }
    return result
  }

  private func all<Value>(_ values: [JSON], _ read: (JSON) -> Value?) -> [Value]? {
    let results = values.compactMap(read)
    return results.count == values.count ? results : nil
  }

  private func words(_ values: [JSON]) -> [Int32]? {
    values.isEmpty ? nil : all(values, token)
  }

  private func token(_ value: JSON) -> Int32? {
    value.int.flatMap { (0..<vocabulary).contains($0) ? Int32($0) : nil }
  }

  private func count(_ key: String) throws(Problem) -> Int? {
    try value(key, "a number from 0 up") { value in value.int.flatMap { $0 >= 0 ? $0 : nil } }
  }

  private func tokens(_ key: String) throws(Problem) -> [Int32] {
    try value(key, "a token of the vocabulary of \(vocabulary), or a list of such") { value in
      all(value.array ?? [value], token)
    } ?? []
  }

  /// Tokens that there are not are never written anyway.
  private func suppressed(_ key: String) throws(Problem) -> [Int32] {
    let numbers = try value(key, "a list of tokens") { value in
      value.array.flatMap { all($0, \.int) }
    }
    return (numbers ?? []).filter { (0..<vocabulary).contains($0) }.map { Int32($0) }
  }

  private func biases() throws(Problem) -> [TokenRules.Bias] {
    let entries = try value("sequence_bias", "a list of pairs of tokens and a number") { value in
      value.array.flatMap { pairs in
        all(pairs) { pair -> TokenRules.Bias? in
          guard let pair = pair.array, pair.count == 2, let tokens = pair[0].array.flatMap(words),
            let bias = pair[1].double, Float(bias).isFinite
          else { return nil }
          return TokenRules.Bias(tokens: tokens, bias: Float(bias))
        }
      }
    }
    // Of several for one sequence, the last counts.
    var biases: [TokenRules.Bias] = []
    for entry in entries ?? [] {
      if let place = biases.firstIndex(where: { $0.tokens == entry.tokens }) {
        biases[place] = entry
      } else {
        biases.append(entry)
      }
    }
    return biases
  }
}
