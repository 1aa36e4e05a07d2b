import Files

/// What is forbidden, forced or made less likely before a token is chosen.
///
/// The names are those of `generation_config.json`, and so are the order and the arithmetic: each is a
/// logits processor of Hugging Face transformers. All count the prompt's tokens as text that was
/// written, and none looks at another sequence.
public struct TokenRules: Codable, Sendable, Equatable {
  /// What is added to the logit of the last token of a sequence where the others were just written.
  public struct Bias: Codable, Sendable, Equatable {
    /// The sequence; with one token, that token's logit is always changed.
    public var tokens: [Int32]
    /// Added to the logit: below 0 for what is to be rarer.
    public var bias: Float

    /// - Parameter tokens: at least one.
    public init(tokens: [Int32], bias: Float) { (self.tokens, self.bias) = (tokens, bias) }
  }

  /// `sequence_bias`.
  public var sequenceBias: [Bias] = []
  /// `repetition_penalty`: positive logits of tokens in the text are divided by it, negative ones
  /// multiplied (Keskar et al., arXiv 1909.05858).
  public var repetitionPenalty = 1.0
  /// `no_repeat_ngram_size`: no sequence of so many tokens is written twice; 0 allows all.
  public var noRepeatNgramSize = 0
  /// `bad_words_ids`: sequences that are not completed. One that is an end token alone is no word.
  public var badWords: [[Int32]] = []
  /// `min_length`: before the text has so many tokens, prompt included, no end token is written.
  public var minTokens = 0
  /// `min_new_tokens`: the same without the prompt.
  public var minNewTokens = 0
  /// `forced_bos_token_id`: follows a text of one token.
  public var forcedSecondToken: Int32?
  /// `forced_eos_token_id`: one of these is the last of `maxNewTokens` tokens.
  public var forcedEndTokens: [Int32] = []
  /// `suppress_tokens`: never written.
  public var suppressedTokens: [Int32] = []
  /// `begin_suppress_tokens`: not written first.
  public var suppressedFirstTokens: [Int32] = []

  /// Rules that leave every logit as it is.
  public init() {}

  /// Whether every logit stays as it is.
  public var isEmpty: Bool { self == TokenRules() }

  /// In the words of `generation_config.json`: `repetition_penalty 1.3, suppress_tokens of 2`.
  public var summary: String {
    var parts: [String] = []
    func add(_ key: String, _ value: String?) { if let value { parts.append("\(key) \(value)") } }
    func count(_ list: [some Any]) -> String? { list.isEmpty ? nil : "of \(list.count)" }
    add("sequence_bias", count(sequenceBias))
    add("repetition_penalty", repetitionPenalty == 1 ? nil : "\(repetitionPenalty)")
    add("no_repeat_ngram_size", noRepeatNgramSize == 0 ? nil : "\(noRepeatNgramSize)")
    add("bad_words_ids", count(badWords))
    add("min_length", minTokens == 0 ? nil : "\(minTokens)")
    add("min_new_tokens", minNewTokens == 0 ? nil : "\(minNewTokens)")
    add("forced_bos_token_id", forcedSecondToken.map { "\($0)" })
    add(
      "forced_eos_token_id",
      forcedEndTokens.isEmpty ? nil : forcedEndTokens.map { "\($0)" }.joined(separator: ","))
    add("suppress_tokens", count(suppressedTokens))
    add("begin_suppress_tokens", count(suppressedFirstTokens))
    return parts.joined(separator: ", ")
  }

