/// A family of models that marks thinking in one way.
struct ThinkingFamily: Sendable {
  /// What encloses a thought; the first spelling is the family's own.
  var markers: ThinkingMarkers
  /// What may enclose the answer after a thought.
  var wrappers: [ThinkingMarkers] = []
  /// Whether the closing marker alone is ordinary words.
  var hasWordsForMarkers = false
  /// Whether the opening one is, too, so that both must be there.
  var needsBoth = false
  /// Whether chat templates are known by the opening marker.
  var marksTemplates = true
  /// Whether a text is a series of messages in channels, as gpt-oss writes it.
  var hasChannels = false

  /// All that are recognised without a model, in the order in which they are tried.
  static let known: [ThinkingFamily] = [
    ThinkingFamily(
      markers: ThinkingMarkers(
        open: "<|channel|>analysis<|message|>",
        close: "<|end|><|start|>assistant<|channel|>final<|message|>"), hasChannels: true),
    // DeepSeek, Qwen, GLM, Nemotron, MiniMax, Phi, Olmo, Hunyuan, Granite 3.3 and ERNIE.
    ThinkingFamily(
      markers: .deepSeek,
      wrappers: [tag("answer"), tag("response"), tag("output")]),
    // Cohere.
    ThinkingFamily(
      markers: ThinkingMarkers(open: "<|START_THINKING|>", close: "<|END_THINKING|>"),
      wrappers: [ThinkingMarkers(open: "<|START_RESPONSE|>", close: "<|END_RESPONSE|>")]),
    // Mistral.
    ThinkingFamily(markers: ThinkingMarkers(open: "[THINK]", close: "[/THINK]")),
    // Seed-OSS.
    ThinkingFamily(markers: ThinkingMarkers(open: "<seed:think>", close: "</seed:think>")),
    // Gemma 4.
    ThinkingFamily(markers: ThinkingMarkers(open: "<|channel>thought\n", close: "\n<channel|>")),
    // Apertus.
    ThinkingFamily(
      markers: ThinkingMarkers(open: "<|inner_prefix|>", close: "<|inner_suffix|>")),
    // EXAONE Deep, Marco-o1.
    ThinkingFamily(
      markers: ThinkingMarkers(open: "<thought>\n", close: "\n</thought>\n\n"),
      wrappers: [tag("output"), tag("answer")]),
    ThinkingFamily(
      markers: ThinkingMarkers(open: "<reasoning>\n", close: "\n</reasoning>\n\n"),
      wrappers: [tag("answer"), tag("output")]),
    ThinkingFamily(
      markers: ThinkingMarkers(open: "<thinking>\n", close: "\n</thinking>\n\n"),
      wrappers: [tag("output"), tag("answer")], marksTemplates: false),
    // Kimi.
    ThinkingFamily(markers: ThinkingMarkers(open: "◁think▷", close: "◁/think▷")),
    // OpenThinker.
    ThinkingFamily(
      markers: ThinkingMarkers(open: "<|begin_of_thought|>", close: "<|end_of_thought|>"),
      wrappers: [
        ThinkingMarkers(open: "<|begin_of_solution|>", close: "<|end_of_solution|>")
      ]),
    // Granite 3.2.
    ThinkingFamily(
      markers: ThinkingMarkers(
        open: "Here is my thought process:", close: "Here is my response:"),
      hasWordsForMarkers: true, marksTemplates: false),
    ThinkingFamily(
      markers: ThinkingMarkers(
        open: "Here's my thought process:", close: "Here's my response:"),
      hasWordsForMarkers: true, marksTemplates: false),
    // gpt-oss, where a server has left out its special tokens.
    ThinkingFamily(
      markers: ThinkingMarkers(open: "analysis", close: "assistantfinal"),
      hasWordsForMarkers: true, needsBoth: true, marksTemplates: false),
  ]

  private static func tag(_ name: String) -> ThinkingMarkers {
    ThinkingMarkers(open: "<\(name)>", close: "</\(name)>")
  }
}
