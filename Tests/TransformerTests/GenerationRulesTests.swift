import Files
import Foundation
import Prompts
import Testing

@testable import Transformer

/// `Golden/generation-rules.json`, which `Oracles/record_generation_rules.py` wrote.
private struct RecordedRules: Decodable {
  struct Case: Decodable {
    var written: [[Int32]]
  }
  struct Entry: Decodable {
    var prompts: [[Int32]]
    var cases: [Case]
  }
  var newTokens: Int
  var models: [String: Entry]

  /// Each case's `generation_config.json`, model by model.
  let configurations: [String: [String]]

  private enum CodingKeys: CodingKey { case newTokens, models }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    newTokens = try container.decode(Int.self, forKey: .newTokens)
    models = try container.decode([String: Entry].self, forKey: .models)
    configurations = [:]
  }

  private init(_ other: RecordedRules, _ configurations: [String: [String]]) {
    (newTokens, models, self.configurations) = (other.newTokens, other.models, configurations)
  }

  static let shared = Result { () throws -> RecordedRules in
    let data = try Data(contentsOf: URL(fileURLWithPath: golden("generation-rules.json")))
    let json = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    let models = json?["models"] as? [String: [String: Any]] ?? [:]
    let texts = try models.mapValues { entry in
      try (entry["cases"] as? [[String: Any]] ?? []).map { item in
        String(
          decoding: try JSONSerialization.data(withJSONObject: item["config"] ?? [:]), as: UTF8.self
        )
      }
    }
    return RecordedRules(try JSONDecoder().decode(RecordedRules.self, from: data), texts)
  }
}

/// A tiny model with another `generation_config.json`.
private final class Configured {
  let model: Model
  private let path = NSTemporaryDirectory() + "bathyscope-configured-\(UUID().uuidString)"

