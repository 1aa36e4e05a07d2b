import ArgumentParser
import Bathyscope

/// How a model is to write, in every command that lets one answer.
struct WritingOptions: ParsableArguments {
  @Option(help: "The most tokens of an answer.")
  var maxNewTokens = 128

  @Option(help: "What logits are divided by; 0 takes the most probable token always.")
  var temperature = 0.0

  @Option(help: "Draw from the k most probable tokens only.")
  var topK: Int?

  @Option(help: "Draw from the fewest tokens that are together this probable.")
  var topP: Double?

  @Option(help: "Answers for each prompt.")
  var samples = 1

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A text that ends an answer; may be repeated.", valueName: "text"))
  var stop: [String] = []

  @Flag(name: .customLong("ignore-eos"), help: "Continue after tokens that end a text.")
  var ignoresEnd = false

  @Option(
    help: ArgumentHelp("Tokens of thinking after which it is closed.", valueName: "tokens"))
  var thinkingBudget: Int?

  enum Defaults: String, ExpressibleByArgument, CaseIterable { case follow, ignore }

  @Option(
    help:
      "Whether penalties, forbidden and forced tokens of generation_config.json count; the options below override them one by one."
  )
  var generationConfig = Defaults.follow

  @Option(help: "Make tokens of the text less likely; 1 for none.")
  var repetitionPenalty: Double?

  @Option(help: "Write no sequence of so many tokens twice; 0 for any.")
  var noRepeatNgramSize: Int?

  @Option(help: "Write no token that ends a text before so many tokens.")
  var minNewTokens: Int?

  @Option(help: ArgumentHelp("Tokens that are never written, or none.", valueName: "ids"))
  var suppressTokens: TokenList?

  @Option(help: ArgumentHelp("Tokens that are not written first, or none.", valueName: "ids"))
  var beginSuppressTokens: TokenList?

  @Option(
    help: ArgumentHelp(
      "Sequences of tokens that are never completed, such as '5,17;9', or none.", valueName: "words"
    )
  )
  var badWordsIds: TokenLists?

  @Option(
    help: ArgumentHelp("The last of --max-new-tokens tokens, or none.", valueName: "ids"))
  var forcedEosTokenId: TokenList?

  func validate() throws {
    do throws(Problem) {
      var settings = settings(seed: 0)
      settings.rules = overriding(TokenRules())
      try settings.check()
    } catch {
      throw ValidationError("\(error)")
    }
  }

  /// Whether no option was given, or with the value that it has anyway.
  var isDefault: Bool {
    get throws {
      try settings(seed: 0) == WritingOptions.parse([]).settings(seed: 0)
        && generationConfig == .follow && overriding(TokenRules()).isEmpty
    }
  }

  /// The settings for a model, with what its checkpoint asks for; says on standard error what that is
  /// and what of it is not followed.
  func settings(seed: UInt64, for model: Model) throws -> GenerationSettings {
    var settings = settings(seed: seed)
    guard generationConfig == .follow else {
      settings.rules = overriding(TokenRules())
      return settings
    }
    settings = try model.following(settings)
    settings.rules = settings.rules.map(overriding)
    for note in try model.generationDefaults.notes(settings) { writeError("note: \(note)") }
    return settings
  }

  private func settings(seed: UInt64) -> GenerationSettings {
    var settings = GenerationSettings()
    settings.maxNewTokens = maxNewTokens
    settings.temperature = temperature
    (settings.topK, settings.topP) = (topK, topP)
    settings.seed = seed
    settings.samples = samples
    settings.stop = stop
    settings.ignoresEndTokens = ignoresEnd
    settings.thinkingBudget = thinkingBudget
    return settings
  }

  private func overriding(_ rules: TokenRules) -> TokenRules {
    var rules = rules
    if let repetitionPenalty { rules.repetitionPenalty = repetitionPenalty }
    if let noRepeatNgramSize { rules.noRepeatNgramSize = noRepeatNgramSize }
    if let minNewTokens { (rules.minNewTokens, rules.minTokens) = (minNewTokens, 0) }
    if let suppressTokens { rules.suppressedTokens = suppressTokens.tokens }
    if let beginSuppressTokens { rules.suppressedFirstTokens = beginSuppressTokens.tokens }
    if let badWordsIds { rules.badWords = badWordsIds.lists }
    if let forcedEosTokenId { rules.forcedEndTokens = forcedEosTokenId.tokens }
    return rules
  }
}

extension GenerationDefaults {
  /// What of the file is followed and what is not, a line each.
  func notes(_ settings: GenerationSettings) -> [String] {
    guard let file else { return [] }
    let name = file.split(separator: "/").last.map(String.init) ?? file
    var notes: [String] = []
    if let rules = settings.rules, !self.rules.isEmpty, !rules.isEmpty {
      notes.append(
        "answers follow \(rules.summary) (\(name); --generation-config ignore leaves it out)")
    }
    if !stop.isEmpty { notes.append("answers end at stop_strings of \(name)") }
    let values = sampling.map(\.description).joined(separator: ", ")
    if settings.temperature == 0 {
      if isSampled {
        notes.append(
          "\(name) draws tokens (do_sample true\(values.isEmpty ? "" : ", \(values)")), and answers "
            + "here are greedy: --temperature, --top-k and --top-p draw them")
      }
    } else {
      let given = [
        "temperature": settings.temperature, "top_k": settings.topK.map(Double.init),
        "top_p": settings.topP,
      ]
      let left = sampling.filter { given[$0.key]??.description != Double($0.value)?.description }
      if !left.isEmpty {
        notes.append(
          "not followed of \(name): \(left.map(\.description).joined(separator: ", "))")
      }
    }
    let others = unfollowed.filter {
      $0.key != "max_new_tokens" || $0.value != "\(settings.maxNewTokens)"
    }
    if !others.isEmpty {
      let list = others.map(\.description).joined(separator: ", ")
      notes.append("not followed of \(name): \(list)")
    }
    return notes
  }
}

/// Token ids separated by commas, or `none`.
struct TokenList: ExpressibleByArgument {
  let tokens: [Int32]

  init?(argument: String) {
    guard argument != "none" else {
      tokens = []
      return
    }
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    tokens = parts.compactMap { Int32($0) }
    guard tokens.count == parts.count, tokens.allSatisfy({ $0 >= 0 }) else { return nil }
  }
}

/// Lists of token ids separated by semicolons, or `none`.
struct TokenLists: ExpressibleByArgument {
  let lists: [[Int32]]

  init?(argument: String) {
    guard argument != "none" else {
      lists = []
      return
    }
    let parts = argument.split(separator: ";", omittingEmptySubsequences: false).map(String.init)
    lists = parts.compactMap { TokenList(argument: $0)?.tokens }
    guard lists.count == parts.count, lists.allSatisfy({ !$0.isEmpty }) else { return nil }
  }
}