  /// Refuses values that mean nothing, and tokens that there are not.
  /// - Parameter vocabulary: how many tokens there are; nil where that is not known yet.
  package func check(vocabulary: Int? = nil) throws(Problem) {
    func refuse(_ code: Problem.Code, _ key: String, _ problem: String, _ remedy: String) -> Problem
    {
      Problem(code, "settings", place: key, problem: problem, remedy: remedy)
    }
    guard repetitionPenalty > 0, Float(repetitionPenalty).isFinite, Float(repetitionPenalty) > 0
    else {
      throw refuse(
        .outOfRange, "repetition_penalty", "is \(repetitionPenalty)", "use a number above 0")
    }
    for (key, value) in [
      ("no_repeat_ngram_size", noRepeatNgramSize), ("min_length", minTokens),
      ("min_new_tokens", minNewTokens),
    ] where value < 0 {
      throw refuse(.outOfRange, key, "is \(value)", "use 0 or more")
    }
    guard badWords.allSatisfy({ !$0.isEmpty }) else {
      throw refuse(.emptySequence, "bad_words_ids", "has an empty word", "leave it out")
    }
    guard sequenceBias.allSatisfy({ !$0.tokens.isEmpty && $0.bias.isFinite }) else {
      throw refuse(
        .emptySequence, "sequence_bias", "has an empty sequence or a bias that is not finite",
        "leave it out")
    }
    guard let vocabulary else { return }
    for (key, tokens) in [
      ("sequence_bias", sequenceBias.flatMap(\.tokens)),
      ("bad_words_ids", badWords.flatMap(\.self)),
      ("forced_bos_token_id", forcedSecondToken.map { [$0] } ?? []),
      ("forced_eos_token_id", forcedEndTokens), ("suppress_tokens", suppressedTokens),
      ("begin_suppress_tokens", suppressedFirstTokens),
    ] {
      if let wrong = tokens.first(where: { $0 < 0 || $0 >= vocabulary }) {
        throw refuse(
          .unknownToken, key, "\(wrong) is not in the vocabulary of \(vocabulary)",
          "name tokens that there are")
      }
    }
  }
}

extension TokenRules {
  /// What the rules look at besides the logits.
  struct Text {
    /// The prompt and what was written after it.
    var tokens: [Int32]
    /// How many of them are the prompt's.
    var promptCount: Int
    /// How many there are at most.
    var limit: Int
    var ends: Set<Int32>
  }

  /// Changes the logits of the token that follows a text; -infinity for what is forbidden.
  func apply(to logits: inout [Float], after text: Text) {
    func forbid(_ tokens: some Sequence<Int32>) {
      for token in tokens { logits[Int(token)] = -.infinity }
    }
    func force(_ tokens: [Int32]) {
      for index in logits.indices { logits[index] = -.infinity }
      for token in tokens { logits[Int(token)] = 0 }
    }
    for entry in sequenceBias where Self.isBegun(entry.tokens, text.tokens) {
      logits[Int(entry.tokens[entry.tokens.count - 1])] += entry.bias
    }
    if repetitionPenalty != 1 {
      let penalty = Float(repetitionPenalty)
      for token in Set(text.tokens) {
        let logit = logits[Int(token)]
        logits[Int(token)] = logit < 0 ? logit * penalty : logit / penalty
      }
    }
    if noRepeatNgramSize > 0 { forbid(Self.repeating(noRepeatNgramSize, text.tokens)) }
    for word in badWords where Self.isBegun(word, text.tokens) {
      let last = word[word.count - 1]
      if word.count > 1 || !text.ends.contains(last) { forbid([last]) }
    }
    let written = text.tokens.count - text.promptCount
    if text.tokens.count < minTokens || written < minNewTokens { forbid(text.ends) }
    if let forcedSecondToken, text.tokens.count == 1 { force([forcedSecondToken]) }
    if !forcedEndTokens.isEmpty, text.tokens.count == text.limit - 1 { force(forcedEndTokens) }
    forbid(suppressedTokens)
    // A forced first token is not the one that is meant.
    let first = forcedSecondToken != nil && text.promptCount == 1 ? 1 : 0
    if written == first { forbid(suppressedFirstTokens) }
  }

  /// Whether a text ends with all but the last token of a sequence; one that is longer than the text
  /// is not looked for.
  private static func isBegun(_ sequence: [Int32], _ text: [Int32]) -> Bool {
    sequence.count == 1
      || (sequence.count <= text.count
        && text.suffix(sequence.count - 1).elementsEqual(sequence.dropLast()))
  }

  /// The tokens that would write a sequence of `size` tokens for the second time.
  private static func repeating(_ size: Int, _ text: [Int32]) -> Set<Int32> {
    guard text.count + 1 >= size else { return [] }
    let last = text.suffix(size - 1)
    var found: Set<Int32> = []
    for start in stride(from: 0, through: text.count - size, by: 1)
    where text[start..<(start + size - 1)].elementsEqual(last) {
      found.insert(text[start + size - 1])
    }
    return found
  }
}
