import Files

/// How a model is to write: how long, how freely, and where it ends.
///
/// All that decides a result stands here; how many sequences run side by side and on how many threads
/// does not, because it changes nothing.
///
///     var settings = GenerationSettings()
///     settings.maxNewTokens = 512
///     settings.temperature = 0.7
///     settings.samples = 10
public struct GenerationSettings: Codable, Sendable, Equatable {
  /// The most tokens that are put behind a prompt, those that end it or are forced included.
  public var maxNewTokens = 128
  /// What logits are divided by before a token is drawn; 0 takes the most probable token always.
  public var temperature = 0.0
  /// Draws from the k most probable tokens only, after the temperature.
  public var topK: Int?
  /// Draws from the fewest tokens that together are at least this probable (Holtzman et al., arXiv
  /// 1904.09751), after `topK`.
  public var topP: Double?
  /// With a prompt's id and the sample's number it decides all that is drawn for a sample, whatever
  /// stands beside it in the batch.
  public var seed: UInt64 = 42
  /// How many continuations each prompt gets.
  public var samples = 1
  /// Texts that end a continuation, also where they lie across tokens; the text is cut before them.
  public var stop: [String] = []
  /// Goes on behind the tokens that end a text, for measurements of equal length.
  public var ignoresEndTokens = false
  /// After how many tokens of thinking the closing marker is put in, if the model has not written it;
  /// nil lets it think on.
  public var thinkingBudget: Int?
  /// What is forbidden, forced or made less likely; nil for what the checkpoint asks for, which
  /// `Model.following(_:)` puts in.
  public var rules: TokenRules?

  /// At most 128 tokens, always the most probable one, once for each prompt.
  public init() {}

  /// Refuses values that mean nothing, and those that would be silently without effect.
  package func check() throws(Problem) {
    func refuse(_ name: String, _ problem: String, _ remedy: String) -> Problem {
      Problem(.invalidArgument, "settings", place: name, problem: problem, remedy: remedy)
    }
    guard maxNewTokens >= 1 else {
      throw refuse("maxNewTokens", "is \(maxNewTokens)", "generate at least one token")
    }
    guard temperature >= 0, temperature.isFinite else {
      throw refuse("temperature", "is \(temperature)", "use 0 or more")
    }
    guard topK ?? 1 >= 1 else { throw refuse("topK", "is \(topK ?? 0)", "use 1 or more") }
    guard (topP ?? 1) > 0, (topP ?? 1) <= 1 else {
      throw refuse("topP", "is \(topP ?? 0)", "use a probability above 0 and up to 1")
    }
    guard (1...1_000_000).contains(samples) else {
      throw refuse("samples", "is \(samples)", "use 1 to 1000000")
    }
    guard temperature > 0 || (samples == 1 && topK == nil && topP == nil) else {
      throw refuse(
        "temperature", "is 0, so that nothing is drawn: samples, topK and topP have no effect",
        "give a temperature, or leave them out")
    }
    guard thinkingBudget ?? 0 >= 0 else {
      throw refuse("thinkingBudget", "is \(thinkingBudget ?? 0)", "use 0 or more")
    }
    guard stop.allSatisfy({ !$0.isEmpty }) else {
      throw refuse("stop", "has an empty text, which would end everything", "leave it out")
    }
    try rules?.check()
  }
}