  init(_ name: String, _ configuration: String?, config: [String: Any] = [:]) throws {
    let manager = FileManager.default
    try manager.createDirectory(atPath: path, withIntermediateDirectories: true)
    for file in try manager.contentsOfDirectory(atPath: golden(name))
    where file == "config.json" || file.hasPrefix("model") {
      try manager.createSymbolicLink(
        atPath: "\(path)/\(file)", withDestinationPath: "\(golden(name))/\(file)")
    }
    if !config.isEmpty {
      let url = URL(fileURLWithPath: path + "/config.json")
      let old = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any]
      try manager.removeItem(at: url)
      try JSONSerialization.data(
        withJSONObject: (old ?? [:]).merging(config) { $1 }
      ).write(to: url)
    }
    if let configuration {
      try Data(configuration.utf8).write(
        to: URL(fileURLWithPath: path + "/generation_config.json"))
    }
    model = try Model.load(path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

private func batch(_ prompts: [[Int32]]) -> Batch {
  Batch(prompts.enumerated().map { TokenSequence(id: "\($0)", tokens: $1) })
}

@Suite("Rules of generation_config.json")
struct GenerationRulesTests {
  /// Prompts of 7, 3 and 1 tokens side by side, where transformers had each alone.
  @Test(arguments: ["tiny-gpt2", "tiny-qwen2", "tiny-gemma2", "tiny-gpt-neox", "tiny-mistral"])
  func greedyAnswersAreThoseOfTransformers(name: String) throws {
    let recorded = try RecordedRules.shared.get()
    let entry = try #require(recorded.models[name])
    let texts = try #require(recorded.configurations[name])
    #expect(texts.count == entry.cases.count && texts.count >= 15)
    var settings = GenerationSettings()
    settings.maxNewTokens = recorded.newTokens
    for (text, expected) in zip(texts, entry.cases) {
      let configured = try Configured(name, text)
      let run = try configured.model.generate(batch(entry.prompts), settings)
      #expect(run.generations.map { Array($0.tokens) } == expected.written, "\(name) \(text)")
    }
  }

  private static let mixed = """
    {"repetition_penalty": 1.4, "no_repeat_ngram_size": 2, "bad_words_ids": [[4], [7, 9]],
     "suppress_tokens": [11, 12], "begin_suppress_tokens": [13], "eos_token_id": 3,
     "min_new_tokens": 5, "forced_eos_token_id": 3}
    """

  @Test func answersAreTheSameAloneInABatchAndWithoutMemory() throws {
    let model = try Configured("tiny-gpt2", Self.mixed).model
    let prompts: [[Int32]] = [[5, 9, 33, 1, 30], [8], [3, 3, 27, 8, 8, 2, 40, 41]]
    for temperature in [0, 1.2] {
      var settings = GenerationSettings()
      (settings.maxNewTokens, settings.temperature) = (9, temperature)
      func run(_ chosen: [Int], slots: Int, usesMemory: Bool) throws -> [String: [Int32]] {
        var results: [String: [Int32]] = [:]
        let sequences = chosen.map { TokenSequence(id: "\($0)", tokens: prompts[$0]) }
        try model.generate(
          sequences.indices.map { GenerationJob(prompt: $0, sample: 0) }, of: Batch(sequences),
          settings, Plan(capturing: []), slots: slots, threads: 2, usesMemory: usesMemory
        ) { results[$0.sequence.id] = Array($0.tokens) }
        return results
      }
      let whole = try run([0, 1, 2], slots: 3, usesMemory: true)
      #expect(try run([2, 0, 1], slots: 1, usesMemory: true) == whole)
      #expect(try run([0, 1, 2], slots: 2, usesMemory: false) == whole)
      #expect(try run([2], slots: 1, usesMemory: true) == ["2": whole["2"]])
      for tokens in whole.values {
        #expect(tokens.count >= 6 && tokens.last == 3)
        #expect(Set(tokens).isDisjoint(with: [4, 11, 12]))
      }
    }
  }

  @Test func rulesOfOnesOwnTakeTheirPlace() throws {
    let free = try Configured("tiny-gpt2", nil).model
    let ruled = try Configured("tiny-gpt2", #"{"suppress_tokens": [1, 2, 3]}"#).model
    let batch = batch([[5, 9, 33]])
    var settings = GenerationSettings()
    settings.maxNewTokens = 6
    #expect(try ruled.following(settings).rules?.suppressedTokens == [1, 2, 3])
    let first = try free.generate(batch, settings).generations[0].tokens
    settings.rules = TokenRules()
    #expect(try ruled.generate(batch, settings).generations[0].tokens == first)
    settings.rules?.suppressedTokens = [try #require(first.first)]
    #expect(try ruled.generate(batch, settings).generations[0].tokens.first != first.first)
    #expect(try ruled.following(settings) == settings)
  }

  /// Old checkpoints say it in config.json, which counts where there is no file of its own.
  @Test func oldCheckpointsSayItInTheirConfiguration() throws {
    let old: [String: Any] = ["repetition_penalty": 1.5, "num_beams": 1, "max_length": 20]
    let model = try Configured("tiny-gpt2", nil, config: old).model
    #expect(try model.generationDefaults.rules.repetitionPenalty == 1.5)
    #expect(try model.generationDefaults.unfollowed.isEmpty)
    let newer = try Configured("tiny-gpt2", "{}", config: old).model
    #expect(try newer.generationDefaults.rules.isEmpty)
  }

  @Test func whatIsNotOfferedIsRefusedByName() throws {
    let refused = [
      #""num_beams": 4"#, #""penalty_alpha": 0.6"#, #""guidance_scale": 1.5"#,
      #""encoder_repetition_penalty": 1.2"#, #""encoder_no_repeat_ngram_size": 2"#,
      #""exponential_decay_length_penalty": [3, 1.1]"#, #""dola_layers": "low""#,
      #""watermarking_config": {"bias": 2.5}"#, #""token_healing": true"#,
      #""force_words_ids": [[1]]"#, #""constraints": [1]"#, #""num_beam_groups": 2"#,
      #""cache_implementation": "quantized""#,
    ]
    for member in refused {
      let model = try Configured("tiny-gpt2", "{\(member)}").model
      let key = String(member.split(separator: "\"")[0])
      let error = expectProblem(.unsupported) {
        _ = try model.generate(batch([[1, 2]]), GenerationSettings())
      }
      #expect(error?.place == key && error?.subject.hasSuffix("generation_config.json") == true)
      var settings = GenerationSettings()
      (settings.rules, settings.maxNewTokens) = (TokenRules(), 2)
      #expect(try model.generate(batch([[1, 2]]), settings).generations.count == 1)
    }
    let harmless = try Configured(
      "tiny-gpt2",
      """
      {"num_beams": 1, "penalty_alpha": null, "guidance_scale": 1.0, "repetition_penalty": 1.0,
       "encoder_repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "token_healing": false,
       "encoder_no_repeat_ngram_size": 0, "bad_words_ids": null, "length_penalty": 2.0,
       "early_stopping": true, "renormalize_logits": true, "use_cache": false, "top_p": 1.0,
       "diversity_penalty": 0.0, "temperature": 1.0, "transformers_version": "4.57.3"}
      """
    ).model
    let defaults = try harmless.generationDefaults
    #expect(defaults.rules.isEmpty && defaults.refused.isEmpty && defaults.unfollowed.isEmpty)
    #expect(defaults.sampling.isEmpty && !defaults.isSampled)
  }

  @Test func whatIsNotFollowedIsNamed() throws {
    let model = try Configured(
      "tiny-gpt2",
      """
      {"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.1,
       "max_new_tokens": 2048, "something_new": [1, 2], "stop_strings": ["a"]}
      """
    ).model
    let defaults = try model.generationDefaults
    #expect(defaults.isSampled && defaults.stop == ["a"])
    #expect(
      defaults.sampling.map(\.description) == [
        "temperature 0.6", "top_k 20", "top_p 0.95", "min_p 0.1",
      ])
    #expect(
      defaults.unfollowed.map(\.description) == [
        "max_new_tokens 2048", "something_new a list of 2",
      ])
    #expect(try model.following(GenerationSettings()).stop == ["a"])
  }

  @Test func valuesThatMeanNothingAreErrors() throws {
    for (member, key) in [
      (#""repetition_penalty": 0"#, "repetition_penalty"),
      (#""repetition_penalty": "much""#, "repetition_penalty"),
      (#""repetition_penalty": 1e-60"#, "repetition_penalty"),
      (#""no_repeat_ngram_size": -1"#, "no_repeat_ngram_size"),
      (#""no_repeat_ngram_size": 1.5"#, "no_repeat_ngram_size"),
      (#""bad_words_ids": [[]]"#, "bad_words_ids"),
      (#""bad_words_ids": [5]"#, "bad_words_ids"),
      (#""bad_words_ids": [[61]]"#, "bad_words_ids"),
      (#""suppress_tokens": "x""#, "suppress_tokens"),
      (#""forced_eos_token_id": 61"#, "forced_eos_token_id"),
      (#""forced_eos_token_id": -1"#, "forced_eos_token_id"),
      (#""sequence_bias": {"1": 2}"#, "sequence_bias"),
      (#""min_new_tokens": "3""#, "min_new_tokens"),
      (#""stop_strings": [""]"#, "stop_strings"),
    ] {
      let model = try Configured("tiny-gpt2", "{\(member)}").model
      let error = expectProblem(.outOfRange, "\(member)") {
        _ = try model.generate(batch([[1, 2]]), GenerationSettings())
      }
      #expect(error?.place == key, "\(member)")
    }
    // Tokens that there are not are never written.
    let model = try Configured("tiny-gpt2", #"{"suppress_tokens": [-1, 4, 61]}"#).model
    #expect(try model.generationDefaults.rules.suppressedTokens == [4])
  }

  @Test func ownRulesThatMeanNothingAreErrors() throws {
    let model = try Configured("tiny-gpt2", nil).model
    let changes: [(Problem.Code, String, (inout TokenRules) -> Void)] = [
      (.outOfRange, "repetition_penalty", { $0.repetitionPenalty = 0 }),
      (.outOfRange, "repetition_penalty", { $0.repetitionPenalty = .nan }),
      (.outOfRange, "no_repeat_ngram_size", { $0.noRepeatNgramSize = -2 }),
      (.emptySequence, "bad_words_ids", { $0.badWords = [[]] }),
      (.unknownToken, "bad_words_ids", { $0.badWords = [[2, 61]] }),
      (.unknownToken, "suppress_tokens", { $0.suppressedTokens = [-1] }),
      (.unknownToken, "begin_suppress_tokens", { $0.suppressedFirstTokens = [61] }),
      (.unknownToken, "forced_eos_token_id", { $0.forcedEndTokens = [99] }),
      (.unknownToken, "forced_bos_token_id", { $0.forcedSecondToken = -3 }),
      (
        .emptySequence, "sequence_bias", { $0.sequenceBias = [.init(tokens: [1], bias: .infinity)] }
      ),
      (.outOfRange, "min_length", { $0.minTokens = -1 }),
    ]
    for (code, key, change) in changes {
      var settings = GenerationSettings()
      var rules = TokenRules()
      change(&rules)
      settings.rules = rules
      let error = expectProblem(code) {
        _ = try model.generate(batch([[1, 2]]), settings)
      }
      #expect(error?.place == key)
    }
  }

  @Test func whereEverythingIsForbiddenNothingIsWritten() throws {
    let model = try Configured(
      "tiny-gpt2", #"{"forced_eos_token_id": 5, "suppress_tokens": [5]}"#
    ).model
    var settings = GenerationSettings()
    settings.maxNewTokens = 3
    let error = expectProblem(.noTokenLeft) {
      _ = try model.generate(batch([[1, 2]]), settings)
    }
    #expect(error?.problem.contains("suppress_tokens of 1") == true)
  }

  @Test func settingsOfOlderDocumentsAreRead() throws {
    let old = """
      {"maxNewTokens": 9, "temperature": 0, "seed": 1, "samples": 1, "stop": [],
       "ignoresEndTokens": false}
      """
    #expect(
      try JSONDecoder().decode(GenerationSettings.self, from: Data(old.utf8)).rules == nil)
  }
}
